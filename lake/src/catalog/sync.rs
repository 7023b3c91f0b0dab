//! Bringing a catalog in line with the Delta log.
//!
//! Owns: the order of the calls, chunks, pages and bounded retries.
//! Does not own: what tables look like (`spec`), what differs (`plan`), remembering what is done (`registrar`).
//! Invariant: idempotent: a second run makes no write, and a run that broke off anywhere is finished by the next.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use serde::Serialize;
use url::Url;

use super::spec::{Folder, LakeTables};
use super::{
    Catalog, Created, FoundTable, PARTITIONS_PER_CREATE_MAX, PARTITIONS_PER_DELETE_MAX, PartitionSpec, TableSpec, Updated, plan,
};
use crate::layout::Table;
use crate::{AsOf, DataFile, Lake, LakeError, Snapshot};

/// How often a table is read again because someone else changed it in between.
const TABLE_ATTEMPTS_MAX: u32 = 5;
/// Pages of partitions read before we take the listing for endless: some 1,000 years of hours.
const PARTITION_PAGES_MAX: usize = 100_000;
/// Glue's own limit.
const DATABASE_NAME_CHARS_MAX: usize = 255;

/// What a table registered at another place means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// Point it here: a person asked for it.
    Repoint,
    /// Refuse: a background task must not take over another lake's table.
    Refuse,
}

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SyncReport {
    /// Whether the database was made.
    pub created_database: bool,
    /// Tables made.
    pub created_tables: Vec<String>,
    /// Tables repaired.
    pub updated_tables: Vec<String>,
    /// Partitions of `stock_data_json` made.
    pub created_partitions: usize,
    /// Partitions that were registered at another place.
    pub relocated_partitions: usize,
    /// Tables and partitions that were right already.
    pub unchanged: usize,
}

impl SyncReport {
    /// Whether everything was right already.
    pub fn is_unchanged(&self) -> bool {
        *self == Self { unchanged: self.unchanged, ..Self::default() }
    }
}

/// Creates or repairs the database, the three tables and the partitions of the JSON mirror, from the lake's log.
///
/// # Errors
/// `Invalid` for a lake without ticks' table or not on S3, or when something that is not ours has a table's name;
/// `Unavailable` when the lake or the catalog does not answer; `Conflict` when others keep changing a table.
pub async fn sync(catalog: &dyn Catalog, database: &str, lake: &Lake, elsewhere: Elsewhere) -> Result<SyncReport, LakeError> {
    LakeTables::of(lake.url())?;
    let folders = committed_folders(lake).await?;
    sync_with(catalog, database, lake.url(), &folders, elsewhere).await
}

/// The folders of the newest version of `stock_data`.
///
/// # Errors
/// As `Snapshot::read`; `Invalid` when the table does not exist.
pub async fn committed_folders(lake: &Lake) -> Result<BTreeSet<Folder>, LakeError> {
    match Snapshot::read(lake, Table::StockData, AsOf::Latest).await? {
        Some(snapshot) => Ok(folders(&snapshot.files)),
        None => Err(LakeError::Invalid(format!("{} has no table stock_data yet; run `ticklake ingest` first", lake.display()))),
    }
}

/// The folders of some files; a file of someone else's without both values has no mirror and no folder.
fn folders(files: &[DataFile]) -> BTreeSet<Folder> {
    let value = |file: &DataFile, key: &str| file.partition.get(key).cloned().flatten();
    files.iter().filter_map(|f| Some((value(f, "dt")?, value(f, "hour")?))).collect()
}

/// As [`sync`], for a lake at `url` whose log holds `folders`.
///
/// # Errors
/// As [`sync`].
pub async fn sync_with(
    catalog: &dyn Catalog,
    database: &str,
    url: &Url,
    folders: &BTreeSet<Folder>,
    elsewhere: Elsewhere,
) -> Result<SyncReport, LakeError> {
    let tables = LakeTables::of(url)?;
    check_database_name(database)?;
    let mut report =
        SyncReport { created_database: catalog.ensure_database(database).await? == Created::Now, ..SyncReport::default() };
    for table in tables.all() {
        match settle_table(catalog, database, table, elsewhere).await? {
            Settled::Created => report.created_tables.push(table.name.clone()),
            Settled::Updated => report.updated_tables.push(table.name.clone()),
            Settled::Unchanged => report.unchanged += 1,
        }
    }
    let json = &tables.stock_data_json;
    let found = list_all_partitions(catalog, database, &json.name).await?;
    let plan = plan::partitions(json, &found, folders);
    delete_partitions(catalog, database, &json.name, &plan.relocate).await?;
    report.relocated_partitions = create_partitions(catalog, database, json, &plan.relocate).await?;
    report.created_partitions = create_partitions(catalog, database, json, &plan.create).await?;
    report.unchanged += plan.unchanged;
    Ok(report)
}

