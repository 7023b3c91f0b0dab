//! The catalog in which Athena, QuickSight and Trino find the lake's tables.
//!
//! Owns: the narrow `Catalog` trait, its small types, and the limits AWS Glue puts on a call.
//! Does not own: what the tables look like (`spec`), what is to be changed (`plan`), when (`sync`, `registrar`).
//! Invariant: a catalog is a projection of the Delta log; every call may be repeated, and losing it all loses nothing.

#[cfg(test)]
mod conformance;
pub mod glue;
pub mod memory;
pub mod plan;
pub mod registrar;
pub mod spec;
pub mod sync;

use std::collections::BTreeMap;

use async_trait::async_trait;

pub use glue::GlueCatalog;
pub use memory::MemoryCatalog;
pub use registrar::Registrar;
pub use sync::{Elsewhere, SyncReport, check, check_database_name, sync};

use crate::LakeError;

/// Most partitions Glue creates in one call.
pub const PARTITIONS_PER_CREATE_MAX: usize = 100;
/// Most partitions Glue deletes in one call.
pub const PARTITIONS_PER_DELETE_MAX: usize = 25;

/// A column as Glue stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSpec {
    /// Lower-case name.
    pub name: String,
    /// Hive type.
    pub kind: String,
    /// Comment; empty when there is none.
    pub comment: String,
}

/// How a table's files are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FormatSpec {
    /// Java class.
    pub input_format: String,
    /// Java class.
    pub output_format: String,
    /// Java class of the SerDe.
    pub serde: String,
    /// The SerDe's parameters.
    pub serde_parameters: BTreeMap<String, String>,
}

/// A table: all that we decide about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// Lower-case name.
    pub name: String,
    /// Hive's table type.
    pub table_type: String,
    /// Where it lies, `s3://…` without a trailing slash.
    pub location: String,
    /// How its files are read.
    pub format: FormatSpec,
    /// Columns, partition keys not among them.
    pub columns: Vec<ColumnSpec>,
    /// Partition keys, outermost first.
    pub partition_keys: Vec<ColumnSpec>,
    /// Table parameters.
    pub parameters: BTreeMap<String, String>,
}

/// A table as it stands in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundTable {
    /// What we decide about.
    pub spec: TableSpec,
    /// What an update must be based on; empty when the catalog keeps no versions.
    pub version: String,
    /// What others decide about.
    pub others: OthersNotes,
}

/// What others may have noted on a table; updates carry it on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OthersNotes {
    /// Description.
    pub description: Option<String>,
    /// Owner.
    pub owner: Option<String>,
    /// Retention, days.
    pub retention_days: i32,
}

/// A partition of a Hive table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionSpec {
    /// A value for each partition key, in the keys' order.
    pub values: Vec<String>,
    /// Where it lies, without a trailing slash.
    pub location: String,
}

/// Some of a table's partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionPage {
    /// The partitions.
    pub partitions: Vec<PartitionSpec>,
    /// Asks for the next page; `None` after the last.
    pub next: Option<String>,
}

/// What came of a creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was made.
    Now,
    /// It was there already, and was left as it is.
    Already,
}

/// What came of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updated {
    /// It was written.
    Done,
    /// Someone else changed or dropped the table since it was read; nothing was written. Read it again.
    Overtaken,
}

/// A Hive-style catalog.
///
/// Each method is one call, or one bounded by the limits above; walking pages and cutting chunks is the caller's.
/// Errors are `Unavailable` when the catalog does not answer, refuses access or lost the database meanwhile,
/// and `Invalid` when it will never accept the request.
#[async_trait]
pub trait Catalog: std::fmt::Debug + Send + Sync {
    /// Creates the database unless it exists.
    async fn ensure_database(&self, database: &str) -> Result<Created, LakeError>;

    /// The table; `None` when it, or its database, does not exist.
    async fn get_table(&self, database: &str, name: &str) -> Result<Option<FoundTable>, LakeError>;

    /// Creates a table.
    async fn create_table(&self, database: &str, table: &TableSpec) -> Result<Created, LakeError>;

    /// Makes the table that was `found` what `table` says, if it still is what was found.
    async fn update_table(&self, database: &str, table: &TableSpec, found: &FoundTable) -> Result<Updated, LakeError>;

    /// A page of a table's partitions, the first one for `None`.
    async fn list_partitions(&self, database: &str, table: &str, page: Option<String>) -> Result<PartitionPage, LakeError>;

    /// Creates at most [`PARTITIONS_PER_CREATE_MAX`] partitions; those that exist are left alone. How many are new.
    async fn create_partitions(
        &self,
        database: &str,
        table: &TableSpec,
        partitions: &[PartitionSpec],
    ) -> Result<usize, LakeError>;

    /// Deletes at most [`PARTITIONS_PER_DELETE_MAX`] partitions, by values; absent ones are no error. How many are gone by it.
    async fn delete_partitions(&self, database: &str, table: &str, values: &[Vec<String>]) -> Result<usize, LakeError>;
}

/// Refuses a call that the catalog would refuse for its size.
fn check_call_size(what: &str, asked: usize, most: usize) -> Result<(), LakeError> {
    if asked <= most {
        Ok(())
    } else {
        Err(LakeError::Invalid(format!("Glue {what} at most {most} partitions a call, not {asked}")))
    }
}
