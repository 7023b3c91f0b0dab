//! Reading every `txn` of a Delta log at a version: where each source's partitions end.
//!
//! Owns: the newest checkpoint's `txn` column plus the commits after it.
//! Does not own: what the offsets mean (`offsets`), files and schema (delta-rs, through `snapshot`).
//! Invariant: delta-rs answers for one application id at a time; this reads all of them in one pass.

use arrow::array::{Array, AsArray, StructArray};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use deltalake_core::logstore::LogStoreRef;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::layout::Table;
use crate::{Lake, LakeError, Offsets, actions};

const READS_AT_ONCE: usize = 16;

/// All offsets a table's log records at `version`.
///
/// # Errors
/// `Unavailable`, `Corrupt`.
pub(crate) async fn read(lake: &Lake, table: Table, log: &LogStoreRef, version: u64) -> Result<Offsets, LakeError> {
    let mut offsets = Offsets::default();
    let checkpoint = newest_checkpoint(lake, table, version).await?;
    for part in &checkpoint.parts {
        let got = lake.store().get(part).await.map_err(|e| lake.unavailable(&e))?;
        let bytes = got.bytes().await.map_err(|e| lake.unavailable(&e))?;
        fold_checkpoint(&mut offsets, bytes).map_err(|why| LakeError::corrupt(part.to_string(), why))?;
    }
    let commits: Vec<(u64, Option<Bytes>)> = futures::stream::iter(checkpoint.next_version..=version)
        .map(|v| async move { Ok::<_, deltalake_core::DeltaTableError>((v, log.read_commit_entry(v).await?)) })
        .buffered(READS_AT_ONCE)
        .try_collect()
        .await
        .map_err(|e| crate::log::delta_error(lake, table, &e))?;
    for (v, bytes) in commits {
        let bytes = bytes
            .ok_or_else(|| LakeError::corrupt(format!("{}/{}", lake.display(), table.log()), format!("commit {v} is missing")))?;
        for action in actions::parse(table, v, &bytes)? {
            fold_action(&mut offsets, &action);
        }
    }
    Ok(offsets)
}

/// Folds an action in, if it is a `txn`.
pub(crate) fn fold_action(offsets: &mut Offsets, action: &Value) {
    let txn = &action["txn"];
    if let (Some(app_id), Some(version)) = (txn["appId"].as_str(), txn["version"].as_i64()) {
        offsets.fold(app_id, version);
    }
}

/// Whether a checkpoint holds a version.
pub(crate) async fn in_checkpoint(lake: &Lake, table: Table, version: u64) -> Result<bool, LakeError> {
    Ok(newest_checkpoint(lake, table, version).await?.next_version > version)
}

struct Checkpoint {
    parts: Vec<Path>,
    next_version: u64,
}

/// The newest complete checkpoint at or before `version`; none means reading from commit 0.
async fn newest_checkpoint(lake: &Lake, table: Table, version: u64) -> Result<Checkpoint, LakeError> {
    let from =
        table.log().join(format!("{:020}", hinted_version(lake, table).await?.filter(|hint| *hint <= version).unwrap_or(0)));
    let listed: Vec<Path> = lake
        .store()
        .list_with_offset(Some(&table.log()), &from)
        .map_ok(|object| object.location)
        .try_collect()
        .await
        .map_err(|e| lake.unavailable(&e))?;
    let mut found: std::collections::BTreeMap<(u64, u32), Vec<Path>> = std::collections::BTreeMap::new();
    for path in listed {
        if let Some((at, parts)) = path.filename().and_then(checkpoint_name)
            && at <= version
        {
            found.entry((at, parts)).or_default().push(path);
        }
    }
    let complete = found.into_iter().rev().find(|((_, parts), paths)| paths.len() == *parts as usize);
    Ok(complete
        .map_or(Checkpoint { parts: Vec::new(), next_version: 0 }, |((at, _), parts)| Checkpoint { parts, next_version: at + 1 }))
}

/// Version and number of parts of a checkpoint file's name; `None` for any other file.
fn checkpoint_name(name: &str) -> Option<(u64, u32)> {
    let (version, rest) = name.split_once(".checkpoint.")?;
    let parts = match rest.strip_suffix("parquet")?.split('.').collect::<Vec<_>>().as_slice() {
        [""] => 1,
        [_part, total, ""] => total.parse().ok()?,
        _ => return None,
    };
    Some((version.parse().ok()?, parts))
}

/// The version `_last_checkpoint` names; only a hint that keeps the listing short.
async fn hinted_version(lake: &Lake, table: Table) -> Result<Option<u64>, LakeError> {
    match lake.store().get(&table.log().join("_last_checkpoint")).await {
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(e) => Err(lake.unavailable(&e)),
        Ok(got) => {
            let bytes = got.bytes().await.map_err(|e| lake.unavailable(&e))?;
            Ok(serde_json::from_slice::<Value>(&bytes).ok().and_then(|hint| hint["version"].as_u64()))
        }
    }
}

fn fold_checkpoint(offsets: &mut Offsets, bytes: Bytes) -> Result<(), String> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|e| e.to_string())?;
    let wanted = ["txn.appId", "txn.version"];
    let mask = ProjectionMask::columns(builder.parquet_schema(), wanted);
    for batch in builder.with_projection(mask).build().map_err(|e| e.to_string())? {
        let batch = batch.map_err(|e| e.to_string())?;
        let Some(txn) = batch.column_by_name("txn") else { continue };
        let txn: &StructArray = txn.as_struct();
        let (Some(ids), Some(versions)) = (txn.column_by_name("appId"), txn.column_by_name("version")) else { continue };
        let (ids, versions) = (ids.as_string::<i32>(), versions.as_primitive::<Int64Type>());
        for row in (0..txn.len()).filter(|&row| txn.is_valid(row) && ids.is_valid(row)) {
            offsets.fold(ids.value(row), versions.value(row));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_checkpoints_are_taken_for_checkpoints() {
        assert_eq!(checkpoint_name("00000000000000000100.checkpoint.parquet"), Some((100, 1)));
        assert_eq!(checkpoint_name("00000000000000000100.checkpoint.0000000001.0000000003.parquet"), Some((100, 3)));
        assert_eq!(checkpoint_name("00000000000000000100.json"), None);
        assert_eq!(checkpoint_name("_last_checkpoint"), None);
    }
}
