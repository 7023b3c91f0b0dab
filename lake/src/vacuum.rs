//! Removing files that no reader needs any more: what a crash left behind, and what compaction has replaced long ago.
//!
//! Owns: which objects of the tables and of the mirror nobody needs, and deleting them.
//! Does not own: the log, whose entries are never touched.
//! Invariant: an object is removed only if no version that was current within the retention refers to it, and if it has lain
//! there for longer than the grace period: an upload may be old before its commit is made.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _};
use ticklake_schemas::STOCK_DATA_JSON;

use crate::layout::{Table, mirror_file};
use crate::{Lake, LakeError, log};

/// The least age of what is removed, whatever the retention: longer than a writer holds what it has uploaded.
const GRACE_MIN: Duration = Duration::from_secs(24 * 3600);

/// An object nobody needs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Orphan {
    /// Key relative to the lake.
    pub key: String,
    /// Size, bytes.
    pub bytes: u64,
}

/// What a vacuum found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vacuumed {
    /// What was removed, or would be.
    pub orphans: Vec<Orphan>,
    /// Objects left, needed or too young to tell.
    pub left: usize,
}

/// Removes what nobody needs. With `dry_run` only tells it.
///
/// # Errors
/// `Unavailable`, `Corrupt`; what was removed before stays removed, and another run goes on.
pub fn vacuum(lake: &Lake, retain: Duration, now_ms: i64, dry_run: bool) -> BoxFuture<'_, Result<Vacuumed, LakeError>> {
    Box::pin(async move {
        // Listed before the log is read: a commit between the two makes an old upload needed, never the reverse.
        let mut listed = Vec::new();
        for folder in Table::ALL.map(Table::name).into_iter().chain([STOCK_DATA_JSON]) {
            listed.extend(lake.objects(folder).await?.into_iter().filter(is_ours));
        }
        let mut needed = BTreeSet::new();
        for table in Table::ALL {
            needed.extend(needed_files(lake, table, now_ms - ms(retain)).await?);
        }
        let orphans = orphans(&listed, &needed, now_ms - ms(retain.max(GRACE_MIN)));
        if !dry_run {
            let keys: Vec<_> = orphans.iter().map(|orphan| Ok(Path::from(orphan.key.as_str()))).collect();
            let mut removing = lake.store().delete_stream(futures::stream::iter(keys).boxed());
            while let Some(removed) = removing.next().await {
                match removed {
                    Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(e) => return Err(lake.unavailable(&e)),
                }
            }
        }
        Ok(Vacuumed { left: listed.len() - orphans.len(), orphans })
    })
}

/// Whether it is a file of ours; logs, hidden files and strangers' are none.
fn is_ours(object: &ObjectMeta) -> bool {
    let hidden = object.location.parts().any(|part| part.as_ref().starts_with(['_', '.']));
    !hidden && [".parquet", ".json.gz"].iter().any(|suffix| object.location.as_ref().ends_with(suffix))
}

/// Keys that versions current at or after `since_ms` refer to, mirror files among them.
async fn needed_files(lake: &Lake, table: Table, since_ms: i64) -> Result<BTreeSet<Path>, LakeError> {
    let Some(delta) = log::load(lake, table).await? else {
        return Ok(BTreeSet::new());
    };
    let failed = |e| log::delta_error(lake, table, &e);
    let state = delta.snapshot().map_err(failed)?;
    log::check_contract(lake, table, state.metadata().configuration())?;
    let mut names: Vec<String> = state.log_data().iter().map(|file| file.object_store_path().to_string()).collect();
    let log = delta.log_store();
    let mut removed = state.all_tombstones(log.as_ref());
    while let Some(file) = removed.try_next().await.map_err(failed)? {
        if file.deletion_timestamp().is_none_or(|at| at >= since_ms) {
            names.push(file.path().into_owned());
        }
    }
    let mirrors: Vec<Path> = names.iter().filter(|_| table == Table::StockData).filter_map(|name| mirror_file(name)).collect();
    Ok(names.iter().map(|name| Path::from(format!("{}/{name}", table.name()))).chain(mirrors).collect())
}

fn orphans(listed: &[ObjectMeta], needed: &BTreeSet<Path>, before_ms: i64) -> Vec<Orphan> {
    let old = listed.iter().filter(|object| object.last_modified.timestamp_millis() < before_ms);
    let unneeded = old.filter(|object| !needed.contains(&object.location));
    unneeded.map(|object| Orphan { key: object.location.to_string(), bytes: object.size }).collect()
}

