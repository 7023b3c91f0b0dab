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
use ticklake_lake::{Offsets, SourceId};

use super::kafka_topic::{Watermarks, client, code, watermarks};
use super::start::{OnGap, start_of};
use crate::error::IngestError;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What an ingester would go on from.
#[derive(Debug, Clone)]
pub struct Log {
    /// Whose offsets it would go on with.
    pub source: SourceId,
    /// The offsets a lake records.
    pub offsets: Offsets,
    /// What it would do about offsets that are gone.
    pub on_gap: OnGap,
}

/// Tries out what an ingester will need of Kafka, and whether it could go on from a log that was read before. What cannot be
/// tried because an earlier step failed is left out. Blocks.
pub fn probe(brokers: &str, topic: &str, group: &str, librdkafka: &BTreeMap<String, String>, log: Option<&Log>) -> Vec<Check> {
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
        let goes_on = ends.as_ref().ok().zip(log).map(|(ends, log)| goes_on(log, ends));
        checks.push(Check::new(
            "kafka: topic",
            ends.map(|_| {
                format!("{topic} has {}, {}", counted(partitions.len() as u64, "partition"), counted(messages, "offset"))
            }),
        ));
        checks.extend(goes_on.map(|found| Check::new("kafka: offsets", found)));
        if !partitions.is_empty() {
            checks.push(Check::new("kafka: group", group_is_ours(&consumer, topic, group, &partitions)));
        }
    }
    checks
}

/// Whether every partition has what the log ends at; what an ingester would refuse.
fn goes_on(log: &Log, ends: &Watermarks) -> Result<String, IngestError> {
    for (&partition, &watermarks) in ends {
        start_of(&log.source, &log.offsets, partition, watermarks, log.on_gap)?;
    }
    let name = log.source.name();
    let begun = ends.keys().any(|partition| log.offsets.next(&log.source, *partition).is_some());
    Ok(if begun { format!("Kafka has what comes next of {name}") } else { format!("the lake has nothing of {name} yet") })
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
        let checks = probe(&brokers, "ticks", "g", &BTreeMap::new(), None);
        assert!(checks.len() == 3 && checks.iter().all(|check| check.found.is_ok()), "{checks:?}");
        let checks = probe("127.0.0.1:9", "ticks", "g", &BTreeMap::from([("no.such.setting".to_owned(), "1".to_owned())]), None);
        assert!(checks.len() == 1 && checks[0].found.as_ref().is_err_and(|why| why.contains("no.such.setting")), "{checks:?}");
    }

    #[test]
    fn what_an_ingester_would_refuse_to_go_on_from_never_passes() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("ticks", 1, 1).unwrap();
        let mut log = Log { source: SourceId::new("ticks"), offsets: Offsets::default(), on_gap: OnGap::Stop };
        let found = |log: &Log| {
            let checks = probe(&cluster.bootstrap_servers(), "ticks", "g", &BTreeMap::new(), Some(log));
            checks.into_iter().find(|check| check.name == "kafka: offsets").unwrap().found
        };
        assert_eq!(found(&log), Ok("the lake has nothing of ticks yet".to_owned()));
        log.offsets.fold(&log.source.app_id(0), 10);
        assert!(found(&log).is_err_and(|why| why.contains("ends at offset 10") && why.contains("--source NEWNAME")));
    }
}
