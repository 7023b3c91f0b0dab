//! The Kafka producer: messages keyed by symbol, sent idempotently, every failure counted.
//!
//! Owns: librdkafka's settings, the connection check, back-pressure, delivery reports, the final flush.
//! Does not own: what a message says, pacing (`mod.rs`), creating the topic (`topic`).
//! Invariant: a message `send` took is delivered once, or counted in `failed`; none is dropped in silence.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer as _, ProducerContext};
use ticklake_lake::dead_letters::Header;

use super::ProduceError;
use crate::source::kafka_topic;

/// Where and how to send.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkConfig {
    /// Bootstrap brokers, `host:port` joined by commas.
    pub brokers: String,
    /// Topic.
    pub topic: String,
    /// How long a message may wait for company in its batch.
    pub linger: Duration,
    /// Largest batch, in bytes before compression.
    pub batch_bytes_max: u32,
    /// Most memory for messages not yet acknowledged, in KiB; a full queue holds the source back.
    pub queue_kbytes_max: u32,
    /// Most messages not yet acknowledged.
    pub queue_messages_max: u32,
    /// `none`, `gzip`, `snappy`, `lz4` or `zstd`.
    pub compression: String,
    /// How long to wait for a broker at the start.
    pub connect_max: Duration,
    /// How long to wait for the last acknowledgements.
    pub flush_max: Duration,
    /// Further librdkafka settings (security, say); they win over the ones above.
    pub librdkafka: BTreeMap<String, String>,
}

impl SinkConfig {
    /// The defaults for a topic.
    pub fn new(brokers: impl Into<String>, topic: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            topic: topic.into(),
            linger: Duration::from_millis(10),
            batch_bytes_max: 1_000_000,
            queue_kbytes_max: 32 * 1024,
            queue_messages_max: 100_000,
            compression: "lz4".to_owned(),
            connect_max: Duration::from_secs(10),
            flush_max: Duration::from_secs(30),
            librdkafka: BTreeMap::new(),
        }
    }

    /// What every client of these brokers needs.
    pub(super) fn client(&self) -> ClientConfig {
        kafka_topic::client(&self.brokers, "ticklake-produce", &self.librdkafka)
    }

    fn producer(&self) -> ClientConfig {
        let mut client = self.client();
        // Name, librdkafka's other name for it, value.
        let settings = [
            ("enable.idempotence", "", "true".to_owned()),
            ("acks", "request.required.acks", "all".to_owned()),
            // Java's partitioner: the same key lands in the same partition whoever sends it.
            ("partitioner", "", "murmur2_random".to_owned()),
            ("linger.ms", "queue.buffering.max.ms", self.linger.as_millis().to_string()),
            ("batch.size", "", self.batch_bytes_max.to_string()),
            ("batch.num.messages", "", "100000".to_owned()),
            ("queue.buffering.max.kbytes", "", self.queue_kbytes_max.to_string()),
            ("queue.buffering.max.messages", "", self.queue_messages_max.to_string()),
            ("compression.type", "compression.codec", self.compression.clone()),
            // Reports of success cost a callback a message; what did not fail by the end of the flush was delivered.
            ("delivery.report.only.error", "", "true".to_owned()),
        ];
        for (name, alias, value) in settings {
            if !self.librdkafka.contains_key(name) && !self.librdkafka.contains_key(alias) {
                client.set(name, value);
            }
        }
        client
    }
}

/// What became of the messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SinkReport {
    /// Messages taken.
    pub sent: u64,
    /// Messages the brokers acknowledged.
    pub delivered: u64,
    /// Messages given up.
    pub failed: u64,
    /// Why the first was given up.
    pub first_error: Option<String>,
}

/// Counts what librdkafka reports, and keeps its last complaint to explain a silence.
#[derive(Debug, Default)]
pub(super) struct Reports {
    failed: AtomicU64,
    first_error: Mutex<Option<String>>,
    last_complaint: Mutex<Option<String>>,
}

impl Reports {
    /// The last complaint in brackets, for the end of a sentence.
    fn complaint(&self) -> String {
        let complaint = self.last_complaint.lock().unwrap_or_else(PoisonError::into_inner);
        complaint.as_ref().map(|text| format!(" ({text})")).unwrap_or_default()
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", ?level, facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
        // "All brokers are down" says less than the complaint about a broker before it.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.last_complaint.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if let Err((error, _)) = result {
            self.failed.fetch_add(1, Ordering::Relaxed);
            self.first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.to_string());
        }
    }
}

/// A producer for one topic, used from one thread.
pub struct KafkaSink {
    config: SinkConfig,
    producer: BaseProducer<Reports>,
    sent: u64,
}

