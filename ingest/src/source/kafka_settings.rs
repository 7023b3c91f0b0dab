//! What a consumer is told: the topic, how its partitions are shared out, librdkafka's settings.
//!
//! Owns: `KafkaConfig`, our defaults, the settings that nobody may change.
//! Does not own: the consumer (`kafka`), where a partition starts (`start`).
//! Invariant: no setting lets librdkafka choose what is read next or what counts as committed; the lake's log does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::config::ClientConfig;

use super::start::OnGap;
use crate::error::IngestError;

/// How to reach a topic.
#[derive(Debug, Clone)]
pub struct KafkaConfig {
    /// `host:port,host:port`.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// The consumer group.
    pub group: String,
    /// Which of the topic's partitions are read here.
    pub membership: Membership,
    /// What to do about offsets that Kafka has deleted before they were read.
    pub on_gap: OnGap,
    /// Further librdkafka settings by their own names; they win over ours.
    pub librdkafka: BTreeMap<String, String>,
}

/// Which of a topic's partitions a consumer reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    /// Those the group gives it.
    Group {
        /// How the group hands them over.
        assignment: Assignment,
        /// A name that outlives the process (`group.instance.id`): back within the session it gets its partitions again.
        instance: Option<String>,
    },
    /// Every one, without joining the group (whose offsets are still reported): one process, no rebalances.
    All,
    /// These, without joining the group.
    Only(BTreeSet<i32>),
}

/// How a group hands partitions over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// Only the partitions that move stop.
    CooperativeSticky,
    /// All stop at every rebalance; for groups with members that know nothing else.
    Eager,
}

impl Assignment {
    fn strategy(self) -> &'static str {
        match self {
            Self::CooperativeSticky => "cooperative-sticky",
            Self::Eager => "range,roundrobin",
        }
    }
}

pub(super) const SESSION_TIMEOUT: &str = "session.timeout.ms";
/// A dead process's partitions go to another after this; librdkafka's default of 45 s is long for a market.
pub(super) const SESSION_TIMEOUT_MS: u64 = 10_000;
const HEARTBEAT_INTERVAL: &str = "heartbeat.interval.ms";
/// librdkafka's own default.
const HEARTBEAT_INTERVAL_MS: u64 = 3000;
const MAX_POLL_INTERVAL: &str = "max.poll.interval.ms";
/// librdkafka's own default.
const MAX_POLL_INTERVAL_DEFAULT: Duration = Duration::from_secs(300);

const LOG_DECIDES: &str = "the lake's log decides what is read next; see --on-gap";
const LAG_ONLY: &str = "the lake's log says what is committed, the group's offsets are for lag tools only";
/// What a user may not set, and why or by what else.
const REFUSED: [(&str, &str); 13] = [
    ("auto.offset.reset", LOG_DECIDES),
    ("enable.partition.eof", "a partition's end is how offsets without messages are accounted for"),
    ("enable.auto.commit", LAG_ONLY),
    ("auto.commit.enable", LAG_ONLY),
    ("enable.auto.offset.store", LAG_ONLY),
    ("partition.assignment.strategy", "use --assignment"),
    ("group.id", "use --group"),
    ("group.instance.id", "use --group-instance-id"),
    ("group.protocol", "the members of a group agree by --assignment"),
    ("isolation.level", "messages of an aborted transaction are no ticks"),
    ("queued.max.messages.kbytes", "use --memory-max"),
    ("bootstrap.servers", "use --brokers"),
    ("metadata.broker.list", "use --brokers"),
];

/// Why an ingester's user may not set this one of librdkafka's settings, if so.
pub fn why_refused(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, why)| *why)
}

/// Which of these settings no member of a group can keep to, and why, if there is one.
pub fn group_fault(librdkafka: &BTreeMap<String, String>) -> Option<(&'static str, String)> {
    // What is no number librdkafka refuses itself.
    let given = |name: &str| librdkafka.get(name).and_then(|ms| ms.trim().parse::<u64>().ok());
    let (session, heartbeat) = (given(SESSION_TIMEOUT), given(HEARTBEAT_INTERVAL));
    let name = if session.is_some() { SESSION_TIMEOUT } else { HEARTBEAT_INTERVAL };
    let (session, heartbeat) = (session.unwrap_or(SESSION_TIMEOUT_MS), heartbeat.unwrap_or(HEARTBEAT_INTERVAL_MS));
    (session <= heartbeat).then(|| {
        let why = format!(
            "{name} lets the group take a member for dead between two heartbeats: {SESSION_TIMEOUT} is {session}, \
             {HEARTBEAT_INTERVAL} {heartbeat}; give a session three times as long as a heartbeat"
        );
        (name, why)
    })
}

