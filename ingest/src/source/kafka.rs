//! The Kafka consumer: messages in, rebalances handed to the caller as events.
//!
//! Owns: librdkafka's consumer, the assignment calls, how far a partition is accounted for.
//! Does not own: its settings (`kafka_settings`), where a partition starts (the lake's log, through the collector), what
//! a message means (`decode`).
//! Invariant: a partition is never consumed before its start offset was given with the assignment; the group's
//! committed offsets are written for lag tools and never read.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::RawBatch;
pub use super::kafka_ends::Ends;
use super::kafka_queue::{Polled, Queue};
pub use super::kafka_rebalance::SourceEvent;
use super::kafka_rebalance::{Context, decline, release};
pub use super::kafka_settings::{Assignment, KafkaConfig, Membership, why_refused};
use super::kafka_topic::{Watermarks, create, unavailable, wanted, watermarks_of};
pub use super::start::OnGap;
use crate::error::IngestError;

const SEEK_TIMEOUT: Duration = Duration::from_secs(10);
/// 9999-12-31T23:59:59.999Z: a record timestamp beyond it is no time, and counts as none.
const TIMESTAMP_MS_MAX: i64 = 253_402_300_799_999;

/// When a raw batch is handed on.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Messages.
    pub rows_max: usize,
    /// Bytes of keys and payloads.
    pub bytes_max: usize,
    /// Wait for the first message, and for more after it.
    pub wait_max: Duration,
}

impl Default for BatchLimits {
    fn default() -> Self {
        Self { rows_max: 16_384, bytes_max: 8 << 20, wait_max: Duration::from_millis(100) }
    }
}

/// The next offset to read, by assigned partition.
pub type Cursors = BTreeMap<i32, i64>;

/// A consumer of one topic.
pub struct KafkaSource {
    consumer: Arc<BaseConsumer<Context>>,
    queue: Queue,
    config: KafkaConfig,
    fetch_queue_bytes: usize,
    /// A rebalance that was handed out and is not answered yet.
    unanswered: Cell<Option<SourceEvent>>,
}

impl KafkaSource {
    /// Connects, checks that topic and partitions are there, and asks for them; fetches at most so many bytes ahead.
    ///
    /// # Errors
    /// `Unavailable` when no broker answers, `Missing` for an unknown topic or partition, `Invalid` for settings that are refused.
    pub fn connect(config: &KafkaConfig, fetch_queue_bytes: usize) -> Result<Self, IngestError> {
        let mut client = config.client()?;
        client.set("group.id", &config.group);
        client.set("queued.max.messages.kbytes", (fetch_queue_bytes >> 10).to_string());
        let consumer = Arc::new(create(&client)?);
        let wanted = wanted(&consumer, config)?;
        let queue = Queue::new(&consumer, &config.topic)
            .ok_or_else(|| IngestError::Invalid(format!("librdkafka refuses the topic name {:?}", config.topic)))?;
        let source = Self { consumer, queue, config: config.clone(), fetch_queue_bytes, unanswered: Cell::new(None) };
        source.consumer.context().connected.store(true, Ordering::Relaxed);
        tracing::info!(topic = config.topic, group = config.group, "waiting for partitions");
        if let Membership::Group { .. } = config.membership {
            source.consumer.subscribe(&[&config.topic]).map_err(|e| source.failed("subscribe", &e))?;
        } else {
            source.rebalances().push_back(SourceEvent::Assigned(wanted));
        }
        Ok(source)
    }

    /// Begins anew, with no partitions until they are assigned: librdkafka gives up a partition whose next offset is gone.
    ///
    /// # Errors
    /// As `connect`.
    pub fn reconnect(&mut self) -> Result<(), IngestError> {
        *self = Self::connect(&self.config, self.fetch_queue_bytes)?;
        Ok(())
    }

    /// How it was told to read.
    pub fn config(&self) -> &KafkaConfig {
        &self.config
    }

    /// A way to ask from elsewhere where the partitions end.
    pub fn ends(&self) -> Ends {
        let KafkaConfig { brokers, topic, .. } = &self.config;
        Ends { consumer: Arc::downgrade(&self.consumer), brokers: brokers.clone(), topic: topic.clone() }
    }

    /// What Kafka still has of the topic.
    ///
    /// # Errors
    /// `Unavailable` when the brokers do not answer, `Missing` for an unknown topic.
    pub fn watermarks(&self) -> Result<Watermarks, IngestError> {
        watermarks_of(&self.consumer, &self.config.brokers, &self.config.topic)
    }

