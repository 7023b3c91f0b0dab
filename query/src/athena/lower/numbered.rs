//! Numbers that tell rows apart.
//!
//! Owns: a number for each row, whatever part of the plan it comes through.
//! Does not own: what they are needed for (`analyze::decorrelate`).
//! Invariant: no two rows have one number; nothing is promised of their order.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt as _;

use super::block::{Step, step};
use super::expr::{fault, name_of};
use super::{Lowering, Wanted};
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::ColumnId;
use crate::athena::error::AthenaError;
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

/// Rows that each part of a plan may have: 2^40, about a million times a million.
const PART_BITS: u32 = 40;

/// Numbering rows.
#[derive(Debug)]
pub(super) struct Numbered;

impl Lowering<'_> {
    pub(super) fn numbered(&mut self, input: Plan, id: ColumnId, wanted: &Wanted) -> Result<LogicalPlan> {
        let input = self.plan(input, wanted)?;
        let input = self.project(input, wanted, Vec::new())?;
        let mut fields: Vec<Field> = input.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        fields.push(Field::new(name_of(id), arrow_type(&Type::Bigint), true));
        step(input, Schema::new(fields), Step::Numbered(Numbered))
    }
}

impl Numbered {
    /// The rows of one part with their numbers.
    pub(super) fn stream(&self, rows: SendableRecordBatchStream, schema: SchemaRef, part: usize) -> SendableRecordBatchStream {
        let made = Arc::clone(&schema);
        let numbered = rows.scan(0_i64, move |next, batch| {
            let numbered = batch.and_then(|batch| numbered(&batch, &made, part, next));
            futures::future::ready(Some(numbered))
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, numbered))
    }
}

fn numbered(batch: &RecordBatch, schema: &SchemaRef, part: usize, next: &mut i64) -> Result<RecordBatch> {
    let number = |error: &dyn std::fmt::Display| fault(AthenaError::internal(error));
    let first = (i64::try_from(part).map_err(|error| number(&error))? << PART_BITS) + *next;
    let rows = i64::try_from(batch.num_rows()).map_err(|error| number(&error))?;
    *next += rows;
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + rows));
    let columns = batch.columns().iter().cloned().chain(std::iter::once(numbers)).collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
