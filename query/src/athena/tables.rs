//! The lake's tables as Athena sees them.
//!
//! Owns: which Trino type each column of a contract has there.
//! Does not own: the contracts (`schemas`), reading the tables.
//! Invariant: what analysis says of a statement here is what Athena says of it over the tables that we registered.

use ticklake_schemas::{Column, ColumnType, Contract, DEAD_LETTERS, STOCK_DATA, STOCK_DATA_JSON, dead_letters, stock_data};

use super::analyze::{Columns, Tables};
use super::types::Type;

/// What follows a table's name in that of the table of its partitions, and of its files.
pub(crate) const PARTITIONS: &str = "$partitions";
/// See [`PARTITIONS`].
pub(crate) const FILES: &str = "$files";
/// The hidden column with the file that a row is of, and the one with that file's bytes.
pub(crate) const PATH: &str = "$path";
/// See [`PATH`].
pub(crate) const FILE_SIZE: &str = "$file_size";

/// Athena's own catalog; a database of any name may stand between it and the table.
pub(crate) const CATALOG: &str = "awsdatacatalog";

/// The tables of a lake.
pub(crate) fn of_lake() -> Tables {
    // Hive's timestamps have milliseconds.
    let tables = [(STOCK_DATA, 6), (DEAD_LETTERS, 6), (STOCK_DATA_JSON, 3)].into_iter();
    let tables =
        tables.filter_map(|(name, digits)| Some((name, contract(name)?, digits))).flat_map(|(name, contract, digits)| {
            let keys = &contract.partition_by;
            [
                (name.to_owned(), columns(contract, digits)),
                (format!("{name}{FILES}"), of_files(keys)),
                (format!("{name}{PARTITIONS}"), of_partitions(keys)),
            ]
        });
    Tables { catalog: CATALOG.to_owned(), schema: None, tables: tables.collect() }
}

/// Columns that files are chosen by.
pub(crate) fn partition_columns(table: &str) -> &'static [String] {
    contract(table).map_or(&[][..], |contract| contract.partition_by.as_slice())
}

/// What a table holds; `None` for what is no table of its own.
pub(crate) fn contract(table: &str) -> Option<&'static Contract> {
    match table {
        STOCK_DATA | STOCK_DATA_JSON => Some(stock_data()),
        DEAD_LETTERS => Some(dead_letters()),
        _ => None,
    }
}

fn columns(contract: &Contract, timestamp_digits: u8) -> Vec<(String, Type)> {
    let ty = |column: &Column| match column.kind {
        ColumnType::String => Type::VARCHAR,
        ColumnType::Bigint => Type::Bigint,
        ColumnType::Int => Type::Integer,
        ColumnType::Double => Type::Double,
        ColumnType::TimestampNtz => Type::Timestamp(timestamp_digits),
    };
    let hidden = [(PATH.to_owned(), Type::VARCHAR), (FILE_SIZE.to_owned(), Type::Bigint)];
    contract.columns.iter().map(|column| (column.name.clone(), ty(column))).chain(hidden).collect()
}

/// The columns of `"table$files"` of a table partitioned by these: names as Athena has them for Iceberg, then the partition's.
pub(crate) fn of_files(keys: &[String]) -> Columns {
    let columns = [
        ("file_path", Type::VARCHAR),
        ("file_format", Type::VARCHAR),
        ("record_count", Type::Bigint),
        ("file_size_in_bytes", Type::Bigint),
    ];
    columns.into_iter().map(|(name, ty)| (name.to_owned(), ty)).chain(of_partitions(keys)).collect()
}

/// The columns of `"table$partitions"`.
pub(crate) fn of_partitions(keys: &[String]) -> Columns {
    keys.iter().map(|key| (key.clone(), Type::VARCHAR)).collect()
}
