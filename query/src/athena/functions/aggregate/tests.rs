//! Aggregates of values that are written out.

use serde_json::{Value, json};

use crate::athena::eval::tests::row_of;

/// The values of a statement's one row.
fn row(sql: &str) -> Result<Value, String> {
    row_of(sql).unwrap_or_else(|| panic!("{sql} is no aggregation of VALUES")).map(|rows| rows[0].clone())
}

#[test]
fn the_order_of_rows_never_decides_what_a_sum_of_nothing_is() {
    let sql = "SELECT count(*), count(x), sum(x), array_agg(x), max(x, 2), checksum(x) FROM (VALUES 1e0) t(x) WHERE false";
    assert_eq!(row(sql), Ok(json!([0, 0, null, null, null, null])));
}
