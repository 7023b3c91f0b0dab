//! What the lake holds, as answers: `\d`, `\dp`, `\history`, `\diff`, `\vol`.
//!
//! Owns: which columns those answers have, adding files up.
//! Does not own: files and versions (`engine`, `lake`), how answers look (`output`).
//! Invariant: no data file is read; what the log does not say is NULL, never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::arrow::error::ArrowError;
use ticklake_lake::layout::Table;
use ticklake_lake::{AsOf, Offsets, Snapshot, Version};
use ticklake_schemas::{DEAD_LETTERS, STOCK_DATA, STOCK_DATA_JSON};

use crate::athena::{self, nearest};
use crate::files::TableFile;
use crate::{Engine, QueryError, QueryResult, volatility};

/// Versions that `\history` tells of.
const VERSIONS_MAX: usize = 100;
const TABLES: [&str; 3] = [STOCK_DATA, DEAD_LETTERS, STOCK_DATA_JSON];

/// The tables.
pub(super) fn tables(engine: &Engine) -> Result<QueryResult, QueryError> {
    let sums: Vec<Option<Sum>> = TABLES.map(|table| (table != STOCK_DATA_JSON).then(|| Sum::of(engine.files(table)))).into();
    let about = TABLES.map(|table| athena::contract(table).map(|contract| contract.columns.len()).unwrap_or_default());
    let mut columns =
        vec![("table", texts(TABLES.map(str::to_owned).map(Some))), ("columns", numbers(about.map(|count| Some(count as u64))))];
    columns.extend(sum_columns(&sums));
    answer(engine, columns)
}

/// The columns of a table; of what they hold the beginning, if not the whole.
pub(super) fn columns(engine: &Engine, table: &str, is_whole: bool) -> Result<QueryResult, QueryError> {
    let table = known(table)?;
    let contract = athena::contract(table);
    let rows = athena::of_lake().tables.into_iter().find(|(name, _)| name == table).map(|(_, columns)| columns);
    let rows = rows.unwrap_or_default();
    let key = |name: &str| athena::partition_columns(table).iter().any(|key| key == name);
    let shown: Vec<_> = rows.iter().filter(|(name, _)| !name.starts_with('$')).collect();
    let doc = |name: &str| {
        let doc = &contract?.column(name)?.doc;
        let beginning = doc.split([';', '.']).next().filter(|_| !is_whole);
        Some(beginning.unwrap_or(doc).to_owned())
    };
    answer(
        engine,
        vec![
            ("column", texts(shown.iter().map(|(name, _)| Some(name.clone())))),
            ("type", texts(shown.iter().map(|(_, ty)| Some(ty.to_string())))),
            ("key", texts(shown.iter().map(|(name, _)| Some(if key(name) { "partition" } else { "" }.to_owned())))),
            ("about", texts(shown.iter().map(|(name, _)| doc(name)))),
        ],
    )
}

/// The volatility library.
pub(super) fn library(engine: &Engine) -> Result<QueryResult, QueryError> {
    let heads: Vec<_> = volatility::ALL.iter().map(|statement| statement.head()).collect::<Result<_, _>>()?;
    let names = texts(volatility::ALL.iter().map(|statement| Some(statement.name.to_owned())));
    answer(engine, vec![("name", names), ("estimates", texts(heads.into_iter().map(|head| Some(head.estimator))))])
}

