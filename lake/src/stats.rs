//! Per-file statistics as the Delta protocol writes them in an `Add`.
//!
//! Owns: `numRecords`, `minValues`, `maxValues`, `nullCount` of the contract's statistics columns.
//! Does not own: Parquet's own statistics (`encode` leaves those to the writer).
//! Invariant: bounds never exclude a row of their own file: timestamps are widened to whole milliseconds
//! (down for the minimum, up for the maximum), strings too long to carry have no bounds at all.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use serde_json::{Map, Value, json};
use ticklake_schemas::{Column, ColumnType, Contract};

const STRING_BYTES_MAX: usize = 64;

/// The statistics of a file.
pub fn of_file(contract: &Contract, rows: &RecordBatch) -> Value {
    let (mut mins, mut maxs, mut nulls) = (Map::new(), Map::new(), Map::new());
    for column in contract.file_columns() {
        let Some(values) = rows.column_by_name(&column.name) else { continue };
        nulls.insert(column.name.clone(), json!(values.null_count()));
        if column.statistics
            && let Some((low, high)) = bounds(column, values.as_ref())
        {
            mins.insert(column.name.clone(), low);
            maxs.insert(column.name.clone(), high);
        }
    }
    json!({"numRecords": rows.num_rows(), "minValues": mins, "maxValues": maxs, "nullCount": nulls})
}

fn bounds(column: &Column, values: &dyn Array) -> Option<(Value, Value)> {
    match column.kind {
        ColumnType::String => {
            let (low, high) = (min_string(values.as_string::<i32>())?, max_string(values.as_string::<i32>())?);
            (low.len() <= STRING_BYTES_MAX && high.len() <= STRING_BYTES_MAX).then(|| (json!(low), json!(high)))
        }
        ColumnType::TimestampNtz => {
            let values = values.as_primitive::<TimestampMicrosecondType>();
            let (low, high) = (min(values)?, max(values)?);
            Some((json!(ms_text(low.div_euclid(1000))?), json!(ms_text(-(-high).div_euclid(1000))?)))
        }
        ColumnType::Bigint => {
            let values = values.as_primitive::<Int64Type>();
            Some((json!(min(values)?), json!(max(values)?)))
        }
        ColumnType::Int => {
            let values = values.as_primitive::<Int32Type>();
            Some((json!(min(values)?), json!(max(values)?)))
        }
        ColumnType::Double => {
            let values = values.as_primitive::<Float64Type>();
            let (low, high) = (min(values)?, max(values)?);
            (low.is_finite() && high.is_finite()).then(|| (json!(low), json!(high)))
        }
    }
}

fn ms_text(ms: i64) -> Option<String> {
    Some(chrono::DateTime::from_timestamp_millis(ms)?.format("%Y-%m-%dT%H:%M:%S%.3f").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::tests::ticks;

    #[test]
    fn the_maximum_never_excludes_its_own_row() {
        let rows = ticks(&[("A", 1_582_329_602_111_000_001, 1.5, 0), ("B", 1_582_329_602_999_999_999, 2.5, 1)]);
        let stats = of_file(ticklake_schemas::stock_data(), &rows);
        assert_eq!(stats["minValues"]["time"], "2020-02-22T00:00:02.111");
        assert_eq!(stats["maxValues"]["time"], "2020-02-22T00:00:03.000", "…02.999999 is not beyond its file's maximum");
        assert_eq!(stats["maxValues"]["time_ns"], 1_582_329_602_999_999_999_i64);
        assert_eq!(stats["minValues"]["symbol"], "A");
        assert_eq!(stats["maxValues"]["price"], 2.5);
        assert_eq!(stats["nullCount"]["size"], 2);
        assert_eq!(stats["numRecords"], 2);
    }

    #[test]
    fn a_long_string_has_no_bounds_rather_than_wrong_ones() {
        let rows = ticks(&[(&"Z".repeat(65), 0, 1.0, 0)]);
        let stats = of_file(ticklake_schemas::stock_data(), &rows);
        assert!(stats["maxValues"].get("symbol").is_none());
    }
}
