//! What a topic really holds: the offsets of its messages, for the audit.
//!
//! Owns: reading a range of every partition once, read_committed, without a group's help or its offsets.
//! Does not own: what the messages are held against (`lake::audit`), consuming to ingest (`kafka`).
//! Invariant: either every message that Kafka still has in the range was told, or there is an error; never a part in silence.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::Message as _;

use super::kafka_topic::{Reading, client, watermarks};
use crate::error::IngestError;

const CLIENT_ID: &str = "ticklake-audit";
/// Nothing read for so long, with messages outstanding: Kafka is gone.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const DESCRIBE_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls `each` with partition and offset of every message below `ends`, in order within a partition, and returns where each
/// partition's messages begin by now: what retention deleted meanwhile was perhaps not told.
///
/// # Errors
/// `Unavailable` when Kafka does not answer or falls silent, `Missing` for an unknown topic, `Invalid` for
/// settings that librdkafka refuses.
pub fn read_messages(
    brokers: &str,
    topic: &str,
    librdkafka: &BTreeMap<String, String>,
    ends: &BTreeMap<i32, i64>,
    each: &mut dyn FnMut(i32, i64),
) -> Result<BTreeMap<i32, i64>, IngestError> {
    let ranges = watermarks(brokers, topic, librdkafka)?.into_iter().map(|(partition, (low, high))| {
        let end = ends.get(&partition).copied().unwrap_or(0).min(high);
        (partition, low..end)
    });
    let reading = Reading { brokers, topic, client_id: CLIENT_ID, librdkafka, silence_max: SILENCE_MAX };
    reading.read(&ranges.collect(), &mut |message| each(message.partition(), message.offset()))?;
    Ok(watermarks(brokers, topic, librdkafka)?.into_iter().map(|(partition, (low, _))| (partition, low)).collect())
}

/// Whether Kafka may forget single messages of a topic.
///
/// # Errors
/// `Unavailable` when it does not say.
pub fn is_compacted<'a>(
    brokers: &'a str,
    topic: &'a str,
    librdkafka: &'a BTreeMap<String, String>,
) -> BoxFuture<'a, Result<bool, IngestError>> {
    Box::pin(async move {
        let unknown = |why: String| {
            IngestError::Unavailable(format!(
                "Kafka at {brokers} does not say whether {topic} is compacted ({why}); allow DescribeConfigs on it"
            ))
        };
        let admin: AdminClient<DefaultClientContext> =
            client(brokers, CLIENT_ID, librdkafka).create().map_err(|e| unknown(e.to_string()))?;
        let options = AdminOptions::new().request_timeout(Some(DESCRIBE_TIMEOUT));
        let described = admin.describe_configs([&ResourceSpecifier::Topic(topic)], &options).await;
        match described.map_err(|e| unknown(e.to_string()))?.into_iter().next() {
            Some(Ok(config)) => {
                let policy = config.get("cleanup.policy").and_then(|found| found.value.as_deref());
                Ok(policy.is_some_and(|policy| policy.contains("compact")))
            }
            Some(Err(code)) => Err(unknown(code.to_string())),
            None => Err(unknown("it answered nothing".into())),
        }
    })
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::*;
    use crate::produce::{KafkaSink, SinkConfig};

    #[test]
    fn no_message_below_the_ends_is_left_out_and_none_beyond_is_told() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("ticks", 2, 1).unwrap();
        let mut sink = KafkaSink::connect(&SinkConfig::new(cluster.bootstrap_servers(), "ticks")).unwrap();
        for key in 0_u8..200 {
            assert!(sink.send(&[key], b"{}").unwrap());
        }
        sink.finish().unwrap();
        let high = watermarks(&cluster.bootstrap_servers(), "ticks", &BTreeMap::new()).unwrap();
        let ends = BTreeMap::from([(0, high[&0].1), (1, high[&1].1 - 7), (2, 50)]);
        let mut told: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
        let mut each = |partition, offset| told.entry(partition).or_default().push(offset);
        let lows = read_messages(&cluster.bootstrap_servers(), "ticks", &BTreeMap::new(), &ends, &mut each).unwrap();
        assert_eq!(lows, BTreeMap::from([(0, 0), (1, 0)]));
        assert_eq!(told[&0], (0..ends[&0]).collect::<Vec<_>>());
        assert_eq!(told[&1], (0..ends[&1]).collect::<Vec<_>>());
    }
}
