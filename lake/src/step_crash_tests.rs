//! A fault at every single call to the store, of every kind; two writers at once; and after each, the books are audited.
//!
//! A process here is the real publisher, driven as the pipeline drives it: from the log's offsets, the same window again
//! after `Unavailable` (or dropped, as when its partitions are revoked), on from the log's offsets after `Overlap`.
//! A crash is a process whose calls are carried out no more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, Int32Array, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use futures::StreamExt;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ticklake_schemas::{RejectClass, STOCK_DATA_JSON};
use url::Url;
use uuid::Uuid;

use crate::catalog::memory::{Fault as CatalogFault, MemoryCatalog};
use crate::catalog::{Catalog, Registrar};
use crate::clock::ManualClock;
use crate::commit::{Commit, TableWriter};
use crate::encode::tests::ticks;
use crate::faulty_store::{Answer, Fault, FaultyStore, Turns, splitmix};
use crate::layout::{Table, mirror_file};
use crate::patience::Patience;
use crate::publish::{PublishSettings, Publisher};
use crate::window::{Batch, ClosedWindow, Window};
use crate::{AsOf, Lake, LakeError, Offsets, Reject, Snapshot, SourceId, Span, actions, json_mirror, log};

const NOW_NS: i64 = 1_700_000_000_000_000_000;
const HOUR_NS: i64 = 3_600_000_000_000;
const TOPIC: &str = "t";
const DATABASE: &str = "ticks";
/// The feed: partitions with their first and last offset.
const FEED: [(i32, i64, i64); 2] = [(0, 1000, 1009), (1, 1000, 1007)];
/// Offsets a window takes of each partition.
const STEP: i64 = 4;
/// Tries of a window: more than an outage has calls.
const TRIES_MAX: usize = 12;
const CASES_AT_ONCE: usize = 8;

/// What the feed holds at an offset: a tick, a message that is none, or a control record.
fn holds(partition: i32, offset: i64) -> Option<Table> {
    match (i64::from(partition) * 3 + offset) % 7 {
        1 | 4 => Some(Table::DeadLetters),
        6 => None,
        _ => Some(Table::StockData),
    }
}

fn batch(partition: i32, from: i64, to: i64) -> Batch {
    let of = |table| (from..to).filter(move |&o| holds(partition, o) == Some(table));
    let rows: Vec<(&str, i64, f64, i64)> =
        of(Table::StockData).map(|o| ("A", NOW_NS + (o - 1000) / 3 * HOUR_NS, 1.5, o)).collect();
    let rows = ticks(&rows);
    let mut columns = rows.columns().to_vec();
    columns[rows.schema().index_of("kafka_partition").unwrap()] = Arc::new(Int32Array::from_value(partition, rows.num_rows()));
    let rejects = of(Table::DeadLetters).map(|offset| Reject {
        partition,
        offset,
        timestamp_ms: Some(NOW_NS / 1_000_000),
        key: None,
        headers: Vec::new(),
        payload: Some(offset.to_string().into_bytes()),
        class: RejectClass::MalformedJson,
        reason: "poison".into(),
    });
    let rejects = rejects.collect();
    let mut span = Span::default();
    span.extend(partition, from, to).unwrap();
    Batch { rows: RecordBatch::try_new(rows.schema(), columns).unwrap(), rejects, span }
}

/// The batches of the next window; none at the end of the feed.
fn next(offsets: &Offsets, step: i64) -> Vec<Batch> {
    let rest = FEED.iter().map(|&(p, first, end)| (p, offsets.next(&SourceId::new(TOPIC), p).unwrap_or(first), end));
    rest.filter(|(_, from, end)| from < end).map(|(p, from, end)| batch(p, from, end.min(from + step))).collect()
}

fn window(id: Uuid, batches: &[Batch]) -> ClosedWindow {
    let mut window = Window::open(NOW_NS);
    for batch in batches {
        window.add(batch.clone(), NOW_NS).unwrap();
    }
    let mut closed = window.close();
    closed.id = id;
    closed
}

/// What all processes share.
#[derive(Debug, Default)]
struct World {
    store: Arc<InMemory>,
    catalog: Arc<MemoryCatalog>,
}

impl World {
    fn lake(&self, store: FaultyStore, request_time_max: Duration) -> Lake {
        let quick = Patience { request_time_max, pause_first: Duration::from_millis(1), ..Patience::default() };
        Lake::at(Url::parse("s3://bucket/lake/").unwrap(), Arc::new(store), Path::from("lake"), quick)
    }

