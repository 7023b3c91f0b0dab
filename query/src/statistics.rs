//! The Delta log's statistics of a file as DataFusion's.
//!
//! Owns: reading bounds as the Delta protocol writes them, and how far each may be trusted.
//! Does not own: deciding which files a filter needs (`pruning`).
//! Invariant: a bound, exact or not, never excludes a row of its own file. Only what is exact may answer a query by itself.

use chrono::{DateTime, NaiveDateTime};
use datafusion::arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use serde_json::Value;
use ticklake_lake::DataFile;
use ticklake_schemas::Contract;

/// The protocol cuts timestamps to milliseconds, so a maximum may lie up to one below its row; writers that round do it to a minimum.
const TIMESTAMP_SLACK_US: i64 = 1000;
/// A bound as long as this may have been cut short by its writer.
const STRING_CUT_CHARS: usize = 32;
/// Doubles pass through decimal text and more than one reader; a bound is widened by this share of itself.
const DOUBLE_SLACK: f64 = 1e-12;

/// A file's statistics, one entry per column of `schema` (the table's: file columns, then partition columns).
pub(crate) fn of_file(schema: &Schema, contract: &Contract, file: &DataFile) -> Statistics {
    let rows = file.rows().and_then(|n| usize::try_from(n).ok());
    let tight = file.statistics.get("tightBounds").and_then(Value::as_bool).unwrap_or(true);
    let column_statistics = schema
        .fields()
        .iter()
        .map(|field| match file.partition.get(field.name()) {
            Some(value) if contract.is_partition(field.name()) => of_partition_column(field.data_type(), value.as_deref(), rows),
            _ => {
                let bounded = contract.column(field.name()).is_some_and(|c| c.statistics);
                let mut column = of_column(field.name(), field.data_type(), &file.statistics, bounded);
                if !tight {
                    column = column.to_inexact();
                }
                column
            }
        })
        .collect();
    Statistics {
        num_rows: rows.map_or(Precision::Absent, Precision::Exact),
        total_byte_size: usize::try_from(file.size_bytes).map_or(Precision::Absent, Precision::Inexact),
        column_statistics,
    }
}

/// A partition value as a scalar of the column's type.
pub(crate) fn partition_scalar(kind: &DataType, value: Option<&str>) -> ScalarValue {
    let value = value.map(str::to_owned);
    if *kind == DataType::Utf8View { ScalarValue::Utf8View(value) } else { ScalarValue::Utf8(value) }
}

fn of_partition_column(kind: &DataType, value: Option<&str>, rows: Option<usize>) -> ColumnStatistics {
    let mut column = ColumnStatistics::new_unknown();
    if value.is_some() {
        let value = Precision::Exact(partition_scalar(kind, value));
        column.null_count = Precision::Exact(0);
        (column.min_value, column.max_value) = (value.clone(), value);
    } else {
        column.null_count = rows.map_or(Precision::Absent, Precision::Exact);
    }
    column
}

fn of_column(name: &str, kind: &DataType, statistics: &Value, bounded: bool) -> ColumnStatistics {
    let mut column = ColumnStatistics::new_unknown();
    let entry = |part: &str| statistics.get(part).and_then(|p| p.get(name)).filter(|v| !v.is_null());
    if let Some(nulls) = entry("nullCount").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok()) {
        column.null_count = Precision::Exact(nulls);
    }
    if bounded {
        column.min_value = entry("minValues").map_or(Precision::Absent, |v| bound(v, kind, Side::Min));
        column.max_value = entry("maxValues").map_or(Precision::Absent, |v| bound(v, kind, Side::Max));
    }
    column
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Min,
    Max,
}

fn bound(value: &Value, kind: &DataType, side: Side) -> Precision<ScalarValue> {
    read_bound(value, kind, side).unwrap_or(Precision::Absent)
}

