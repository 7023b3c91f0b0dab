//! Group tests: our consumer against a broker in this process that does what a test tells it. The log is the commit law
//! itself, in memory, behind a gate that stands for a store that is away; it remembers where every tick came from.
//! Offsets that vanish in the middle of a run are tested end to end: librdkafka cannot read this broker's answer to them.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type};
use krafka::Record;
use krafka::error::ErrorCode;
use krafka::testing::{ApiKey, Control, FakeBroker, PartitionState};
use ticklake_lake::clock::SystemClock;
use ticklake_lake::window::{ClosedWindow, WindowLimits};
use ticklake_lake::{LakeError, Offsets, SourceId, Span};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::kafka::{Assignment, BatchLimits, KafkaConfig, KafkaSource, Membership, OnGap};
use crate::collector::{CollectSettings, Collector, Request, Shared};
use crate::decode::Decoder;
use crate::error::IngestError;
use crate::progress::Progress;

const TOPIC: &str = "ticks";
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS_MAX: u32 = 3000;
const TICK: &str = r#"{"symbol":"A","time":"2024-05-01T13:00:00Z","price":1.5}"#;
const MAX_POLL_INTERVAL: Duration = Duration::from_millis(1500);
const FOR_EVER: Duration = Duration::from_secs(3600);

/// A log that keeps the law.
#[derive(Default)]
struct Log {
    offsets: Offsets,
    landed: Vec<(i32, i64)>,
}

impl Log {
    fn commit(&mut self, window: &ClosedWindow) -> Result<(), LakeError> {
        self.offsets.check(&source(), &window.span)?;
        self.offsets.advance(&source(), &window.span);
        for rows in &window.batches {
            let partitions = rows.column_by_name("kafka_partition").unwrap().as_primitive::<Int32Type>();
            let offsets = rows.column_by_name("kafka_offset").unwrap().as_primitive::<Int64Type>();
            self.landed.extend(partitions.values().iter().copied().zip(offsets.values().iter().copied()));
        }
        Ok(())
    }
}

fn source() -> SourceId {
    SourceId::new(TOPIC)
}

/// An ingester at work.
struct Run {
    log: Arc<Mutex<Log>>,
    /// Whether the store is there.
    gate: watch::Sender<bool>,
    shared: Arc<Shared>,
    collecting: JoinHandle<Result<(), IngestError>>,
    publishing: JoinHandle<Result<(), LakeError>>,
}

/// How a test wants it.
struct Wish {
    kafka: KafkaConfig,
    window: WindowLimits,
    log: Log,
}

impl Wish {
    fn of(broker: &FakeBroker) -> Self {
        let max_poll_interval = MAX_POLL_INTERVAL.as_millis().to_string();
        let settings = [
            ("topic.metadata.refresh.interval.ms", "200"),
            ("heartbeat.interval.ms", "50"),
            ("session.timeout.ms", "1500"),
            ("max.poll.interval.ms", max_poll_interval.as_str()),
            ("fetch.wait.max.ms", "20"),
            ("fetch.error.backoff.ms", "20"),
            ("reconnect.backoff.ms", "20"),
            ("reconnect.backoff.max.ms", "100"),
        ];
        let kafka = KafkaConfig {
            brokers: broker.bootstrap_servers(),
            topic: TOPIC.to_owned(),
            group: "g".to_owned(),
            membership: Membership::Group { assignment: Assignment::CooperativeSticky, instance: None },
            on_gap: OnGap::Stop,
            librdkafka: settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        };
        let window = WindowLimits { age_max: Duration::from_millis(50), ..WindowLimits::default() };
        Self { kafka, window, log: Log::default() }
    }

    fn eager(mut self) -> Self {
        self.kafka.membership = Membership::Group { assignment: Assignment::Eager, instance: None };
        self
    }

    /// Nothing is committed before a flush.
    fn holding(mut self) -> Self {
        self.window.age_max = FOR_EVER;
        self
    }

    fn start(self) -> Run {
        let (requests, inbox) = mpsc::channel(1);
        let (_committed_to, committed) = std::sync::mpsc::channel();
        let (gate, open) = watch::channel(true);
        let (log, shared) = (Arc::new(Mutex::new(self.log)), Arc::<Shared>::default());
        let publishing = tokio::spawn(publish(inbox, Arc::clone(&log), open, Arc::clone(&shared)));
        let settings = CollectSettings { source: source(), limits: self.window, batch: BatchLimits::default(), until_end: false };
        let (runtime, for_collector, kafka) = (Handle::current(), Arc::clone(&shared), self.kafka);
        let collecting = tokio::task::spawn_blocking(move || {
            let kafka = KafkaSource::connect(&kafka, 1 << 20)?;
            Collector::new(settings, kafka, Decoder::new(), Arc::new(SystemClock), requests, committed, runtime, for_collector)
                .run()
        });
        Run { log, gate, shared, collecting, publishing }
    }
}

