//! Rows that a statement spells out.
//!
//! Owns: the table of a `VALUES`, and of what is computed of its rows alone.
//! Does not own: the values of expressions (`eval`).
//! Invariant: as in Trino, what is computed of such a row is computed of constants: a NULL among the arguments of a function is
//! seen before the fault of another, which it would not be in the rows of a table.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, RecordBatchOptions};
use arrow::compute::concat;
use arrow::datatypes::{Field, Schema};
use datafusion::common::Column as Named;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::Wanted;
use super::expr::name_of;
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::{ColumnId, Typed};
use crate::athena::error::AthenaError;
use crate::athena::eval::{Column, Env, Session, eval, has_volatile};
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

/// What a table of values is called within the engine.
const ROWS: &str = "rows";

/// Rows of constants.
pub(super) struct Rows {
    columns: Vec<(ColumnId, Type)>,
    rows: Vec<Vec<(ColumnId, Column)>>,
}

/// The rows of a `VALUES`.
pub(super) fn of_rows(
    columns: &[(ColumnId, Type)],
    rows: &[Vec<Typed>],
    session: &Session,
) -> std::result::Result<Rows, AthenaError> {
    let env = Env::new(session, 1, Vec::new());
    let one = |row: &Vec<Typed>| columns.iter().zip(row).map(|((id, _), value)| Ok((*id, eval(value, &env)?))).collect();
    Ok(Rows { columns: columns.to_vec(), rows: rows.iter().map(one).collect::<std::result::Result<_, _>>()? })
}

/// The rows of a relation and these columns, if they can be computed now. What cannot be is for the engine: rows with a fault may be
/// filtered out before anybody asks for it.
pub(super) fn extended(input: &Plan, columns: &[(ColumnId, Typed)], session: &Session) -> Option<Rows> {
    let mut of = match input {
        Plan::Nothing => Rows { columns: Vec::new(), rows: vec![Vec::new()] },
        Plan::Values { columns, rows } => of_rows(columns, rows, session).ok()?,
        Plan::Extend { input, columns } => extended(input, columns, session)?,
        _ => return None,
    };
    if columns.iter().any(|(_, value)| has_volatile(value)) {
        return None;
    }
    for row in &mut of.rows {
        let env = Env::new(session, 1, row.clone());
        let more = columns.iter().map(|(id, value)| Ok((*id, eval(value, &env)?)));
        let more = more.collect::<std::result::Result<Vec<_>, AthenaError>>().ok()?;
        row.extend(more);
    }
    of.columns.extend(columns.iter().map(|(id, value)| (*id, value.ty.clone())));
    Some(of)
}

/// Rows as a table within the engine.
pub(super) fn table(of: Rows, wanted: &Wanted) -> Result<LogicalPlan> {
    let (mut fields, mut names, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
    for (n, (id, ty)) in of.columns.iter().enumerate().filter(|(_, (id, _))| wanted.contains(id)) {
        let values: Vec<&dyn Array> = of.rows.iter().map(|row| row[n].1.values().as_ref()).collect();
        // Not named as the columns made of it: rewritten plans would take one for the other.
        fields.push(Field::new(format!("v{id}"), arrow_type(ty), true));
        names.push(name_of(*id));
        arrays.push(concat(&values)?);
    }
    let schema = Arc::new(Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(of.rows.len()));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)?;
    let rows = provider_as_source(Arc::new(MemTable::try_new(Arc::clone(&schema), vec![vec![batch]])?));
    let named = schema.fields().iter().zip(names);
    let columns = named.map(|(field, name)| Expr::Column(Named::new(Some(ROWS), field.name())).alias(name));
    LogicalPlanBuilder::scan(ROWS, rows, None)?.project(columns.collect::<Vec<_>>())?.build()
}
