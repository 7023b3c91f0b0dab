//! Which dead letters are back in a topic already.
//!
//! Owns: reading a topic's messages for the header that names a dead letter's origin, and where they lie.
//! Does not own: sending dead letters back (`produce::resend`), those the lake holds again (SQL).
//! Invariant: reads from the given offsets to the ends seen at the start, joins no group, commits nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use ticklake_lake::dead_letters::ORIGIN_HEADER;

use super::kafka::{Cursors, watermarks};
use super::kafka_headers;
use crate::error::IngestError;

/// How long the brokers may stay silent before the end.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const POLL_WAIT: Duration = Duration::from_millis(100);

/// Where the messages lie, partition and offset, that name an origin.
pub type Origins = BTreeMap<String, BTreeSet<(i32, i64)>>;

/// The origins that messages of a topic name, from `starts` on; of a partition without a start, from its beginning.
///
/// # Errors
/// `Unavailable` when the brokers do not answer, `Missing` for an unknown topic, `Invalid` for settings that librdkafka refuses.
pub fn origins(
    brokers: &str,
    topic: &str,
    starts: &Cursors,
    librdkafka: &BTreeMap<String, String>,
) -> Result<Origins, IngestError> {
    let mut wanted = TopicPartitionList::new();
    let mut open = Cursors::new();
    let failed = |e: KafkaError| {
        let why = e.rdkafka_error_code().map_or_else(|| e.to_string(), |c| c.to_string());
        IngestError::Unavailable(format!("Kafka at {brokers}: reading {topic} failed ({why}); check --brokers and the network"))
    };
    for (partition, (low, high)) in watermarks(brokers, topic, librdkafka)? {
        let start = starts.get(&partition).map_or(low, |start| (*start).max(low));
        if start < high {
            wanted.add_partition_offset(topic, partition, Offset::Offset(start)).map_err(failed)?;
            open.insert(partition, high);
        }
    }
    let mut found = Origins::new();
    if open.is_empty() {
        return Ok(found);
    }
    let consumer = consumer(brokers, librdkafka)?;
    consumer.assign(&wanted).map_err(failed)?;
    let mut heard = Instant::now();
    while !open.is_empty() {
        match consumer.poll(POLL_WAIT) {
            None => {}
            Some(Ok(message)) => {
                heard = Instant::now();
                kafka_headers::each(message.headers(), |name, value| {
                    if name == ORIGIN_HEADER
                        && let Some(origin) = value.and_then(|v| std::str::from_utf8(v).ok())
                    {
                        found.entry(origin.to_owned()).or_default().insert((message.partition(), message.offset()));
                    }
                });
                open.retain(|partition, high| *partition != message.partition() || message.offset() + 1 < *high);
            }
            // Markers of transactions lie between the last message and the end.
            Some(Err(KafkaError::PartitionEOF(ended))) => open.retain(|partition, _| *partition != ended),
            Some(Err(error)) => tracing::debug!(%error, "Kafka consumer; librdkafka retries"),
        }
        if heard.elapsed() > SILENCE_MAX {
            return Err(IngestError::Unavailable(format!(
                "Kafka at {brokers}: {topic} could not be read to its end, nothing came for {} s; check the brokers, try again",
                SILENCE_MAX.as_secs()
            )));
        }
    }
    Ok(found)
}

fn consumer(brokers: &str, librdkafka: &BTreeMap<String, String>) -> Result<BaseConsumer, IngestError> {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", brokers)
        .set("client.id", "ticklake-dlq")
        // A consumer must name a group; this one never joins it.
        .set("group.id", "ticklake-dlq")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed");
    for (name, value) in librdkafka {
        client.set(name, value);
    }
    client.create().map_err(|e| IngestError::Invalid(format!("librdkafka refuses the settings: {e}")))
}

#[cfg(test)]
mod tests {
    use rdkafka::message::{Header, OwnedHeaders};
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

    use super::*;

    #[test]
    fn an_origin_is_found_after_the_start_and_never_before_it() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("ticks", 2, 1).unwrap();
        let brokers = cluster.bootstrap_servers();
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &brokers).create().unwrap();
        for (partition, origin) in [(0, "ticks/0/1"), (0, "ticks/0/2"), (1, "ticks/1/3")] {
            let headers = OwnedHeaders::new()
                .insert(Header { key: "other", value: Some("ticks/9/9") })
                .insert(Header { key: ORIGIN_HEADER, value: Some(origin) });
            producer.send(BaseRecord::<(), str>::to("ticks").partition(partition).payload("{}").headers(headers)).unwrap();
        }
        producer.send(BaseRecord::<(), str>::to("ticks").partition(0).payload("{}")).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
        let asked = |starts: Cursors| origins(&brokers, "ticks", &starts, &BTreeMap::new()).unwrap();
        let at = |list: &[(&str, (i32, i64))]| -> Origins {
            list.iter().map(|(origin, place)| ((*origin).to_owned(), BTreeSet::from([*place]))).collect()
        };
        let (first, second, third) = (("ticks/0/1", (0, 0)), ("ticks/0/2", (0, 1)), ("ticks/1/3", (1, 0)));
        assert_eq!(asked(Cursors::new()), at(&[first, second, third]));
        assert_eq!(asked(Cursors::from([(0, 1), (1, 0)])), at(&[second, third]));
        assert_eq!(asked(Cursors::from([(0, 4), (1, 1)])), at(&[]));
    }
}
