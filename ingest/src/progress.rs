//! What an ingester has done so far, readable by others while it runs.
//!
//! Owns: the counters.
//! Does not own: showing them (`cli`).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counters since the start of the run.
#[derive(Debug, Default)]
pub struct Progress {
    /// Messages taken from Kafka.
    pub consumed: AtomicU64,
    /// Their payload and key bytes.
    pub consumed_bytes: AtomicU64,
    /// Ticks committed.
    pub committed: AtomicU64,
    /// Dead letters committed.
    pub dead_letters: AtomicU64,
    /// Commits of `stock_data`.
    pub commits: AtomicU64,
    /// Data files written.
    pub files: AtomicU64,
    /// Bytes of data files written.
    pub bytes: AtomicU64,
    /// Times another writer had committed our span first.
    pub overlaps: AtomicU64,
    /// Whether a window is held because the lake is away.
    pub holding: AtomicBool,
}

impl Progress {
    pub(crate) fn add(counter: &AtomicU64, n: usize) {
        counter.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// A counter's value.
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