    /// A process that may meet a fault.
    fn process(&self, fault: Option<(usize, Fault)>) -> (Lake, FaultyStore) {
        let store = FaultyStore::new(Arc::clone(&self.store), fault);
        // Long enough for a busy machine; one that is even busier only makes for a second fault.
        (self.lake(store.clone(), Duration::from_millis(100)), store)
    }

    fn copy(&self) -> Self {
        Self { store: Arc::new(self.store.fork()), catalog: Arc::new(MemoryCatalog::new()) }
    }

    /// Lives a process to its end; after a crash, or a fault that lasted into its last window, another one takes over.
    async fn live(&self, fault: Option<(usize, Fault)>, ways: Ways, label: &str) -> FaultyStore {
        let (lake, store) = self.process(fault);
        let ended = store.unless_it_crashes(live(&lake, &store, &self.catalog, ways)).await;
        let whole = match (ended, fault) {
            (None, _) => false,
            (Some(ended), fault) => {
                let last_window_at = ended.unwrap_or_else(|e| panic!("{label}: {e:?}"));
                fault.is_none_or(|(at, fault)| last_window_at > at + fault.outage)
            }
        };
        if !whole {
            let (lake, store) = self.process(None);
            live(&lake, &store, &self.catalog, ways).await.unwrap_or_else(|e| panic!("{label}, then: {e:?}"));
        }
        store.wake().await;
        store
    }
}

/// How a process goes about it.
#[derive(Debug, Clone, Copy)]
struct Ways {
    /// Offsets a window takes of each partition.
    step: i64,
    /// Whether a window is kept while the store is away; else it is dropped, and the log asked where it ends.
    holds: bool,
    /// Looks at the log before some windows, as after a rebalance.
    moods: Option<u64>,
}

const STEADY: Ways = Ways { step: STEP, holds: true, moods: None };

async fn open(lake: &Lake, catalog: &Arc<MemoryCatalog>) -> Result<Publisher, LakeError> {
    lake.refuse_strangers().await?;
    let settings = PublishSettings { source: SourceId::new(TOPIC), json_mirror: true };
    let registrar = Registrar::new(Arc::clone(catalog) as Arc<dyn Catalog>, DATABASE, lake.clone());
    Publisher::open(lake, settings, Some(registrar), Arc::new(ManualClock::at(NOW_NS))).await
}

/// One process, from the log's offsets to the end of the feed. The number of the call at which its last window began.
async fn live(lake: &Lake, store: &FaultyStore, catalog: &Arc<MemoryCatalog>, mut ways: Ways) -> Result<usize, LakeError> {
    let mut last_window_at = 0;
    let mut tries = 1..TRIES_MAX;
    let mut publisher = loop {
        match open(lake, catalog).await {
            Err(LakeError::Unavailable { .. }) if tries.next().is_some() => {}
            opened => break opened?,
        }
    };
    loop {
        if ways.moods.as_mut().is_some_and(|random| splitmix(random).is_multiple_of(3)) {
            refresh(&mut publisher).await?;
        }
        let batches = next(publisher.offsets(), ways.step);
        if batches.is_empty() {
            publisher.close().await;
            return Ok(last_window_at);
        }
        last_window_at = store.calls();
        let (id, mut tries) = (Uuid::new_v4(), 1..TRIES_MAX);
        loop {
            match publisher.publish(&window(id, &batches)).await {
                Err(LakeError::Unavailable { .. }) if !ways.holds => break refresh(&mut publisher).await?,
                Err(LakeError::Unavailable { .. }) if tries.next().is_some() => {}
                Ok(_) | Err(LakeError::Overlap { .. }) => break,
                Err(other) => return Err(other),
            }
        }
    }
}

async fn refresh(publisher: &mut Publisher) -> Result<(), LakeError> {
    let mut tries = 1..TRIES_MAX;
    loop {
        match publisher.refresh().await {
            Err(LakeError::Unavailable { .. }) if tries.next().is_some() => {}
            refreshed => return refreshed.map(|_| ()),
        }
    }
}

