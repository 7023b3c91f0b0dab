//! The whole pipeline, with the real publisher on a lake in a directory, before a broker in this process: what the group and
//! the broker are told waits for the commit.
//!
//! Owns: a lake that refuses data files until it is mended, and what must not be said meanwhile.
//! Does not own: rebalances of a collector alone (`kafka_group_tests`), the steps of a commit (`lake`).
//! Invariant: nothing is waited for by the clock; that something does not happen is looked at over several heartbeats.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use krafka::testing::{ApiKey, FakeBroker};
use ticklake_lake::clock::SystemClock;
use ticklake_lake::layout::Table;
use ticklake_lake::publish::{PublishSettings, Publisher};
use ticklake_lake::{AsOf, Lake, Snapshot};
use tokio::task::JoinHandle;

use super::stage::{TOPIC, Wish, broker, produce, source, until};
use crate::error::IngestError;
use crate::pipeline::{IngestConfig, run};
use crate::progress::Progress;

/// A pipeline at work.
struct Whole {
    dir: tempfile::TempDir,
    lake: Lake,
    progress: Arc<Progress>,
    stop: Arc<AtomicBool>,
    running: JoinHandle<Result<(), IngestError>>,
}

impl Whole {
    async fn start(wish: Wish) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_or_create(dir.path().to_str().unwrap()).await.unwrap();
        let settings = PublishSettings { source: source(), json_mirror: false };
        let publisher = Publisher::open(&lake, settings, None, Arc::new(SystemClock)).await.unwrap();
        let config = IngestConfig { window: wish.window, ..IngestConfig::new(wish.kafka) };
        let (progress, stop) = (Arc::<Progress>::default(), Arc::<AtomicBool>::default());
        let running = tokio::spawn(run(config, publisher, Arc::new(SystemClock), Arc::clone(&stop), Arc::clone(&progress)));
        Self { dir, lake, progress, stop, running }
    }

    /// Where the folder of the test's ticks will be.
    fn day(&self) -> PathBuf {
        self.dir.path().join("stock_data/dt=2024-05-01")
    }

    /// A file where that folder should be: no data file can be written.
    fn breaks(&self) {
        std::fs::write(self.day(), "in the way").unwrap();
    }

    fn mends(&self) {
        std::fs::remove_file(self.day()).unwrap();
    }

    fn committed(&self) -> u64 {
        Progress::get(&self.progress.committed)
    }

    async fn until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let condition = || {
            assert!(!self.running.is_finished(), "the ingester has ended");
            condition()
        };
        until(what, condition).await;
    }

    /// Stops it cleanly: the rows of its lake, and where its log ends.
    async fn stop(self) -> (u64, Option<i64>) {
        self.stop.store(true, Ordering::SeqCst);
        self.running.await.unwrap().unwrap();
        let rows = Snapshot::read(&self.lake, Table::StockData, AsOf::Latest).await.unwrap().unwrap().rows();
        (rows, Snapshot::offsets(&self.lake, Table::StockData, AsOf::Latest).await.unwrap().next(&source(), 0))
    }
}

/// What the group was told of partition 0.
fn told(broker: &FakeBroker) -> Option<i64> {
    broker.with_state(|state| Some(state.groups.get("g")?.offsets.get(&(TOPIC.to_owned(), 0))?.offset))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_group_is_never_told_of_offsets_before_they_are_committed_and_no_window_goes_while_its_store_is_away() {
    let broker = broker(1).await;
    let whole = Whole::start(Wish::of(&broker)).await;
    whole.until("it reads", || broker.request_count(ApiKey::Fetch) > 0).await;
    whole.breaks();
    produce(&broker, 1, 5).await;
    whole.until("the store is away", || whole.progress.holding.load(Ordering::Relaxed)).await;
    let beats = broker.request_count(ApiKey::Heartbeat);
    whole.until("the group is at rest", || broker.request_count(ApiKey::Heartbeat) > beats + 5).await;
    assert_eq!((told(&broker), whole.committed()), (None, 0), "nothing is committed");
    whole.mends();
    whole.until("it is committed", || whole.committed() == 5).await;
    whole.until("the group is told", || told(&broker) == Some(5)).await;
    produce(&broker, 1, 5).await;
    whole.until("it goes on", || whole.committed() == 10).await;
    assert_eq!(whole.stop().await, (10, Some(10)));
    assert_eq!(told(&broker), Some(10), "what was committed last is told at the end");
}
