//! A table at one version, as readers see it: its data files with their statistics.
//!
//! Owns: turning the Delta log into a plain list of files.
//! Does not own: reading the files (`query`), the offsets (`offsets`).
//! Invariant: the same version gives the same files for ever; no storage listing of data folders is made.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use serde_json::Value;

use crate::layout::Table;
use crate::{Lake, LakeError, Offsets};

/// Which version to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AsOf {
    /// The newest at the moment of opening.
    #[default]
    Latest,
    /// A version number.
    Version(u64),
    /// The newest version committed at or before this time, milliseconds since the epoch.
    TimeMs(i64),
}

impl std::str::FromStr for AsOf {
    type Err = String;

    /// A version's number, or a time as RFC 3339 writes it.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(version) = text.parse() {
            return Ok(Self::Version(version));
        }
        let at = ticklake_schemas::parse_event_time(text).map(|ns| Self::TimeMs(ns / 1_000_000));
        at.map_err(|_| format!("{text:?} is no version; give a number or a time such as 2026-01-31T12:00:00Z"))
    }
}

/// One data file of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    /// Key relative to the lake's root (table name included).
    pub path: object_store::path::Path,
    /// Name as the Delta log has it, relative to the table's root.
    pub name: String,
    /// Size, bytes.
    pub size_bytes: u64,
    /// When it was written, milliseconds since the epoch.
    pub modified_ms: i64,
    /// Partition values by column; `None` is NULL.
    pub partition: BTreeMap<String, Option<String>>,
    /// The log's statistics: `numRecords`, `minValues`, `maxValues`, `nullCount`, as the Delta protocol writes them; `Null` when absent.
    pub statistics: Value,
}

impl DataFile {
    /// Number of rows, when the log knows it.
    pub fn rows(&self) -> Option<u64> {
        self.statistics.get("numRecords").and_then(Value::as_u64)
    }
}

/// A table at one version.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The table.
    pub table: Table,
    /// The version.
    pub version: u64,
    /// Its files, sorted by name.
    pub files: Vec<DataFile>,
}

impl Snapshot {
    /// Reads a table at a version; `None` when the table does not exist.
    ///
    /// # Errors
    /// `Invalid` for a version that is not there or a table of a newer contract, `Unavailable`, `Corrupt`.
    pub fn read(lake: &Lake, table: Table, as_of: AsOf) -> BoxFuture<'_, Result<Option<Self>, LakeError>> {
        Box::pin(async move {
            let Some(delta) = load(lake, table, as_of).await? else {
                return Ok(None);
            };
            let state = delta.snapshot().map_err(|e| crate::log::delta_error(lake, table, &e))?;
            crate::log::check_contract(lake, table, state.metadata().configuration())?;
            let mut files = Vec::new();
            for view in state.log_data().iter() {
                let name = view.path().into_owned();
                if view.deletion_vector_descriptor().is_some() {
                    return Err(LakeError::Invalid(format!(
                        "{}/{name} has a deletion vector, which is not supported",
                        table.name()
                    )));
                }
                let statistics = match view.stats() {
                    Some(text) => {
                        serde_json::from_str(&text).map_err(|e| LakeError::corrupt(format!("statistics of {name}"), e))?
                    }
                    None => Value::Null,
                };
                files.push(DataFile {
                    path: object_store::path::Path::from(format!("{}/{}", table.name(), view.object_store_path())),
                    size_bytes: u64::try_from(view.size()).unwrap_or_default(),
                    modified_ms: view.modification_time(),
                    partition: view.partition_values_map().into_iter().collect(),
                    name,
                    statistics,
                });
            }
            files.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(Some(Self { table, version: state.version(), files }))
        })
    }

    /// The Kafka offsets a table's log records at a version; none when the table does not exist.
    ///
    /// # Errors
    /// As `read`.
    pub fn offsets(lake: &Lake, table: Table, as_of: AsOf) -> BoxFuture<'_, Result<Offsets, LakeError>> {
        Box::pin(async move {
            match load(lake, table, as_of).await? {
                Some(delta) => {
                    crate::log_offsets::read(lake, table, &delta.log_store(), delta.version().unwrap_or_default()).await
                }
                None => Ok(Offsets::default()),
            }
        })
    }

    /// Rows by the log's statistics (every file we write has them).
    pub fn rows(&self) -> u64 {
        self.files.iter().filter_map(DataFile::rows).sum()
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.size_bytes).sum()
    }
}

/// The table at a version, as delta-rs loads it.
async fn load(lake: &Lake, table: Table, as_of: AsOf) -> Result<Option<deltalake_core::DeltaTable>, LakeError> {
    let Some(mut delta) = crate::log::load(lake, table).await? else {
        return Ok(None);
    };
    let newest = delta.version().unwrap_or_default();
    let moved = match as_of {
        AsOf::Latest => Ok(()),
        AsOf::Version(version) if version > newest => {
            return Err(LakeError::Invalid(format!("{} has no version {version}; the newest is {newest}", table.name())));
        }
        AsOf::Version(version) => delta.load_version(version).await,
        AsOf::TimeMs(at) => match chrono::DateTime::from_timestamp_millis(at) {
            Some(at) => delta.load_with_datetime(at).await,
            None => return Err(LakeError::Invalid(format!("{at} ms is not a time"))),
        },
    };
    moved.map_err(|e| crate::log::delta_error(lake, table, &e))?;
    Ok(Some(delta))
}