async fn rows(lake: &Lake, path: &Path) -> (u64, RecordBatch) {
    let bytes = lake.store().get(path).await.unwrap().bytes().await.unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
    let schema = Arc::clone(reader.schema());
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    (bytes.len() as u64, arrow::compute::concat_batches(&schema, &batches).unwrap())
}

/// Every message once, in its table; the mirror and the catalog complete; the log sound.
async fn audit(world: &World, label: &str) {
    let (lake, _) = world.process(None);
    let mut found: BTreeMap<(i32, i64), Table> = BTreeMap::new();
    let (mut mirrors, mut folders) = (BTreeSet::new(), BTreeSet::new());
    for table in Table::ALL {
        let snapshot = Snapshot::read(&lake, table, AsOf::Latest).await.unwrap().unwrap();
        for file in &snapshot.files {
            let (size_bytes, rows) = rows(&lake, &file.path).await;
            assert_eq!((size_bytes, rows.num_rows() as u64), (file.size_bytes, file.rows().unwrap()), "{label}: {}", file.name);
            let partitions = rows["kafka_partition"].as_primitive::<Int32Type>().values();
            let offsets = rows["kafka_offset"].as_primitive::<Int64Type>().values();
            for (&partition, &offset) in partitions.iter().zip(offsets) {
                let before = found.insert((partition, offset), table);
                assert_eq!(before, None, "{label}: {partition}:{offset} is there twice, again in {}", file.name);
            }
            if table == Table::StockData {
                let mirror = mirror_file(&file.name).unwrap();
                let bytes = lake.store().get(&mirror).await.unwrap_or_else(|e| panic!("{label}: no mirror: {e}")).bytes().await;
                assert_eq!(bytes.unwrap(), json_mirror::encode(&rows).unwrap(), "{label}: {mirror}");
                mirrors.insert(mirror);
                folders.insert(["dt", "hour"].map(|key| file.partition[key].clone().unwrap()).to_vec());
            }
        }
        windows_are_unique(&lake, table, snapshot.version, label).await;
    }
    let feed = FEED.iter().flat_map(|&(p, first, end)| (first..end).map(move |o| (p, o)));
    let expected: BTreeMap<(i32, i64), Table> = feed.filter_map(|(p, o)| Some(((p, o), holds(p, o)?))).collect();
    assert_eq!(found, expected, "{label}: lost, or in the wrong table");
    let ends = Snapshot::offsets(&lake, Table::StockData, AsOf::Latest).await.unwrap();
    assert!(next(&ends, STEP).is_empty() && ends.iter().count() == FEED.len(), "{label}: {ends:?}");
    assert_eq!(json_mirror::list(&lake).await.unwrap(), mirrors, "{label}: the mirror has what the table has");
    let registered: BTreeSet<Vec<String>> = world.catalog.partition_values(DATABASE, STOCK_DATA_JSON).into_iter().collect();
    assert_eq!(registered, folders, "{label}: the catalog has what the table has");
}

/// No window is committed twice, and every entry of the log can be read.
async fn windows_are_unique(lake: &Lake, table: Table, version: u64, label: &str) {
    let mut windows = BTreeSet::new();
    // Those of the feed: a lake that was there before has many more.
    for version in version.saturating_sub(12)..=version {
        let entry = lake.store().get(&table.log().join(format!("{version:020}.json"))).await.unwrap().bytes().await.unwrap();
        for action in actions::parse(table, version, &entry).unwrap() {
            if let Some(window) = action["commitInfo"]["windowId"].as_str() {
                assert!(windows.insert(window.to_owned()), "{label}: {window} is committed twice");
            }
        }
    }
}