    /// Asks, on a thread of its own, what Kafka still has of partitions; `located` tells, however long it takes.
    pub fn locate(&self, partitions: Vec<i32>) {
        self.ends().locate(partitions);
    }

    /// What came of `locate`.
    pub fn located(&self) -> Option<SourceEvent> {
        self.consumer.context().located().take()
    }

    /// Fills a batch until a limit is reached, nothing comes any more, or something else happened. Partitions that have
    /// nothing more at this moment are added to `ended`.
    ///
    /// # Errors
    /// `Unavailable` or `Invalid` for a fatal client error.
    pub fn fill(
        &self,
        batch: &mut RawBatch,
        cursors: &mut Cursors,
        ended: &mut BTreeSet<i32>,
        limits: &BatchLimits,
    ) -> Result<Option<SourceEvent>, IngestError> {
        let deadline = Instant::now() + limits.wait_max;
        // What is there already is taken without asking the clock; only an empty queue is waited for.
        let mut wait = Duration::ZERO;
        let mut at_an_end = false;
        let mut happened = self.look()?;
        while happened.is_none() && batch.records.len() < limits.rows_max && batch.data.len() < limits.bytes_max {
            let polled = self.queue.poll(wait);
            wait = Duration::ZERO;
            match polled.as_ref().map(Polled::read) {
                None => {
                    wait = deadline.saturating_duration_since(Instant::now());
                    if wait.is_zero() {
                        break;
                    }
                }
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    // A fetch under way when we sought elsewhere may still deliver; the cursor is the truth.
                    let Some(cursor) = cursors.get_mut(&partition).filter(|cursor| offset >= **cursor) else { continue };
                    batch.span.extend(partition, *cursor, offset + 1)?;
                    *cursor = offset + 1;
                    let timestamp_ms = Some(message.timestamp_ms()).filter(|ms| (0..=TIMESTAMP_MS_MAX).contains(ms));
                    batch.push(partition, offset, timestamp_ms, message.key(), message.payload());
                    message.headers(|name, value| batch.push_header(name, value));
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    if cursors.contains_key(&partition) {
                        ended.insert(partition);
                        at_an_end = true;
                    }
                }
                Some(Err(error)) => happened = self.consumption_error(&error)?,
            }
        }
        if at_an_end {
            self.account(batch, cursors)?;
        }
        Ok(happened)
    }

    /// What happened besides messages, which have a queue of their own. A rebalance shows as an empty poll.
    fn look(&self) -> Result<Option<SourceEvent>, IngestError> {
        while let Some(polled) = self.consumer.poll(Duration::ZERO) {
            // Messages by two ways would come out of order, and those behind the cursor would be lost.
            let Err(error) = polled else {
                return Err(IngestError::Unavailable(format!(
                    "Kafka at {}: messages of {} came by a queue that is not theirs; nothing is lost, start again",
                    self.config.brokers, self.config.topic
                )));
            };
            let happened = self.consumption_error(&error)?;
            if happened.is_some() {
                return Ok(happened);
            }
        }
        Ok(self.next_rebalance())
    }

    /// Markers and aborted messages take offsets and show only by what comes after them; at the end, nothing does.
    /// Whatever is before librdkafka's position was served to us, so what we did not see there holds nothing.
    fn account(&self, batch: &mut RawBatch, cursors: &mut Cursors) -> Result<(), IngestError> {
        let positions = self.consumer.position().map_err(|e| self.failed("position", &e))?;
        for served in positions.elements() {
            if let (Some(cursor), Offset::Offset(position)) = (cursors.get_mut(&served.partition()), served.offset())
                && position > *cursor
            {
                batch.span.extend(served.partition(), *cursor, position)?;
                *cursor = position;
            }
        }
        Ok(())
    }

    /// Errors librdkafka recovers from by itself are logged; those the collector must act on are events; the others end the run.
    fn consumption_error(&self, error: &KafkaError) -> Result<Option<SourceEvent>, IngestError> {
        use RDKafkaErrorCode as Code;
        match error {
            KafkaError::MessageConsumption(Code::OffsetOutOfRange | Code::AutoOffsetReset) => Ok(Some(SourceEvent::OutOfRange)),
            KafkaError::MessageConsumption(
                Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownTopicId | Code::UnknownPartition,
            ) => Ok(Some(SourceEvent::Deleted)),
            KafkaError::MessageConsumptionFatal(_) => Err(self.fatal(error)),
            _ => {
                self.consumer.context().met(error, "");
                Ok(None)
            }
        }
    }

    /// An error after which librdkafka does nothing more.
    fn fatal(&self, error: &KafkaError) -> IngestError {
        let group = &self.config.group;
        match self.consumer.client().fatal_error() {
            Some((RDKafkaErrorCode::FencedInstanceId, _)) => IngestError::Invalid(format!(
                "another process joined group {group} under this one's --group-instance-id; give each process its own"
            )),
            Some((_, reason)) => IngestError::Unavailable(format!("Kafka at {}: consume failed ({reason})", self.config.brokers)),
            None => self.failed("consume", error),
        }
    }

    /// Starts consuming newly assigned partitions where the lake's log ends.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn assign(&self, starts: &Cursors) -> Result<(), IngestError> {
        let tpl = self.list(starts)?;
        starts.keys().for_each(|partition| self.queue.lead_here(*partition));
        let done = match self.consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.consumer.incremental_assign(&tpl),
            _ => self.consumer.assign(&tpl),
        };
        done.map_err(|e| self.failed("assign", &e))?;
        self.unanswered.set(None);
        Ok(())
    }

    /// Gives partitions up, which lets the rebalance go on.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn unassign(&self, partitions: &[i32]) -> Result<(), IngestError> {
        let tpl = self.list(&partitions.iter().map(|p| (*p, -1)).collect())?;
        release(&self.consumer, &tpl).map_err(|e| self.failed("unassign", &e))?;
        self.unanswered.set(None);
        Ok(())
    }

    /// Moves assigned partitions to other offsets.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn seek(&self, cursors: &Cursors) -> Result<(), IngestError> {
        let moved = self.consumer.seek_partitions(self.list(cursors)?, SEEK_TIMEOUT).map_err(|e| self.failed("seek", &e))?;
        moved.elements().iter().try_for_each(|e| e.error().map_err(|e| self.failed("seek", &e)))
    }

    /// Stops fetching while the lake is slower than Kafka; polling goes on.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn pause(&self, cursors: &Cursors) -> Result<(), IngestError> {
        self.consumer.pause(&self.list(cursors)?).map_err(|e| self.failed("pause", &e))
    }

    /// Starts fetching again.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn resume(&self, cursors: &Cursors) -> Result<(), IngestError> {
        self.consumer.resume(&self.list(cursors)?).map_err(|e| self.failed("resume", &e))
    }

    /// Tells the group where the lake is, for lag tools only; a failure is of no consequence.
    pub fn report_committed(&self, offsets: &Cursors, mode: CommitMode) {
        let sent = self.list(offsets).and_then(|tpl| self.consumer.commit(&tpl, mode).map_err(|e| self.failed("commit", &e)));
        if let Err(error) = sent {
            tracing::debug!(%error, "group offsets not updated");
        }
    }

    fn next_rebalance(&self) -> Option<SourceEvent> {
        let event = self.rebalances().pop_front()?;
        self.unanswered.set(Some(event.clone()));
        Some(event)
    }

    fn rebalances(&self) -> MutexGuard<'_, VecDeque<SourceEvent>> {
        self.consumer.context().waiting()
    }

    fn list(&self, cursors: &Cursors) -> Result<TopicPartitionList, IngestError> {
        let mut tpl = TopicPartitionList::with_capacity(cursors.len());
        for (&partition, &offset) in cursors {
            let offset = if offset < 0 { Offset::Invalid } else { Offset::Offset(offset) };
            tpl.add_partition_offset(&self.config.topic, partition, offset).map_err(|e| self.failed("offsets", &e))?;
        }
        Ok(tpl)
    }

    fn failed(&self, what: &str, error: &KafkaError) -> IngestError {
        unavailable(&self.config.brokers, what, error)
    }
}

impl Drop for KafkaSource {
    /// Leaves the group. librdkafka's own closing waits until every rebalance is answered, so from here on they answer themselves.
    fn drop(&mut self) {
        self.consumer.context().closing.store(true, Ordering::SeqCst);
        let queued: Vec<SourceEvent> = self.rebalances().drain(..).collect();
        for event in self.unanswered.take().into_iter().chain(queued) {
            match event {
                SourceEvent::Assigned(_) => decline(&self.consumer, true, &TopicPartitionList::new()),
                SourceEvent::Revoked(partitions) | SourceEvent::Lost(partitions) => {
                    self.unassign(&partitions).unwrap_or_default()
                }
                SourceEvent::Located(_) | SourceEvent::OutOfRange | SourceEvent::Deleted => {}
            }
        }
        self.consumer.unsubscribe();
    }
}
