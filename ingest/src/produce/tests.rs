//! From source to a mock broker and back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use rdkafka::Message as _;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, OwnedMessage};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{Offset, TopicPartitionList};
use ticklake_lake::dead_letters::{Header, ORIGIN_HEADER};

use super::*;

const TOPIC: &str = "ticks";
const PARTITIONS: i32 = 2;

fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, PARTITIONS, 1).unwrap();
    cluster
}

fn consumer(brokers: &str) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("fetch.wait.max.ms", "10")
        .create()
        .unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    consumer
}

fn market(symbols: usize) -> Simulator {
    Simulator::new(&SimulateConfig { symbols, ..SimulateConfig::default() }).unwrap()
}

fn config(cluster: &MockCluster<'static, DefaultProducerContext>) -> ProduceConfig {
    ProduceConfig::new(SinkConfig::new(cluster.bootstrap_servers(), TOPIC))
}

#[test]
fn a_source_can_go_to_a_thread_of_its_own() {
    fn sent<T: Send>() {}
    sent::<TickSource>();
    sent::<ProduceConfig>();
}

#[test]
fn what_is_produced_arrives_once_in_order_and_keyed() {
    let cluster = cluster();
    let mut config = config(&cluster);
    config.ticks_max = Some(5_000);
    config.progress_every = Duration::ZERO;
    let mut told = Progress::default();
    let report = run(&config, market(50), &AtomicBool::new(false), |progress| told = progress.clone()).unwrap();
    assert_eq!((report.produced, report.stopped), (5_000, false));
    assert_eq!((told.produced, told.delivered, told.bytes), (5_000, 5_000, report.bytes));

    let consumer = consumer(&cluster.bootstrap_servers());
    let mut next: BTreeMap<String, (i64, i32)> = BTreeMap::new();
    let mut bytes = 0;
    for _ in 0..report.produced {
        let message = consumer.poll(Duration::from_secs(10)).unwrap().unwrap();
        let tick: serde_json::Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        let symbol = tick["symbol"].as_str().unwrap();
        assert_eq!(message.key().unwrap(), symbol.as_bytes());
        let (sequence, partition) = next.entry(symbol.to_owned()).or_insert((1, message.partition()));
        assert_eq!((tick["sequence"].as_i64(), message.partition()), (Some(*sequence), *partition));
        *sequence += 1;
        bytes += (message.key_len() + message.payload_len()) as u64;
    }
    assert_eq!(bytes, report.bytes);
    assert!(consumer.poll(Duration::from_millis(200)).is_none(), "nothing came twice");
}

#[test]
fn no_more_bytes_are_in_flight_than_the_gate_allows() {
    let cluster = cluster();
    let limit = 20_000;
    let consumed = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&consumed);
    let gate = Arc::new(InFlight::new(limit, move || counter.load(Ordering::SeqCst)));
    let mut config = config(&cluster);
    config.ticks_max = Some(2_000);
    config.in_flight = Some(Arc::clone(&gate));
    let brokers = cluster.bootstrap_servers();
    let watcher = Arc::clone(&gate);
    let consuming = std::thread::spawn(move || {
        let consumer = consumer(&brokers);
        let mut most = 0;
        for _ in 0..2_000 {
            let message = consumer.poll(Duration::from_secs(20)).unwrap().unwrap();
            most = most.max(watcher.held());
            consumed.fetch_add((message.key_len() + message.payload_len()) as u64, Ordering::SeqCst);
        }
        most
    });
    let report = run(&config, market(50), &AtomicBool::new(false), |_| ()).unwrap();
    let most = consuming.join().unwrap();
    assert!(report.bytes > 10 * limit, "{} bytes passed", report.bytes);
    assert!(most <= limit && most > limit / 2, "{most} bytes in flight");
    assert_eq!(gate.held(), 0);
}

