//! An in-process Kafka broker for the demo: librdkafka's mock cluster.
//!
//! Owns: the cluster's life and the bound that keeps it from forgetting messages.
//! Does not own: producing and consuming, which are the same code as against any Kafka.
//! Invariant: the mock silently drops all but the newest 5 MiB or 100,000 record batches of a partition, so no more
//! than `IN_FLIGHT_BYTES_MAX` may be produced and not yet consumed, whatever partition it is in.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::error::IngestError;

/// Key and payload bytes that may be in the broker at once; well below 5 MiB, for headers and record overhead.
pub const IN_FLIGHT_BYTES_MAX: u64 = 3 << 20;

/// A running broker; it ends when dropped.
pub struct DemoBroker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl DemoBroker {
    /// Starts a broker on a free port of 127.0.0.1 with one topic.
    ///
    /// # Errors
    /// `Unavailable` when librdkafka cannot start it.
    pub fn start(topic: &str, partitions: i32) -> Result<Self, IngestError> {
        let failed =
            |e: rdkafka::error::KafkaError| IngestError::Unavailable(format!("the demo's own broker did not start ({e})"));
        let cluster = MockCluster::new(1).map_err(failed)?;
        cluster.create_topic(topic, partitions, 1).map_err(failed)?;
        Ok(Self { cluster })
    }

    /// `host:port` to connect to.
    pub fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}
