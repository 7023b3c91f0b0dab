//! Creating the topic where it is missing.
//!
//! Owns: the look, the creation, the wait until it can be used.
//! Does not own: changing a topic that exists: it is left as it is.
//! Invariant: on success the topic exists, and if it is new every partition has a leader.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, Producer as _};

use super::ProduceError;
use super::sink::{Reports, SinkConfig, look_up, open};

/// How often, and how long after one another, to look whether a new topic is ready.
const LOOKS_MAX: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A topic as found or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicState {
    /// Its partitions; an existing topic may have another number than asked for.
    pub partitions: usize,
    /// Whether it was made now.
    pub created: bool,
}

/// Makes the sink's topic unless it exists; an existing one is left as it is. Blocks; not for an async thread.
///
/// # Errors
/// `Unavailable` when no broker answers or refuses, `Invalid` for settings or numbers the broker refuses.
pub fn create_topic_if_absent(config: &SinkConfig, partitions: i32, replication: i32) -> Result<TopicState, ProduceError> {
    let client = open(&config.client())?;
    if let Some(found) = look_up(&client, config)? {
        return Ok(TopicState { partitions: found.count, created: false });
    }
    let created = create(config, partitions, replication)?;
    for _ in 0..LOOKS_MAX {
        match look_up(&client, config)? {
            Some(found) if found.led && every_leader_answers(&client, config, found.count) => {
                return Ok(TopicState { partitions: found.count, created });
            }
            _ => std::thread::sleep(LOOK_EVERY),
        }
    }
    Err(ProduceError::Unavailable(format!(
        "topic {:?} at {} was created but its partitions still have no leaders after {:?}; look at the brokers' logs",
        config.topic,
        config.brokers,
        LOOK_EVERY * LOOKS_MAX
    )))
}

/// Whether every partition can be read and written. A leader that is named and not ready refuses the first request and takes
/// the second, and the retry of the first then counts as a duplicate: it would be acknowledged and not there.
fn every_leader_answers(client: &BaseProducer<Reports>, config: &SinkConfig, partitions: usize) -> bool {
    (0..).take(partitions).all(|partition| client.client().fetch_watermarks(&config.topic, partition, config.connect_max).is_ok())
}

/// Asks for the topic; `false` when someone else made it meanwhile.
fn create(config: &SinkConfig, partitions: i32, replication: i32) -> Result<bool, ProduceError> {
    let admin = AdminClient::from_config_and_context(&config.client(), Reports::default())
        .map_err(|e| ProduceError::Invalid(format!("librdkafka refuses the client's settings: {e}")))?;
    let topic = NewTopic::new(&config.topic, partitions, TopicReplication::Fixed(replication));
    let options = AdminOptions::new().operation_timeout(Some(config.connect_max)).request_timeout(Some(config.connect_max));
    let what = || {
        let (topic, brokers) = (&config.topic, &config.brokers);
        format!("cannot create topic {topic:?} with {partitions} partitions and replication {replication} at {brokers}")
    };
    let results = wait_for(admin.create_topics([&topic], &options));
    match results.map_err(|e| ProduceError::Unavailable(format!("{}: {e}", what())))?.into_iter().next() {
        Some(Ok(_)) => Ok(true),
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(false),
        Some(Err((
            _,
            code @ (RDKafkaErrorCode::InvalidTopic
            | RDKafkaErrorCode::InvalidPartitions
            | RDKafkaErrorCode::InvalidReplicationFactor
            | RDKafkaErrorCode::PolicyViolation),
        ))) => Err(ProduceError::Invalid(format!("{}: {code}", what()))),
        Some(Err((_, code))) => Err(ProduceError::Unavailable(format!("{}: {code}", what()))),
        None => Err(ProduceError::Unavailable(format!("{}: the broker answered nothing", what()))),
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread. librdkafka's own thread completes it; no runtime is needed.
fn wait_for<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::mocking::MockCluster;

    #[test]
    fn an_existing_topic_is_left_as_it_is() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("ticks", 3, 1).unwrap();
        let config = SinkConfig::new(cluster.bootstrap_servers(), "ticks");
        assert_eq!(create_topic_if_absent(&config, 8, 1), Ok(TopicState { partitions: 3, created: false }));
    }

    #[test]
    fn a_broker_that_is_not_there_is_named() {
        let config = SinkConfig { connect_max: Duration::from_millis(300), ..SinkConfig::new("127.0.0.1:9", "ticks") };
        let error = create_topic_if_absent(&config, 8, 1).unwrap_err();
        assert!(matches!(&error, ProduceError::Unavailable(text) if text.contains("127.0.0.1:9")), "{error}");
    }
}