/// The publisher's side, as the pipeline has it.
async fn publish(
    mut inbox: mpsc::Receiver<Request>,
    log: Arc<Mutex<Log>>,
    mut open: watch::Receiver<bool>,
    shared: Arc<Shared>,
) -> Result<(), LakeError> {
    while let Some(request) = inbox.recv().await {
        open.wait_for(|open| *open).await.expect("the test outlives the ingester");
        match request {
            Request::Publish { epoch, .. } if epoch != shared.epoch.load(Ordering::SeqCst) => {}
            Request::Publish { window, .. } => match log.lock().unwrap().commit(&window) {
                Err(LakeError::Overlap { .. }) => {
                    shared.epoch.fetch_add(1, Ordering::SeqCst);
                }
                done => done?,
            },
            Request::Offsets(reply) => reply.send(log.lock().unwrap().offsets.clone()).unwrap_or_default(),
        }
    }
    Ok(())
}

impl Run {
    fn landed(&self) -> usize {
        self.log.lock().unwrap().landed.len()
    }

    fn consumed(&self) -> u64 {
        Progress::get(&self.shared.progress.consumed)
    }

    fn end(&self, partition: i32) -> Option<i64> {
        self.log.lock().unwrap().offsets.next(&source(), partition)
    }

    async fn until_landed(&self, count: usize) {
        until(&format!("{count} landed"), || self.landed() >= count).await;
    }

    /// Stops it cleanly and gives every place that landed, in order.
    async fn stop(self) -> Vec<(i32, i64)> {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.collecting.await.unwrap().unwrap();
        self.publishing.await.unwrap().unwrap();
        sorted(&self.log)
    }

    /// Waits for its error, and gives every place that landed, in order.
    async fn failed(self) -> (IngestError, Vec<(i32, i64)>) {
        let error = self.collecting.await.unwrap().unwrap_err();
        self.publishing.await.unwrap().unwrap();
        (error, sorted(&self.log))
    }
}

fn sorted(log: &Mutex<Log>) -> Vec<(i32, i64)> {
    let mut landed = log.lock().unwrap().landed.clone();
    landed.sort_unstable();
    landed
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    for _ in 0..LOOKS_MAX {
        if condition() {
            return;
        }
        looks.tick().await;
    }
    panic!("not within {:?}: {what}", LOOK_EVERY * LOOKS_MAX);
}

async fn broker(partitions: i32) -> FakeBroker {
    let broker = FakeBroker::start().await.unwrap();
    broker.with_state(|state| state.auto_create_topics = false);
    broker.create_topic(TOPIC, partitions);
    broker
}

/// So many ticks to every partition that there is.
async fn produce(broker: &FakeBroker, partitions: i32, ticks: usize) {
    let producer = broker.kafka().connect().await.unwrap().producer().build().await.unwrap();
    for partition in 0..partitions {
        for _ in 0..ticks {
            assert!(producer.send(Record::new(TOPIC, TICK).partition(partition)).await.unwrap().is_persisted());
        }
    }
}

fn change(broker: &FakeBroker, partition: i32, how: impl FnOnce(&mut PartitionState)) {
    broker.with_state(|state| how(state.partition_mut(TOPIC, partition).unwrap()));
}

fn places(partitions: i32, offsets: std::ops::Range<i64>) -> Vec<(i32, i64)> {
    (0..partitions).flat_map(|p| offsets.clone().map(move |o| (p, o))).collect()
}

fn joins(broker: &FakeBroker) -> usize {
    broker.request_count(ApiKey::JoinGroup)
}

