//! Messages straight from librdkafka's queue, and every byte of them.
//!
//! Owns: the queue that all assigned partitions lead to; reading librdkafka's own message. All unsafe code of this crate.
//! Does not own: what becomes of a message; rebalances and errors of the client, which have a queue of their own (`kafka`).
//! Invariant: a message lives no longer than what it was polled with; position and messages move together.
//!
//! rdkafka's `poll` is this call with an allocation and more looks at the clock around it. Read in librdkafka 2.12:
//! * `rd_kafka_queue_poll` drops what a seek, a pause or giving a partition up outdated before it looks at it, a transaction's
//!   marker too, and tells every error of a partition. It counts as a poll of the group, whatever the queue.
//! * `rd_kafka_consume_queue` logs some of these errors (a partition that vanished) and tells nobody. The callbacks let an outdated
//!   marker move the position, and `rd_kafka_consume_batch_queue` counts a partition's end as a message: the next pause,
//!   librdkafka's own during a rebalance included, goes on from there, and ticks are stepped over.
#![expect(unsafe_code, reason = "rdkafka wraps every message it hands out, and panics on header names that are not UTF-8")]

use std::ffi::{CStr, CString, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::types::{RDKafka, RDKafkaEvent, RDKafkaMessage, RDKafkaQueue, RDKafkaRespErr};

use super::kafka_rebalance::Context;

/// One topic's messages, whatever their partition.
pub(super) struct Queue {
    consumer: Arc<BaseConsumer<Context>>,
    queue: NonNull<RDKafkaQueue>,
    name: CString,
}

// SAFETY: librdkafka's handles are counted and locked by itself and bound to no thread.
unsafe impl Send for Queue {}

impl Queue {
    /// A queue that no partition leads to yet; `None` when librdkafka refuses the topic's name.
    pub(super) fn new(consumer: &Arc<BaseConsumer<Context>>, topic: &str) -> Option<Self> {
        let name = CString::new(topic).ok()?;
        // SAFETY: the client lives while `consumer` does. It never fails: without memory librdkafka ends the process.
        let queue = NonNull::new(unsafe { native::rd_kafka_queue_new(consumer.client().native_ptr()) })?;
        Some(Self { consumer: Arc::clone(consumer), queue, name })
    }

    /// Makes a partition's messages come here. To be called before each time it is assigned: giving it up undoes it.
    pub(super) fn lead_here(&self, partition: i32) {
        // SAFETY: client and name live; what is returned is ours to destroy, and forwarding counts its own references.
        unsafe {
            let from = native::rd_kafka_queue_get_partition(self.client(), self.name.as_ptr(), partition);
            native::rd_kafka_queue_forward(from, self.queue.as_ptr());
            native::rd_kafka_queue_destroy(from);
        }
    }

    /// What is next, having waited at most so long for it.
    pub(super) fn poll(&self, most: Duration) -> Option<Polled<'_>> {
        let most_ms = c_int::try_from(most.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX);
        // SAFETY: the queue lives while `self` does; the event is ours to destroy.
        let event = NonNull::new(unsafe { native::rd_kafka_queue_poll(self.queue.as_ptr(), most_ms) })?;
        // SAFETY: the event is whole, and what is asked of it lives as long; what is no message gives null. From here on
        // librdkafka counts the message as consumed.
        let message = NonNull::new(unsafe { native::rd_kafka_event_message_next(event.as_ptr()) }.cast_mut());
        Some(Polled { event, message, of: PhantomData })
    }

    fn client(&self) -> *mut RDKafka {
        self.consumer.client().native_ptr()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: `new` made it, nobody else destroys it, and the client is still there. What waits here is freed.
        unsafe { native::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// What a poll brought.
pub(super) struct Polled<'a> {
    event: NonNull<RDKafkaEvent>,
    message: Option<NonNull<RDKafkaMessage>>,
    of: PhantomData<&'a Queue>,
}

impl Polled<'_> {
    /// The message, or the error that stands in its place.
    pub(super) fn read(&self) -> Result<Message<'_>, KafkaError> {
        // SAFETY: it is the event's, and whole until `self` is dropped.
        self.message.map(|message| Message(unsafe { message.as_ref() })).ok_or_else(|| self.error())
    }

    fn error(&self) -> KafkaError {
        let event = self.event.as_ptr();
        // SAFETY: the event is whole.
        let (error, fatal) = unsafe { (native::rd_kafka_event_error(event), native::rd_kafka_event_error_is_fatal(event) != 0) };
        match self.partition() {
            _ if fatal => KafkaError::MessageConsumptionFatal(error.into()),
            Some(partition) if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => KafkaError::PartitionEOF(partition),
            _ => KafkaError::MessageConsumption(error.into()),
        }
    }

    /// The partition an error is about, if any.
    fn partition(&self) -> Option<i32> {
        // SAFETY: the event is whole; what it gives is a copy, ours to destroy.
        unsafe {
            let copy = NonNull::new(native::rd_kafka_event_topic_partition(self.event.as_ptr()))?;
            let partition = copy.as_ref().partition;
            native::rd_kafka_topic_partition_destroy(copy.as_ptr());
            Some(partition)
        }
    }
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        // SAFETY: it was given to us to destroy, and nothing of it is left.
        unsafe { native::rd_kafka_event_destroy(self.event.as_ptr()) };
    }
}