/// What is known of a table as a whole, a line each.
pub(super) fn details(engine: &Engine, table: &str) -> Result<QueryResult, QueryError> {
    let table = known(table)?;
    let mut lines = vec![("lake", engine.lake().display().to_string())];
    lines.push(("version", engine.version().map_or_else(|| "no data yet".to_owned(), |version| version.to_string())));
    lines.push(("partitioned by", athena::partition_columns(table).join(", ")));
    let places = Table::ALL.into_iter().find(|of| of.name() == table);
    lines.extend(places.map(|of| ("Delta table", format!("{}/{}", engine.lake().display(), of.name()))));
    if let Some(tail) = engine.tail().filter(|_| table == STOCK_DATA) {
        let offsets: Vec<String> = tail.span.iter().map(|(partition, from, to)| format!("{partition}:[{from},{to})")).collect();
        lines.push(("live ticks", tail.ticks.to_string()));
        lines.push((
            "live offsets",
            if offsets.is_empty() { "none".to_owned() } else { format!("{} {}", tail.of, offsets.join(" ")) },
        ));
    }
    lines.push(("Athena", format!("SELECT … FROM {table}, after `ticklake catalog sync`")));
    if table != STOCK_DATA_JSON {
        let files = engine.files(table);
        let sum = Sum::of(files);
        let partitions: BTreeSet<_> = files.iter().map(|file| &file.partition).collect();
        lines.push(("partitions", partitions.len().to_string()));
        lines.push(("files", sum.files.to_string()));
        lines.push(("rows", sum.rows.map_or_else(|| "unknown".to_owned(), |rows| rows.to_string())));
        lines.push(("bytes", sum.bytes.to_string()));
        let time = |us| chrono::DateTime::from_timestamp_micros(us).map(|time| time.naive_utc().to_string());
        if let Some((first, last)) = sum.times_us {
            lines.extend(time(first).map(|text| ("first time", text)));
            lines.extend(time(last).map(|text| ("last time", text)));
        }
    }
    let (names, values): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    answer(
        engine,
        vec![("what", texts(names.into_iter().map(|name| Some(name.to_owned())))), ("is", texts(values.into_iter().map(Some)))],
    )
}

/// The partitions of a table.
pub(super) fn partitions(engine: &Engine, table: &str) -> Result<QueryResult, QueryError> {
    let table = known(table)?;
    let mut by_partition: BTreeMap<Vec<Option<String>>, Vec<&TableFile>> = BTreeMap::new();
    let keys = athena::partition_columns(table);
    for file in engine.files(table) {
        let of = keys.iter().map(|key| file.partition.get(key).cloned().flatten()).collect();
        by_partition.entry(of).or_default().push(file);
    }
    let sums: Vec<Option<Sum>> = by_partition.values().map(|files| Some(Sum::of(files.iter().copied()))).collect();
    let of_key = |at: usize| texts(by_partition.keys().map(|values| values[at].clone()));
    let mut columns: Vec<(&str, ArrayRef)> = keys.iter().enumerate().map(|(at, key)| (key.as_str(), of_key(at))).collect();
    columns.extend(sum_columns(&sums));
    answer(engine, columns)
}

/// The newest versions of a table, the newest first.
pub(super) async fn history(engine: &Engine, table: &str) -> Result<QueryResult, QueryError> {
    let table = if table.is_empty() { STOCK_DATA } else { known(table)? };
    let Some(of) = Table::ALL.into_iter().find(|of| of.name() == table) else {
        return Err(QueryError::Sql(format!("{table} has no versions of its own; it mirrors {STOCK_DATA}")));
    };
    let newest = if of == Table::StockData {
        engine.version()
    } else {
        Snapshot::read(engine.lake(), of, AsOf::Latest).await?.map(|snapshot| snapshot.version)
    };
    let versions = match newest {
        Some(newest) => Version::read(engine.lake(), of, newest, VERSIONS_MAX).await?,
        None => Vec::new(),
    };
    let column = |value: fn(&Version) -> u64| numbers(versions.iter().map(|version| Some(value(version))));
    answer(
        engine,
        vec![
            ("version", column(|version| version.version)),
            ("committed_at", times(versions.iter().map(|version| version.at_ms.map(|ms| ms.saturating_mul(1000))))),
            ("operation", texts(versions.iter().map(|version| Some(version.operation.clone())))),
            ("rows_added", column(|version| version.rows_added)),
            ("files_added", column(|version| version.files_added)),
            ("files_removed", column(|version| version.files_removed)),
            ("bytes_added", column(|version| version.bytes_added)),
            ("next_offsets", texts(versions.iter().map(|version| offsets(&version.offsets)))),
        ],
    )
}

