//! The Delta log of one table: opening it through delta-rs, creating it, checkpoints.
//!
//! Owns: the log store handle, version 0, what of a table's `metaData` this binary accepts.
//! Does not own: the commit loop (`commit`), what a commit holds for Kafka (`offsets`), the comparison itself (`evolve`).
//! Invariant: version 0 is written by put-if-absent; of two creators one wins and both go on with its table.

use std::sync::Arc;

use deltalake_core::DeltaTable;
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef, StorageConfig, default_logstore};
use deltalake_core::table::state::DeltaTableState;
use object_store::prefix::PrefixStore;
use serde_json::{Value, json};
use ticklake_schemas::CONTRACT_VERSION_KEY;
use uuid::Uuid;

use crate::layout::Table;
use crate::patience::Tries;
use crate::{Lake, LakeError};

/// Reader and writer features of our tables: timestamps without zone, nothing else.
const FEATURES: [&str; 1] = ["timestampNtz"];
/// Writer features that ask nothing of a writer that only appends files of the table's columns.
const FEATURES_MET: [&str; 2] = ["timestampNtz", "appendOnly"];

/// The log store of a table.
pub(crate) fn log_store(lake: &Lake, table: Table) -> LogStoreRef {
    let (root, url) = lake.root(table);
    let path = object_store::path::Path::from_url_path(url.path()).expect("a lake URL holds a valid path");
    default_logstore(Arc::new(PrefixStore::new(Arc::clone(&root), path)), root, &url, &StorageConfig::default())
}

/// The table as delta-rs loads it, at its newest version; `None` when it does not exist yet.
///
/// # Errors
/// `Unavailable` when storage does not answer, `Corrupt` when the log cannot be understood.
pub(crate) async fn load(lake: &Lake, table: Table) -> Result<Option<DeltaTable>, LakeError> {
    // Asked first: delta-rs has a different error for every way in which a table can be absent.
    if !lake.holds(&table.log()).await? {
        return Ok(None);
    }
    let mut delta = DeltaTable::new(log_store(lake, table));
    delta.load().await.map_err(|e| delta_error(lake, table, &e))?;
    Ok(Some(delta))
}

/// How the Delta kernel begins the sentence when the store failed beneath it; it keeps no source to ask.
const STORAGE_WORDS: [&str; 3] = ["Error interacting with object store", "Object store error", "error sending request"];

/// Whether the store's error is among the causes.
fn is_of_storage(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |e| e.source()).any(|e| e.is::<object_store::Error>())
}

/// Sorts a delta-rs error by what the caller should do.
pub(crate) fn delta_error(lake: &Lake, table: Table, error: &deltalake_core::DeltaTableError) -> LakeError {
    use deltalake_core::DeltaTableError as E;
    match error {
        E::ObjectStore { source } => lake.unavailable(source),
        other => {
            let text = crate::error::one_line(other);
            if is_of_storage(other) || STORAGE_WORDS.iter().any(|words| text.contains(words)) {
                lake.unavailable(other)
            } else {
                LakeError::corrupt(format!("{}/{}", lake.display(), table.name()), text)
            }
        }
    }
}

/// The table, created first when absent.
///
/// # Errors
/// As `load`; `Invalid` when the table was written under a newer contract.
pub(crate) async fn load_or_create(lake: &Lake, table: Table, now_ms: i64) -> Result<DeltaTable, LakeError> {
    if let Some(found) = load(lake, table).await? {
        return Ok(found);
    }
    let bytes = bytes::Bytes::from(first_commit(table, now_ms));
    let mut tries = Tries::new(lake.patience());
    loop {
        let payload = CommitOrBytes::LogBytes(bytes.clone());
        let written = log_store(lake, table).write_commit_entry(0, payload, Uuid::new_v4()).await;
        match (load(lake, table).await?, written) {
            (Some(found), _) => return Ok(found),
            (None, Ok(())) => {
                return Err(LakeError::corrupt(lake.display(), "version 0 was written but cannot be read back"));
            }
            (None, Err(e)) => {
                if !tries.another().await {
                    return Err(lake.unavailable(&e));
                }
            }
        }
    }
}

