//! Statements over nothing or over VALUES, computed as plainly as can be.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use arrow::array::{Array as _, ArrayRef, AsArray as _, UInt32Array, new_empty_array};
use arrow::compute::concat;

use super::compare::Keys;
use super::{Column, Env, Result, Session, eval, taken};
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::{Sort, Typed, WindowCall};
use crate::athena::analyze::{Analyzer, Tables};
use crate::athena::ast::Statement;
use crate::athena::error::AthenaError;
use crate::athena::functions::window;
use crate::athena::parse::parse;
use crate::athena::values::layout::arrow_type;
use crate::athena::values::text::json;

pub(crate) fn session() -> Session {
    Session { start: 1_704_189_000_123 * 1_000_000_000, user: "analyst".into(), catalog: "hive".into(), schema: "default".into() }
}

/// The rows of a statement as Trino's client gives them, or the fault's name and message; `None` when it is of another kind than
/// `rows_of` computes.
pub(crate) fn row_of(sql: &str) -> Option<std::result::Result<serde_json::Value, String>> {
    let tables = Tables { catalog: "hive".into(), schema: Some("default".into()), tables: BTreeMap::new() };
    let Ok(Statement::Query(query)) = parse(sql) else { return None };
    let relation = Analyzer::new(&tables, Vec::new()).statement(&query).ok()?;
    if !is_computed(&relation.plan) {
        return None;
    }
    let session = session();
    let values = || -> Result<serde_json::Value> {
        let env = rows_of(&relation.plan, &session)?;
        let column = |field: &crate::athena::analyze::scope::Field| {
            let values = env.column(field.id)?.clone().into_array()?;
            assert_eq!((values.len(), values.data_type()), (env.rows, &arrow_type(&field.ty)), "{sql}");
            (0..env.rows).map(|row| json(&field.ty, &values, row)).collect::<Result<Vec<_>>>()
        };
        let columns = relation.fields.iter().map(column).collect::<Result<Vec<_>>>()?;
        let row = |row: usize| columns.iter().map(|column| column[row].clone()).collect::<Vec<_>>();
        Ok((0..env.rows).map(row).collect::<Vec<_>>().into())
    };
    Some(values().map_err(|error| format!("{}: {}", error.name.text(), error.message)))
}

fn is_computed(plan: &Plan) -> bool {
    match plan {
        Plan::Nothing | Plan::Values { .. } => true,
        Plan::Extend { input, .. } | Plan::Filter { input, .. } | Plan::Window { input, .. } | Plan::Sort { input, .. } => {
            is_computed(input)
        }
        _ => false,
    }
}

fn rows_of<'s>(plan: &Plan, session: &'s Session) -> Result<Env<'s>> {
    Ok(match plan {
        Plan::Values { columns, rows } => {
            let nothing = Env::new(session, 1, Vec::new());
            let column = |(i, (id, ty)): (usize, &(usize, _))| {
                let cells = rows.iter().map(|row| eval(&row[i], &nothing)?.into_array()).collect::<Result<Vec<_>>>()?;
                let none = new_empty_array(&arrow_type(ty));
                let cells: Vec<_> = std::iter::once(none.as_ref()).chain(cells.iter().map(AsRef::as_ref)).collect();
                Ok((*id, Column::new(concat(&cells).map_err(|error| AthenaError::internal(&error))?)))
            };
            Env::new(session, rows.len(), columns.iter().enumerate().map(column).collect::<Result<_>>()?)
        }
        Plan::Extend { columns, input } => {
            let mut env = rows_of(input, session)?;
            let made = columns.iter().map(|(id, expr)| Ok((*id, eval(expr, &env)?))).collect::<Result<Vec<_>>>()?;
            env.columns.extend(made);
            env
        }
        Plan::Filter { input, condition } => {
            let env = rows_of(input, session)?;
            let holds = eval(condition, &env)?.into_array()?;
            let holds = holds.as_boolean();
            picked(&env, &(0_u32..).zip(holds).filter(|(_, holds)| *holds == Some(true)).map(|(row, _)| Some(row)).collect())?
        }
        Plan::Window { input, calls } => {
            let mut env = rows_of(input, session)?;
            let made = calls.iter().map(|(id, call)| Ok((*id, windowed(call, &env)?))).collect::<Result<Vec<_>>>()?;
            env.columns.extend(made);
            env
        }
        Plan::Sort { input, by } => {
            let env = rows_of(input, session)?;
            picked(&env, &sorted(by, &env)?.into())?
        }
        _ => Env::new(session, 1, Vec::new()),
    })
}

fn picked<'s>(env: &Env<'s>, rows: &UInt32Array) -> Result<Env<'s>> {
    let columns = env.columns.iter().map(|(id, column)| Ok((*id, column.taken(rows)?))).collect::<Result<_>>()?;
    Ok(Env::new(env.session, rows.len(), columns))
}

fn sorted(by: &[Sort], env: &Env<'_>) -> Result<Vec<u32>> {
    let keys = by.iter().map(|sort| {
        let column = eval(&sort.key, env)?.into_array()?;
        Ok((sort, Keys::of(&sort.key.ty, &column)?, column))
    });
    let keys = keys.collect::<Result<Vec<_>>>()?;
    let mut rows: Vec<u32> = (0..u32::try_from(env.rows).unwrap()).collect();
    let order = |(sort, keys, column): &(&Sort, Keys, ArrayRef), a: usize, b: usize| {
        let order = keys.row(a).cmp(&keys.row(b));
        match (column.is_null(a), column.is_null(b)) {
            (true, false) | (false, true) => {
                (column.is_null(a) != sort.nulls_first).cmp(&(column.is_null(b) != sort.nulls_first))
            }
            _ => {
                if sort.descending {
                    order.reverse()
                } else {
                    order
                }
            }
        }
    };
    rows.sort_by(|a, b| {
        keys.iter().fold(Ordering::Equal, |so_far, key| so_far.then_with(|| order(key, *a as usize, *b as usize)))
    });
    Ok(rows)
}

/// A call over a window: a value for each row, where the row is.
fn windowed(call: &WindowCall, env: &Env<'_>) -> Result<Column> {
    let partition = |key: &Typed| Sort { key: key.clone(), descending: false, nulls_first: false };
    let by: Vec<Sort> = call.partition_by.iter().map(partition).collect();
    let rows = sorted(&[by.as_slice(), call.order_by.as_slice()].concat(), env)?;
    let keys = by.iter().map(|sort| Keys::of(&sort.key.ty, &eval(&sort.key, env)?.into_array()?));
    let keys = keys.collect::<Result<Vec<_>>>()?;
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
pub(crate) fn value_of(expression: &str) -> std::result::Result<serde_json::Value, String> {
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
