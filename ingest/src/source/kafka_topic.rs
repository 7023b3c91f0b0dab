//! A topic asked or read outside any group.
//!
//! Owns: what every client of ours is made from, librdkafka's errors as text, a topic's partitions and watermarks, reading
//! offsets to an end.
//! Does not own: consuming to ingest (`kafka`), what is looked for in the messages (`kafka_audit`, `kafka_origins`).
//! Invariant: what is read is handed on to its very end or there is an error; no group is joined, no offset is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};

use super::kafka_rebalance::Context;
use super::kafka_settings::{KafkaConfig, Membership};
use crate::error::IngestError;

const METADATA_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_WAIT: Duration = Duration::from_millis(100);
/// How soon a topic is looked at again.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Low and high watermark by partition: what Kafka still has, `[low, high)`.
pub type Watermarks = BTreeMap<i32, (i64, i64)>;

/// What every client of these brokers is made from; what the caller sets on it wins over the user's settings.
pub(crate) fn client(brokers: &str, client_id: &str, librdkafka: &BTreeMap<String, String>) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("client.id", client_id).set("log_level", "3");
    for (name, value) in librdkafka {
        client.set(name, value);
    }
    client.set("bootstrap.servers", brokers);
    client
}

/// An error without rdkafka's words around it.
pub(super) fn code(error: &KafkaError) -> String {
    error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| code.to_string())
}

pub(super) fn unavailable(brokers: &str, what: &str, error: &KafkaError) -> IngestError {
    let code = code(error);
    IngestError::Unavailable(format!("Kafka at {brokers}: {what} failed ({code}); check --brokers, the network and the broker"))
}

/// Makes a consumer without connecting yet.
pub(super) fn create(client: &ClientConfig) -> Result<BaseConsumer<Context>, IngestError> {
    client
        .create_with_context(Context::default())
        .map_err(|error| IngestError::Invalid(format!("librdkafka refuses the settings: {error}")))
}

/// The topic's partitions. A topic that is being made has no leaders for a moment, which is waited for.
///
/// # Errors
/// `Unavailable` when no broker answers, `Missing` for a topic that is unknown, `Invalid` for one that is not ours to read.
pub(super) fn partitions(consumer: &BaseConsumer<Context>, brokers: &str, topic: &str) -> Result<Vec<i32>, IngestError> {
    let deadline = Instant::now() + METADATA_TIMEOUT;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let metadata = match consumer.fetch_metadata(Some(topic), left.max(LOOK_EVERY)) {
            Ok(metadata) => metadata,
            // A connection that broke under the question says nothing about the brokers.
            Err(e) if e.rdkafka_error_code() == Some(RDKafkaErrorCode::BrokerTransportFailure) && !left.is_zero() => {
                std::thread::sleep(LOOK_EVERY);
                continue;
            }
            Err(e) => return Err(unavailable(brokers, "metadata", &e)),
        };
        let found = metadata.topics().iter().find(|t| t.name() == topic);
        let there: Vec<i32> = found.iter().flat_map(|t| t.partitions()).map(rdkafka::metadata::MetadataPartition::id).collect();
        match found.and_then(|t| t.error()).map(RDKafkaErrorCode::from) {
            None if !there.is_empty() => return Ok(there),
            Some(RDKafkaErrorCode::LeaderNotAvailable) if !left.is_zero() => std::thread::sleep(LOOK_EVERY),
            trouble => return Err(unreadable(brokers, topic, trouble)),
        }
    }
}

/// Why a topic has no partitions for us.
fn unreadable(brokers: &str, topic: &str, trouble: Option<RDKafkaErrorCode>) -> IngestError {
    use RDKafkaErrorCode as Code;
    match trouble {
        None | Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownTopicId | Code::InvalidTopic) => {
            IngestError::Missing(format!(
                "topic {topic} does not exist on {brokers}; create it (`ticklake produce` does) or check --topic"
            ))
        }
        Some(Code::TopicAuthorizationFailed) => IngestError::Invalid(format!(
            "not allowed to read topic {topic} on {brokers}; grant Describe and Read on it to the user of these credentials, or \
             check them"
        )),
        Some(Code::LeaderNotAvailable) => IngestError::Unavailable(format!(
            "Kafka at {brokers}: topic {topic} has no leaders; look at the brokers' logs, or try again once they are up"
        )),
        Some(code) => unavailable(brokers, &format!("metadata of {topic}"), &KafkaError::MetadataFetch(code)),
    }
}

