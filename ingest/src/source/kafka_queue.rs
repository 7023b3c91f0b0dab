//! Messages from librdkafka by the hundred, and every byte of them.
//!
//! Owns: the queue that all assigned partitions lead to; reading librdkafka's own message. All unsafe code of this crate.
//! Does not own: what becomes of a message, rebalances and errors of the client, which have a queue of their own (`kafka`).
//! Invariant: nothing of a message is kept beyond the call it is handed to; librdkafka frees it then.
//!
//! rdkafka's `poll` costs three looks at the clock, a lock and an allocation a message: a sixth of the ingester's CPU time.
//! Of librdkafka's ways to take many at once only the callback will do: `rd_kafka_consume_batch_queue` (2.2 to 2.12) counts
//! a partition's end as a message, and after a pause, librdkafka's own during a rebalance included, the next one is missed.
#![expect(unsafe_code, reason = "rdkafka hands messages out one by one, and panics on header names that are not UTF-8")]

use std::ffi::{CStr, CString, c_int, c_void};
use std::ops::ControlFlow;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::types::{RDKafka, RDKafkaMessage, RDKafkaQueue, RDKafkaRespErr, RDKafkaTopic};

use super::kafka_rebalance::Context;

/// How many are taken under one lock (`consume.callback.max.messages`). librdkafka counts them as consumed while they are
/// handed over, and fetches on, so it is no more than a small part of what may be queued.
pub(super) const TAKEN_AT_ONCE: &str = "128";

/// One topic's messages, whatever their partition.
pub(super) struct Queue {
    consumer: Arc<BaseConsumer<Context>>,
    topic: NonNull<RDKafkaTopic>,
    queue: NonNull<RDKafkaQueue>,
    name: CString,
}

// SAFETY: librdkafka's handles are counted and locked by itself and bound to no thread.
unsafe impl Send for Queue {}

impl Queue {
    /// A queue that no partition leads to yet; `None` when librdkafka refuses the topic's name.
    pub(super) fn new(consumer: &Arc<BaseConsumer<Context>>, topic: &str) -> Option<Self> {
        let client = consumer.client().native_ptr();
        let name = CString::new(topic).ok()?;
        // SAFETY: the client lives while `consumer` does; the name is copied; no settings means the client's.
        let topic = NonNull::new(unsafe { native::rd_kafka_topic_new(client, name.as_ptr(), ptr::null_mut()) })?;
        // SAFETY: as above. It never fails: without memory librdkafka ends the process.
        let queue = NonNull::new(unsafe { native::rd_kafka_queue_new(client) })?;
        Some(Self { consumer: Arc::clone(consumer), topic, queue, name })
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

    /// Hands over what is here, `TAKEN_AT_ONCE` at most, until told to stop; whether there was anything. Only by way of a
    /// partition does librdkafka know a limit: any that leads here will do.
    pub(super) fn take(&self, by: i32, hand: impl FnMut(&Message<'_>) -> ControlFlow<()>) -> bool {
        self.call(hand, |function, call| {
            // SAFETY: the topic lives while `self` does; see `call` for the callback and its argument.
            unsafe { native::rd_kafka_consume_callback(self.topic.as_ptr(), by, 0, function, call) }
        })
    }

    /// As `take`, of an empty queue: waits for what comes first.
    pub(super) fn wait(&self, most: Duration, hand: impl FnMut(&Message<'_>) -> ControlFlow<()>) -> bool {
        let most_ms = c_int::try_from(most.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX);
        self.call(hand, |function, call| {
            // SAFETY: the queue lives while `self` does; see `call` for the callback and its argument.
            unsafe { native::rd_kafka_consume_callback_queue(self.queue.as_ptr(), most_ms, function, call) }
        })
    }

    /// Serves a queue by a call of librdkafka's, which runs the callback on this thread and has done with its argument on return.
    fn call<H, S>(&self, hand: H, serve: S) -> bool
    where
        H: FnMut(&Message<'_>) -> ControlFlow<()>,
        S: FnOnce(Callback, *mut c_void) -> c_int,
    {
        let mut call = Call { client: self.client(), hand };
        serve(Some(pass_on::<H>), (&raw mut call).cast()) > 0
    }

    fn client(&self) -> *mut RDKafka {
        self.consumer.client().native_ptr()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: `new` made both, nobody else destroys them, and the client is still there. What waits here is freed.
        unsafe {
            native::rd_kafka_queue_destroy(self.queue.as_ptr());
            native::rd_kafka_topic_destroy(self.topic.as_ptr());
        }
    }
}

type Callback = Option<unsafe extern "C" fn(*mut RDKafkaMessage, *mut c_void)>;

/// What the callback needs.
struct Call<H> {
    client: *mut RDKafka,
    hand: H,
}

/// Called by librdkafka for each message. A panic in here ends the process: there is no way for it through C.
unsafe extern "C" fn pass_on<H: FnMut(&Message<'_>) -> ControlFlow<()>>(message: *mut RDKafkaMessage, call: *mut c_void) {
    // SAFETY: librdkafka gives back what `Queue::call` gave it, a `Call<H>` nobody else uses meanwhile, and a message that is
    // whole until we return.
    let (call, message) = unsafe { (&mut *call.cast::<Call<H>>(), Message(&*message)) };
    if (call.hand)(&message).is_break() {
        // SAFETY: this is a callback of that client's, where alone it may be called; the messages left go back to their queue.
        unsafe { native::rd_kafka_yield(call.client) };
    }
}

/// A message, or the error that stands in its place.
pub(super) struct Message<'a>(&'a RDKafkaMessage);

impl<'a> Message<'a> {
    /// The message rdkafka polled.
    pub(super) fn of(polled: &'a BorrowedMessage<'_>) -> Self {
        // SAFETY: it is freed when `polled` is dropped.
        Self(unsafe { &*polled.ptr() })
    }

    /// The error, of which only partition and offset can be asked.
    pub(super) fn error(&self) -> Option<KafkaError> {
        match self.0.err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => None,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => Some(KafkaError::PartitionEOF(self.0.partition)),
            other => Some(KafkaError::MessageConsumption(other.into())),
        }
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
