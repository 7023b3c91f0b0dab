//! How long the lake waits for its store, and how often it asks again.
//!
//! Owns: the time limit of every request (a decorator around the store), the limits and pauses of our own retries.
//! Does not own: the S3 client's time-outs and retries below (`aws`), what an unanswered write means (`commit` looks),
//! holding a window while the store is away (`ingest`).
//! Invariant: no request waits for ever. One that was given up may still have been carried out.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use tokio::time::Instant;
use uuid::Uuid;

/// The limits on waiting for a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Patience {
    /// Longest time of one request, or of one piece of an answer that comes in pieces. More than the S3 client takes with
    /// its own time-outs and retries: this ends what nothing else ends, such as a network disk that hangs.
    pub(crate) request_time_max: Duration,
    /// Most tries of one commit, looks at the log included.
    pub(crate) tries_max: u32,
    /// No further try of a commit begins after this time: each may have taken as long as a request may.
    pub(crate) tries_time_max: Duration,
    /// Pause before the second try; doubled before each further one.
    pub(crate) pause_first: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            request_time_max: Duration::from_secs(90),
            tries_max: 6,
            tries_time_max: Duration::from_secs(60),
            pause_first: Duration::from_millis(200),
        }
    }
}

impl Patience {
    /// The pause after a number of failures: between half of the doubled pause and all of it, so that writers who
    /// failed together do not come back together.
    fn pause(&self, failures: u32, random: u64) -> Duration {
        let longest = self.pause_first.saturating_mul(1 << failures.saturating_sub(1).min(16));
        longest.mul_f64(0.5 + 0.5 * (random as f64 / u64::MAX as f64))
    }
}

/// The tries of one commit.
#[derive(Debug)]
pub(crate) struct Tries {
    patience: Patience,
    failures: u32,
    until: Instant,
}

impl Tries {
    /// None made yet.
    pub(crate) fn new(patience: Patience) -> Self {
        Self { patience, failures: 0, until: Instant::now() + patience.tries_time_max }
    }

    /// Counts a failure and pauses; false, at once, when no further try is allowed.
    pub(crate) async fn another(&mut self) -> bool {
        self.failures += 1;
        if self.failures >= self.patience.tries_max || Instant::now() >= self.until {
            return false;
        }
        let (random, _) = Uuid::new_v4().as_u64_pair();
        tokio::time::sleep(self.patience.pause(self.failures, random)).await;
        true
    }
}

/// A store whose requests end in time.
#[derive(Debug)]
pub(crate) struct Patient {
    inner: Arc<dyn ObjectStore>,
    limit: Duration,
}

impl Patient {
    /// The same store, no request of which takes longer than `limit`.
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, limit: Duration) -> Self {
        Self { inner, limit }
    }
}

impl fmt::Display for Patient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

async fn limited<T>(limit: Duration, request: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(limit, request).await.unwrap_or_else(|_| Err(unanswered(limit)))
}

/// The items of an answer, each limited; after one that does not come there are no more. Fused: the Delta kernel asks again
/// after the end.
fn each_limited<T: Send + 'static>(limit: Duration, items: BoxStream<'static, Result<T>>) -> BoxStream<'static, Result<T>> {
    futures::stream::unfold(Some(items), move |items| async move {
        let mut items = items?;
        match tokio::time::timeout(limit, items.next()).await {
            Ok(item) => item.map(|item| (item, Some(items))),
            Err(_) => Some((Err(unanswered(limit)), None)),
        }
    })
    .fuse()
    .boxed()
}

fn unanswered(limit: Duration) -> Error {
    Error::Generic { store: "lake", source: format!("there was no answer within {limit:?}").into() }
}

#[async_trait]
impl ObjectStore for Patient {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        limited(self.limit, self.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let inner = limited(self.limit, self.inner.put_multipart_opts(location, opts)).await?;
        Ok(Box::new(PatientUpload { inner, limit: self.limit }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut got = limited(self.limit, self.inner.get_opts(location, options)).await?;
        if let GetResultPayload::Stream(pieces) = got.payload {
            got.payload = GetResultPayload::Stream(each_limited(self.limit, pieces));
        }
        Ok(got)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        limited(self.limit, self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        each_limited(self.limit, self.inner.delete_stream(locations))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        each_limited(self.limit, self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        each_limited(self.limit, self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        limited(self.limit, self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        limited(self.limit, self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        limited(self.limit, self.inner.rename_opts(from, to, options)).await
    }
}

#[derive(Debug)]
struct PatientUpload {
    inner: Box<dyn MultipartUpload>,
    limit: Duration,
}

#[async_trait]
impl MultipartUpload for PatientUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        limited(self.limit, self.inner.put_part(data)).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        limited(self.limit, self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        limited(self.limit, self.inner.abort()).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;
    use crate::faulty_store::{Answer, Fault, FaultyStore};

    #[test]
    fn pauses_grow_and_two_writers_never_keep_step() {
        let patience = Patience::default();
        for failures in 1..patience.tries_max {
            let longest = patience.pause_first * 2_u32.pow(failures - 1);
            assert_eq!(patience.pause(failures, 0), longest / 2);
            assert_eq!(patience.pause(failures, u64::MAX), longest);
        }
        assert!(patience.pause(u32::MAX, u64::MAX) < Duration::from_secs(24 * 3600), "no overflow, whatever the settings");
    }

    #[tokio::test]
    async fn tries_end_by_number_and_by_time() {
        let quick = Patience { tries_max: 3, pause_first: Duration::ZERO, ..Patience::default() };
        let mut tries = Tries::new(quick);
        assert_eq!((tries.another().await, tries.another().await, tries.another().await), (true, true, false));
        assert!(!Tries::new(Patience { tries_time_max: Duration::ZERO, ..quick }).another().await);
    }

    #[tokio::test]
    async fn no_request_ever_waits_for_an_answer_that_does_not_come() {
        let path = Path::from("a");
        let hung = |applied| {
            let memory = Arc::new(object_store::memory::InMemory::new());
            let faulty = FaultyStore::new(Arc::clone(&memory), Some((0, Fault::of(applied, Answer::Never))));
            (memory, Patient::new(Arc::new(faulty), Duration::from_millis(1)))
        };
        for applied in [false, true] {
            let (memory, store) = hung(applied);
            let error = store.put(&path, "x".into()).await.unwrap_err().to_string();
            assert!(error.contains("no answer within 1ms"), "{error}");
            assert_eq!(memory.head(&path).await.is_ok(), applied, "given up, and yet perhaps carried out");

            let (memory, store) = hung(applied);
            memory.put(&path, "x".into()).await.unwrap();
            let read = async { store.get(&path).await?.bytes().await };
            assert!(read.await.is_err());

            let (memory, store) = hung(applied);
            memory.put(&path, "x".into()).await.unwrap();
            let listed: Vec<_> = store.list(None).collect().await;
            assert_eq!(listed.iter().filter(|item| item.is_err()).count(), 1, "an error, then the end");
            assert!(listed.last().is_some_and(Result::is_err));

            let (_, store) = hung(applied);
            assert!(store.list_with_delimiter(None).await.is_err());
        }
    }
}