fn read_bound(value: &Value, kind: &DataType, side: Side) -> Option<Precision<ScalarValue>> {
    let found = match kind {
        DataType::Int32 => Precision::Exact(ScalarValue::Int32(Some(i32::try_from(value.as_i64()?).ok()?))),
        DataType::Int64 => Precision::Exact(ScalarValue::Int64(Some(value.as_i64()?))),
        DataType::Float64 => {
            let value = value.as_f64().filter(|v| v.is_finite())?;
            let slack = value.abs() * DOUBLE_SLACK;
            Precision::Inexact(ScalarValue::Float64(Some(if side == Side::Max { value + slack } else { value - slack })))
        }
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            let us = timestamp_us(value.as_str()?)?;
            let us =
                if side == Side::Max { us.saturating_add(TIMESTAMP_SLACK_US) } else { us.saturating_sub(TIMESTAMP_SLACK_US) };
            Precision::Inexact(ScalarValue::TimestampMicrosecond(Some(us), None))
        }
        DataType::Utf8 | DataType::Utf8View => {
            let text = value.as_str()?;
            // The beginning of a text is never greater than the text, so a cut minimum still holds.
            if side == Side::Max && text.chars().nth(STRING_CUT_CHARS - 1).is_some() {
                return None;
            }
            Precision::Inexact(partition_scalar(kind, Some(text)))
        }
        _ => return None,
    };
    Some(found)
}

/// Microseconds since the epoch of a bound, written with or without `T`, fraction or offset.
pub(crate) fn timestamp_us(text: &str) -> Option<i64> {
    if let Ok(zoned) = DateTime::parse_from_rfc3339(text) {
        return Some(zoned.timestamp_micros());
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some(local.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ticklake_schemas::stock_data;

    fn file(statistics: Value) -> DataFile {
        DataFile {
            path: object_store::path::Path::from("stock_data/a.parquet"),
            name: "a.parquet".into(),
            size_bytes: 10,
            modified_ms: 0,
            partition: [("dt".to_owned(), Some("2020-02-22".to_owned())), ("hour".to_owned(), None)].into(),
            statistics,
        }
    }

    fn column(statistics: &Statistics, name: &str) -> ColumnStatistics {
        statistics.column_statistics[stock_data().arrow_schema().index_of(name).unwrap()].clone()
    }

    #[test]
    fn no_written_form_of_a_bound_excludes_its_row() {
        let row_us = 1_582_329_602_111_999;
        for text in
            ["2020-02-22T00:00:02.111Z", "2020-02-22T00:00:02.111", "2020-02-22 00:00:02.111", "2020-02-22T01:00:02.111+01:00"]
        {
            let us = timestamp_us(text).unwrap();
            assert!(us <= row_us && us + TIMESTAMP_SLACK_US > row_us, "{text}");
        }
        assert_eq!(timestamp_us("yesterday"), None);
    }

    #[test]
    fn only_whole_numbers_and_partitions_answer_by_themselves() {
        let json = serde_json::json!({
            "numRecords": 7,
            "minValues": {"symbol": "A", "time": "2020-02-22T00:00:02.111", "time_ns": 1, "price": 0.1, "size": 3.0},
            "maxValues": {"symbol": "B".repeat(32), "time": "2020-02-22T00:00:02.111", "time_ns": 9, "price": 0.3, "size": 4.0},
            "nullCount": {"sequence": 7}
        });
        let found = of_file(&stock_data().arrow_schema(), stock_data(), &file(json.clone()));
        assert_eq!(found.num_rows, Precision::Exact(7));
        assert_eq!(column(&found, "time_ns").max_value, Precision::Exact(ScalarValue::Int64(Some(9))));
        assert_eq!(column(&found, "dt").min_value, Precision::Exact(ScalarValue::from("2020-02-22")));
        assert_eq!(column(&found, "hour").null_count, Precision::Exact(7), "a NULL partition is NULL in every row");
        assert_eq!(column(&found, "symbol").max_value, Precision::Absent, "a long maximum may have been cut");
        assert!(matches!(column(&found, "time").max_value, Precision::Inexact(_)));
        assert!(matches!(column(&found, "price").max_value, Precision::Inexact(ScalarValue::Float64(Some(v))) if v > 0.3));
        assert_eq!(column(&found, "size").max_value, Precision::Absent, "the contract promises no statistics there");
        let mut loose = json;
        loose["tightBounds"] = Value::Bool(false);
        let found = of_file(&stock_data().arrow_schema(), stock_data(), &file(loose));
        assert!(matches!(column(&found, "time_ns").max_value, Precision::Inexact(_)));
        let found = of_file(&stock_data().arrow_schema(), stock_data(), &file(Value::Null));
        assert_eq!(found.num_rows, Precision::Absent);
    }
}
