//! Setting a partition's next offset by hand: the one commit that is not the continuation of the last.
//!
//! Owns: its log entry, which holds no files, and the gaps it declares or takes back.
//! Does not own: whether rows would be repeated (`cli` looks before it asks), the law (`offsets`).
//! Invariant: committed only on top of the very version that was looked at; offsets stepped over are declared in the log for
//! good, so that an audit can tell them from lost ones.

use deltalake_core::logstore::CommitOrBytes;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::layout::Table;
use crate::offsets::Cause;
use crate::{Lake, LakeError, Offsets, SourceId, actions, log};

/// A next offset to be set.
#[derive(Debug, Clone, Copy)]
pub struct Reset<'a> {
    /// The version of `stock_data` that was looked at.
    pub version: u64,
    /// Its offsets.
    pub known: &'a Offsets,
    /// The source.
    pub source: &'a SourceId,
    /// Its partition.
    pub partition: i32,
    /// The next offset to be.
    pub to: i64,
}

/// Commits a reset and returns the new version.
///
/// # Errors
/// `Invalid` when someone else has committed since, `Unavailable`, `Corrupt`.
pub fn reset<'a>(lake: &'a Lake, asked: Reset<'a>, now_ms: i64) -> BoxFuture<'a, Result<u64, LakeError>> {
    Box::pin(async move {
        let (table, id, version) = (Table::StockData, Uuid::new_v4(), asked.version);
        let log = log::log_store(lake, table);
        let bytes = entry(&asked, id, now_ms);
        let put = log.write_commit_entry(version + 1, CommitOrBytes::LogBytes(bytes.into()), id).await;
        let Err(error) = put else {
            return Ok(version + 1);
        };
        // The answer may have been lost: the entry decides.
        let found = log.read_commit_entry(version + 1).await.map_err(|e| log::delta_error(lake, table, &e))?;
        let Some(found) = found else {
            return Err(lake.unavailable(&error));
        };
        if actions::are_of_window(&actions::parse(table, version + 1, &found)?, id) {
            return Ok(version + 1);
        }
        Err(LakeError::Invalid(format!(
            "{}: version {} was committed by someone else meanwhile; stop every ingester of {} and run it again",
            lake.display(),
            version + 1,
            asked.source.name()
        )))
    })
}

fn entry(asked: &Reset<'_>, id: Uuid, now_ms: i64) -> String {
    let Reset { known, source, partition, to, .. } = *asked;
    let from = known.next(source, partition);
    let parameters = json!({
        "source": source.name(),
        "partition": partition.to_string(),
        "from": from.map_or_else(|| "none".to_owned(), |from| from.to_string()),
        "to": to.to_string(),
    });
    let txn = |app_id, version| actions::txn(app_id, version, now_ms);
    let mut lines: Vec<Value> = vec![
        json!({"commitInfo": {
            "timestamp": now_ms,
            "operation": "RESET OFFSETS",
            "operationParameters": parameters,
            "engineInfo": crate::commit::ENGINE,
            "windowId": id.to_string(),
        }}),
        txn(source.app_id(partition), to),
    ];
    let from = from.unwrap_or(0);
    if from < to {
        lines.push(txn(source.gap_id(partition, from, Cause::Reset), to));
    }
    // What will be read after all is given up no more.
    let taken_back = known.gaps(source, partition).filter(|gap| gap.to > to);
    lines.extend(taken_back.map(|gap| txn(source.gap_id(partition, gap.from, gap.cause), gap.from.max(to))));
    actions::text(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::{Commit, TableWriter};
    use crate::{AsOf, Snapshot, Span};

    fn source() -> SourceId {
        SourceId::new("t")
    }

    async fn offsets(lake: &Lake) -> Offsets {
        Snapshot::offsets(lake, Table::StockData, AsOf::Latest).await.unwrap()
    }

    fn commit(from: i64, to: i64) -> Commit {
        let mut span = Span::default();
        span.extend(0, from, to).unwrap();
        Commit { window: Uuid::new_v4(), source: source(), span, files: Vec::new() }
    }

    fn gaps(offsets: &Offsets) -> Vec<(i64, i64)> {
        offsets.gaps(&source(), 0).map(|gap| (gap.from, gap.to)).collect()
    }

    async fn set(lake: &Lake, version: u64, to: i64) -> Result<Offsets, LakeError> {
        let known = offsets(lake).await;
        let made = reset(lake, Reset { version, known: &known, source: &source(), partition: 0, to }, 1).await?;
        assert_eq!(made, version + 1);
        Ok(offsets(lake).await)
    }

    #[tokio::test]
    async fn what_is_stepped_over_is_declared_until_it_is_taken_back() {
        let lake = Lake::open_or_create("memory://").await.unwrap();
        let mut writer = TableWriter::open(&lake, Table::StockData, 1).await.unwrap();
        writer.commit(&commit(0, 10), 1).await.unwrap();
        let after = set(&lake, 1, 50).await.unwrap();
        assert_eq!((after.next(&source(), 0), gaps(&after)), (Some(50), vec![(10, 50)]));
        let error = writer.commit(&commit(10, 12), 1).await.unwrap_err();
        assert!(matches!(error, LakeError::Overlap { committed: 50, .. }), "a writer that was not stopped obeys: {error}");
        let after = set(&lake, 2, 30).await.unwrap();
        assert_eq!((after.next(&source(), 0), gaps(&after)), (Some(30), vec![(10, 30)]));
        assert_eq!(set(&lake, 3, 10).await.unwrap().gaps(&source(), 0).count(), 0);
    }

    #[tokio::test]
    async fn a_commit_never_steps_over_what_kafka_deleted_without_declaring_it() {
        let lake = Lake::open_or_create("memory://").await.unwrap();
        let mut writer = TableWriter::open(&lake, Table::StockData, 1).await.unwrap();
        writer.commit(&commit(0, 10), 1).await.unwrap();
        let mut bridged = commit(0, 0);
        bridged.span.give_up(0, 10, 40).unwrap();
        bridged.span.extend(0, 40, 45).unwrap();
        writer.commit(&bridged, 1).await.unwrap();
        let read = offsets(&lake).await;
        assert_eq!(&read, writer.offsets(), "who wrote it knows as much as who reads it");
        let gone = crate::Gap { from: 10, to: 40, cause: Cause::Gone };
        assert_eq!((read.next(&source(), 0), read.gaps(&source(), 0).collect::<Vec<_>>()), (Some(45), vec![gone]));
        let after = set(&lake, 2, 20).await.unwrap();
        assert_eq!(gaps(&after), [(10, 20)], "what will be looked for again is given up no more");
    }

    #[tokio::test]
    async fn a_commit_made_meanwhile_is_never_overruled() {
        let lake = Lake::open_or_create("memory://").await.unwrap();
        let mut writer = TableWriter::open(&lake, Table::StockData, 1).await.unwrap();
        writer.commit(&commit(0, 10), 1).await.unwrap();
        let error = set(&lake, 0, 5).await.unwrap_err();
        assert!(error.to_string().contains("someone else"), "{error}");
        assert_eq!(offsets(&lake).await.next(&source(), 0), Some(10));
    }
}
