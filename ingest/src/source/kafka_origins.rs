//! Which dead letters are back in a topic already.
//!
//! Owns: reading a topic's messages for the header that names a dead letter's origin, and where they lie.
//! Does not own: sending dead letters back (`produce::resend`), those the lake holds again (SQL).
//! Invariant: reads from the given offsets to the ends seen at the start, joins no group, commits nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::message::Message as _;
use ticklake_lake::dead_letters::ORIGIN_HEADER;

use super::kafka::Cursors;
use super::kafka_queue::Message;
use super::kafka_topic::{Reading, watermarks};
use crate::error::IngestError;

/// How long the brokers may stay silent before the end.
const SILENCE_MAX: Duration = Duration::from_secs(30);

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
    let ranges = watermarks(brokers, topic, librdkafka)?.into_iter().map(|(partition, (low, high))| {
        let start = starts.get(&partition).map_or(low, |start| (*start).max(low));
        (partition, start..high)
    });
    let reading = Reading { brokers, topic, client_id: "ticklake-dlq", librdkafka, silence_max: SILENCE_MAX };
    let mut found = Origins::new();
    reading.read(&ranges.collect(), &mut |message| {
        Message::of(message).headers(|name, value| {
            if name == ORIGIN_HEADER
                && let Some(origin) = value.and_then(|v| std::str::from_utf8(v).ok())
            {
                found.entry(origin.to_owned()).or_default().insert((message.partition(), message.offset()));
            }
        });
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use rdkafka::config::ClientConfig;
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
