//! The Kafka consumer: messages in, rebalances handed to the caller as events.
//!
//! Owns: librdkafka's consumer, its settings, the assignment calls.
//! Does not own: where a partition starts (the lake's log, through the collector), what a message means (`decode`).
//! Invariant: a partition is never consumed before its start offset was given with the assignment; the group's
//! committed offsets are written for lag tools and never read.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::RawBatch;
pub use super::kafka_ends::Ends;
pub use super::kafka_rebalance::SourceEvent;
use super::kafka_rebalance::{Context, decline, release};
use crate::error::IngestError;

const METADATA_TIMEOUT: Duration = Duration::from_secs(10);
const SEEK_TIMEOUT: Duration = Duration::from_secs(10);
/// 9999-12-31T23:59:59.999Z: a record timestamp beyond it is no time, and counts as none.
const TIMESTAMP_MS_MAX: i64 = 253_402_300_799_999;

/// How to reach a topic.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// `host:port,host:port`.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// The consumer group.
    pub group: String,
    /// Takes every partition without joining the group (whose offsets are still reported): one process, no rebalances.
    pub alone: bool,
    /// Further librdkafka settings by their own names; they win over ours.
    pub librdkafka: BTreeMap<String, String>,
}

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
    topic: String,
    brokers: String,
    /// A rebalance that was handed out and is not answered yet.
    unanswered: Cell<Option<SourceEvent>>,
}

impl KafkaSource {
    /// Connects, checks that the topic is there, and subscribes.
    ///
    /// # Errors
    /// `Unavailable` when no broker answers, `Invalid` for an unknown topic or setting.
    pub fn connect(config: &KafkaConfig) -> Result<Self, IngestError> {
        let mut client = client_config(config);
        client.set("group.id", &config.group);
        let consumer = Arc::new(create(&client)?);
        let source = Self { consumer, topic: config.topic.clone(), brokers: config.brokers.clone(), unanswered: Cell::new(None) };
        let partitions = source.partitions()?;
        source.consumer.context().connected.store(true, Ordering::Relaxed);
        tracing::info!(topic = config.topic, group = config.group, "waiting for partitions");
        if config.alone {
            source.rebalances().push_back(SourceEvent::Assigned(partitions));
        } else {
            source.consumer.subscribe(&[&config.topic]).map_err(|e| source.failed("subscribe", &e))?;
        }
        Ok(source)
    }

    /// The topic's partitions.
    ///
    /// # Errors
    /// `Unavailable` when no broker answers, `Invalid` for an unknown topic.
    pub fn partitions(&self) -> Result<Vec<i32>, IngestError> {
        partitions(&self.consumer, &self.brokers, &self.topic)
    }

    /// A way to ask from elsewhere where the partitions end.
    pub fn ends(&self) -> Ends {
        Ends { consumer: Arc::downgrade(&self.consumer), topic: self.topic.clone() }
    }

    /// Low and high watermark of a partition.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn watermarks(&self, partition: i32) -> Result<(i64, i64), IngestError> {
        self.consumer
            .fetch_watermarks(&self.topic, partition, METADATA_TIMEOUT)
            .map_err(|e| self.failed(&format!("watermarks of {}/{partition}", self.topic), &e))
    }

    /// Fills a batch until a limit is reached, nothing comes any more, or something else happened.
    ///
    /// # Errors
    /// `Invalid` when the start offset is no longer there, `Unavailable` for a fatal client error.
    pub fn fill(
        &self,
        batch: &mut RawBatch,
        cursors: &mut Cursors,
        limits: &BatchLimits,
    ) -> Result<Option<SourceEvent>, IngestError> {
        let deadline = Instant::now() + limits.wait_max;
        // What is there already is taken without asking the clock; only an empty queue is waited for.
        let mut wait = Duration::ZERO;
        while batch.records.len() < limits.rows_max && batch.data.len() < limits.bytes_max {
            let polled = self.consumer.poll(wait);
            wait = Duration::ZERO;
            match polled {
                None => {
                    // A rebalance shows as an empty poll. Looked at only here: a message in hand is never dropped for it.
                    if let Some(event) = self.next_rebalance() {
                        return Ok(Some(event));
                    }
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
                    let timestamp_ms = message.timestamp().to_millis().filter(|ms| (0..=TIMESTAMP_MS_MAX).contains(ms));
                    batch.push(partition, offset, timestamp_ms, message.key(), message.payload());
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => return Ok(Some(SourceEvent::End(partition))),
                Some(Err(error)) => self.consumption_error(&error)?,
            }
        }
        Ok(None)
    }

    /// Errors librdkafka recovers from by itself are logged; the others end the run.
    fn consumption_error(&self, error: &KafkaError) -> Result<(), IngestError> {
        use RDKafkaErrorCode as Code;
        match error {
            KafkaError::MessageConsumption(Code::OffsetOutOfRange | Code::AutoOffsetReset) => Err(IngestError::Invalid(format!(
                "{}: the next offset to read is not in Kafka any more (retention, truncation or a re-created topic); compare `ticklake status --brokers {}` with the topic before going on",
                self.topic, self.brokers
            ))),
            KafkaError::MessageConsumption(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
                Err(IngestError::Invalid(format!("topic {} on {} was deleted while it was read", self.topic, self.brokers)))
            }
            KafkaError::MessageConsumptionFatal(_) => Err(self.failed("consume", error)),
            _ => {
                tracing::warn!(%error, "Kafka consumer; librdkafka retries");
                Ok(())
            }
        }
    }

    /// Starts consuming newly assigned partitions where the lake's log ends.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn assign(&self, starts: &Cursors) -> Result<(), IngestError> {
        let tpl = self.list(starts)?;
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
            tpl.add_partition_offset(&self.topic, partition, offset).map_err(|e| self.failed("offsets", &e))?;
        }
        Ok(tpl)
    }

    fn failed(&self, what: &str, error: &KafkaError) -> IngestError {
        unavailable(&self.brokers, what, error)
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
                SourceEvent::Revoked(partitions) => self.unassign(&partitions).unwrap_or_default(),
                SourceEvent::End(_) => {}
            }
        }
        self.consumer.unsubscribe();
    }
}

