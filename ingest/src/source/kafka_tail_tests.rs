//! The tail of a topic in an embedded broker.
//!
//! Owns: what is told beyond a log that moves on.
//! Does not own: the real broker, transactions and load (dev/e2e/test_live.py).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use ticklake_lake::clock::ManualClock;
use ticklake_lake::{Offsets, SourceId};

use super::kafka::{KafkaConfig, Membership, OnGap};
use crate::demo_broker::DemoBroker;
use crate::error::IngestError;
use crate::tail::{Tail, TailConfig, TailTicks};

const NOW_NS: i64 = 1_700_000_000_000_000_000;

struct Topic {
    broker: DemoBroker,
    producer: BaseProducer,
}

impl Topic {
    fn new() -> Self {
        let broker = DemoBroker::start("ticks", 2).unwrap();
        let producer = ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().unwrap();
        Self { broker, producer }
    }

    fn send(&self, partition: i32, count: usize) {
        for at in 0..count {
            let tick = format!(r#"{{"symbol":"A","time":1700000000,"price":{}}}"#, at + 1);
            self.producer.send(BaseRecord::<(), str>::to("ticks").partition(partition).payload(&tick)).unwrap();
        }
        self.producer.flush(Duration::from_secs(10)).unwrap();
    }

    fn tail(&self, rows_max: usize) -> Tail {
        let kafka = KafkaConfig {
            brokers: self.broker.brokers(),
            topic: "ticks".into(),
            group: "g".into(),
            membership: Membership::All,
            on_gap: OnGap::Stop,
            librdkafka: BTreeMap::new(),
        };
        let config = TailConfig { kafka, source: SourceId::new("ticks"), rows_max, bytes_max: 64 << 20 };
        Tail::follow(config, Arc::new(ManualClock::at(NOW_NS)))
    }
}

fn log(ends: &[(i32, i64)]) -> Offsets {
    let mut log = Offsets::default();
    ends.iter().for_each(|(partition, end)| log.fold(&SourceId::new("ticks").app_id(*partition), *end));
    log
}

/// Partition and offset of every tick told, in order.
fn coordinates(ticks: &TailTicks) -> Vec<(i32, i64)> {
    let mut all = Vec::new();
    for rows in &ticks.rows {
        let partitions = rows.column_by_name("kafka_partition").unwrap().as_primitive::<Int32Type>().values().to_vec();
        let offsets = rows.column_by_name("kafka_offset").unwrap().as_primitive::<Int64Type>().values().to_vec();
        all.extend(partitions.into_iter().zip(offsets));
    }
    all.sort_unstable();
    all
}

fn expected(ranges: &[(i32, i64, i64)]) -> Vec<(i32, i64)> {
    ranges.iter().flat_map(|(partition, from, to)| (*from..*to).map(move |offset| (*partition, offset))).collect()
}

#[tokio::test]
async fn no_tick_beyond_the_log_is_told_twice_or_left_out_while_the_log_moves_on() {
    let topic = Topic::new();
    let tail = topic.tail(100_000);
    topic.send(0, 500);
    let none = tail.ticks(Offsets::default()).await.unwrap();
    assert_eq!(coordinates(&none), expected(&[(0, 0, 500)]));
    topic.send(1, 300);
    topic.send(0, 20);
    let some = tail.ticks(log(&[(0, 100)])).await.unwrap();
    assert_eq!(coordinates(&some), expected(&[(0, 100, 520), (1, 0, 300)]));
    assert_eq!(some.span.iter().collect::<Vec<_>>(), [(0, 100, 520), (1, 0, 300)]);
    // An ingester was faster than we: what it has is passed over unread.
    topic.send(0, 1000);
    let ahead = tail.ticks(log(&[(0, 1517), (1, 300)])).await.unwrap();
    assert_eq!(coordinates(&ahead), expected(&[(0, 1517, 1520)]));
    assert_eq!(ahead.span.iter().collect::<Vec<_>>(), [(0, 1517, 1520)]);
    // A log that was set back.
    let back = tail.ticks(log(&[(0, 10), (1, 299)])).await.unwrap();
    assert_eq!(coordinates(&back), expected(&[(0, 10, 1520), (1, 299, 300)]));
}

#[tokio::test]
async fn messages_that_are_no_ticks_are_never_told_as_some_nor_waited_for() {
    let topic = Topic::new();
    for payload in ["{}", "not JSON", r#"{"symbol":"A","time":1700000000,"price":7}"#, ""] {
        topic.producer.send(BaseRecord::<(), str>::to("ticks").partition(0).payload(payload)).unwrap();
    }
    topic.producer.flush(Duration::from_secs(10)).unwrap();
    let ticks = topic.tail(1000).ticks(Offsets::default()).await.unwrap();
    assert_eq!(coordinates(&ticks), [(0, 2)]);
    assert_eq!(ticks.span.iter().collect::<Vec<_>>(), [(0, 0, 4)]);
}

#[tokio::test]
async fn more_than_may_be_held_is_never_told_in_part() {
    let topic = Topic::new();
    topic.send(0, 200);
    let tail = topic.tail(100);
    let error = tail.ticks(Offsets::default()).await.unwrap_err();
    assert!(
        matches!(&error, IngestError::Invalid(why) if why.contains("200 messages") && why.contains("--live-rows-max")),
        "{error}"
    );
    let ticks = tail.ticks(log(&[(0, 150)])).await.unwrap();
    assert_eq!(coordinates(&ticks), expected(&[(0, 150, 200)]));
}

#[tokio::test]
async fn a_log_that_is_ahead_of_kafka_or_a_topic_that_is_not_there_is_never_an_empty_tail() {
    let topic = Topic::new();
    topic.send(0, 5);
    let error = topic.tail(100).ticks(log(&[(0, 6)])).await.unwrap_err();
    assert!(matches!(&error, IngestError::Invalid(why) if why.contains("--source NEWNAME")), "{error}");
    let mut config = KafkaConfig {
        brokers: topic.broker.brokers(),
        topic: "ticks".into(),
        group: "g".into(),
        membership: Membership::All,
        on_gap: OnGap::Stop,
        librdkafka: BTreeMap::from([("enable.auto.commit".to_owned(), "true".to_owned())]),
    };
    let tail = |kafka: &KafkaConfig| {
        let config = TailConfig { kafka: kafka.clone(), source: SourceId::new("ticks"), rows_max: 10, bytes_max: 1 << 20 };
        Tail::follow(config, Arc::new(ManualClock::at(NOW_NS)))
    };
    let error = tail(&config).ticks(Offsets::default()).await.unwrap_err();
    assert!(matches!(error, IngestError::Invalid(_)), "{error}");
    config.librdkafka.clear();
    config.topic = "other".into();
    let error = tail(&config).ticks(Offsets::default()).await.unwrap_err();
    assert!(!matches!(error, IngestError::Lake(_)), "{error}");
}
