//! What an ingester has done so far and where it stands, readable by others while it runs.
//!
//! Owns: the counters and the standing.
//! Does not own: showing them (`metrics`, `cli`), what the lake counts itself (`lake::tally`).
//! Invariant: a fact is counted once, where it happens; a window's facts count when it is committed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ticklake_lake::publish::{Classes, Published};
use ticklake_lake::window::{ClosedWindow, FlushReason, Window};

use crate::landing::Landing;
use crate::source::kafka::{Cursors, Ends};

/// Where the window being filled, and the one being published, count in the memory used.
const FILLING: &str = "filling";
const PUBLISHING: &str = "publishing";

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
    /// When the first message of the window being filled arrived.
    pub(crate) filling_since_ns: Option<i64>,
    /// When the first message of the window being published arrived.
    pub(crate) publishing_since_ns: Option<i64>,
    /// Bytes held, by stage.
    pub(crate) memory: BTreeMap<&'static str, usize>,
    /// Bytes that all stages may hold together.
    pub(crate) memory_max: Option<usize>,
}

impl Standing {
    /// How long the oldest message has waited for its commit.
    pub(crate) fn uncommitted_age(&self, now_ns: i64) -> Duration {
        let oldest_ns = self.publishing_since_ns.into_iter().chain(self.filling_since_ns).min().unwrap_or(now_ns);
        Duration::from_nanos(u64::try_from(now_ns.saturating_sub(oldest_ns)).unwrap_or(0))
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
        standing.filling_since_ns = (!window.is_empty()).then(|| window.opened_ns());
        standing.memory.insert(FILLING, window.bytes());
    }

    pub(crate) fn flushed(&self, reason: FlushReason) {
        *self.standing().flushes.entry(reason.as_str()).or_default() += 1;
    }

    /// A window is about to be published; what it brings counts once it is.
    pub(crate) fn publishing(&self, window: &ClosedWindow) -> Landing {
        let mut standing = self.standing();
        standing.publishing_since_ns = Some(window.opened_ns);
        standing.memory.insert(PUBLISHING, window.bytes);
        drop(standing);
        Landing::of(window)
    }

    pub(crate) fn published(&self, landing: Landing, done: &Published) {
        Self::add(&self.committed, done.rows);
        Self::add(&self.commits, 1);
        Self::add(&self.files, done.files);
        Self::add(&self.bytes, done.bytes);
        let mut standing = self.standing();
        standing.publishing_since_ns = None;
        standing.memory.insert(PUBLISHING, 0);
        standing.landed.extend(landing);
        for (class, count) in &done.classes {
            *standing.classes.entry(*class).or_default() += count;
        }
    }

    /// The window was another writer's.
    pub(crate) fn overlapped(&self) {
        Self::add(&self.overlaps, 1);
        let mut standing = self.standing();
        standing.publishing_since_ns = None;
        standing.memory.insert(PUBLISHING, 0);
    }

    /// Where Kafka ends, of assigned partitions, asked now; nothing of those it does not tell. Blocks.
    pub(crate) fn ends(&self) -> Cursors {
        let partitions: Vec<i32> = self.standing().cursors.keys().copied().collect();
        let kafka = self.kafka.lock().unwrap_or_else(PoisonError::into_inner);
        kafka.as_ref().map(|kafka| kafka.ask(&partitions)).unwrap_or_default()
    }

    /// What is kept is whole whoever panicked while writing it.
    pub(crate) fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
