//! What an ingester has done so far and where it stands, readable by others while it runs.
//!
//! Owns: the counters and the standing.
//! Does not own: showing them (`metrics`, `cli`), what the lake counts itself (`lake::tally`).
//! Invariant: a fact is counted once, where it happens; a window's facts count when it is committed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ticklake_lake::publish::{Classes, Published};
use ticklake_lake::window::{ClosedWindow, FlushReason, Window};

use crate::landing::Landing;
use crate::source::kafka::{Cursors, Ends};

/// Where messages are held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Fetched, in librdkafka's queue.
    FetchQueue,
    /// The batch that is polled and decoded.
    Decoding,
    /// The window being filled.
    Filling,
    /// Windows closed, and not yet in the publisher's hands.
    Waiting,
    /// The window in the publisher's hands.
    Publishing,
    /// Its ticks once more, sorted, until their files are encoded.
    Encoding,
    /// Encoded files on their way to the store.
    Uploading,
}

impl Stage {
    pub(crate) const ALL: [Self; 7] =
        [Self::FetchQueue, Self::Decoding, Self::Filling, Self::Waiting, Self::Publishing, Self::Encoding, Self::Uploading];

    /// The text form, for metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::FetchQueue => "fetch_queue",
            Self::Decoding => "decoding",
            Self::Filling => "filling",
            Self::Waiting => "waiting",
            Self::Publishing => "publishing",
            Self::Encoding => "encoding",
            Self::Uploading => "uploading",
        }
    }
}

/// A window in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InMemory {
    pub(crate) stage: Stage,
    /// When its first message arrived, nanoseconds since the epoch.
    pub(crate) since_ns: i64,
    pub(crate) bytes: usize,
}

/// Counters since the start of the run.
#[derive(Default)]
pub struct Progress {
    /// Messages taken from Kafka.
    pub consumed: AtomicU64,
    /// Their payload and key bytes.
    pub consumed_bytes: AtomicU64,
    /// Ticks committed.
    pub committed: AtomicU64,
    /// Commits of `stock_data`.
    pub commits: AtomicU64,
    /// Data files committed.
    pub files: AtomicU64,
    /// Bytes of data files committed.
    pub bytes: AtomicU64,
    /// Times another writer had committed our span first.
    pub overlaps: AtomicU64,
    /// Whether a window is held because the lake is away.
    pub holding: AtomicBool,
    /// Bytes of the batch that is polled and decoded.
    pub(crate) decoding: AtomicUsize,
    standing: Mutex<Standing>,
    kafka: Mutex<Option<Ends>>,
}

/// What has to be seen together, or has parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    /// The next offset to read, by assigned partition.
    pub(crate) cursors: Cursors,
    /// What was committed; its `ends` is where the log ends for assigned partitions.
    pub(crate) landed: Landing,
    /// Dead letters committed.
    pub(crate) classes: Classes,
    /// Windows closed, by reason.
    pub(crate) flushes: BTreeMap<&'static str, u64>,
    /// The window being filled, once it holds anything.
    pub(crate) filling: Option<InMemory>,
    /// Windows closed and neither committed nor dropped, by their number.
    pub(crate) closed: BTreeMap<u64, InMemory>,
    /// Bytes that all stages may hold together.
    pub(crate) memory_max: Option<usize>,
}

impl Standing {
    /// How long the oldest message has waited for its commit.
    pub(crate) fn uncommitted_age(&self, now_ns: i64) -> Duration {
        let oldest_ns = self.in_memory().map(|window| window.since_ns).min().unwrap_or(now_ns);
        Duration::from_nanos(u64::try_from(now_ns.saturating_sub(oldest_ns)).unwrap_or(0))
    }

    /// Bytes of windows at a stage.
    pub(crate) fn bytes_at(&self, stage: Stage) -> usize {
        self.in_memory().filter(|window| window.stage == stage).map(|window| window.bytes).sum()
    }

    fn in_memory(&self) -> impl Iterator<Item = &InMemory> {
        self.closed.values().chain(&self.filling)
    }
}

/// A closed window, counted from here until it is committed or dropped, whoever drops it.
pub(crate) struct Held {
    progress: Arc<Progress>,
    number: u64,
}

impl Held {
    /// It is in the publisher's hands.
    pub(crate) fn publishing(&self) {
        if let Some(window) = self.progress.standing().closed.get_mut(&self.number) {
            window.stage = Stage::Publishing;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.progress.standing().closed.remove(&self.number);
    }
}

impl Progress {
    pub(crate) fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// A counter's value.
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Dead letters committed.
    pub fn dead_letters(&self) -> u64 {
        self.standing().classes.values().sum::<usize>() as u64
    }

    /// Bytes that all stages may hold together.
    pub(crate) fn memory_max(&self, bytes: usize) {
        self.standing().memory_max = Some(bytes);
    }

    /// Whom to ask where Kafka ends.
    pub(crate) fn connected(&self, kafka: Ends) {
        *self.kafka.lock().unwrap_or_else(PoisonError::into_inner) = Some(kafka);
    }

    /// Reading starts at these offsets, which is where the log ends.
    pub(crate) fn starts(&self, starts: &Cursors) {
        self.standing().landed.ends.extend(starts);
    }

    /// What is read and not yet handed on.
    pub(crate) fn gathered(&self, cursors: &Cursors, window: &Window) {
        let mut standing = self.standing();
        standing.cursors.clone_from(cursors);
        let filling = || InMemory { stage: Stage::Filling, since_ns: window.opened_ns(), bytes: window.bytes() };
        standing.filling = (!window.is_empty()).then(filling);
    }

    pub(crate) fn flushed(&self, reason: FlushReason) {
        *self.standing().flushes.entry(reason.as_str()).or_default() += 1;
    }

    /// A window was closed; it counts as held while what is returned lives.
    pub(crate) fn hold(self: &Arc<Self>, window: &ClosedWindow) -> Held {
        let mut standing = self.standing();
        let number = standing.closed.last_key_value().map_or(0, |(last, _)| last + 1);
        standing.closed.insert(number, InMemory { stage: Stage::Waiting, since_ns: window.opened_ns, bytes: window.bytes });
        Held { progress: Arc::clone(self), number }
    }

    pub(crate) fn published(&self, landing: Landing, done: &Published) {
        Self::add(&self.committed, done.rows);
        Self::add(&self.commits, 1);
        Self::add(&self.files, done.files);
        Self::add(&self.bytes, done.bytes);
        self.standing().landed.extend(landing);
        self.rejected(&done.classes);
    }

    /// Dead letters were committed.
    pub(crate) fn rejected(&self, classes: &Classes) {
        let mut standing = self.standing();
        for (class, count) in classes {
            *standing.classes.entry(*class).or_default() += count;
        }
    }

    /// The window was another writer's.
    pub(crate) fn overlapped(&self) {
        Self::add(&self.overlaps, 1);
    }

    /// Where Kafka ends, of assigned partitions, asked now; nothing of those it does not tell. Blocks.
    pub(crate) fn ends(&self) -> Cursors {
        let partitions: Vec<i32> = self.standing().cursors.keys().copied().collect();
        let kafka = self.kafka.lock().unwrap_or_else(PoisonError::into_inner);
        kafka.as_ref().map(|kafka| kafka.ask(&partitions)).unwrap_or_default()
    }

    /// Bytes fetched and not polled yet.
    pub(crate) fn fetched(&self) -> usize {
        let kafka = self.kafka.lock().unwrap_or_else(PoisonError::into_inner);
        kafka.as_ref().map_or(0, Ends::fetched)
    }

    /// What is kept is whole whoever panicked while writing it.
    pub(crate) fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