#[test]
fn a_closed_gate_does_not_outlast_the_stop_flag() {
    let cluster = cluster();
    let mut config = config(&cluster);
    config.in_flight = Some(Arc::new(InFlight::new(1_000, || 0)));
    config.progress_every = Duration::from_millis(50);
    let stop = AtomicBool::new(false);
    let report = run(&config, market(50), &stop, |progress| {
        if progress.elapsed > Duration::from_millis(200) {
            stop.store(true, Ordering::Relaxed);
        }
    })
    .unwrap();
    assert!(report.stopped && report.produced > 0 && report.bytes <= 1_000, "{report:?}");
}

#[test]
fn the_rate_and_the_duration_are_kept() {
    let cluster = cluster();
    let mut config = config(&cluster);
    config.rate = Rate::PerSecond(1_000.0);
    config.duration_max = Some(Duration::from_millis(600));
    let report = run(&config, market(50), &AtomicBool::new(false), |_| ()).unwrap();
    assert!((400..=760).contains(&report.produced), "{report:?}");
}

#[test]
fn at_ten_times_the_speed_a_file_takes_a_tenth_of_its_span() {
    let cluster = cluster();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    std::fs::write(&path, "symbol,time,price\nA,100,1\nA,102,1\nB,104,1\nbad,,\n").unwrap();
    let mut config = config(&cluster);
    config.speed = Speed::parse("10x").unwrap();
    let open = |skip_bad| Replay::open(&ReplayConfig { path: path.clone(), skip_bad, ..ReplayConfig::default() }).unwrap();
    let report = run(&config, open(true), &AtomicBool::new(false), |_| ()).unwrap();
    assert_eq!((report.produced, report.skipped_bad), (3, 1));
    assert!(report.first_skipped.unwrap().contains("a.csv:5"));
    assert!(report.elapsed >= Duration::from_millis(400) && report.elapsed < Duration::from_secs(3), "{:?}", report.elapsed);

    config.speed = Speed::Max;
    let error = run(&config, open(false), &AtomicBool::new(false), |_| ()).unwrap_err().to_string();
    assert!(error.contains("a.csv:5") && error.ends_with("3 ticks before it were sent"), "{error}");
}

#[test]
fn a_dead_letter_goes_back_as_it_came_and_names_its_origin_once() {
    let cluster = cluster();
    let brokers = cluster.bootstrap_servers();
    let header = |name: &str, value: Option<&[u8]>| Header { name: name.into(), value: value.map(<[u8]>::to_vec) };
    let came = vec![header("trace", Some(b"\xff")), header(ORIGIN_HEADER, Some(b"older")), header("trace", None)];
    let whole =
        Resend { origin: "ticks/0/9".into(), key: Some(b"K\0".to_vec()), payload: Some(b"\xfe{".to_vec()), headers: came };
    let bare = Resend { key: None, payload: None, headers: vec![], ..whole.clone() };
    let mut sender = Resender::connect(&SinkConfig::new(&brokers, TOPIC)).unwrap();
    sender.send(whole.clone()).unwrap();
    sender.send(bare).unwrap();
    assert_eq!(sender.finish().unwrap(), 2);

    let consumer = consumer(&brokers);
    let mut found: Vec<OwnedMessage> = Vec::new();
    while found.len() < 2 {
        found.extend(consumer.poll(Duration::from_secs(10)).map(|message| message.unwrap().detach()));
    }
    found.sort_by_key(|message| message.key().is_none());
    let headers = |message: &OwnedMessage| {
        message.headers().unwrap().iter().map(|h| (h.key.to_owned(), h.value.map(<[u8]>::to_vec))).collect::<Vec<_>>()
    };
    let origin = (ORIGIN_HEADER.to_owned(), Some(b"ticks/0/9".to_vec()));
    assert_eq!((found[0].key(), found[0].payload()), (whole.key.as_deref(), whole.payload.as_deref()));
    let trace = |value: Option<&[u8]>| ("trace".to_owned(), value.map(<[u8]>::to_vec));
    assert_eq!(headers(&found[0]), [trace(Some(b"\xff")), trace(None), origin.clone()]);
    assert_eq!((found[1].key(), found[1].payload()), (None, None), "a tombstone stays one");
    assert_eq!(headers(&found[1]), [origin]);
}
