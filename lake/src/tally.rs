//! What this process has asked of a lake and its services, in plain numbers.
//!
//! Owns: counting requests, steps of a publication, files and conflicts, while others may read them.
//! Does not own: where these happen (each place counts its own, once), how they are shown (`ingest/metrics`).
//! Invariant: every label is one of few constants, so what is kept here stays small for ever.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::histogram::Histogram;
use crate::layout::Table;

/// Upper bounds of durations: from a local disk's to a store's that is about to be given up.
const SECONDS: [f64; 15] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Upper bounds of file sizes: 4 KiB to 1 GiB.
const FILE_BYTES: [f64; 10] =
    [4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0, 268_435_456.0, 1_073_741_824.0];
/// How a request ended whose caller did not wait for its end.
const CANCELLED: &str = "cancelled";
/// How a request of the object store ended that brought no answer one could use.
pub(crate) const FAILED: &str = "failed";
pub(crate) const DENIED: &str = "denied";
const NO_ANSWER: [&str; 3] = [CANCELLED, FAILED, DENIED];

/// A step of making a window durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Dead letters, up to and with their own commit.
    Rejects,
    /// One file's Parquet.
    Encode,
    /// One file's upload.
    Upload,
    /// The commit of `stock_data`.
    Commit,
    /// The JSON files of the commit.
    Mirror,
    /// The registration in the catalog, beside the publishing of later windows.
    Catalog,
}

impl Step {
    /// The text form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rejects => "rejects",
            Self::Encode => "encode",
            Self::Upload => "upload",
            Self::Commit => "commit",
            Self::Mirror => "mirror",
            Self::Catalog => "catalog",
        }
    }
}

/// Why a log entry was not simply written, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conflict {
    /// Another writer had that version.
    LostRace,
    /// The put failed or found an entry, which was ours.
    AmbiguousOurs,
    /// The put failed and there is no entry.
    AmbiguousAbsent,
}

impl Conflict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::LostRace, Self::AmbiguousOurs, Self::AmbiguousAbsent];

    /// The text form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LostRace => "lost_race",
            Self::AmbiguousOurs => "ambiguous_ours",
            Self::AmbiguousAbsent => "ambiguous_absent",
        }
    }
}

/// Whom a request asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// The place of the lake.
    ObjectStore,
    /// The catalog.
    Glue,
}

/// What is told apart of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Whom it asks.
    pub service: Service,
    /// For what.
    pub operation: &'static str,
    /// How it ended.
    pub status: &'static str,
}

/// The numbers at one moment.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Seconds of requests; a client's own retries are inside.
    pub requests: BTreeMap<Request, Histogram>,
    /// Seconds of steps.
    pub steps: BTreeMap<Step, Histogram>,
    /// Bytes of the files uploaded, whether or not they became visible.
    pub files: BTreeMap<Table, Histogram>,
    /// Conflicts over log entries.
    pub conflicts: BTreeMap<Conflict, u64>,
    /// Bytes held at this moment, by the step that needs them.
    pub held: BTreeMap<Step, usize>,
}

/// The numbers of a process, shared by all who count.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Mutex<Counts>,
    silence: Mutex<Silence>,
}

/// How long the object store has left requests unanswered.
#[derive(Debug, Default)]
struct Silence {
    /// Requests under way.
    asking: usize,
    /// The first request, or the last answer while others wait, after which no answer came.
    since: Option<Instant>,
}

impl Silence {
    fn asked(&mut self, now: Instant) {
        self.asking += 1;
        self.since.get_or_insert(now);
    }

    /// A request has ended. One that failed is no answer.
    fn ended(&mut self, answered: bool, now: Instant) {
        self.asking = self.asking.saturating_sub(1);
        if answered {
            self.since = (self.asking > 0).then_some(now);
        }
    }
}

