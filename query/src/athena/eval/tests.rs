//! Statements without tables, computed: `SELECT` of expressions, of aggregates and of windows over rows that are written out.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, UInt32Array, new_empty_array};
use arrow::compute::concat;

use super::compare::Keys;
use super::{Column, Env, Session, eval, taken};
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::{Aggregate, Kind, Sort, Typed, WindowCall};
use crate::athena::analyze::{Analyzer, Tables};
use crate::athena::ast::Statement;
use crate::athena::error::AthenaError;
use crate::athena::functions::aggregate::reduce;
use crate::athena::functions::window;
use crate::athena::parse::parse;
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;
use crate::athena::values::text::json;

/// The values of a statement as Trino's client gives them, or the fault's name and message; `None` when it names tables, groups by
/// keys, or is otherwise more than columns and aggregates of rows that are written out.
pub(crate) fn row_of(sql: &str) -> Option<Result<serde_json::Value, String>> {
    let tables = Tables { catalog: "hive".into(), schema: Some("default".into()), tables: BTreeMap::new() };
    let Ok(Statement::Query(query)) = parse(sql) else { return None };
    let relation = Analyzer::new(&tables, Vec::new()).statement(&query).ok()?;
    if !is_computed(&relation.plan) {
        return None;
    }
    let session = Session {
        start: 1_704_189_000_123 * 1_000_000_000,
        user: "analyst".into(),
        catalog: "hive".into(),
        schema: "default".into(),
        fault: Arc::default(),
    };
    let rows = || -> super::Result<Vec<Vec<serde_json::Value>>> {
        let env = rows_of(&relation.plan, &session)?;
        let mut rows = vec![Vec::new(); env.rows];
        for field in &relation.fields {
            let values = env.column(field.id)?.clone().into_array()?;
            assert_eq!((values.len(), values.data_type()), (env.rows, &arrow_type(&field.ty)), "{sql}");
            for (at, row) in rows.iter_mut().enumerate() {
                row.push(json(&field.ty, &values, at)?);
            }
        }
        Ok(rows)
    };
    Some(rows().map(|rows| serde_json::json!(rows)).map_err(|error| format!("{}: {}", error.name.text(), error.message)))
}

fn is_computed(plan: &Plan) -> bool {
    match plan {
        Plan::Nothing | Plan::Values { .. } => true,
        Plan::Extend { input, .. } | Plan::Filter { input, .. } | Plan::Window { input, .. } | Plan::Sort { input, .. } => {
            is_computed(input)
        }
        Plan::Aggregate { input, keys, sets, .. } => keys.is_empty() && sets.len() == 1 && is_computed(input),
        _ => false,
    }
}

/// The rows of a relation that `is_computed`.
fn rows_of<'s>(plan: &Plan, session: &'s Session) -> super::Result<Env<'s>> {
    match plan {
        Plan::Values { columns, rows } => {
            let none = Env::new(session, 1, Vec::new());
            let of = |(n, (id, ty)): (usize, &(usize, Type))| {
                let values = rows.iter().map(|row| eval(&row[n], &none)?.into_array()).collect::<super::Result<Vec<_>>>()?;
                let values = concat(&values.iter().map(AsRef::as_ref).collect::<Vec<_>>());
                let values = values.map_err(|error| AthenaError::internal(&format!("{ty}: {error}")))?;
                Ok((*id, Column::new(values)))
            };
            Ok(Env::new(session, rows.len(), columns.iter().enumerate().map(of).collect::<super::Result<_>>()?))
        }
        Plan::Extend { input, columns } => {
            let mut env = rows_of(input, session)?;
            for (id, expr) in columns {
                let values = eval(expr, &env)?;
                env.columns.push((*id, values));
            }
            Ok(env)
        }
        Plan::Filter { input, condition } => chosen(rows_of(input, session)?, condition),
        Plan::Aggregate { input, calls, .. } => {
            let env = rows_of(input, session)?;
            let of = |(id, call): &(usize, Aggregate)| {
                let env = call.filter.iter().try_fold(env.clone(), chosen)?;
                let values = call.arguments.iter().filter(|argument| !matches!(argument.kind, Kind::Lambda { .. }));
                let columns = values.chain(call.order_by.iter().map(|sort| &sort.key));
                let columns = columns.map(|expr| eval(expr, &env)?.into_array()).collect::<super::Result<Vec<_>>>()?;
                Ok((*id, Column::new(reduce(call, &columns, env.rows, session)?)))
            };
            Ok(Env::new(session, 1, calls.iter().map(of).collect::<super::Result<_>>()?))
        }
        Plan::Window { input, calls } => {
            let mut env = rows_of(input, session)?;
            for (id, call) in calls {
                let values = windowed(call, &env)?;
                env.columns.push((*id, values));
            }
            Ok(env)
        }
        Plan::Sort { input, by } => {
            let env = rows_of(input, session)?;
            picked(&env, &sorted(by, &env)?.into())
        }
        _ => Ok(Env::new(session, 1, Vec::new())),
    }
}

/// The rows for which a condition is true.
fn chosen<'s>(env: Env<'s>, condition: &Typed) -> super::Result<Env<'s>> {
    let truth = eval(condition, &env)?.into_array()?;
    let truth = truth.as_boolean();
    let is_true = |row: &u32| truth.is_valid(*row as usize) && truth.value(*row as usize);
    let rows: UInt32Array = (0..u32::try_from(env.rows).unwrap()).filter(is_true).collect();
    picked(&env, &rows)
}

fn picked<'s>(env: &Env<'s>, rows: &UInt32Array) -> super::Result<Env<'s>> {
    let columns = env.columns.iter().map(|(id, column)| Ok((*id, column.taken(rows)?))).collect::<super::Result<_>>()?;
    Ok(Env::new(env.session, rows.len(), columns))
}

fn sorted(by: &[Sort], env: &Env<'_>) -> super::Result<Vec<u32>> {
    let columns = by.iter().map(|sort| eval(&sort.key, env)?.into_array()).collect::<super::Result<Vec<_>>>()?;
    Ok(super::rank::sorted(by, &columns, env.rows)?.values().to_vec())
}

/// A call over a window: a value for each row, where the row is.
fn windowed(call: &WindowCall, env: &Env<'_>) -> super::Result<Column> {
    let partition = |key: &Typed| Sort { key: key.clone(), descending: false, nulls_first: false };
    let by: Vec<Sort> = call.partition_by.iter().map(partition).collect();
    let rows = sorted(&[by.as_slice(), call.order_by.as_slice()].concat(), env)?;
    let keys = by.iter().map(|sort| Keys::of(&sort.key.ty, &eval(&sort.key, env)?.into_array()?));
    let keys = keys.collect::<super::Result<Vec<_>>>()?;
    let mut values = vec![new_empty_array(&arrow_type(&call.returns))];
    for rows in rows.chunk_by(|a, b| keys.iter().all(|keys| keys.row(*a as usize) == keys.row(*b as usize))) {
        let value = window::compute(call, &picked(env, &rows.to_vec().into())?)?;
        assert_eq!((value.len(), value.data_type()), (rows.len(), &arrow_type(&call.returns)), "{call:?}");
        values.push(value);
    }
    let values = concat(&values.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(|error| AthenaError::internal(&error))?;
    let mut places = vec![0; rows.len()];
    (0_u32..).zip(rows).for_each(|(at, row)| places[row as usize] = at);
    Ok(Column::new(taken(&values, &places.into())?))
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