impl KafkaConfig {
    /// How long a rebalance may wait for a flush: half of what the group waits before it goes on without us.
    pub(crate) fn revoke_budget(&self) -> Duration {
        let own = self.librdkafka.get(MAX_POLL_INTERVAL).and_then(|ms| ms.trim().parse().ok()).map(Duration::from_millis);
        own.unwrap_or(MAX_POLL_INTERVAL_DEFAULT) / 2
    }

    /// librdkafka's settings.
    ///
    /// # Errors
    /// `Invalid` for a setting that the commit law depends on.
    pub(super) fn client(&self) -> Result<ClientConfig, IngestError> {
        if let Some((name, why)) = self.librdkafka.keys().find_map(|name| Some((name, why_refused(name)?))) {
            return Err(IngestError::Invalid(format!("the librdkafka setting {name} is not to be changed: {why}")));
        }
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "ticklake")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_committed")
            .set("allow.auto.create.topics", "false")
            .set(SESSION_TIMEOUT, SESSION_TIMEOUT_MS.to_string())
            // New partitions are found within this; the default is five minutes.
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set("queued.min.messages", "20000")
            .set("fetch.message.max.bytes", "1048576")
            // The default of 1000 ms starves a fast consumer each time its queue is full.
            .set("fetch.queue.backoff.ms", "5")
            // What is fetched ahead, and whether brokers can be reached, is told this often.
            .set("statistics.interval.ms", "2000")
            .set("log_level", "4");
        if let Membership::Group { assignment, instance } = &self.membership {
            client.set("partition.assignment.strategy", assignment.strategy());
            if let Some(instance) = instance {
                client.set("group.instance.id", instance);
            }
        }
        for (name, value) in &self.librdkafka {
            client.set(name, value);
        }
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(settings: &[(&str, &str)]) -> KafkaConfig {
        KafkaConfig {
            brokers: "127.0.0.1:9092".into(),
            topic: "t".into(),
            group: "g".into(),
            membership: Membership::Group { assignment: Assignment::Eager, instance: Some("one".into()) },
            on_gap: OnGap::Stop,
            librdkafka: settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        }
    }

    #[test]
    fn no_setting_takes_the_offsets_out_of_the_logs_hands() {
        for (name, _) in REFUSED {
            let error = config(&[(name, "x")]).client().unwrap_err();
            assert!(matches!(&error, IngestError::Invalid(text) if text.contains(name)), "{error}");
        }
        let client = config(&[("session.timeout.ms", "6000")]).client().unwrap();
        assert_eq!(client.get("session.timeout.ms"), Some("6000"), "any other setting is the user's");
        assert_eq!(client.get("auto.offset.reset"), Some("error"));
    }

    #[test]
    fn a_member_is_never_taken_for_dead_between_two_heartbeats() {
        let fault = |settings: &[(&str, &str)]| group_fault(&config(settings).librdkafka).map(|(name, _)| name);
        assert_eq!(fault(&[]), None);
        assert_eq!(fault(&[(SESSION_TIMEOUT, "1")]), Some(SESSION_TIMEOUT));
        assert_eq!(fault(&[(HEARTBEAT_INTERVAL, "10000")]), Some(HEARTBEAT_INTERVAL));
        assert_eq!(fault(&[(SESSION_TIMEOUT, "1500"), (HEARTBEAT_INTERVAL, "50")]), None);
    }

    #[test]
    fn a_group_is_joined_as_the_user_said() {
        let client = config(&[]).client().unwrap();
        assert_eq!(client.get("partition.assignment.strategy"), Some("range,roundrobin"));
        assert_eq!(client.get("group.instance.id"), Some("one"));
        let alone = KafkaConfig { membership: Membership::All, ..config(&[]) }.client().unwrap();
        assert_eq!(alone.get("group.instance.id"), None);
    }

    #[test]
    fn a_flush_never_takes_the_groups_whole_patience() {
        assert_eq!(config(&[]).revoke_budget(), Duration::from_secs(150));
        assert_eq!(config(&[(MAX_POLL_INTERVAL, "20000")]).revoke_budget(), Duration::from_secs(10));
    }
}