fn unavailable(brokers: &str, what: &str, error: &KafkaError) -> IngestError {
    let code = error.rdkafka_error_code().map_or_else(|| error.to_string(), |c| c.to_string());
    IngestError::Unavailable(format!("Kafka at {brokers}: {what} failed ({code}); check --brokers, the network and the broker"))
}

fn create(client: &ClientConfig) -> Result<BaseConsumer<Context>, IngestError> {
    client
        .create_with_context(Context::default())
        .map_err(|error| IngestError::Invalid(format!("librdkafka refuses the settings: {error}")))
}

fn client_config(config: &KafkaConfig) -> ClientConfig {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.brokers)
        .set("client.id", "ticklake")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("allow.auto.create.topics", "false")
        // A dead process's partitions go to another after this; the default of 45 s is long for a market.
        .set("session.timeout.ms", "10000")
        // What librdkafka may hold ahead of us, all partitions together.
        .set("queued.max.messages.kbytes", "32768")
        .set("queued.min.messages", "100000")
        .set("fetch.message.max.bytes", "1048576")
        // The default of 1000 ms starves a fast consumer each time its queue is full.
        .set("fetch.queue.backoff.ms", "5")
        .set("log_level", "4");
    for (name, value) in &config.librdkafka {
        client.set(name, value);
    }
    client
}

fn partitions(consumer: &BaseConsumer<Context>, brokers: &str, topic: &str) -> Result<Vec<i32>, IngestError> {
    let metadata = consumer.fetch_metadata(Some(topic), METADATA_TIMEOUT).map_err(|e| unavailable(brokers, "metadata", &e))?;
    let found = metadata.topics().iter().find(|t| t.name() == topic && t.error().is_none());
    let found = found
        .map(|t| t.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect::<Vec<_>>())
        .unwrap_or_default();
    if found.is_empty() {
        return Err(IngestError::Invalid(format!(
            "topic {topic} does not exist on {brokers}; create it (`ticklake produce` does) or check --topic"
        )));
    }
    Ok(found)
}

/// Whether the topic can be reached, before anything is made for it elsewhere.
///
/// # Errors
/// `Unavailable` when no broker answers, `Invalid` for an unknown topic or setting.
pub fn check(config: &KafkaConfig) -> Result<(), IngestError> {
    let consumer = create(&client_config(config))?;
    partitions(&consumer, &config.brokers, &config.topic).map(|_| ())
}

/// Low and high watermark by partition: what Kafka still has, `[low, high)`.
pub type Watermarks = BTreeMap<i32, (i64, i64)>;

/// The watermarks of a topic, without joining a group.
///
/// # Errors
/// `Unavailable` when no broker answers, `Invalid` for an unknown topic.
pub fn watermarks(brokers: &str, topic: &str, librdkafka: &BTreeMap<String, String>) -> Result<Watermarks, IngestError> {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", brokers).set("client.id", "ticklake-status").set("log_level", "3");
    for (name, value) in librdkafka {
        client.set(name, value);
    }
    let consumer = create(&client)?;
    let mut ends = Watermarks::new();
    for partition in partitions(&consumer, brokers, topic)? {
        let both = consumer
            .fetch_watermarks(topic, partition, METADATA_TIMEOUT)
            .map_err(|e| unavailable(brokers, &format!("watermarks of {topic}/{partition}"), &e))?;
        ends.insert(partition, both);
    }
    Ok(ends)
}