/// Each of the faults at each call of a process that starts on `seed`. How many met their fault.
async fn at_every_call(seed: World, faults: &[Fault]) -> usize {
    let seed = Arc::new(seed);
    let clean = seed.copy();
    let calls = clean.live(None, STEADY, "no fault").await.calls();
    audit(&clean, "no fault").await;
    let cases = (0..calls).flat_map(|at| faults.iter().map(move |&fault| (at, fault))).flat_map(|(at, fault)| {
        let ways: &[bool] = if fault.outage > 0 { &[true, false] } else { &[true] };
        ways.iter().map(move |&holds| (at, fault, Ways { holds, ..STEADY }))
    });
    let met: Vec<bool> = futures::stream::iter(cases)
        .map(|(at, fault, ways)| {
            let seed = Arc::clone(&seed);
            tokio::spawn(async move {
                let (world, label) = (seed.copy(), format!("call {at} of {calls}, {fault:?}, {ways:?}"));
                let store = world.live(Some((at, fault)), ways, &label).await;
                audit(&world, &label).await;
                store.met_its_fault()
            })
        })
        .buffer_unordered(CASES_AT_ONCE)
        .map(Result::unwrap)
        .collect()
        .await;
    met.into_iter().filter(|met| *met).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_at_any_call_from_the_lakes_creation_on_loses_or_repeats_a_message() {
    let cases = at_every_call(World::default(), &Fault::ALL).await;
    assert!(cases > 500, "only {cases} faults were met");
    println!("{cases} faults");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_at_any_call_around_a_checkpoint_loses_or_repeats_a_message() {
    let world = World::default();
    let (lake, _) = world.process(None);
    let mut writer = TableWriter::open(&lake, Table::StockData, 0).await.unwrap();
    // Offsets that held nothing, up to two commits before the checkpoint that is due at 100.
    for offset in FEED[0].1 - 98..FEED[0].1 {
        let mut span = Span::default();
        span.extend(FEED[0].0, offset, offset + 1).unwrap();
        let commit = Commit { window: Uuid::new_v4(), source: SourceId::new(TOPIC), span, files: vec![] };
        writer.commit(&commit, 0).await.unwrap();
    }
    log::checkpoint(&lake, Table::StockData).await.unwrap();
    let faults = [Fault::of(false, Answer::Error), Fault::of(false, Answer::Crash), Fault::of(true, Answer::Crash)];
    let cases = at_every_call(world, &faults).await;
    assert!(cases > 150, "only {cases} faults were met");
    println!("{cases} faults");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_in_whatever_order_of_their_steps_never_lose_or_repeat_a_message() {
    const SEEDS: u64 = 300;
    const CALLS_ABOUT: u64 = 150;
    let cases = futures::stream::iter(0..SEEDS).map(|seed| {
        tokio::spawn(async move {
            let mut random = seed;
            let faults: Vec<Fault> = Fault::ALL.into_iter().filter(|f| f.answer != Answer::Never).collect();
            let which = faults[splitmix(&mut random) as usize % faults.len()];
            let fault = Some(((splitmix(&mut random) % CALLS_ABOUT) as usize, which)).filter(|_| !seed.is_multiple_of(4));
            let label = format!("seed {seed}, {fault:?} of the first");
            let (world, turns) = (World::default(), Arc::new(Turns::of_seed(seed)));
            let process = |me: usize, fault, ways: Ways| {
                let store = FaultyStore::in_turns(Arc::clone(&world.store), fault, Some((Arc::clone(&turns), me)));
                // Waiting for a turn is no hanging store.
                let lake = world.lake(store.clone(), Duration::from_secs(60));
                let (turns, catalog) = (Arc::clone(&turns), Arc::clone(&world.catalog));
                async move {
                    let ended = store.unless_it_crashes(live(&lake, &store, &catalog, ways)).await.unwrap_or(Ok(0));
                    turns.leave(me);
                    (ended, store)
                }
            };
            let ways = |step, moods| Ways { step, holds: seed.is_multiple_of(2), moods: Some(moods) };
            let ((one, store), (two, _)) =
                tokio::join!(process(0, fault, ways(STEP, seed)), process(1, None, ways(STEP - 1, !seed)));
            one.and(two).unwrap_or_else(|e| panic!("{label}: {e:?}"));
            store.wake().await;
            // What a crash left of the mirror is made up for by whoever opens the lake next.
            world.live(None, STEADY, &label).await;
            audit(&world, &label).await;
        })
    });
    cases.buffer_unordered(CASES_AT_ONCE).for_each(|done| async { done.unwrap() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_at_any_call_to_the_catalog_leaves_it_behind_or_holds_a_commit_back() {
    let clean = World::default();
    clean.live(None, STEADY, "no fault").await;
    let calls = clean.catalog.calls().len();
    for at in 0..calls {
        for fault in [CatalogFault::Outage, CatalogFault::AnswerLost, CatalogFault::Interference] {
            let (world, label) = (World::default(), format!("catalog call {at} of {calls}, {fault:?}"));
            world.catalog.inject_at(at, fault);
            world.live(None, STEADY, &label).await;
            audit(&world, &label).await;
        }
    }
    assert!(calls > 8, "{calls}");
}
