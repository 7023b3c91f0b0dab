//! What each commit of a table did, newest first.
//!
//! Owns: reading log entries for people: when, what, how many files, rows and bytes, which offsets.
//! Does not own: the table's state (`snapshot`), what offsets mean (`offsets`).
//! Invariant: every version is what its own entry says; versions whose entries were cleaned up are left out, never guessed.

use deltalake_core::logstore::LogStoreRef;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use crate::layout::Table;
use crate::log::{delta_error, log_store};
use crate::{Lake, LakeError, Offsets, actions};

const READS_AT_ONCE: usize = 16;

/// One commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Its number.
    pub version: u64,
    /// When it was written, milliseconds since the epoch; `None` where the entry does not say.
    pub at_ms: Option<i64>,
    /// The operation as its writer calls it, such as `STREAMING UPDATE`; empty where the entry does not say.
    pub operation: String,
    /// Files added.
    pub files_added: u64,
    /// Files removed.
    pub files_removed: u64,
    /// Rows of the added files, by their statistics.
    pub rows_added: u64,
    /// Bytes of the added files.
    pub bytes_added: u64,
    /// How far it brought each source's partitions.
    pub offsets: Offsets,
}

impl Version {
    /// At most `most` versions, from `newest` back.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn read(lake: &Lake, table: Table, newest: u64, most: usize) -> Result<Vec<Self>, LakeError> {
        let log = &log_store(lake, table);
        let oldest = newest.saturating_sub(u64::try_from(most).unwrap_or(u64::MAX).saturating_sub(1));
        let entries = futures::stream::iter((oldest..=newest).rev().take(most));
        let read = entries.map(|version| one(lake, table, log, version)).buffered(READS_AT_ONCE);
        let versions: Vec<Option<Self>> = read.try_collect().await?;
        Ok(versions.into_iter().flatten().collect())
    }

    fn of(version: u64, actions: &[Value]) -> Self {
        let info = actions.iter().map(|action| &action["commitInfo"]).find(|info| info.is_object()).unwrap_or(&Value::Null);
        let added = || actions.iter().map(|action| &action["add"]).filter(|add| add.is_object());
        let rows = |add: &Value| {
            let statistics: Value = serde_json::from_str(add["stats"].as_str()?).ok()?;
            statistics["numRecords"].as_u64()
        };
        let mut offsets = Offsets::default();
        for action in actions {
            crate::log_offsets::fold_action(&mut offsets, action);
        }
        Self {
            version,
            at_ms: info["timestamp"].as_i64(),
            operation: info["operation"].as_str().unwrap_or_default().to_owned(),
            files_added: added().map(|_| 1).sum(),
            files_removed: actions.iter().filter(|action| action["remove"].is_object()).map(|_| 1).sum(),
            rows_added: added().filter_map(rows).sum(),
            bytes_added: added().filter_map(|add| add["size"].as_u64()).sum(),
            offsets,
        }
    }
}

async fn one(lake: &Lake, table: Table, log: &LogStoreRef, version: u64) -> Result<Option<Version>, LakeError> {
    let entry = log.read_commit_entry(version).await.map_err(|e| delta_error(lake, table, &e))?;
    entry.map(|entry| actions::parse(table, version, &entry).map(|actions| Version::of(version, &actions))).transpose()
}