/// A message.
pub(super) struct Message<'a>(&'a RDKafkaMessage);

impl<'a> Message<'a> {
    /// The message rdkafka polled.
    pub(super) fn of(polled: &'a BorrowedMessage<'_>) -> Self {
        // SAFETY: it is freed when `polled` is dropped.
        Self(unsafe { &*polled.ptr() })
    }

    /// Its partition.
    pub(super) fn partition(&self) -> i32 {
        self.0.partition
    }

    /// Its offset.
    pub(super) fn offset(&self) -> i64 {
        self.0.offset
    }

    /// Its timestamp, milliseconds since the epoch; negative when it has none.
    pub(super) fn timestamp_ms(&self) -> i64 {
        // SAFETY: the message is whole; the kind of timestamp is not asked for.
        unsafe { native::rd_kafka_message_timestamp(self.0, ptr::null_mut()) }
    }

    /// Its key.
    pub(super) fn key(&self) -> Option<&[u8]> {
        // SAFETY: librdkafka's pointer and length belong together and live as long as the message.
        unsafe { bytes(self.0.key, self.0.key_len) }
    }

    /// Its payload; `None` for a tombstone.
    pub(super) fn payload(&self) -> Option<&[u8]> {
        // SAFETY: as of the key.
        unsafe { bytes(self.0.payload, self.0.len) }
    }

    /// Hands over name and value of every header, in order. What is not UTF-8 in a name is replaced.
    pub(super) fn headers(&self, mut hand: impl FnMut(&str, Option<&[u8]>)) {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is whole; the headers stay the message's. There are some when no error says otherwise.
        if unsafe { native::rd_kafka_message_headers(self.0, &raw mut headers) } != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return;
        }
        for at in 0.. {
            let (mut name, mut value, mut len) = (ptr::null(), ptr::null(), 0);
            // SAFETY: the headers live as long as the message; an index past the last is an error and fills nothing in.
            let found = unsafe { native::rd_kafka_header_get_all(headers, at, &raw mut name, &raw mut value, &raw mut len) };
            if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            // SAFETY: filled in, a name ends with NUL, and a value is as long as said; both live as long as the headers.
            let (name, value) = unsafe { (CStr::from_ptr(name), bytes(value, len)) };
            hand(&name.to_string_lossy(), value);
        }
    }
}

/// What a pointer of librdkafka's points to; null is nothing, not an empty value.
///
/// # Safety
/// Unless null, it points to `len` bytes that live for `'a`.
unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!data.is_null()).then(|| unsafe { std::slice::from_raw_parts(data.cast(), len) })
}