impl Tally {
    /// The numbers so far.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// Since when the object store has not answered, though it was asked.
    pub fn silent_since(&self) -> Option<Instant> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner).since
    }

    /// Does a step and counts its seconds, however it ends.
    pub(crate) async fn timed<T>(&self, step: Step, work: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let done = work.await;
        let seconds = began.elapsed().as_secs_f64();
        self.lock().steps.entry(step).or_insert_with(|| Histogram::new(&SECONDS)).observe(seconds);
        done
    }

    pub(crate) fn conflict(&self, conflict: Conflict) {
        *self.lock().conflicts.entry(conflict).or_default() += 1;
    }

    pub(crate) fn file(&self, table: Table, bytes: usize) {
        self.lock().files.entry(table).or_insert_with(|| Histogram::new(&FILE_BYTES)).observe(bytes as f64);
    }

    /// Counts bytes as held until what is returned is dropped.
    pub(crate) fn hold(self: &Arc<Self>, step: Step, bytes: usize) -> Holding {
        *self.lock().held.entry(step).or_default() += bytes;
        Holding { tally: Arc::clone(self), step, bytes }
    }

    /// Begins a request, which counts when the answer is dropped.
    pub(crate) fn request(self: &Arc<Self>, service: Service, operation: &'static str) -> Pending {
        let request = Request { service, operation, status: CANCELLED };
        if service == Service::ObjectStore {
            self.silence.lock().unwrap_or_else(PoisonError::into_inner).asked(Instant::now());
        }
        Pending { tally: Arc::clone(self), request, began: Instant::now() }
    }

    /// Numbers are whole whoever panicked while adding to them.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that are held.
pub(crate) struct Holding {
    tally: Arc<Tally>,
    step: Step,
    bytes: usize,
}

impl Drop for Holding {
    fn drop(&mut self) {
        if let Some(held) = self.tally.lock().held.get_mut(&self.step) {
            *held -= self.bytes;
        }
    }
}

/// A request under way.
pub(crate) struct Pending {
    tally: Arc<Tally>,
    request: Request,
    began: Instant,
}

impl Pending {
    /// How it ends, unless told otherwise later.
    pub(crate) fn ends(&mut self, status: &'static str) {
        self.request.status = status;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let seconds = self.began.elapsed().as_secs_f64();
        if self.request.service == Service::ObjectStore {
            let answered = !NO_ANSWER.contains(&self.request.status);
            self.tally.silence.lock().unwrap_or_else(PoisonError::into_inner).ended(answered, Instant::now());
        }
        self.tally.lock().requests.entry(self.request).or_insert_with(|| Histogram::new(&SECONDS)).observe(seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_go_is_never_counted_as_held() {
        let tally = Arc::new(Tally::default());
        let (first, second) = (tally.hold(Step::Upload, 5), tally.hold(Step::Upload, 7));
        drop(first);
        assert_eq!(tally.counts().held[&Step::Upload], 7);
        drop(second);
        assert_eq!(tally.counts().held[&Step::Upload], 0);
    }

    #[test]
    fn a_silence_never_ends_before_an_answer_nor_goes_on_after_it() {
        let tally = Arc::new(Tally::default());
        assert_eq!(tally.silent_since(), None);
        let mut first = tally.request(Service::ObjectStore, "put");
        let began = tally.silent_since();
        let mut second = tally.request(Service::ObjectStore, "put");
        assert!(began.is_some() && tally.silent_since() == began);
        second.ends(FAILED);
        drop(second);
        drop(tally.request(Service::ObjectStore, "get"));
        tally.request(Service::Glue, "GetTable").ends("ok");
        assert_eq!(tally.silent_since(), began, "neither a failure, nor a caller who went, nor another service");
        let mut third = tally.request(Service::ObjectStore, "put");
        third.ends("ok");
        drop(third);
        assert!(tally.silent_since() > began, "one still waits, from here on");
        first.ends("not_found");
        drop(first);
        assert_eq!(tally.silent_since(), None);
    }

    #[tokio::test]
    async fn a_request_nobody_waited_for_is_never_left_out_nor_taken_for_a_success() {
        let tally = Arc::new(Tally::default());
        drop(tally.request(Service::Glue, "GetTable"));
        tally.request(Service::Glue, "GetTable").ends("ok");
        assert_eq!(tally.timed(Step::Commit, async { 7 }).await, 7);
        let counts = tally.counts();
        let statuses: Vec<_> = counts.requests.iter().map(|(r, seconds)| (r.status, seconds.count())).collect();
        assert_eq!(statuses, [("cancelled", 1), ("ok", 1)]);
        assert_eq!(counts.steps[&Step::Commit].count(), 1);
    }
}
