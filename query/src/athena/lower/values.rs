//! Rows that a statement spells out.
//!
//! Owns: the table of a `VALUES`, and of what is computed of its rows alone.
//! Does not own: the values of expressions (`eval`).
//! Invariant: as in Trino, what is computed of such a row is computed of constants: a NULL among the arguments of a function is
//! seen before the fault of another, which it would not be in the rows of a table.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, RecordBatchOptions, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::{Field, Schema};
use datafusion::common::Column as Named;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::expr::{fault, name_of};
use super::{Lowering, Wanted};
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::{ColumnId, Kind, Typed};
use crate::athena::error::AthenaError;
use crate::athena::eval::{Column, Env, Session, eval, has_volatile};
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

/// What a table of values is called within the engine.
const ROWS: &str = "rows";

/// Rows of constants.
pub(super) struct Rows {
    columns: Vec<(ColumnId, Type)>,
    rows: Vec<Row>,
}

#[derive(Default)]
struct Row {
    values: Vec<(ColumnId, Column)>,
    /// Columns that have no value here, which is a fault only if somebody asks for it.
    faulty: Vec<(ColumnId, Typed, AthenaError)>,
}

impl Row {
    /// A TRY is of what stands in it, and of no column's own fault: that of a column it names.
    fn fault_tried(&self, value: &Typed) -> Option<(Typed, AthenaError)> {
        if self.faulty.is_empty() {
            return None;
        }
        let mut tried = Vec::new();
        value.walk(&mut |part| {
            if let Kind::Try(of) = &part.kind {
                tried.extend(of.columns());
            }
            true
        });
        self.faulty.iter().find(|(own, ..)| tried.contains(own)).map(|(_, source, error)| (source.clone(), error.clone()))
    }

    fn compute(&mut self, id: ColumnId, value: &Typed, session: &Session) {
        if let Some((source, error)) = self.fault_tried(value) {
            return self.faulty.push((id, source, error));
        }
        let faulty = &self.faulty;
        let value = value.clone().replaced(&mut |part| match part.kind {
            Kind::Column(id) => faulty.iter().find(|(own, ..)| *own == id).map(|(_, value, _)| value.clone()),
            _ => None,
        });
        match eval(&value, &Env::new(session, 1, self.values.clone())) {
            Ok(found) => self.values.push((id, found)),
            Err(error) => self.faulty.push((id, value, error)),
        }
    }
}

impl Lowering<'_> {
    /// Expressions of rows that are spelled out as columns of those.
    pub(super) fn with_constants(&mut self, input: Plan, exprs: &mut [Typed]) -> Plan {
        let mut columns = Vec::new();
        let is_computed = |expr: &&mut Typed| !matches!(expr.kind, Kind::Column(_) | Kind::Lambda { .. });
        for expr in exprs.iter_mut().filter(is_computed).filter(|_| are_spelled_out(&input)) {
            let id = self.new_column();
            let column = Typed::column(id, &expr.ty);
            columns.push((id, std::mem::replace(expr, column)));
        }
        if columns.is_empty() { input } else { Plan::Extend { input: Box::new(input), columns } }
    }
}

fn are_spelled_out(plan: &Plan) -> bool {
    match plan {
        Plan::Nothing | Plan::Values { .. } => true,
        Plan::Extend { input, .. } => are_spelled_out(input),
        _ => false,
    }
}

/// The rows of a `VALUES`.
pub(super) fn of_rows(columns: &[(ColumnId, Type)], rows: &[Vec<Typed>], session: &Session) -> Rows {
    let one = |values: &Vec<Typed>| {
        let mut row = Row::default();
        columns.iter().zip(values).for_each(|((id, _), value)| row.compute(*id, value, session));
        row
    };
    Rows { columns: columns.to_vec(), rows: rows.iter().map(one).collect() }
}

/// The rows of a relation and these columns; `None` if they are no constants.
pub(super) fn extended(input: &Plan, columns: &[(ColumnId, Typed)], session: &Session) -> Option<Rows> {
    let mut of = match input {
        Plan::Nothing => Rows { columns: Vec::new(), rows: vec![Row::default()] },
        Plan::Values { columns, rows } => of_rows(columns, rows, session),
        Plan::Extend { input, columns } => extended(input, columns, session)?,
        _ => return None,
    };
    if columns.iter().any(|(_, value)| has_volatile(value)) {
        return None;
    }
    for row in &mut of.rows {
        columns.iter().for_each(|(id, value)| row.compute(*id, value, session));
        if row.faulty.iter().any(|(.., fault)| !fault.is_of_rows()) {
            return None;
        }
    }
    of.columns.extend(columns.iter().map(|(id, value)| (*id, value.ty.clone())));
    Some(of)
}

/// Rows as a table within the engine.
pub(super) fn table(of: Rows, wanted: &Wanted) -> Result<LogicalPlan> {
    if let Some((.., error)) = of.rows.iter().flat_map(|row| &row.faulty).find(|(id, ..)| wanted.contains(id)) {
        return Err(fault(error.clone()));
    }
    let (mut fields, mut names, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
    for (id, ty) in of.columns.iter().filter(|(id, _)| wanted.contains(id)) {
        let values = of.rows.iter().filter_map(|row| row.values.iter().find(|(own, _)| own == id));
        let none = new_empty_array(&arrow_type(ty));
        let values: Vec<&dyn Array> =
            std::iter::once(none.as_ref()).chain(values.map(|(_, value)| value.values().as_ref())).collect();
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