impl std::fmt::Debug for KafkaSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSink").field("topic", &self.config.topic).field("sent", &self.sent).finish_non_exhaustive()
    }
}

impl KafkaSink {
    /// Connects, and checks that the topic is there.
    ///
    /// # Errors
    /// `Invalid` for a setting librdkafka refuses or a topic that does not exist; `Unavailable` when no broker answers.
    pub fn connect(config: &SinkConfig) -> Result<Self, ProduceError> {
        let producer = open(&config.producer())?;
        if look_up(&producer, config)?.is_none() {
            return Err(ProduceError::Invalid(format!(
                "topic {:?} does not exist at {}; create it first, or check its name and the right to describe it",
                config.topic, config.brokers
            )));
        }
        Ok(Self { config: config.clone(), producer, sent: 0 })
    }

    /// Hands a message over. `false`: the queue is full, nothing was taken; poll and try again.
    ///
    /// # Errors
    /// `Invalid` for a message larger than the broker takes, `Unavailable` when the producer cannot go on.
    pub fn send(&mut self, key: &[u8], payload: &[u8]) -> Result<bool, ProduceError> {
        self.send_whole(Some(key), Some(payload), &[])
    }

    /// As [`Self::send`], for a message that may lack key or payload and may have headers.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(super) fn send_whole(
        &mut self,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
        headers: &[Header],
    ) -> Result<bool, ProduceError> {
        // No timestamp: the record gets the time of sending. Event times would be refused when in the future.
        let mut record = BaseRecord::to(&self.config.topic);
        (record.key, record.payload, record.headers) = (key, payload, owned(headers));
        match self.producer.send(record) {
            Ok(()) => {
                self.sent += 1;
                Ok(true)
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(false),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                Err(ProduceError::Invalid(format!(
                    "the message with key {:?} has {} bytes, more than message.max.bytes; raise it here (-X) and at the topic, or leave it out",
                    String::from_utf8_lossy(key.unwrap_or_default()),
                    payload.map_or(0, <[u8]>::len)
                )))
            }
            Err((error, _)) => Err(ProduceError::Unavailable(format!(
                "cannot send to topic {:?} at {}: {error}",
                self.config.topic, self.config.brokers
            ))),
        }
    }

    /// Serves librdkafka's reports for up to `wait`.
    ///
    /// # Errors
    /// `Unavailable` once a message was given up, with the first reason.
    pub fn poll(&self, wait: Duration) -> Result<(), ProduceError> {
        self.producer.poll(wait);
        if self.failed() == 0 {
            return Ok(());
        }
        let report = self.report(0);
        Err(ProduceError::Unavailable(format!(
            "{} of {} messages to topic {:?} at {} were not delivered: {}{}",
            report.failed,
            report.sent,
            self.config.topic,
            self.config.brokers,
            report.first_error.unwrap_or_default(),
            self.producer.context().complaint(),
        )))
    }

    /// Waits until every message is acknowledged, and says what became of them.
    ///
    /// # Errors
    /// `Unavailable` when messages were given up, or are still not acknowledged at the end of `flush_max`.
    pub fn finish(self) -> Result<SinkReport, ProduceError> {
        let flushed = self.producer.flush(self.config.flush_max);
        self.poll(Duration::ZERO)?;
        if let Err(error) = flushed {
            return Err(ProduceError::Unavailable(format!(
                "about {} of {} messages to topic {:?} at {} were not acknowledged within {:?} ({error}){}; they may or may not have arrived",
                self.producer.in_flight_count(),
                self.sent,
                self.config.topic,
                self.config.brokers,
                self.config.flush_max,
                self.producer.context().complaint(),
            )));
        }
        Ok(self.report(0))
    }

    /// Counts as of now. Until [`Self::finish`], what is queued counts as not yet delivered.
    pub fn progress(&self) -> SinkReport {
        self.report(self.producer.in_flight_count().unsigned_abs().into())
    }

    fn failed(&self) -> u64 {
        self.producer.context().failed.load(Ordering::Relaxed)
    }

    fn report(&self, in_flight: u64) -> SinkReport {
        let failed = self.failed();
        SinkReport {
            sent: self.sent,
            delivered: self.sent.saturating_sub(failed).saturating_sub(in_flight),
            failed,
            first_error: self.producer.context().first_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

/// Headers as librdkafka wants them; `None` for none.
fn owned(headers: &[Header]) -> Option<OwnedHeaders> {
    let insert = |list: OwnedHeaders, h: &Header| list.insert(KafkaHeader { key: &h.name, value: h.value.as_ref() });
    (!headers.is_empty()).then(|| headers.iter().fold(OwnedHeaders::new_with_capacity(headers.len()), insert))
}

/// Makes a client without connecting yet.
pub(super) fn open(client: &ClientConfig) -> Result<BaseProducer<Reports>, ProduceError> {
    BaseProducer::from_config_and_context(client, Reports::default())
        .map_err(|e| ProduceError::Invalid(format!("librdkafka refuses the producer's settings: {e}")))
}

/// Partitions of a topic that exists.
pub(super) struct Partitions {
    /// How many.
    pub(super) count: usize,
    /// Whether each has a leader.
    pub(super) led: bool,
}

/// Asks the brokers for the topic; `None` when there is none.
pub(super) fn look_up(producer: &BaseProducer<Reports>, config: &SinkConfig) -> Result<Option<Partitions>, ProduceError> {
    // All topics are asked for, not this one: asking for one by name may create it.
    let metadata = producer.client().fetch_metadata(None, config.connect_max).map_err(|_| {
        const COMPLAINTS_WAIT: Duration = Duration::from_millis(50);
        producer.poll(COMPLAINTS_WAIT);
        ProduceError::Unavailable(format!(
            "no Kafka broker of {} answered within {:?}{}; check that it runs, that the address is right and reachable \
             from here, and that the security settings are the listener's",
            config.brokers,
            config.connect_max,
            producer.context().complaint()
        ))
    })?;
    let topic = metadata.topics().iter().find(|topic| topic.name() == config.topic && !topic.partitions().is_empty());
    Ok(topic.map(|topic| Partitions {
        count: topic.partitions().len(),
        led: topic.partitions().iter().all(|partition| partition.leader() >= 0),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::mocking::MockCluster;

    #[test]
    fn what_is_sent_is_delivered_and_counted() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("ticks", 2, 1).unwrap();
        let mut sink = KafkaSink::connect(&SinkConfig::new(cluster.bootstrap_servers(), "ticks")).unwrap();
        for _ in 0..1_000 {
            assert!(sink.send(b"A", b"{}").unwrap());
        }
        let report = sink.finish().unwrap();
        assert_eq!(report, SinkReport { sent: 1_000, delivered: 1_000, failed: 0, first_error: None });
    }

    #[test]
    fn a_full_queue_takes_nothing_until_there_is_room() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("ticks", 1, 1).unwrap();
        let config = SinkConfig { queue_messages_max: 10, ..SinkConfig::new(cluster.bootstrap_servers(), "ticks") };
        let mut sink = KafkaSink::connect(&config).unwrap();
        let mut refused = 0;
        while sink.sent < 100 {
            if !sink.send(b"A", b"{}").unwrap() {
                refused += 1;
                sink.poll(Duration::from_millis(2)).unwrap();
            }
        }
        assert!(refused > 0);
        assert_eq!(sink.finish().unwrap().delivered, 100);
    }

    #[test]
    fn a_message_given_up_is_never_passed_over() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("ticks", 1, 1).unwrap();
        let mut config = SinkConfig::new(cluster.bootstrap_servers(), "ticks");
        config.librdkafka.insert("message.timeout.ms".into(), "300".into());
        let mut sink = KafkaSink::connect(&config).unwrap();
        cluster.broker_down(-1).unwrap();
        assert!(sink.send(b"A", b"{}").unwrap());
        let error = sink.finish().unwrap_err();
        assert!(matches!(&error, ProduceError::Unavailable(text) if text.contains("1 of 1 messages")), "{error}");
    }

    #[test]
    fn a_broker_that_is_not_there_is_named_soon() {
        let config = SinkConfig { connect_max: Duration::from_millis(700), ..SinkConfig::new("127.0.0.1:9", "ticks") };
        let error = KafkaSink::connect(&config).unwrap_err();
        assert!(
            matches!(&error, ProduceError::Unavailable(text) if text.contains("127.0.0.1:9") && text.contains("refused")),
            "{error}"
        );
    }

    #[test]
    fn a_topic_that_is_not_there_is_not_made_by_accident() {
        let cluster = MockCluster::new(1).unwrap();
        let error = KafkaSink::connect(&SinkConfig::new(cluster.bootstrap_servers(), "ticks")).unwrap_err();
        assert!(matches!(&error, ProduceError::Invalid(text) if text.contains("\"ticks\" does not exist")), "{error}");
        let mut config = SinkConfig::new(cluster.bootstrap_servers(), "ticks");
        config.librdkafka.insert("no.such.setting".into(), "1".into());
        assert!(matches!(KafkaSink::connect(&config), Err(ProduceError::Invalid(text)) if text.contains("no.such.setting")));
    }
}
