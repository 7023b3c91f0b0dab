//! Trying out Kafka: brokers, topic, the group's rights.
//!
//! Owns: what is asked, and what to do about each answer.
//! Does not own: the lake's side (`lake::probe`), consuming (`kafka`).
//! Invariant: nothing is written, no group is joined, no offset is moved.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::config::FromClientConfig as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::topic_partition_list::TopicPartitionList;
use ticklake_lake::probe::Check;

use super::kafka_topic::{client, code, watermarks};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Tries out what an ingester will need of Kafka. What cannot be tried because an earlier step failed is left out. Blocks.
pub fn probe(brokers: &str, topic: &str, group: &str, librdkafka: &BTreeMap<String, String>) -> Vec<Check> {
    let mut client = client(brokers, "ticklake-doctor", librdkafka);
    let consumer = match BaseConsumer::from_config(client.set("group.id", group)) {
        Ok(consumer) => consumer,
        Err(e) => {
            let refused = format!("librdkafka refuses them: {e}; correct [kafka.librdkafka]");
            return vec![Check::new("kafka: settings", Err(refused))];
        }
    };
    let found = brokers_answer(&consumer, brokers);
    let answers = found.is_ok();
    let mut checks = vec![Check::new("kafka: brokers", found)];
    if answers {
        let ends = watermarks(brokers, topic, librdkafka);
        let partitions: Vec<i32> = ends.iter().flatten().map(|(partition, _)| *partition).collect();
        let messages: u64 = ends.iter().flatten().map(|(_, (low, high))| high.abs_diff(*low)).sum();
        checks.push(Check::new(
            "kafka: topic",
            ends.map(|_| {
                format!("{topic} has {}, {}", counted(partitions.len() as u64, "partition"), counted(messages, "offset"))
            }),
        ));
        if !partitions.is_empty() {
            checks.push(Check::new("kafka: group", group_is_ours(&consumer, topic, group, &partitions)));
        }
    }
    checks
}

fn brokers_answer(consumer: &BaseConsumer, brokers: &str) -> Result<String, String> {
    let metadata = consumer.fetch_metadata(None, TIMEOUT).map_err(|e| {
        let code = code(&e);
        format!(
            "no broker of {brokers} answered ({code}); check --brokers, the network, and that security.protocol and the credentials \
             are the listener's"
        )
    })?;
    Ok(format!("{} at {brokers}", counted(metadata.brokers().len() as u64, "broker")))
}

/// Reads the group's offsets, for which the coordinator must let us.
fn group_is_ours(consumer: &BaseConsumer, topic: &str, group: &str, partitions: &[i32]) -> Result<String, String> {
    let mut asked = TopicPartitionList::new();
    for partition in partitions {
        asked.add_partition(topic, *partition);
    }
    match consumer.committed_offsets(asked, TIMEOUT) {
        Ok(_) => Ok(format!("the coordinator lets us use group {group}")),
        Err(e) if e.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
            Err(format!("group {group} is not ours; allow Read on it, or choose another with --group"))
        }
        Err(e) => Err(format!("the coordinator of group {group} does not answer ({}); look at the brokers' logs", code(&e))),
    }
}

fn counted(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::*;

    #[test]
    fn what_is_there_passes_and_what_is_not_is_named() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("ticks", 3, 1).unwrap();
        let brokers = cluster.bootstrap_servers();
        let checks = probe(&brokers, "ticks", "g", &BTreeMap::new());
        assert!(checks.len() == 3 && checks.iter().all(|check| check.found.is_ok()), "{checks:?}");
        let checks = probe("127.0.0.1:9", "ticks", "g", &BTreeMap::from([("no.such.setting".to_owned(), "1".to_owned())]));
        assert!(checks.len() == 1 && checks[0].found.as_ref().is_err_and(|why| why.contains("no.such.setting")), "{checks:?}");
    }
}