/// The topic's partitions that are to be read, so far as that is said before the group decides.
pub(super) fn wanted(consumer: &BaseConsumer<Context>, config: &KafkaConfig) -> Result<Vec<i32>, IngestError> {
    let (topic, brokers) = (&config.topic, &config.brokers);
    let there = partitions(consumer, brokers, topic)?;
    let Membership::Only(only) = &config.membership else { return Ok(there) };
    let unknown: Vec<i32> = only.difference(&there.iter().copied().collect::<BTreeSet<_>>()).copied().collect();
    if unknown.is_empty() {
        return Ok(only.iter().copied().collect());
    }
    let count = there.len();
    Err(IngestError::Missing(format!(
        "topic {topic} on {brokers} has {count} partitions and no {unknown:?}; correct --partitions"
    )))
}

/// Whether the topic and the partitions asked for can be reached, before anything is made for them elsewhere.
///
/// # Errors
/// `Unavailable` when no broker answers, `Missing` for an unknown topic or partition, `Invalid` for a topic that is not ours to
/// read and for settings that are refused.
pub fn check(config: &KafkaConfig) -> Result<(), IngestError> {
    wanted(&create(&config.client()?)?, config).map(|_| ())
}

/// The watermarks of a topic.
///
/// # Errors
/// `Unavailable` when no broker answers, `Missing` for a topic that is unknown, `Invalid` for one that is not ours to read.
pub fn watermarks(brokers: &str, topic: &str, librdkafka: &BTreeMap<String, String>) -> Result<Watermarks, IngestError> {
    watermarks_of(&create(&client(brokers, "ticklake-status", librdkafka))?, brokers, topic)
}

/// Asks for a topic's watermarks over connections of its own. On those of a consumer every answer waits behind the fetches that
/// brokers hold back until there is something to give: half a second each where nothing comes.
pub struct Asker {
    consumer: BaseConsumer<Context>,
    brokers: String,
    topic: String,
}

impl Asker {
    /// One that has not asked yet.
    ///
    /// # Errors
    /// `Invalid` for settings that librdkafka refuses.
    pub fn new(config: &KafkaConfig) -> Result<Self, IngestError> {
        let consumer = create(config.client()?.set("group.id", &config.group))?;
        Ok(Self { consumer, brokers: config.brokers.clone(), topic: config.topic.clone() })
    }

    /// What Kafka has now for a reader of committed messages.
    ///
    /// # Errors
    /// As [`watermarks`].
    pub fn watermarks(&self) -> Result<Watermarks, IngestError> {
        watermarks_of(&self.consumer, &self.brokers, &self.topic)
    }
}

/// The watermarks of a topic, through a consumer that is there.
pub(super) fn watermarks_of(consumer: &BaseConsumer<Context>, brokers: &str, topic: &str) -> Result<Watermarks, IngestError> {
    let there = partitions(consumer, brokers, topic)?;
    bounds(consumer, topic, &there, METADATA_TIMEOUT).map_err(|e| unavailable(brokers, &format!("watermarks of {topic}"), &e))
}

/// The watermarks of partitions, all of them or an error.
pub(super) fn bounds(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partitions: &[i32],
    timeout: Duration,
) -> Result<Watermarks, KafkaError> {
    let lows = offsets_at(consumer, topic, partitions, Offset::Beginning, timeout)?;
    let highs = offsets_at(consumer, topic, partitions, Offset::End, timeout)?;
    lows.into_iter().zip(highs).map(|((partition, low), (_, high))| Ok((partition, (low?, high?)))).collect()
}

/// Offsets by partition, or why there is none.
pub(super) type Placed = Vec<(i32, Result<i64, KafkaError>)>;

/// The offset that a place stands for, by partition in their order: one request a broker, whatever their number.
pub(super) fn offsets_at(
    consumer: &BaseConsumer<Context>,
    topic: &str,
    partitions: &[i32],
    place: Offset,
    timeout: Duration,
) -> Result<Placed, KafkaError> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for &partition in partitions {
        asked.add_partition_offset(topic, partition, place)?;
    }
    // The place stands where a timestamp would.
    let told = consumer.offsets_for_times(asked, timeout)?;
    let offset = |e: &TopicPartitionListElem<'_>| match (e.error(), e.offset()) {
        (Err(error), _) => Err(error),
        (Ok(()), Offset::Offset(offset)) => Ok(offset),
        (Ok(()), _) => Err(KafkaError::MetadataFetch(RDKafkaErrorCode::NoOffset)),
    };
    Ok(told.elements().iter().map(|e| (e.partition(), offset(e))).collect())
}

/// Offsets of a topic to be read, and how.
pub(super) struct Reading<'a> {
    pub(super) brokers: &'a str,
    pub(super) topic: &'a str,
    /// Who reads; no group of this name is joined.
    pub(super) client_id: &'a str,
    pub(super) librdkafka: &'a BTreeMap<String, String>,
    /// How long the brokers may stay silent before the end.
    pub(super) silence_max: Duration,
}

