//! Making a window durable: dead letters, data files, the commit, then the projections of the commit.
//!
//! Owns: the order of these steps and their parallelism.
//! Does not own: the law and the commit loop (`commit`), the forms (`encode`, `json_mirror`), when a window is due (`window`).
//! Invariant: nothing is visible before the commit; nothing after the commit can undo it. A projection that fails
//! (mirror, catalog) is reported, remembered and derived again from the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use ticklake_schemas::RejectClass;
use uuid::Uuid;

use crate::catalog::Registrar;
use crate::catalog::spec::Folder;
use crate::clock::Clock;
use crate::commit::{AddFile, Commit, TableWriter};
use crate::dead_letters::{self, Reject};
use crate::layout::{EventHour, Table, data_file, mirror_file};
use crate::registration::Registration;
use crate::rejected_before::{self, Messages};
use crate::tally::{Holding, Step};
use crate::window::ClosedWindow;
use crate::{Lake, LakeError, Offsets, SourceId, Span, encode, json_mirror};

const FILES_AT_ONCE: usize = 4;
const DEAD_LETTER_RACES_MAX: u32 = 20;

/// What a publisher publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishSettings {
    /// The name its offsets are recorded under, and what its rows say they came from: the topic, unless configured otherwise.
    pub source: SourceId,
    /// Whether commits are mirrored as JSON lines.
    pub json_mirror: bool,
}

/// What one window became.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Version of `stock_data`.
    pub version: u64,
    /// Ticks committed.
    pub rows: usize,
    /// Rejects committed since this was last told, by class; those already there are not counted.
    pub classes: Classes,
    /// Data files.
    pub files: usize,
    /// Bytes of the data files.
    pub bytes: usize,
}

impl Published {
    /// Rejects committed.
    pub fn rejects(&self) -> usize {
        self.classes.values().sum()
    }
}

/// How many rejects of which class.
pub type Classes = BTreeMap<RejectClass, usize>;

/// The one publisher of a process: windows go in, in order.
pub struct Publisher {
    lake: Lake,
    ticks: TableWriter,
    rejects: TableWriter,
    registration: Option<Registration>,
    settings: PublishSettings,
    clock: Arc<dyn Clock>,
    mirror_behind: bool,
    /// Dead letters that are committed and not told yet: the commit of their window's ticks is still to come, or never will.
    rejected: Classes,
    /// Hours of commits that may have gone through unnoticed, or whose writer may have died.
    unsure: BTreeSet<Folder>,
}

/// A data file that was uploaded, and its mirror waiting for the commit.
struct Uploaded {
    add: AddFile,
    mirror: Option<Mirrored>,
    hour: Folder,
}

/// A file of the JSON mirror, in memory.
struct Mirrored {
    path: Path,
    text: Bytes,
    _held: Holding,
}

