//! Where Kafka ends, for whoever measures how far behind we are.
//!
//! Owns: asking the brokers through the consumer's own connections, from another thread than the collecting one.
//! Does not own: the consumer (`kafka`), which may be gone when asked.
//! Invariant: one request a broker, never longer than its limit; what was not told is left out, never guessed.
//! librdkafka's cached watermarks would be cheaper, but they come with fetches: they stand still while partitions are
//! paused, which is when one wants to know.

use std::sync::Weak;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::kafka::Cursors;
use super::kafka_rebalance::Context;

const TIMEOUT: Duration = Duration::from_secs(1);

/// A way to ask where a topic's partitions end.
pub struct Ends {
    pub(super) consumer: Weak<BaseConsumer<Context>>,
    pub(super) topic: String,
}

impl Ends {
    /// The next offset a reader of committed messages will come to, by partition.
    pub(crate) fn ask(&self, partitions: &[i32]) -> Cursors {
        let (Some(consumer), false) = (self.consumer.upgrade(), partitions.is_empty()) else { return Cursors::new() };
        let answer = self.latest(partitions).and_then(|list| consumer.offsets_for_times(list, TIMEOUT));
        match answer {
            Ok(list) => {
                let known = |offset| if let Offset::Offset(end) = offset { Some(end) } else { None };
                list.elements()
                    .iter()
                    .filter(|e| e.error().is_ok())
                    .filter_map(|e| Some((e.partition(), known(e.offset())?)))
                    .collect()
            }
            Err(error) => {
                tracing::debug!(%error, "the ends of the partitions are not known");
                Cursors::new()
            }
        }
    }

    /// The request: in the place of a timestamp, "latest".
    fn latest(&self, partitions: &[i32]) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for &partition in partitions {
            list.add_partition_offset(&self.topic, partition, Offset::End)?;
        }
        Ok(list)
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
