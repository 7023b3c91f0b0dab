//! The lake's tables as Athena sees them.
//!
//! Owns: which Trino type each column of a contract has there.
//! Does not own: the contracts (`schemas`), reading the tables.
//! Invariant: what analysis says of a statement here is what Athena says of it over the tables that we registered.

use ticklake_schemas::{Column, ColumnType, Contract, DEAD_LETTERS, STOCK_DATA, STOCK_DATA_JSON, dead_letters, stock_data};

use super::analyze::Tables;
use super::types::Type;

/// Athena's own catalog; a database of any name may stand between it and the table.
pub(crate) const CATALOG: &str = "awsdatacatalog";

/// The tables of a lake.
pub(crate) fn of_lake() -> Tables {
    let delta = |contract: &Contract| columns(contract, 6);
    let tables = [
        (STOCK_DATA, delta(stock_data())),
        (DEAD_LETTERS, delta(dead_letters())),
        // Hive's timestamps have milliseconds.
        (STOCK_DATA_JSON, columns(stock_data(), 3)),
    ];
    let tables = tables.into_iter().map(|(name, columns)| (name.to_owned(), columns)).collect();
    Tables { catalog: CATALOG.to_owned(), schema: None, tables }
}

/// Columns that files are chosen by.
pub(crate) fn partition_columns(table: &str) -> &'static [String] {
    match table {
        STOCK_DATA | STOCK_DATA_JSON => &stock_data().partition_by,
        DEAD_LETTERS => &dead_letters().partition_by,
        _ => &[],
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
    contract.columns.iter().map(|column| (column.name.clone(), ty(column))).collect()
}