/// Calls for a rebalance as brokers do, with every heartbeat until the member joins: one in the middle of another
/// rebalance is passed over by librdkafka.
async fn rebalance(broker: &FakeBroker) {
    let before = joins(broker);
    broker.on(ApiKey::Heartbeat, |_| Control::Error(ErrorCode::RebalanceInProgress));
    until("it has joined again", || joins(broker) > before).await;
    broker.clear_hooks();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebalance_never_costs_or_repeats_a_tick() {
    for eager in [false, true] {
        let broker = broker(2).await;
        produce(&broker, 2, 10).await;
        let wish = Wish::of(&broker);
        let run = if eager { wish.eager() } else { wish }.start();
        run.until_landed(20).await;
        for _ in 0..2 {
            produce(&broker, 2, 10).await;
            rebalance(&broker).await;
        }
        run.until_landed(60).await;
        assert_eq!(run.stop().await, places(2, 0..30), "eager: {eager}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_lost_partition_brought_is_dropped_and_never_committed_over_its_next_owner() {
    for eager in [false, true] {
        let broker = broker(1).await;
        produce(&broker, 1, 20).await;
        let wish = Wish::of(&broker).holding();
        let run = if eager { wish.eager() } else { wish }.start();
        until("everything is held", || run.consumed() == 20).await;
        let mut theirs = Span::default();
        theirs.extend(0, 0, 15).unwrap();
        run.log.lock().unwrap().offsets.advance(&source(), &theirs);
        broker.on_once(ApiKey::Heartbeat, |_| Control::Error(ErrorCode::UnknownMemberId));
        until("what the next owner left is read again", || run.consumed() == 25).await;
        assert_eq!(run.shared.epoch.load(Ordering::SeqCst), 0, "nothing was tried in vain");
        assert_eq!(run.stop().await, (15..20).map(|o| (0, o)).collect::<Vec<_>>(), "eager: {eager}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_owner_that_learns_of_nothing_never_commits_over_another() {
    let broker = broker(1).await;
    produce(&broker, 1, 20).await;
    let run = Wish::of(&broker).holding().start();
    until("everything is held", || run.consumed() == 20).await;
    let mut theirs = Span::default();
    theirs.extend(0, 0, 15).unwrap();
    run.log.lock().unwrap().offsets.advance(&source(), &theirs);
    // Thawed, it flushes at once, before the group has told it anything.
    run.shared.stop.store(true, Ordering::SeqCst);
    assert!(run.stop().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoke_never_waits_for_a_store_beyond_its_budget() {
    let broker = broker(1).await;
    let mut wish = Wish::of(&broker).eager().holding();
    wish.window.rows_max = 10;
    let run = wish.start();
    until("it reads", || broker.request_count(ApiKey::Fetch) > 0).await;
    run.gate.send(false).unwrap();
    // One window in the publisher's hands, one waiting, half a third one that can go nowhere.
    produce(&broker, 1, 25).await;
    until("everything is held", || run.consumed() == 25).await;
    rebalance(&broker).await;
    assert_eq!(run.landed(), 0, "it has given its partitions up for that");
    run.gate.send(true).unwrap();
    until("what was dropped is read again", || run.consumed() >= 30).await;
    assert_eq!(run.stop().await, places(1, 0..25));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_never_costs_the_membership() {
    let broker = broker(1).await;
    let mut wish = Wish::of(&broker).holding();
    wish.window.rows_max = 10;
    let run = wish.start();
    until("it reads", || broker.request_count(ApiKey::Fetch) > 0).await;
    run.gate.send(false).unwrap();
    produce(&broker, 1, 40).await;
    until("windows wait", || run.consumed() >= 30).await;
    let since = Instant::now();
    until("the group would have lost patience twice", || since.elapsed() > 2 * MAX_POLL_INTERVAL).await;
    assert_eq!((joins(&broker), run.landed()), (1, 0));
    run.gate.send(true).unwrap();
    run.until_landed(40).await;
    assert_eq!(joins(&broker), 1);
    assert_eq!(run.stop().await, places(1, 0..40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_partition_is_never_read_from_elsewhere_than_its_beginning() {
    let broker = broker(1).await;
    produce(&broker, 1, 5).await;
    let run = Wish::of(&broker).start();
    run.until_landed(5).await;
    broker.add_partitions(TOPIC, 3);
    produce(&broker, 3, 5).await;
    run.until_landed(20).await;
    let mut expected = places(3, 0..5);
    expected.extend((5..10).map(|o| (0, o)));
    expected.sort_unstable();
    assert_eq!(run.stop().await, expected);
}

/// A log that ends at offset 10.
fn after_10(mut wish: Wish, on_gap: OnGap) -> Wish {
    wish.log.offsets.fold(&source().app_id(0), 10);
    wish.kafka.on_gap = on_gap;
    wish
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_never_passes_unnoticed_nor_costs_what_kafka_still_has() {
    let broker = broker(1).await;
    change(&broker, 0, |p| (p.log_start_offset, p.next_offset) = (20, 20));
    produce(&broker, 1, 5).await;
    let (error, landed) = after_10(Wish::of(&broker), OnGap::Stop).start().failed().await;
    assert!(
        matches!(error, IngestError::Lake(LakeError::Gap { partition: 0, committed: 10, from: 20, lost: 10, .. })),
        "{error}"
    );
    assert!(landed.is_empty());
    let run = after_10(Wish::of(&broker), OnGap::Accept).start();
    run.until_landed(5).await;
    assert_eq!(run.end(0), Some(25), "the loss is accounted for in the span after it");
    assert_eq!(run.stop().await, places(1, 20..25));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_cut_off_is_never_read_on() {
    let broker = broker(1).await;
    produce(&broker, 1, 5).await;
    for on_gap in [OnGap::Stop, OnGap::Accept] {
        let (error, landed) = after_10(Wish::of(&broker), on_gap).start().failed().await;
        for part in ["ticks/0", "offset 10", "ends at 5", "--source", "ticklake offsets reset"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(landed.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_deleted_while_it_is_read_never_costs_what_was_read() {
    let broker = broker(1).await;
    produce(&broker, 1, 10).await;
    let run = Wish::of(&broker).holding().start();
    until("everything is held", || run.consumed() == 10).await;
    broker.delete_topic(TOPIC);
    let (error, landed) = run.failed().await;
    assert!(error.to_string().contains("is gone: topic ticks does not exist"), "{error}");
    assert_eq!(landed, places(1, 0..10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_without_a_message_are_never_left_behind_at_the_end() {
    let broker = broker(1).await;
    produce(&broker, 1, 3).await;
    let run = Wish::of(&broker).start();
    run.until_landed(3).await;
    let producer = broker.kafka().connect().await.unwrap().producer().build_transactional("writer").await.unwrap();
    for commit in [true, false] {
        producer.begin().unwrap();
        for _ in 0..4 {
            assert!(producer.send(Record::new(TOPIC, TICK).partition(0)).await.unwrap().is_persisted());
        }
        if commit {
            producer.commit().await.unwrap()
        } else {
            producer.abort().await.unwrap()
        };
        let end = broker.next_offset(TOPIC, 0);
        until("the log ends where Kafka does", || run.end(0) == end).await;
    }
    // 3 plain, 4 committed and their marker, 4 aborted and theirs.
    assert_eq!(run.end(0), Some(13));
    assert_eq!(run.stop().await, places(1, 0..7));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_restarts_is_never_given_up() {
    let broker = broker(2).await;
    produce(&broker, 2, 5).await;
    let run = Wish::of(&broker).start();
    run.until_landed(10).await;
    broker.crash(0);
    until("it is noticed", || broker.open_connections() == 0).await;
    broker.restart(0);
    produce(&broker, 2, 5).await;
    run.until_landed(20).await;
    assert_eq!(run.stop().await, places(2, 0..10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_asked_for_by_number_never_bring_others_nor_a_group() {
    let broker = broker(3).await;
    produce(&broker, 3, 5).await;
    let mut wish = Wish::of(&broker);
    wish.kafka.membership = Membership::Only(BTreeSet::from([0, 2]));
    let run = wish.start();
    run.until_landed(10).await;
    assert_eq!(run.stop().await.into_iter().map(|(p, _)| p).collect::<BTreeSet<_>>(), BTreeSet::from([0, 2]));
    assert_eq!(joins(&broker), 0);
    let mut wish = Wish::of(&broker);
    wish.kafka.membership = Membership::Only(BTreeSet::from([0, 7, 8]));
    let (error, _) = wish.start().failed().await;
    assert!(matches!(&error, IngestError::Missing(text) if text.contains("[7, 8]") && text.contains("--partitions")), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_taken_by_another_process_is_never_a_riddle() {
    let broker = broker(1).await;
    let mut wish = Wish::of(&broker);
    wish.kafka.membership = Membership::Group { assignment: Assignment::CooperativeSticky, instance: Some("one".into()) };
    let run = wish.start();
    until("it has joined", || broker.request_count(ApiKey::Heartbeat) > 0).await;
    let name = broker.with_state(|state| state.groups["g"].members[0].group_instance_id.clone());
    assert_eq!(name.as_deref(), Some("one"));
    broker.on_once(ApiKey::Heartbeat, |_| Control::Error(ErrorCode::FencedInstanceId));
    let (error, _) = run.failed().await;
    assert!(error.to_string().contains("--group-instance-id"), "{error}");
}
