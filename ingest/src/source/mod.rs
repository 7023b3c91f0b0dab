//! Where messages come from, and the batch they come in.
//!
//! Owns: `RawBatch`, the bytes of many messages in one buffer, with the span they cover.
//! Does not own: what a message means (`decode`).
//! Invariant: every record of a batch lies inside its span; offsets in a span without a record hold nothing for us
//! (transaction markers, aborted or compacted messages).

pub mod kafka;
pub mod kafka_audit;
#[cfg(test)]
mod kafka_group_tests;
pub mod kafka_probe;
mod kafka_rebalance;
mod kafka_settings;
pub(crate) mod start;

use std::ops::Range;
use std::sync::Arc;

use ticklake_lake::Span;

/// One message's coordinates; its bytes are ranges into the batch's buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Kafka partition.
    pub partition: i32,
    /// Kafka offset.
    pub offset: i64,
    /// Record timestamp, milliseconds since the epoch; `None` when the broker has none.
    pub timestamp_ms: Option<i64>,
    /// Key bytes; `None` for no key.
    pub key: Option<Range<usize>>,
    /// Payload bytes; `None` for a tombstone.
    pub payload: Option<Range<usize>>,
}

/// Messages as they came, bounded by rows, bytes and wait.
#[derive(Debug, Clone, Default)]
pub struct RawBatch {
    /// The topic.
    pub topic: Arc<str>,
    /// The messages, in arrival order (ascending offsets within a partition).
    pub records: Vec<RawRecord>,
    /// Their bytes.
    pub data: Vec<u8>,
    /// The offsets this batch accounts for.
    pub span: Span,
}

impl RawBatch {
    /// Appends a message's bytes and coordinates.
    pub fn push(&mut self, partition: i32, offset: i64, timestamp_ms: Option<i64>, key: Option<&[u8]>, payload: Option<&[u8]>) {
        let mut store = |bytes: &[u8]| {
            let from = self.data.len();
            self.data.extend_from_slice(bytes);
            from..self.data.len()
        };
        let key = key.map(&mut store);
        let payload = payload.map(&mut store);
        self.records.push(RawRecord { partition, offset, timestamp_ms, key, payload });
    }

    /// The bytes of a range.
    pub fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.data[range.clone()]
    }
}
