//! Where messages come from, and the batch they come in.
//!
//! Owns: `RawBatch`, the bytes of many messages in one buffer, headers included, with the span they cover.
//! Does not own: what a message means (`decode`).
//! Invariant: every record of a batch lies inside its span; offsets in a span without a record hold nothing for us
//! (transaction markers, aborted or compacted messages).

pub mod kafka;
pub mod kafka_audit;
mod kafka_ends;
pub mod kafka_faults;
#[cfg(test)]
mod kafka_group_tests;
pub mod kafka_origins;
pub mod kafka_probe;
mod kafka_queue;
mod kafka_rebalance;
mod kafka_settings;
#[cfg(test)]
mod kafka_tail_tests;
pub mod kafka_topic;
mod kafka_trouble;
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
    /// Its headers, in their order: a range of the batch's.
    pub headers: Range<usize>,
}

/// A header's bytes, as ranges into the batch's buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawHeader {
    /// Name, UTF-8.
    pub name: Range<usize>,
    /// Value; `None` for null.
    pub value: Option<Range<usize>>,
}

/// Messages as they came, bounded by rows, bytes and wait.
#[derive(Debug, Clone, Default)]
pub struct RawBatch {
    /// The topic.
    pub topic: Arc<str>,
    /// The messages, in arrival order (ascending offsets within a partition).
    pub records: Vec<RawRecord>,
    /// Headers of all messages, one message's after another's.
    pub headers: Vec<RawHeader>,
    /// Their bytes.
    pub data: Vec<u8>,
    /// The offsets this batch accounts for.
    pub span: Span,
}

impl RawBatch {
    /// Appends a message's bytes and coordinates.
    pub fn push(&mut self, partition: i32, offset: i64, timestamp_ms: Option<i64>, key: Option<&[u8]>, payload: Option<&[u8]>) {
        let key = key.map(|bytes| self.store(bytes));
        let payload = payload.map(|bytes| self.store(bytes));
        let headers = self.headers.len()..self.headers.len();
        self.records.push(RawRecord { partition, offset, timestamp_ms, key, payload, headers });
    }

    /// Appends a header to the message pushed last.
    pub fn push_header(&mut self, name: &str, value: Option<&[u8]>) {
        let header = RawHeader { name: self.store(name.as_bytes()), value: value.map(|bytes| self.store(bytes)) };
        self.headers.push(header);
        if let Some(last) = self.records.last_mut() {
            last.headers.end = self.headers.len();
        }
    }

    fn store(&mut self, bytes: &[u8]) -> Range<usize> {
        let from = self.data.len();
        self.data.extend_from_slice(bytes);
        from..self.data.len()
    }

    /// Bytes it holds in memory, what is kept for the next batch included.
    pub fn held_bytes(&self) -> usize {
        let (records, headers) = (self.records.capacity(), self.headers.capacity());
        self.data.capacity() + records * size_of::<RawRecord>() + headers * size_of::<RawHeader>()
    }

    /// The bytes of a range.
    pub fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.data[range.clone()]
    }

    /// A message's headers: name and value bytes.
    pub fn headers_of(&self, record: &RawRecord) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.headers[record.headers.clone()].iter().map(|h| (self.bytes(&h.name), h.value.as_ref().map(|v| self.bytes(v))))
    }
}
