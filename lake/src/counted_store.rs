//! The store of a lake, each request to it counted.
//!
//! Owns: which operations are told apart, and how an answer is called.
//! Does not own: the numbers (`tally`), the requests themselves (the store inside).
//! Invariant: changes nothing: every call goes on to the store inside, and its answer comes back as it is.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

use crate::tally::{DENIED, FAILED, Service, Tally};

/// A store that counts what it is asked.
#[derive(Debug)]
pub(crate) struct CountedStore {
    inner: Arc<dyn ObjectStore>,
    tally: Arc<Tally>,
}

impl CountedStore {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, tally: Arc<Tally>) -> Self {
        Self { inner, tally }
    }

    /// A stream is one request here, however many pages or batches it takes; the first error is its status.
    fn counted<T: Send + 'static>(
        &self,
        operation: &'static str,
        items: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let mut pending = self.tally.request(Service::ObjectStore, operation);
        // Readers drop a listing once they have seen enough.
        pending.ends(status(&Ok(())));
        items
            .inspect(move |item| {
                if item.is_err() {
                    pending.ends(status(item));
                }
            })
            .boxed()
    }
}

/// Waits for an answer and counts it.
async fn counted<T>(tally: &Arc<Tally>, operation: &'static str, call: impl Future<Output = Result<T>>) -> Result<T> {
    let mut pending = tally.request(Service::ObjectStore, operation);
    let answer = call.await;
    pending.ends(status(&answer));
    answer
}

fn status<T>(answer: &Result<T>) -> &'static str {
    match answer {
        Ok(_) => "ok",
        Err(Error::NotFound { .. }) => "not_found",
        Err(Error::AlreadyExists { .. }) => "already_exists",
        Err(Error::Precondition { .. } | Error::NotModified { .. }) => "precondition_failed",
        Err(Error::PermissionDenied { .. } | Error::Unauthenticated { .. }) => DENIED,
        Err(_) => FAILED,
    }
}

impl std::fmt::Display for CountedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CountedStore({})", self.inner)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for CountedStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let operation = if opts.mode == PutMode::Create { "put_if_absent" } else { "put" };
        counted(&self.tally, operation, self.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let inner = counted(&self.tally, "create_multipart", self.inner.put_multipart_opts(location, opts)).await?;
        Ok(Box::new(CountedUpload { inner, tally: Arc::clone(&self.tally) }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let operation = if options.head { "head" } else { "get" };
        counted(&self.tally, operation, self.inner.get_opts(location, options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        counted(&self.tally, "get_ranges", self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.counted("delete", self.inner.delete_stream(locations))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.counted("list", self.inner.list(prefix))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.counted("list", self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        counted(&self.tally, "list", self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        counted(&self.tally, "copy", self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        counted(&self.tally, "rename", self.inner.rename_opts(from, to, options)).await
    }
}

/// An upload in parts, each part a request.
#[derive(Debug)]
struct CountedUpload {
    inner: Box<dyn MultipartUpload>,
    tally: Arc<Tally>,
}

#[async_trait]
impl MultipartUpload for CountedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, tally) = (self.inner.put_part(data), Arc::clone(&self.tally));
        Box::pin(async move { counted(&tally, "put_part", part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        counted(&self.tally, "complete_multipart", self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        counted(&self.tally, "abort_multipart", self.inner.abort()).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use futures::TryStreamExt;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn no_request_goes_uncounted_or_under_another_name() {
        let tally = Arc::new(Tally::default());
        let store = CountedStore::new(Arc::new(InMemory::new()), Arc::clone(&tally));
        let (here, nowhere) = (Path::from("a/here"), Path::from("a/nowhere"));
        let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.put(&here, "x".into()).await.unwrap();
        store.put_opts(&here, "x".into(), create()).await.unwrap_err();
        store.get(&here).await.unwrap();
        store.head(&nowhere).await.unwrap_err();
        store.get_ranges(&here, std::slice::from_ref(&(0..1))).await.unwrap();
        assert_eq!(store.list(None).try_collect::<Vec<_>>().await.unwrap().len(), 1);
        drop(store.list(None));
        let mut upload = store.put_multipart(&nowhere).await.unwrap();
        upload.put_part("y".into()).await.unwrap();
        upload.complete().await.unwrap();
        store.delete(&here).await.unwrap();
        let counts = tally.counts();
        let counted: BTreeMap<_, _> = counts.requests.iter().map(|(r, s)| ((r.operation, r.status), s.count())).collect();
        let expected = [
            (("complete_multipart", "ok"), 1),
            (("create_multipart", "ok"), 1),
            (("delete", "ok"), 1),
            (("get", "ok"), 1),
            (("get_ranges", "ok"), 1),
            (("head", "not_found"), 1),
            (("list", "ok"), 2),
            (("put", "ok"), 1),
            (("put_if_absent", "already_exists"), 1),
            (("put_part", "ok"), 1),
        ];
        assert_eq!(counted, BTreeMap::from(expected));
    }
}