/// What came and went between two versions, by partition.
pub(super) async fn diff(engine: &Engine, words: &str) -> Result<QueryResult, QueryError> {
    let versions: Vec<u64> = words.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let &[from, to] = versions.as_slice() else {
        return Err(QueryError::Sql(format!(
            "\\diff takes two versions, such as \\diff 3 7, not {words:?}; \\history lists them"
        )));
    };
    let mut changes: BTreeMap<String, [(u64, u64); 2]> = BTreeMap::new();
    let (before, after) = (files_at(engine, from).await?, files_at(engine, to).await?);
    for (side, (these, those)) in [(&after, &before), (&before, &after)].into_iter().enumerate() {
        let names: BTreeSet<&str> = those.files.iter().map(|file| file.name.as_str()).collect();
        for file in these.files.iter().filter(|file| !names.contains(file.name.as_str())) {
            let partition = file.partition.iter().map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("NULL")));
            let entry = &mut changes.entry(partition.collect::<Vec<_>>().join("/")).or_default()[side];
            *entry = (entry.0 + 1, entry.1 + file.rows().unwrap_or_default());
        }
    }
    let column = |side: usize, is_rows: bool| {
        numbers(changes.values().map(|sides| Some(if is_rows { sides[side].1 } else { sides[side].0 })))
    };
    answer(
        engine,
        vec![
            ("partition", texts(changes.keys().cloned().map(Some))),
            ("files_added", column(0, false)),
            ("rows_added", column(0, true)),
            ("files_removed", column(1, false)),
            ("rows_removed", column(1, true)),
        ],
    )
}

async fn files_at(engine: &Engine, version: u64) -> Result<Snapshot, QueryError> {
    let read = Snapshot::read(engine.lake(), Table::StockData, AsOf::Version(version)).await?;
    read.ok_or_else(|| QueryError::Sql(format!("{} has no version {version}: it holds no data yet", engine.lake().display())))
}

/// The name of a table, as the lake spells it.
fn known(table: &str) -> Result<&'static str, QueryError> {
    let found = TABLES.into_iter().find(|known| known.eq_ignore_ascii_case(table));
    found.ok_or_else(|| {
        let near = nearest(table, TABLES.into_iter());
        let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
        QueryError::Sql(format!("there is no table {table:?}; {near}\\d lists them"))
    })
}

/// Files together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sum {
    files: u64,
    /// `None` when the log does not say it of each.
    rows: Option<u64>,
    bytes: u64,
    times_us: Option<(i64, i64)>,
}

impl Sum {
    fn of<'f>(files: impl IntoIterator<Item = &'f TableFile>) -> Self {
        let none = Self { files: 0, rows: Some(0), bytes: 0, times_us: None };
        files.into_iter().fold(none, |sum, file| Self {
            files: sum.files + 1,
            rows: sum.rows.zip(file.rows).map(|(sum, rows)| sum + rows),
            bytes: sum.bytes + file.size_bytes,
            times_us: match (sum.times_us, file.times_us) {
                (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
                (one, other) => one.or(other),
            },
        })
    }
}

fn sum_columns(sums: &[Option<Sum>]) -> Vec<(&'static str, ArrayRef)> {
    let of = |value: fn(&Sum) -> Option<u64>| numbers(sums.iter().map(|sum| sum.as_ref().and_then(value)));
    let time = |value: fn((i64, i64)) -> i64| times(sums.iter().map(|sum| sum.and_then(|sum| sum.times_us).map(value)));
    vec![
        ("files", of(|sum| Some(sum.files))),
        ("rows", of(|sum| sum.rows)),
        ("bytes", of(|sum| Some(sum.bytes))),
        ("first_time", time(|(first, _)| first)),
        ("last_time", time(|(_, last)| last)),
    ]
}

/// How far a commit brought its sources: `topic partition:next offset …`.
fn offsets(offsets: &Offsets) -> Option<String> {
    let mut by_source: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (source, partition, next) in offsets.iter() {
        by_source.entry(source.name()).or_default().push(format!("{partition}:{next}"));
    }
    let texts: Vec<String> = by_source.into_iter().map(|(source, next)| format!("{source} {}", next.join(" "))).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

fn texts(values: impl IntoIterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

fn numbers(values: impl IntoIterator<Item = Option<u64>>) -> ArrayRef {
    Arc::new(values.into_iter().map(|value| value.and_then(|value| i64::try_from(value).ok())).collect::<Int64Array>())
}

fn times(values: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<TimestampMicrosecondArray>())
}

fn answer(engine: &Engine, columns: Vec<(&str, ArrayRef)>) -> Result<QueryResult, QueryError> {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, values)| (name, values, true)));
    engine.answer(batch.map_err(|e: ArrowError| QueryError::Internal(format!("an answer of the session's own: {e}")))?)
}
