//! The stage of the group tests: an ingester whose log is the commit law itself, in memory, behind a gate that stands for a
//! store that is away; it remembers where every tick came from. The broker is one in this process that does what it is told.
//!
//! Owns: the log, starting and ending an ingester, what a test does to the broker.
//! Does not own: what must never happen (`kafka_group_tests`).
//! Invariant: nothing is waited for by the clock; whatever does not come ends the test.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

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

use super::super::kafka::{Assignment, BatchLimits, KafkaConfig, KafkaSource, Membership, OnGap};
use crate::collector::{CollectSettings, Collector, Request, Shared};
use crate::decode::Decoder;
use crate::error::IngestError;
use crate::progress::Progress;

pub(super) const TOPIC: &str = "ticks";
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS_MAX: u32 = 3000;
pub(super) const TICK: &str = r#"{"symbol":"A","time":"2024-05-01T13:00:00Z","price":1.5}"#;
pub(super) const MAX_POLL_INTERVAL: Duration = Duration::from_millis(1500);
pub(super) const FOR_EVER: Duration = Duration::from_secs(3600);

/// A log that keeps the law.
#[derive(Default)]
pub(super) struct Log {
    pub(super) offsets: Offsets,
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

pub(super) fn source() -> SourceId {
    SourceId::new(TOPIC)
}

/// An ingester at work.
pub(super) struct Run {
    pub(super) log: Arc<Mutex<Log>>,
    /// Whether the store is there.
    pub(super) gate: watch::Sender<bool>,
    pub(super) shared: Arc<Shared>,
    collecting: JoinHandle<Result<(), IngestError>>,
    publishing: JoinHandle<Result<(), LakeError>>,
}

/// How a test wants it.
pub(super) struct Wish {
    pub(super) kafka: KafkaConfig,
    pub(super) window: WindowLimits,
    pub(super) log: Log,
}

impl Wish {
    pub(super) fn of(broker: &FakeBroker) -> Self {
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

    pub(super) fn by(mut self, assignment: Assignment) -> Self {
        self.kafka.membership = Membership::Group { assignment, instance: None };
        self
    }

    /// Nothing is committed before a flush.
    pub(super) fn holding(mut self) -> Self {
        self.window.age_max = FOR_EVER;
        self
    }

    pub(super) fn start(self) -> Run {
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
    pub(super) fn landed(&self) -> usize {
        self.log.lock().unwrap().landed.len()
    }

    pub(super) fn consumed(&self) -> u64 {
        Progress::get(&self.shared.progress.consumed)
    }

    pub(super) fn end(&self, partition: i32) -> Option<i64> {
        self.log.lock().unwrap().offsets.next(&source(), partition)
    }

    /// Another owner of partition 0 commits up to `end`.
    pub(super) fn commit_elsewhere(&self, end: i64) {
        let mut theirs = Span::default();
        theirs.extend(0, 0, end).unwrap();
        self.log.lock().unwrap().offsets.advance(&source(), &theirs);
    }

    /// Whether collecting has ended.
    pub(super) fn collected(&self) -> bool {
        self.collecting.is_finished()
    }

    pub(super) async fn until_landed(&self, count: usize) {
        let landed = || {
            assert!(!self.collected(), "the ingester has ended");
            self.landed() >= count
        };
        until(&format!("{count} landed"), landed).await;
    }

    /// Stops it cleanly and gives every place that landed, in order.
    pub(super) async fn stop(self) -> Vec<(i32, i64)> {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.collecting.await.unwrap().unwrap();
        self.publishing.await.unwrap().unwrap();
        sorted(&self.log)
    }

    /// Waits for its error, and gives every place that landed, in order.
    pub(super) async fn failed(self) -> (IngestError, Vec<(i32, i64)>) {
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

pub(super) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    for _ in 0..LOOKS_MAX {
        if condition() {
            return;
        }
        looks.tick().await;
    }
    panic!("not within {:?}: {what}", LOOK_EVERY * LOOKS_MAX);
}

pub(super) async fn broker(partitions: i32) -> FakeBroker {
    let broker = FakeBroker::start().await.unwrap();
    broker.with_state(|state| state.auto_create_topics = false);
    broker.create_topic(TOPIC, partitions);
    broker
}

/// So many ticks to every partition that there is.
pub(super) async fn produce(broker: &FakeBroker, partitions: i32, ticks: usize) {
    let producer = broker.kafka().connect().await.unwrap().producer().build().await.unwrap();
    for partition in 0..partitions {
        for _ in 0..ticks {
            assert!(producer.send(Record::new(TOPIC, TICK).partition(partition)).await.unwrap().is_persisted());
        }
    }
}

pub(super) fn change(broker: &FakeBroker, partition: i32, how: impl FnOnce(&mut PartitionState)) {
    broker.with_state(|state| how(state.partition_mut(TOPIC, partition).unwrap()));
}

pub(super) fn places(partitions: i32, offsets: std::ops::Range<i64>) -> Vec<(i32, i64)> {
    (0..partitions).flat_map(|p| offsets.clone().map(move |o| (p, o))).collect()
}

pub(super) fn joins(broker: &FakeBroker) -> usize {
    broker.request_count(ApiKey::JoinGroup)
}

/// Calls for a rebalance as brokers do, with every heartbeat until the member joins: one in the middle of another
/// rebalance is passed over by librdkafka.
pub(super) async fn rebalance(broker: &FakeBroker) {
    let before = joins(broker);
    broker.on(ApiKey::Heartbeat, |_| Control::Error(ErrorCode::RebalanceInProgress));
    until("it has joined again", || joins(broker) > before).await;
    broker.clear_hooks();
}

/// An ingester that holds 20 ticks, of which another owner has committed the first 15.
pub(super) async fn overtaken(broker: &FakeBroker, assignment: Assignment) -> Run {
    produce(broker, 1, 20).await;
    let run = Wish::of(broker).by(assignment).holding().start();
    until("everything is held", || run.consumed() == 20).await;
    run.commit_elsewhere(15);
    run
}