/// Whether the lake at `url` may have its tables in the database, as far as what is there tells. Reads, and writes nothing.
///
/// # Errors
/// `Invalid` for a name that will not do, a lake that is not on S3, or a table that is another lake's or not ticklake's;
/// `Unavailable` when the catalog does not answer.
pub fn check<'a>(catalog: &'a dyn Catalog, database: &'a str, url: &'a Url) -> BoxFuture<'a, Result<(), LakeError>> {
    Box::pin(async move {
        let tables = LakeTables::of(url)?;
        check_database_name(database)?;
        for wanted in tables.all() {
            if let Some(found) = catalog.get_table(database, &wanted.name).await? {
                plan::check_ours(database, &found)?;
                check_place(database, &found, wanted, Elsewhere::Refuse)?;
            }
        }
        Ok(())
    })
}

/// Lets names pass that Glue stores as given and Athena can address.
///
/// # Errors
/// `Invalid`.
pub fn check_database_name(name: &str) -> Result<(), LakeError> {
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    if plain && (1..=DATABASE_NAME_CHARS_MAX).contains(&name.len()) {
        return Ok(());
    }
    Err(LakeError::Invalid(format!(
        "Glue database name {name:?} will not do; use lower-case letters, digits, _ and -, {DATABASE_NAME_CHARS_MAX} at most"
    )))
}

/// What was done about a table.
enum Settled {
    Created,
    Updated,
    Unchanged,
}

/// Reads, compares, writes; and again when someone else wrote in between.
async fn settle_table(
    catalog: &dyn Catalog,
    database: &str,
    wanted: &TableSpec,
    elsewhere: Elsewhere,
) -> Result<Settled, LakeError> {
    for _ in 0..TABLE_ATTEMPTS_MAX {
        let Some(found) = catalog.get_table(database, &wanted.name).await? else {
            match catalog.create_table(database, wanted).await? {
                Created::Now => return Ok(Settled::Created),
                Created::Already => continue,
            }
        };
        plan::check_ours(database, &found)?;
        let Some(repaired) = plan::repair(&found.spec, wanted) else {
            return Ok(Settled::Unchanged);
        };
        check_place(database, &found, wanted, elsewhere)?;
        match catalog.update_table(database, &repaired, &found).await? {
            Updated::Done => return Ok(Settled::Updated),
            Updated::Overtaken => tracing::debug!(database, table = wanted.name, "the table changed meanwhile, reading it again"),
        }
    }
    Err(LakeError::Conflict { table: format!("Glue table {database}.{}", wanted.name), attempts: TABLE_ATTEMPTS_MAX })
}

/// Two lakes on one database would take its tables from each other in turn; only a person may decide which has them.
fn check_place(database: &str, found: &FoundTable, wanted: &TableSpec, elsewhere: Elsewhere) -> Result<(), LakeError> {
    let old = &found.spec.location;
    if old.is_empty() || plan::same_place(old, &wanted.location) {
        return Ok(());
    }
    match elsewhere {
        Elsewhere::Repoint => {
            tracing::warn!(
                database,
                table = wanted.name,
                from = old,
                to = wanted.location,
                "pointing a Glue table to another place"
            );
            Ok(())
        }
        Elsewhere::Refuse => Err(LakeError::Invalid(format!(
            "Glue table {database}.{} belongs to {old}, not to {}; choose another --glue-database, \
             or run `ticklake catalog sync --move-tables` to point it here",
            wanted.name, wanted.location
        ))),
    }
}

async fn list_all_partitions(catalog: &dyn Catalog, database: &str, table: &str) -> Result<Vec<PartitionSpec>, LakeError> {
    let mut all = Vec::new();
    let mut page = None;
    for _ in 0..PARTITION_PAGES_MAX {
        let found = catalog.list_partitions(database, table, page).await?;
        all.extend(found.partitions);
        page = found.next;
        if page.is_none() {
            return Ok(all);
        }
    }
    Err(LakeError::corrupt(
        format!("Glue table {database}.{table}"),
        format!("its partitions do not end after {PARTITION_PAGES_MAX} pages"),
    ))
}

/// Creates partitions in calls as large as Glue takes; how many are new.
pub(super) async fn create_partitions(
    catalog: &dyn Catalog,
    database: &str,
    table: &TableSpec,
    partitions: &[PartitionSpec],
) -> Result<usize, LakeError> {
    let mut created = 0;
    for chunk in partitions.chunks(PARTITIONS_PER_CREATE_MAX) {
        created += catalog.create_partitions(database, table, chunk).await?;
    }
    Ok(created)
}

async fn delete_partitions(
    catalog: &dyn Catalog,
    database: &str,
    table: &str,
    partitions: &[PartitionSpec],
) -> Result<(), LakeError> {
    for chunk in partitions.chunks(PARTITIONS_PER_DELETE_MAX) {
        let values: Vec<Vec<String>> = chunk.iter().map(|p| p.values.clone()).collect();
        catalog.delete_partitions(database, table, &values).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