impl Reading<'_> {
    /// Calls `each` with every committed message of these ranges, in order within a partition.
    ///
    /// # Errors
    /// `Unavailable` when Kafka does not answer or falls silent, `Invalid` for a setting.
    pub(super) fn read(
        &self,
        ranges: &BTreeMap<i32, Range<i64>>,
        each: &mut dyn FnMut(&BorrowedMessage<'_>),
    ) -> Result<(), IngestError> {
        let mut ends: BTreeMap<i32, i64> =
            ranges.iter().filter(|(_, range)| !range.is_empty()).map(|(p, range)| (*p, range.end)).collect();
        if ends.is_empty() {
            return Ok(());
        }
        let consumer = create(&self.client())?;
        let mut starts = TopicPartitionList::new();
        for partition in ends.keys() {
            let start = Offset::Offset(ranges[partition].start);
            starts.add_partition_offset(self.topic, *partition, start).map_err(|e| self.failed(&code(&e)))?;
        }
        consumer.assign(&starts).map_err(|e| self.failed(&code(&e)))?;
        let (mut heard, mut trouble) = (Instant::now(), String::new());
        while !ends.is_empty() {
            let at = match consumer.poll(POLL_WAIT) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    let (partition, offset) = (message.partition(), message.offset());
                    if ends.get(&partition).is_some_and(|end| offset < *end) {
                        each(&message);
                    }
                    Some((partition, offset + 1))
                }
                // What is left below the end are markers and aborted messages.
                Some(Err(KafkaError::PartitionEOF(partition))) => Some((partition, i64::MAX)),
                Some(Err(error)) => {
                    trouble = format!(": {}", code(&error));
                    None
                }
                None => None,
            };
            if let Some((partition, next)) = at
                && ends.get(&partition).is_some_and(|end| next >= *end)
            {
                ends.remove(&partition);
                let mut ended = TopicPartitionList::new();
                ended.add_partition(self.topic, partition);
                consumer.pause(&ended).map_err(|e| self.failed(&code(&e)))?;
            }
            if heard.elapsed() > self.silence_max {
                return Err(self.failed(&format!("no message for {} s{trouble}", self.silence_max.as_secs())));
            }
        }
        Ok(())
    }

    fn client(&self) -> ClientConfig {
        let mut client = client(self.brokers, self.client_id, self.librdkafka);
        client
            // A consumer must name a group, also one that never joins it.
            .set("group.id", self.client_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_committed")
            // Retention may delete the beginning while it is read; the low watermark tells who must know.
            .set("auto.offset.reset", "earliest")
            .set("fetch.queue.backoff.ms", "5");
        client
    }

    fn failed(&self, why: &str) -> IngestError {
        let Self { brokers, topic, .. } = self;
        IngestError::Unavailable(format!(
            "Kafka at {brokers}: {topic} could not be read to its end ({why}); check the brokers and the network, try again"
        ))
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::RDKafkaRespErr;

    use super::*;

    #[test]
    fn a_topic_that_is_there_is_never_called_absent() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("ticks", 2, 1).unwrap();
        let brokers = cluster.bootstrap_servers();
        let asked = || watermarks(&brokers, "ticks", &BTreeMap::new());
        cluster.topic_error("ticks", RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).unwrap();
        let error = asked().unwrap_err();
        assert!(matches!(&error, IngestError::Invalid(said) if said.contains("not allowed to read topic ticks")), "{error}");
        cluster.topic_error("ticks", RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE).unwrap();
        let found = std::thread::scope(|threads| {
            let waiting = threads.spawn(asked);
            // Its leaders come once another client has seen that it has none.
            let other = create(&client(&brokers, "other", &BTreeMap::new())).unwrap();
            let seen = other.fetch_metadata(Some("ticks"), METADATA_TIMEOUT).unwrap();
            assert!(seen.topics()[0].error().is_some());
            cluster.topic_error("ticks", RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
            waiting.join().unwrap()
        });
        assert_eq!(found.unwrap(), Watermarks::from([(0, (0, 0)), (1, (0, 0))]));
        let error = unreadable("b:1", "ticks", Some(RDKafkaErrorCode::LeaderNotAvailable));
        assert!(matches!(&error, IngestError::Unavailable(said) if said.contains("has no leaders")), "{error}");
    }

    #[test]
    fn no_setting_of_the_user_turns_a_client_to_other_brokers_nor_an_audit_to_aborted_messages() {
        let settings = [("bootstrap.servers", "elsewhere:1"), ("isolation.level", "read_uncommitted"), ("client.id", "desk-7")];
        let librdkafka = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let made = client("here:1", "ticklake", &librdkafka);
        assert_eq!((made.get("bootstrap.servers"), made.get("client.id")), (Some("here:1"), Some("desk-7")));
        let reading =
            Reading { brokers: "here:1", topic: "t", client_id: "c", librdkafka: &librdkafka, silence_max: Duration::ZERO };
        assert_eq!(reading.client().get("isolation.level"), Some("read_committed"));
    }
}
