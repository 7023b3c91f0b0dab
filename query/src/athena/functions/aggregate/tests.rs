//! Aggregates of values that are written out.

use serde_json::{Value, json};

use crate::athena::eval::tests::row_of;

/// The values of a statement's one row.
fn row(sql: &str) -> Result<Value, String> {
    row_of(sql).unwrap_or_else(|| panic!("{sql} is no aggregation of VALUES")).map(|rows| rows[0].clone())
}

fn of(calls: &str, values: &str) -> Result<Value, String> {
    row(&format!("SELECT {calls} FROM (VALUES {values}) t(x)"))
}

fn double(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn an_aggregate_of_no_rows_is_never_a_value_unless_it_counts() {
    let sql = "SELECT count(*), count(x), count_if(x > 0), approx_distinct(x), sum(x), array_agg(x), max(x, 2), checksum(x), \
               map_agg(x, x), approx_percentile(x, 0.5), stddev(x), bool_and(x > 0) FROM (VALUES 1e0) t(x) WHERE false";
    assert_eq!(row(sql), Ok(json!([0, 0, 0, 0, null, null, null, null, null, null, null, null])));
}

#[test]
fn a_sum_that_does_not_fit_is_never_another_number() {
    for (values, fault) in [
        ("9223372036854775807, 1", "NUMERIC_VALUE_OUT_OF_RANGE: bigint addition overflow: 9223372036854775807 + 1"),
        ("DECIMAL '99999999999999999999999999999999999999', DECIMAL '1'", "NUMERIC_VALUE_OUT_OF_RANGE: Decimal overflow"),
        ("INTERVAL '2147483647' MONTH, INTERVAL '1' MONTH", "GENERIC_INTERNAL_ERROR: Value 2147483648 exceeds MAX_INT"),
    ] {
        assert_eq!(of("sum(x)", values), Err(fault.to_owned()), "{values}");
    }
    let passing = "DECIMAL '99999999999999999999999999999999999999', DECIMAL '1', DECIMAL '-1'";
    assert_eq!(of("sum(x)", passing), Ok(json!(["99999999999999999999999999999999999999"])));
}

#[test]
fn nan_is_never_the_least_nor_the_greatest_while_there_is_a_number() {
    assert_eq!(of("max(x), min(x), max(x, 3)", "nan(), 1e0, 2e0"), Ok(json!([2.0, 1.0, [2.0, 1.0, "NaN"]])));
    assert_eq!(of("max(x), min(x)", "REAL 'NaN', REAL 'NaN'"), Ok(json!(["NaN", "NaN"])));
}

#[test]
fn a_variance_never_suffers_from_how_great_the_values_are() {
    let spread = |offset: &str| of("var_samp(x)", &format!("{offset}, {offset} + 1e0, {offset} + 2e0, {offset} + 5e0"));
    for offset in ["0e0", "1e9", "1e12"] {
        let value = double(&spread(offset).expect("a variance")[0]);
        assert!((value - 14.0 / 3.0).abs() < 1e-12, "{offset}: {value}");
    }
}

#[test]
fn two_sketches_never_stray_farther_than_they_say() {
    let values: Vec<String> = (0..20_000).map(|i| ((i * 7919) % 20_000).to_string()).collect();
    let calls = "approx_percentile(x, 0.9), approx_distinct(x), approx_distinct(x, 0.1), approx_percentile(x, 1, 0.9, 0.01)";
    let row = of(calls, &values.join(", ")).expect("four estimates");
    for (at, (exact, error)) in [(18_000.0, 0.005), (20_000.0, 0.07), (20_000.0, 0.3), (18_000.0, 0.02)].into_iter().enumerate() {
        let value = double(&row[at]);
        assert!((value - exact).abs() <= error * exact, "{at}: {value} is not {exact}");
    }
}

#[test]
fn an_order_by_or_a_distinct_never_counts_for_less_than_it_says() {
    assert_eq!(of("array_agg(DISTINCT x ORDER BY x DESC)", "3, 1, 3, NULL, NULL, 2"), Ok(json!([[3, 2, 1, null]])));
    assert_eq!(of("array_agg(x ORDER BY x NULLS FIRST)", "1e0, NULL, nan(), -1e0"), Ok(json!([[null, "NaN", -1.0, 1.0]])));
    assert_eq!(of("listagg(DISTINCT x, '-') WITHIN GROUP (ORDER BY x DESC)", "'a', 'b', NULL, 'a'"), Ok(json!(["b-a"])));
}

#[test]
fn a_text_never_grows_beyond_its_bound() {
    let third = format!("'{}'", "a".repeat(400_000));
    let values = [third.as_str(); 3].join(", ");
    let told = of("listagg(x, ',' ON OVERFLOW TRUNCATE '..' WITH COUNT) WITHIN GROUP (ORDER BY x)", &values).expect("a text");
    assert!(told[0].as_str().is_some_and(|text| text.len() == 800_007 && text.ends_with("a,..(1)")));
    let fault = of("listagg(x) WITHIN GROUP (ORDER BY x)", &values).expect_err("too long");
    assert!(fault.starts_with("EXCEEDED_FUNCTION_MEMORY_LIMIT: "), "{fault}");
}