/// Version 0: protocol and metadata, no data.
fn first_commit(table: Table, now_ms: i64) -> String {
    let contract = table.contract();
    let actions: [Value; 3] = [
        json!({"commitInfo": {"timestamp": now_ms, "operation": "CREATE TABLE", "operationParameters": {}, "engineInfo": crate::commit::ENGINE}}),
        json!({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": FEATURES, "writerFeatures": FEATURES}}),
        json!({"metaData": {
            "id": Uuid::new_v4().to_string(),
            "name": contract.name,
            "format": {"provider": "parquet", "options": {}},
            "schemaString": contract.delta_schema().to_string(),
            "partitionColumns": contract.partition_by,
            "configuration": {CONTRACT_VERSION_KEY: contract.compatible_from.to_string()},
            "createdTime": now_ms,
        }}),
    ];
    crate::actions::text(&actions)
}

/// Refuses a table this binary does not understand.
///
/// # Errors
/// `Invalid` naming both contract versions.
pub(crate) fn check_contract(
    lake: &Lake,
    table: Table,
    configuration: &std::collections::HashMap<String, String>,
) -> Result<(), LakeError> {
    let ours = table.contract().version;
    let place = format!("{}/{}", lake.display(), table.name());
    let Some(text) = configuration.get(CONTRACT_VERSION_KEY) else {
        return Err(LakeError::Invalid(format!("{place} is a Delta table but not one of ticklake's; choose another --lake")));
    };
    match text.parse::<u32>() {
        Ok(theirs) if theirs <= ours => Ok(()),
        Ok(theirs) => Err(LakeError::Invalid(format!(
            "{place} needs contract version {theirs}, this ticklake knows {ours}; use a newer ticklake"
        ))),
        Err(_) => Err(LakeError::corrupt(place, format!("{CONTRACT_VERSION_KEY} is {text:?}, not a number"))),
    }
}

/// The `metaData` that a writer must commit for the table to have every column of its contract; `None` when it has them.
///
/// # Errors
/// As `check_contract`; `Invalid` naming a feature we cannot write, or every column that stands in the way and both its types.
pub(crate) fn evolution(lake: &Lake, table: Table, state: &DeltaTableState) -> Result<Option<Value>, LakeError> {
    check_contract(lake, table, state.metadata().configuration())?;
    let contract = table.contract();
    let place = format!("{}/{}", lake.display(), table.name());
    let corrupt = |e: serde_json::Error| LakeError::corrupt(place.as_str(), e);
    let protocol = serde_json::to_value(state.protocol()).map_err(corrupt)?;
    let features = protocol["writerFeatures"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if let Some(unmet) = features.into_iter().find(|feature| !FEATURES_MET.contains(feature)) {
        return Err(LakeError::Invalid(format!(
            "{place} was given feature {unmet} of Delta, which this ticklake cannot write; take it off, or give a new --lake"
        )));
    }
    let metadata = serde_json::to_value(state.metadata()).map_err(corrupt)?;
    crate::evolve::evolved(&metadata, contract).map_err(|why| {
        LakeError::Invalid(format!(
            "{place} cannot be written under contract version {}: {why}; write it with the ticklake that made it, \
             or give a new --lake",
            contract.version
        ))
    })
}

/// Writes a checkpoint of the newest version.
///
/// # Errors
/// `Unavailable`, `Corrupt`.
pub(crate) async fn checkpoint(lake: &Lake, table: Table) -> Result<(), LakeError> {
    let Some(delta) = load(lake, table).await? else {
        return Ok(());
    };
    deltalake_core::checkpoints::create_checkpoint(&delta, None).await.map_err(|e| delta_error(lake, table, &e))
}
