//! Where Kafka begins and ends, asked from other threads than the collecting one.
//!
//! Owns: asking the brokers through the consumer's own connections, once for whoever measures how far behind we are, and for
//! as long as it takes where partitions are to start.
//! Does not own: the consumer (`kafka`), which may be gone when asked.
//! Invariant: one request a broker, never longer than its limit; what was not told is left out or asked again, never guessed.
//! librdkafka's cached watermarks would be cheaper, but they come with fetches: they stand still while partitions are
//! paused, which is when one wants to know.

use std::sync::Weak;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::Offset;

use super::kafka::{Cursors, SourceEvent};
use super::kafka_rebalance::Context;
use super::kafka_topic::{LOOK_EVERY, bounds, code, offsets_at, partitions};
use crate::error::IngestError;

/// For a measurement.
const TIMEOUT: Duration = Duration::from_secs(1);
/// For one try of those that are repeated; a consumer that ends is kept alive for it.
const TRY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the topic is looked at for a partition that was assigned and is not there: the group's leader may have seen it
/// first.
const LOOKS_FOR_PARTITION_MAX: u32 = 20;

/// A way to ask where a topic's partitions begin and end, and what was fetched of them.
pub struct Ends {
    pub(super) consumer: Weak<BaseConsumer<Context>>,
    pub(super) brokers: String,
    pub(super) topic: String,
}

impl Ends {
    /// The next offset a reader of committed messages will come to, by partition.
    pub(crate) fn ask(&self, partitions: &[i32]) -> Cursors {
        let Some(consumer) = self.consumer.upgrade() else { return Cursors::new() };
        match offsets_at(&consumer, &self.topic, partitions, Offset::End, TIMEOUT) {
            Ok(told) => told.into_iter().filter_map(|(partition, end)| Some((partition, end.ok()?))).collect(),
            Err(error) => {
                tracing::debug!(%error, "the ends of the partitions are not known");
                Cursors::new()
            }
        }
    }

    /// Bytes fetched and not polled, as librdkafka counted them last.
    pub(crate) fn fetched(&self) -> usize {
        self.consumer.upgrade().map_or(0, |consumer| consumer.context().fetched())
    }

    /// Asks on a thread of its own what Kafka still has of partitions; the answer waits at the consumer.
    pub(super) fn locate(self, partitions: Vec<i32>) {
        std::thread::spawn(move || {
            let located = self.located(&partitions);
            if let Some(consumer) = self.consumer.upgrade() {
                *consumer.context().located() = located;
            }
        });
    }

    /// Tries until Kafka tells, or does not know a partition, or nobody wants to know any more: librdkafka does not give up
    /// an absent broker either.
    fn located(&self, wanted: &[i32]) -> Option<SourceEvent> {
        let (mut looks, mut told) = (0, false);
        loop {
            let consumer = self.consumer.upgrade()?;
            let error = match bounds(&consumer, &self.topic, wanted, TRY_TIMEOUT) {
                Ok(bounds) => return Some(SourceEvent::Located(bounds)),
                Err(error) => error,
            };
            if !told {
                let Self { brokers, topic, .. } = self;
                tracing::warn!(brokers, topic, error = code(&error), "no word where partitions begin and end; asking on");
                told = true;
            }
            // Partitions made, or led by another broker, since this client last looked.
            looks = match partitions(&consumer, &self.brokers, &self.topic) {
                Ok(there) if wanted.iter().all(|partition| there.contains(partition)) => 0,
                Err(IngestError::Unavailable(_)) => 0,
                Ok(_) | Err(_) => looks + 1,
            };
            if looks >= LOOKS_FOR_PARTITION_MAX {
                return Some(SourceEvent::Deleted);
            }
            drop(consumer);
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rdkafka::ClientConfig;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

    use super::super::kafka::{KafkaConfig, KafkaSource, Membership, OnGap};
    use super::*;
    use crate::demo_broker::DemoBroker;

    #[test]
    fn an_end_is_never_older_than_the_question_nor_told_by_a_consumer_that_is_gone() {
        let broker = DemoBroker::start("t", 2).unwrap();
        let config = KafkaConfig {
            brokers: broker.brokers(),
            topic: "t".into(),
            group: "g".into(),
            membership: Membership::All,
            on_gap: OnGap::Stop,
            librdkafka: BTreeMap::new(),
        };
        let source = KafkaSource::connect(&config, 1 << 20).unwrap();
        let ends = source.ends();
        assert_eq!(ends.ask(&[0, 1]), Cursors::from([(0, 0), (1, 0)]));
        let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().unwrap();
        for _ in 0..3 {
            producer.send(BaseRecord::<(), str>::to("t").partition(1).payload("x")).unwrap();
        }
        producer.flush(Duration::from_secs(10)).unwrap();
        assert_eq!(ends.ask(&[0, 1]), Cursors::from([(0, 0), (1, 3)]));
        assert_eq!(ends.ask(&[]), Cursors::new());
        drop(source);
        assert_eq!(ends.ask(&[0, 1]), Cursors::new());
    }
}