impl Publisher {
    /// Opens (or creates) the tables and puts the projections in order.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`, or `Invalid` for a lake of a newer contract.
    pub fn open(
        lake: &Lake,
        settings: PublishSettings,
        registrar: Option<Registrar>,
        clock: Arc<dyn Clock>,
    ) -> BoxFuture<'_, Result<Self, LakeError>> {
        Box::pin(async move {
            let ticks = TableWriter::open(lake, Table::StockData, clock.now_ms()).await?;
            let rejects = TableWriter::open(lake, Table::DeadLetters, clock.now_ms()).await?;
            let mut publisher = Self {
                lake: lake.clone(),
                ticks,
                rejects,
                registration: registrar.map(Registration::start),
                mirror_behind: settings.json_mirror,
                rejected: Classes::new(),
                unsure: BTreeSet::new(),
                settings,
                clock,
            };
            publisher.mend_mirror().await;
            Ok(publisher)
        })
    }

    /// Where the log ends, as far as this publisher knows.
    pub fn offsets(&self) -> &Offsets {
        self.ticks.offsets()
    }

    /// The lake it publishes to.
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// The source whose offsets it commits.
    pub fn source(&self) -> &SourceId {
        &self.settings.source
    }

    /// Dead letters committed since they were last told, for a window that is not published after all.
    pub fn take_rejected(&mut self) -> Classes {
        std::mem::take(&mut self.rejected)
    }

    /// Catches up with other writers and returns where the log ends now.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`, `Invalid`.
    pub fn refresh(&mut self) -> BoxFuture<'_, Result<&Offsets, LakeError>> {
        Box::pin(async move {
            self.ticks.refresh().await?;
            // Whoever committed since may have died before its mirror was written and its hours were registered.
            let foreign = self.ticks.take_foreign_hours();
            self.mirror_behind |= self.settings.json_mirror && !foreign.is_empty();
            self.unsure.extend(foreign);
            // Whoever had these partitions before may have died between its two commits.
            self.rejects.refresh().await?;
            Ok(self.ticks.offsets())
        })
    }

    /// Makes a window durable and visible.
    ///
    /// After `Unavailable` the same window may be published again, and must be before any other: its files get the same
    /// names and bytes, and a commit that went through unnoticed is recognised by the window's id.
    ///
    /// # Errors
    /// `Overlap` (drop what is buffered, seek to `offsets`), `Gap` (stop), `Unavailable` (try again), `Corrupt`, `Invalid`,
    /// `Conflict`.
    pub fn publish<'a>(&'a mut self, window: &'a ClosedWindow) -> BoxFuture<'a, Result<Published, LakeError>> {
        Box::pin(async move {
            let ClosedWindow { id, batches, rejects, span, .. } = window;
            let id = *id;
            self.ticks.offsets().check(&self.settings.source, span)?;
            let tally = self.lake.tally();
            let before = tally.timed(Step::Rejects, self.commit_rejects(id, span, rejects)).await?;
            let batches = if before.is_empty() {
                batches.clone()
            } else {
                batches.iter().map(|rows| rejected_before::without(rows, &before)).collect::<Result<_, _>>()?
            };
            let ticks = Arc::new(blocking(move || encode::ByHour::of(batches)).await?);
            let (lake, mirror) = (self.lake.clone(), self.settings.json_mirror);
            let parts: Vec<EventHour> = ticks.hours().collect();
            let uploaded: Vec<Uploaded> = futures::stream::iter(parts.into_iter().enumerate())
                .map(|(part, hour)| upload_ticks(&lake, id, part, hour, Arc::clone(&ticks), mirror))
                .buffer_unordered(FILES_AT_ONCE)
                .try_collect()
                .await?;
            let (mut files, mut mirrors, mut hours) = (Vec::new(), Vec::new(), BTreeSet::new());
            for file in uploaded {
                files.push(file.add);
                mirrors.extend(file.mirror);
                hours.insert(file.hour);
            }
            files.sort_by(|a, b| a.name.cmp(&b.name));
            let mut done = Published { files: files.len(), ..Published::default() };
            done.bytes = files.iter().map(|f| f.size_bytes).sum();
            done.rows =
                files.iter().filter_map(|f| f.statistics["numRecords"].as_u64()).sum::<u64>().try_into().unwrap_or(usize::MAX);
            let commit = Commit { window: id, source: self.settings.source.clone(), span: span.clone(), files };
            match tally.timed(Step::Commit, self.ticks.commit(&commit, self.clock.now_ms())).await {
                Ok(version) => (done.version, done.classes) = (version, self.take_rejected()),
                Err(error) => {
                    // It may be in the log all the same, and the window may never be tried again (its partitions revoked).
                    self.mirror_behind = self.settings.json_mirror;
                    self.unsure.extend(hours);
                    return Err(error);
                }
            }
            self.project(mirrors, hours).await;
            Ok(done)
        })
    }

    /// Dead letters go first, under offsets of their own. Returns the span's messages that were dead letters before (a replay),
    /// which are neither committed again nor become ticks.
    async fn commit_rejects(&mut self, window: Uuid, span: &Span, rejects: &[Reject]) -> Result<Messages, LakeError> {
        for _ in 0..DEAD_LETTER_RACES_MAX {
            let known = self.rejects.offsets();
            let before = rejected_before::read(&self.lake, &self.settings.source, span, known).await?;
            let fresh: Vec<Reject> = rejects.iter().filter(|r| !before.contains(&(r.partition, r.offset))).cloned().collect();
            if fresh.is_empty() {
                return Ok(before);
            }
            let mut accounted = Span::default();
            for (partition, from, to) in span.iter() {
                let from = known.next(&self.settings.source, partition).unwrap_or(from);
                if from < to && fresh.iter().any(|r| r.partition == partition) {
                    accounted.extend(partition, from, to)?;
                }
            }
            let mut classes = Classes::new();
            fresh.iter().for_each(|r| *classes.entry(r.class).or_default() += 1);
            let files = self.upload_rejects(Uuid::new_v4(), fresh).await?;
            let commit = Commit { window, source: self.settings.source.clone(), span: accounted, files };
            match self.rejects.commit(&commit, self.clock.now_ms()).await {
                Ok(_) => {
                    classes.into_iter().for_each(|(class, count)| *self.rejected.entry(class).or_default() += count);
                    return Ok(before);
                }
                // Someone else's dead letters came first, and may end before this span does: a slow writer's can.
                Err(LakeError::Overlap { .. } | LakeError::Gap { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Err(LakeError::Conflict { table: Table::DeadLetters.name().to_owned(), attempts: DEAD_LETTER_RACES_MAX })
    }

    async fn upload_rejects(&self, id: Uuid, rejects: Vec<Reject>) -> Result<Vec<AddFile>, LakeError> {
        let folders = dead_letters::by_folder(self.settings.source.name(), rejects, self.clock.now_ms())?;
        let mut files = Vec::new();
        for (part, (folder, rows)) in folders.into_iter().enumerate() {
            let encoded = blocking(move || encode::parquet(Table::DeadLetters, &rows)).await?;
            let name = data_file(&folder, id, part);
            let dt = folder.trim_start_matches("dt=").to_owned();
            files.push(upload(&self.lake, Table::DeadLetters, name, vec![("dt".into(), dt)], encoded).await?);
        }
        Ok(files)
    }

    /// Everything derived from the commit. Failures delay it; they never undo the commit.
    async fn project(&mut self, mirrors: Vec<Mirrored>, mut hours: BTreeSet<Folder>) {
        hours.append(&mut self.unsure);
        let lake = &self.lake;
        let writing = futures::stream::iter(mirrors)
            .map(|file| async move { lake.store().put(&file.path, PutPayload::from_bytes(file.text.clone())).await })
            .buffer_unordered(FILES_AT_ONCE)
            .try_collect::<Vec<_>>();
        let written = lake.tally().timed(Step::Mirror, writing).await;
        if let Err(error) = written {
            tracing::warn!(error = %self.lake.unavailable(&error), "JSON mirror is behind; it will be written again from the log");
            self.mirror_behind = true;
        } else {
            self.mend_mirror().await;
        }
        if let Some(registration) = &self.registration {
            registration.want(hours);
        }
    }

    async fn mend_mirror(&mut self) {
        if !self.mirror_behind {
            return;
        }
        match json_mirror::repair(&self.lake).await {
            Ok(written) => {
                self.mirror_behind = false;
                if written > 0 {
                    tracing::info!(written, "JSON mirror files that were missing are written");
                }
            }
            Err(error) => tracing::warn!(%error, "JSON mirror is still behind"),
        }
    }

    /// Waits for background work.
    pub async fn close(mut self) {
        self.mend_mirror().await;
        if let Some(registration) = self.registration {
            registration.finish().await;
        }
        self.ticks.close().await;
        self.rejects.close().await;
    }
}

async fn upload_ticks(
    lake: &Lake,
    window: Uuid,
    part: usize,
    hour: EventHour,
    ticks: Arc<encode::ByHour>,
    mirror: bool,
) -> Result<Uploaded, LakeError> {
    let name = data_file(&hour.folder(), window, part);
    let rows: RecordBatch = blocking(move || ticks.rows(part)).await?;
    let tally = lake.tally();
    // Both encoders have the same rows; the last of them lets them go.
    let sorted = Arc::new(tally.hold(Step::Encode, rows.get_array_memory_size()));
    let partition = vec![("dt".to_owned(), hour.dt()), ("hour".to_owned(), hour.hour())];
    let mirror_rows = mirror.then(|| (rows.clone(), Arc::clone(&sorted)));
    let gzip = async {
        let (Some((rows, sorted)), Some(path)) = (mirror_rows, mirror_file(&name)) else { return Ok(None) };
        let text = blocking(move || json_mirror::encode(&rows)).await?;
        drop(sorted);
        Ok(Some(Mirrored { path, _held: tally.hold(Step::Upload, text.len()), text }))
    };
    let data = async {
        let encoded = tally.timed(Step::Encode, blocking(move || encode::parquet(Table::StockData, &rows))).await?;
        drop(sorted);
        let _held = tally.hold(Step::Upload, encoded.parquet.len());
        tally.timed(Step::Upload, upload(lake, Table::StockData, name.clone(), partition, encoded)).await
    };
    let (add, mirror) = futures::try_join!(data, gzip)?;
    Ok(Uploaded { add, mirror, hour: (hour.dt(), hour.hour()) })
}

async fn upload(
    lake: &Lake,
    table: Table,
    name: String,
    partition: Vec<(String, String)>,
    encoded: encode::Encoded,
) -> Result<AddFile, LakeError> {
    let path = Path::from(format!("{}/{name}", table.name()));
    let size_bytes = encoded.parquet.len();
    lake.store().put(&path, PutPayload::from_bytes(encoded.parquet)).await.map_err(|e| lake.unavailable(&e))?;
    lake.tally().file(table, size_bytes);
    Ok(AddFile { name, size_bytes, partition, statistics: encoded.statistics })
}

/// Runs pure CPU work on a blocking thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, LakeError> + Send + 'static) -> Result<T, LakeError> {
    tokio::task::spawn_blocking(work).await.map_err(|e| LakeError::corrupt("an encoding task", e))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::encode::tests::ticks;
    use crate::faulty_store::{Answer, Fault, FaultyStore};
    use crate::patience::Patience;
    use crate::window::{Batch, Window};
    use crate::{AsOf, Snapshot};

    const NOW_NS: i64 = 1_700_000_000_000_000_000;

    async fn publisher(lake: &Lake) -> Publisher {
        let clock = Arc::new(ManualClock::at(NOW_NS));
        let settings = PublishSettings { source: SourceId::new("t"), json_mirror: true };
        Publisher::open(lake, settings, None, clock).await.unwrap()
    }

    fn window(from: i64, to: i64, bad: &[i64]) -> ClosedWindow {
        let rows: Vec<(&str, i64, f64, i64)> =
            (from..to).filter(|o| !bad.contains(o)).map(|o| ("A", NOW_NS + o, 1.0, o)).collect();
        let rejects = bad
            .iter()
            .map(|&offset| Reject {
                partition: 0,
                offset,
                timestamp_ms: Some(NOW_NS / 1_000_000),
                key: None,
                payload: None,
                headers: vec![],
                class: RejectClass::Tombstone,
                reason: "no value".into(),
            })
            .collect();
        let mut span = Span::default();
        span.extend(0, from, to).unwrap();
        let mut window = Window::open(NOW_NS);
        window.add(Batch { rows: ticks(&rows), rejects, span }, NOW_NS).unwrap();
        window.close()
    }

    async fn rows(lake: &Lake, table: Table) -> u64 {
        Snapshot::read(lake, table, AsOf::Latest).await.unwrap().map_or(0, |s| s.rows())
    }

    #[tokio::test]
    async fn a_window_lands_once_however_often_it_is_published() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_or_create(dir.path().to_str().unwrap()).await.unwrap();
        let mut first = publisher(&lake).await;
        let mut zombie = publisher(&lake).await;
        let done = first.publish(&window(0, 10, &[4])).await.unwrap();
        assert_eq!((done.rows, done.rejects(), done.version), (9, 1, 1));
        let error = zombie.publish(&window(0, 10, &[4])).await.unwrap_err();
        assert!(matches!(error, LakeError::Overlap { committed: 10, .. }), "{error}");
        assert_eq!(zombie.offsets().next(&SourceId::new("t"), 0), Some(10), "the loser has learnt where the log ends");
        zombie.publish(&window(10, 12, &[11])).await.unwrap();
        let error = first.publish(&window(13, 14, &[])).await.unwrap_err();
        assert!(matches!(error, LakeError::Gap { .. }), "{error}");
        assert_eq!((rows(&lake, Table::StockData).await, rows(&lake, Table::DeadLetters).await), (10, 2));
        assert_eq!(json_mirror::list(&lake).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_dead_letter_is_never_left_uncounted_whichever_call_of_its_window_fails() {
        let once = Patience { tries_max: 1, ..Patience::default() };
        let mut retried = 0;
        for call in 0..60 {
            let fault = Some((call, Fault::of(false, Answer::Error)));
            let store = FaultyStore::new(Arc::new(object_store::memory::InMemory::new()), fault);
            let lake = Lake::at("s3://b/lake/".parse().unwrap(), Arc::new(store), Path::from("lake"), once);
            let clock = Arc::new(ManualClock::at(NOW_NS));
            let settings = PublishSettings { source: SourceId::new("t"), json_mirror: true };
            let Ok(mut publisher) = Publisher::open(&lake, settings, None, clock).await else { continue };
            let window = window(0, 10, &[4, 5]);
            let done = match publisher.publish(&window).await {
                Err(LakeError::Unavailable { .. }) => {
                    retried += 1;
                    publisher.publish(&window).await.unwrap()
                }
                done => done.unwrap(),
            };
            assert_eq!((done.rejects(), publisher.take_rejected()), (2, Classes::new()), "call {call}");
        }
        assert!(retried > 3, "the faults hit");
    }

    #[tokio::test]
    async fn nothing_is_ever_committed_into_the_place_of_a_lake_that_was_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_or_create(dir.path().to_str().unwrap()).await.unwrap();
        let mut writer = publisher(&lake).await;
        writer.publish(&window(0, 10, &[4])).await.unwrap();
        std::fs::remove_dir_all(dir.path()).unwrap();
        for bad in [&[][..], &[11]] {
            let error = writer.publish(&window(10, 20, bad)).await.unwrap_err().to_string();
            assert!(error.contains("is gone: its log had version 1 and has it no more"), "{error}");
        }
        assert!(!dir.path().join("stock_data/_delta_log").exists());
    }

    #[tokio::test]
    async fn a_crash_between_dead_letters_and_ticks_repeats_neither() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_or_create(dir.path().to_str().unwrap()).await.unwrap();
        let mut dying = publisher(&lake).await;
        let lost = window(0, 10, &[4, 5]);
        dying.commit_rejects(lost.id, &lost.span, &lost.rejects).await.unwrap();
        drop(dying);
        let mut next = publisher(&lake).await;
        let done = next.publish(&window(0, 20, &[4, 5, 15])).await.unwrap();
        assert_eq!((done.rows, done.rejects()), (17, 1), "only the new reject is committed");
        assert_eq!((rows(&lake, Table::StockData).await, rows(&lake, Table::DeadLetters).await), (17, 3));
    }

    #[tokio::test]
    async fn a_message_decoded_differently_on_a_replay_is_never_in_both_tables_or_in_neither() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_or_create(dir.path().to_str().unwrap()).await.unwrap();
        let mut dying = publisher(&lake).await;
        let lost = window(0, 10, &[4]);
        dying.commit_rejects(lost.id, &lost.span, &lost.rejects).await.unwrap();
        drop(dying);
        let done = publisher(&lake).await.publish(&window(0, 10, &[7])).await.unwrap();
        assert_eq!((done.rows, done.rejects()), (8, 1), "4 stays a dead letter, 7 becomes one");
        assert_eq!((rows(&lake, Table::StockData).await, rows(&lake, Table::DeadLetters).await), (8, 2));
    }

    #[tokio::test]
    async fn dead_letters_of_a_writer_far_behind_never_stop_one_who_is_ahead() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_or_create(dir.path().to_str().unwrap()).await.unwrap();
        let (mut ahead, mut behind) = (publisher(&lake).await, publisher(&lake).await);
        ahead.publish(&window(10, 20, &[])).await.unwrap();
        let late = window(0, 5, &[3]);
        behind.commit_rejects(late.id, &late.span, &late.rejects).await.unwrap();
        let done = ahead.publish(&window(20, 30, &[25])).await.unwrap();
        assert_eq!((done.rows, done.rejects()), (9, 1));
    }

    #[tokio::test]
    async fn the_mirror_of_a_writer_who_died_is_made_up_for_though_its_commit_was_met_in_a_race() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_or_create(dir.path().to_str().unwrap()).await.unwrap();
        let (mut dying, mut next) = (publisher(&lake).await, publisher(&lake).await);
        dying.publish(&window(0, 10, &[])).await.unwrap();
        let mirrors = json_mirror::list(&lake).await.unwrap();
        lake.store().delete(mirrors.first().unwrap()).await.unwrap();
        next.publish(&window(0, 10, &[])).await.unwrap_err();
        next.refresh().await.unwrap();
        next.publish(&window(10, 20, &[])).await.unwrap();
        assert!(json_mirror::list(&lake).await.unwrap().is_superset(&mirrors));
    }

    #[tokio::test]
    async fn offsets_survive_checkpoints_and_a_crash_before_the_mirror() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_or_create(dir.path().to_str().unwrap()).await.unwrap();
        let mut writer = publisher(&lake).await;
        for from in 0..105 {
            writer.publish(&window(from, from + 1, &[])).await.unwrap();
        }
        writer.close().await;
        assert!(dir.path().join("stock_data/_delta_log/_last_checkpoint").exists());
        let mirrors = json_mirror::list(&lake).await.unwrap();
        lake.store().delete(mirrors.first().unwrap()).await.unwrap();
        let reopened = publisher(&lake).await;
        assert_eq!(reopened.offsets().next(&SourceId::new("t"), 0), Some(105));
        assert_eq!(json_mirror::list(&lake).await.unwrap(), mirrors, "the missing mirror file is derived again");
        let old = Snapshot::read(&lake, Table::StockData, AsOf::Version(7)).await.unwrap().unwrap();
        assert_eq!((old.rows(), old.version), (7, 7));
    }
}
