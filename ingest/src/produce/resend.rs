//! Dead letters sent back to a topic.
//!
//! Owns: the message a dead letter becomes again: its key, payload and headers as they were, and its origin as a header.
//! Does not own: which letters are sent (the caller), delivery (`sink`), finding them again (`source::kafka_origins`, SQL).
//! Invariant: the origin header is there exactly once, so that a message sent back can be told from any other.

use std::time::Duration;

use ticklake_lake::dead_letters::{Header, ORIGIN_HEADER};

use super::{KafkaSink, ProduceError, SinkConfig};

/// How long a full queue is left to empty.
const FULL_WAIT: Duration = Duration::from_millis(5);

/// A dead letter to be sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resend {
    /// Where the message was first rejected: `topic/partition/offset`.
    pub origin: String,
    /// Key bytes.
    pub key: Option<Vec<u8>>,
    /// Payload bytes; `None` is a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Headers as it came.
    pub headers: Vec<Header>,
}

/// Sends dead letters back, idempotently, to one topic. Blocks; not for an async thread.
#[derive(Debug)]
pub struct Resender(KafkaSink);

impl Resender {
    /// Connects, and checks that the topic is there.
    ///
    /// # Errors
    /// As [`KafkaSink::connect`].
    pub fn connect(config: &SinkConfig) -> Result<Self, ProduceError> {
        Ok(Self(KafkaSink::connect(config)?))
    }

    /// Hands a letter over, waiting while the queue is full.
    ///
    /// # Errors
    /// As [`KafkaSink::send`]; `Unavailable` when an earlier one was not delivered.
    pub fn send(&mut self, letter: Resend) -> Result<(), ProduceError> {
        let Resend { origin, key, payload, mut headers } = letter;
        headers.retain(|header| header.name != ORIGIN_HEADER);
        headers.push(Header { name: ORIGIN_HEADER.to_owned(), value: Some(origin.into_bytes()) });
        while !self.0.send_whole(key.as_deref(), payload.as_deref(), &headers)? {
            self.0.poll(FULL_WAIT)?;
        }
        self.0.poll(Duration::ZERO)
    }

    /// Waits for the acknowledgements; how many letters were sent.
    ///
    /// # Errors
    /// As [`KafkaSink::finish`].
    pub fn finish(self) -> Result<u64, ProduceError> {
        Ok(self.0.finish()?.delivered)
    }
}
