//! A bound on what was produced and is not consumed yet, for a broker that forgets what it cannot hold.
//!
//! Owns: the count of bytes produced, and the comparison with what the consumer says it has taken.
//! Does not own: waiting (`mod.rs`), the consumer's count (any function of the caller's).
//! Invariant: with one producer, bytes in flight never exceed the limit, save for one message larger than it, alone.

use std::sync::atomic::{AtomicU64, Ordering};

/// A gate that closes while too many bytes (`key + payload`) are produced and not yet consumed.
pub struct InFlight {
    limit: u64,
    produced: AtomicU64,
    consumed: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl std::fmt::Debug for InFlight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InFlight").field("limit", &self.limit).field("held", &self.held()).finish_non_exhaustive()
    }
}

impl InFlight {
    /// A gate that lets `limit` bytes be in flight; `consumed` tells the key and payload bytes the consumer has taken
    /// so far, and is asked for every message: let it read a counter.
    pub fn new(limit: u64, consumed: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { limit, produced: AtomicU64::new(0), consumed: Box::new(consumed) }
    }

    /// Bytes in flight now. Messages consumed twice may make it look less.
    pub fn held(&self) -> u64 {
        self.produced.load(Ordering::Relaxed).saturating_sub((self.consumed)())
    }

    /// Whether `bytes` more may be sent.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        let held = self.held();
        held == 0 || held.saturating_add(bytes) <= self.limit
    }

    /// Counts `bytes` as sent.
    pub(super) fn add(&self, bytes: u64) {
        self.produced.fetch_add(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_limit_is_never_exceeded_and_a_message_beyond_it_still_goes_alone() {
        let consumed = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&consumed);
        let gate = InFlight::new(100, move || counter.load(Ordering::Relaxed));
        assert!(gate.has_room(60));
        gate.add(60);
        assert!(!gate.has_room(41));
        assert!(gate.has_room(40));
        consumed.store(1_000, Ordering::Relaxed);
        assert_eq!(gate.held(), 0, "a message consumed twice does not stop the gate");
        assert!(gate.has_room(500), "alone");
    }
}
