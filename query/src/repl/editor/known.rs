//! What completion knows besides SQL itself.
//!
//! Owns: tables with their columns and partition values, the library's statements, a way to list files.
//! Does not own: where they come from (`athena::tables`, `engine`, `volatility`), meta-commands (`commands`), choosing among them (`complete`).
//! Invariant: it is read once, when the lake is open: no completion waits for the lake.

use std::collections::{BTreeMap, BTreeSet};

use ticklake_schemas::{STOCK_DATA, STOCK_DATA_JSON};

use crate::{Engine, athena, volatility};

/// How many names of a folder are listed.
const FILES_MAX: usize = 1_000;

/// A column, as it is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Its type; empty where it is not plain.
    pub(crate) ty: String,
    /// What it holds, in words; may be empty.
    pub(crate) doc: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// Of columns that files are chosen by, the values there are, in the order to offer them in.
    pub(crate) values: BTreeMap<String, Vec<String>>,
}

/// All of it.
pub(crate) struct Known {
    pub(crate) tables: Vec<Table>,
    /// Names of the volatility library, and what each estimates.
    pub(crate) statements: Vec<(String, String)>,
    /// The names in a folder, which is given as typed (empty for the one we are in); those of folders end with `/`.
    pub(crate) files: fn(&str) -> Vec<String>,
}

impl Known {
    /// What is known of an engine's lake; before it is open, all but its partitions.
    pub(crate) fn of(engine: Option<&Engine>) -> Self {
        let library = volatility::ALL.iter().map(|statement| {
            let about = statement.head().map(|head| head.estimator).unwrap_or_default();
            (statement.name.to_owned(), about)
        });
        Self { tables: tables(engine), statements: library.collect(), files: listed }
    }
}

/// Tables, those about others last.
fn tables(engine: Option<&Engine>) -> Vec<Table> {
    let table = |(name, columns): (String, Vec<_>)| {
        let contract = athena::contract(&name);
        let column = |(name, ty): (String, athena::Type)| {
            let doc = contract.and_then(|contract| contract.column(&name)).map(|column| column.doc.clone());
            Column { ty: ty.to_string(), doc: doc.unwrap_or_default(), name }
        };
        // The mirror has the partitions of what it mirrors.
        let of = if name == STOCK_DATA_JSON { STOCK_DATA } else { name.as_str() };
        let values = athena::partition_columns(&name).iter().map(|key| (key.clone(), values(engine, of, key)));
        Table { values: values.collect(), columns: columns.into_iter().map(column).collect(), name }
    };
    let mut tables: Vec<Table> = athena::of_lake().tables.into_iter().map(table).collect();
    tables.sort_by_key(|table| table.name.contains('$'));
    tables
}

/// The values of a partition column: hours from the first, days from the last, which are asked for most.
fn values(engine: Option<&Engine>, table: &str, key: &str) -> Vec<String> {
    let files = engine.map_or(&[][..], |engine| engine.files(table));
    let values: BTreeSet<&String> = files.iter().filter_map(|file| file.partition.get(key)?.as_ref()).collect();
    let mut values: Vec<String> = values.into_iter().cloned().collect();
    if key == "dt" {
        values.reverse();
    }
    values
}

fn listed(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(if folder.is_empty() { "." } else { folder });
    let name = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        Some(if entry.path().is_dir() { format!("{name}/") } else { name })
    };
    let mut names: Vec<String> = entries.into_iter().flatten().flatten().filter_map(name).take(FILES_MAX).collect();
    names.sort();
    names
}