fn ms(duration: Duration) -> i64 {
    // Half of what fits: a retention of ages must not turn the subtraction around.
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use object_store::ObjectStoreExt as _;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::commit::{AddFile, Commit, TableWriter};
    use crate::layout::data_file;
    use crate::{SourceId, Span};

    const DAY_MS: i64 = 86_400_000;
    const NOW_MS: i64 = 1_700_000_000_000;

    struct Case {
        dir: tempfile::TempDir,
        lake: Lake,
        writer: TableWriter,
    }

    impl Case {
        async fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let lake = Lake::open_or_create(dir.path().to_str().unwrap()).await.unwrap();
            let writer = TableWriter::open(&lake, Table::StockData, NOW_MS - 90 * DAY_MS).await.unwrap();
            Self { dir, lake, writer }
        }

        /// A data file and its mirror of a given age; returns the data file's name.
        async fn file(&self, age_days: i64) -> String {
            let name = data_file("dt=2023-01-01/hour=00", Uuid::new_v4(), 0);
            for key in [Path::from(format!("stock_data/{name}")), mirror_file(&name).unwrap()] {
                self.lake.store().put(&key, "x".into()).await.unwrap();
                self.age(key.as_ref(), age_days);
            }
            name
        }

        fn age(&self, key: &str, days: i64) {
            let at = UNIX_EPOCH + Duration::from_millis((NOW_MS - days * DAY_MS).try_into().unwrap());
            std::fs::File::options().write(true).open(self.dir.path().join(key)).unwrap().set_modified(at).unwrap();
        }

        async fn commit(&mut self, name: &str) {
            let from = self.writer.offsets().next(&SourceId::new("t"), 0).unwrap_or(0);
            let mut span = Span::default();
            span.extend(0, from, from + 1).unwrap();
            let partition = vec![("dt".into(), "2023-01-01".into()), ("hour".into(), "00".into())];
            let file = AddFile { name: name.into(), size_bytes: 1, partition, statistics: json!({"numRecords": 1}) };
            let commit = Commit { window: Uuid::new_v4(), source: SourceId::new("t"), span, files: vec![file] };
            self.writer.commit(&commit, NOW_MS).await.unwrap();
        }

        /// Takes a file out of the table, as compaction does, so many days ago.
        async fn remove(&mut self, name: &str, days_ago: i64) {
            let partition: Value = json!({"dt": "2023-01-01", "hour": "00"});
            let action = json!({"remove": {"path": name, "deletionTimestamp": NOW_MS - days_ago * DAY_MS, "dataChange": false,
                "extendedFileMetadata": true, "partitionValues": partition, "size": 1}});
            let entry = Table::StockData.log().join(format!("{:020}.json", self.writer.version() + 1));
            self.lake.store().put(&entry, format!("{action}\n").into()).await.unwrap();
            self.writer.refresh().await.unwrap();
        }

        async fn removed(&self, retain_days: i64, dry_run: bool) -> BTreeSet<String> {
            let retain = Duration::from_millis((retain_days * DAY_MS).try_into().unwrap());
            let done = vacuum(&self.lake, retain, NOW_MS, dry_run).await.unwrap();
            done.orphans.into_iter().map(|orphan| orphan.key).collect()
        }

        fn has(&self, key: &str) -> bool {
            self.dir.path().join(key).exists()
        }
    }

    fn both(name: &str) -> BTreeSet<String> {
        [format!("stock_data/{name}"), mirror_file(name).unwrap().to_string()].into()
    }

    #[tokio::test]
    async fn only_old_files_that_the_log_does_not_know_are_removed() {
        let mut case = Case::new().await;
        let (committed, orphan, young) = (case.file(30).await, case.file(30).await, case.file(2).await);
        case.commit(&committed).await;
        case.lake.store().put(&Path::from("stock_data/notes.txt"), "mine".into()).await.unwrap();
        case.age("stock_data/notes.txt", 60);
        assert_eq!(case.removed(7, true).await, both(&orphan));
        assert!(both(&orphan).iter().all(|key| case.has(key)), "a dry run removes nothing");
        assert_eq!(case.removed(7, false).await, both(&orphan));
        assert!(!both(&orphan).iter().any(|key| case.has(key)));
        assert!(both(&committed).union(&both(&young)).all(|key| case.has(key)) && case.has("stock_data/notes.txt"));
        assert_eq!(case.removed(7, false).await, BTreeSet::new());
    }

    #[tokio::test]
    async fn no_file_that_a_retained_version_needs_is_ever_removed() {
        let mut case = Case::new().await;
        let (long_ago, lately) = (case.file(40).await, case.file(40).await);
        for name in [&long_ago, &lately] {
            case.commit(name).await;
        }
        case.remove(&long_ago, 20).await;
        case.remove(&lately, 3).await;
        assert_eq!(case.removed(30, true).await, BTreeSet::new());
        assert_eq!(case.removed(7, false).await, both(&long_ago));
    }

    #[tokio::test]
    async fn an_upload_whose_commit_may_yet_come_is_never_removed() {
        let case = Case::new().await;
        let fresh = case.file(0).await;
        assert_eq!(case.removed(0, false).await, BTreeSet::new(), "{fresh}");
    }
}
