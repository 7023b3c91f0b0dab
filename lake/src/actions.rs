//! The text of a Delta log entry: actions, one a line.
//!
//! Owns: reading and writing that text, the `txn` action, how an entry shows whose it is.
//! Does not own: where entries lie (`log`), which actions a commit holds (`commit`, `reset`).
//! Invariant: what is written reads back as the same actions.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::LakeError;
use crate::layout::Table;

/// The actions of an entry.
///
/// # Errors
/// `Corrupt` for a line that is not JSON.
pub(crate) fn parse(table: Table, version: u64, entry: &[u8]) -> Result<Vec<Value>, LakeError> {
    let lines = entry.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            serde_json::from_slice(line).map_err(|e| LakeError::corrupt(format!("commit {version} of {}", table.name()), e))
        })
        .collect()
}

/// An entry of these actions.
pub(crate) fn text(actions: &[Value]) -> String {
    actions.iter().map(|action| format!("{action}\n")).collect()
}

/// Records how far an application has got.
pub(crate) fn txn(app_id: String, version: i64, now_ms: i64) -> Value {
    json!({"txn": {"appId": app_id, "version": version, "lastUpdated": now_ms}})
}

/// Whether the entry was written for that window: its `commitInfo` says so.
pub(crate) fn are_of_window(actions: &[Value], window: Uuid) -> bool {
    actions.iter().any(|action| action["commitInfo"]["windowId"] == json!(window.to_string()))
}
