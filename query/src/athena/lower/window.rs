//! Windows.
//!
//! Owns: bringing the rows of each partition together and in order, one partition at a time.
//! Does not own: what is computed over a partition (`functions::window`).
//! Invariant: a partition is computed once it is whole; its memory is accounted for before that.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{SortOptions, concat_batches};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt as _, TryStreamExt as _};

use super::block::{Step, step};
use super::expr::{fault, name_of, sort_key};
use super::ordered::Before;
use super::{Lowering, Wanted, ids_of};
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::{ColumnId, WindowCall};
use crate::athena::eval::{Column, Env, Session};
use crate::athena::functions::window::compute;
use crate::athena::values::layout::arrow_type;

/// Calls over windows of one partitioning and one order.
#[derive(Debug)]
pub(super) struct Windows {
    /// Columns whose equal values are one partition, in their normal form.
    partition: Vec<ColumnId>,
    /// Columns that sort a partition, in their normal form.
    order: Vec<(ColumnId, SortOptions)>,
    calls: Vec<(ColumnId, WindowCall)>,
    session: Arc<Session>,
}

impl Windows {
    pub(super) fn partition_names(&self) -> Vec<String> {
        self.partition.iter().map(|id| name_of(*id)).collect()
    }

    /// What the input is sorted by: partition by partition, each in its order.
    pub(super) fn sort_names(&self) -> Vec<(String, SortOptions)> {
        let partition = self.partition.iter().map(|id| (name_of(*id), SortOptions::default()));
        partition.chain(self.order.iter().map(|(id, options)| (name_of(*id), *options))).collect()
    }

    /// Trino numbers the rows of a partition as they come.
    fn is_sorted(&self) -> bool {
        !self.order.is_empty() || self.calls.iter().any(|(_, call)| call.name != "row_number")
    }

    /// The rows of one whole partition with the calls' values.
    fn of_partition(&self, rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let columns = columns_of(rows);
        let env = Env::new(&self.session, rows.num_rows(), columns);
        let mut made: Vec<(String, ArrayRef)> = Vec::new();
        for (id, call) in &self.calls {
            made.push((name_of(*id), compute(call, &env).map_err(fault)?));
        }
        let column = |field: &Arc<Field>| {
            let found = made.iter().find(|(name, _)| name == field.name()).map(|(_, values)| Arc::clone(values));
            found.or_else(|| rows.column_by_name(field.name()).cloned())
        };
        Ok(RecordBatch::try_new(Arc::clone(schema), schema.fields().iter().filter_map(column).collect())?)
    }
}

/// A batch's columns by their numbers.
pub(super) fn columns_of(rows: &RecordBatch) -> Vec<(ColumnId, Column)> {
    let schema = rows.schema();
    let numbered = schema.fields().iter().zip(rows.columns()).filter_map(|(field, values)| {
        let id = field.name().strip_prefix('c')?.parse().ok()?;
        Some((id, Column::new(Arc::clone(values))))
    });
    numbered.collect()
}

impl Lowering<'_> {
    pub(super) fn window(&mut self, input: Plan, mut calls: Vec<(ColumnId, WindowCall)>, wanted: &Wanted) -> Result<LogicalPlan> {
        calls.retain(|(id, _)| wanted.contains(id));
        let mut plan = self.below(input, calls.iter().flat_map(|(_, call)| call.parts()), wanted)?;
        while let Some((_, first)) = calls.first() {
            let alike = |call: &WindowCall| call.partition_by == first.partition_by && call.order_by == first.order_by;
            let (now, later): (Vec<_>, Vec<_>) = calls.iter().cloned().partition(|(_, call)| alike(call));
            plan = self.windows(plan, now)?;
            calls = later;
        }
        self.project(plan, wanted, Vec::new())
    }

    /// Calls over one partitioning and one order.
    fn windows(&mut self, input: LogicalPlan, calls: Vec<(ColumnId, WindowCall)>) -> Result<LogicalPlan> {
        let Some((_, first)) = calls.first() else { return Ok(input) };
        let (mut keys, mut partition, mut order) = (Vec::new(), Vec::new(), Vec::new());
        for key in &first.partition_by {
            let id = self.new_column();
            keys.push((id, self.normal(key)?));
            partition.push(id);
        }
        for sort in &first.order_by {
            let id = self.new_column();
            keys.push((id, sort_key(sort, &self.session)?));
            order.push((id, SortOptions { descending: sort.descending, nulls_first: sort.nulls_first }));
        }
        let all = ids_of(&input).into_iter().collect();
        let input = self.project(input, &all, keys)?;
        let mut fields: Vec<Field> = input.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        fields.extend(calls.iter().map(|(id, call)| Field::new(name_of(*id), arrow_type(&call.returns), true)));
        step(input, Schema::new(fields), Step::Windows(Windows { partition, order, calls, session: Arc::clone(&self.session) }))
    }
}

/// Rows that wait for their partition to be whole.
struct Waiting {
    step: Arc<Step>,
    schema: SchemaRef,
    converter: Option<RowConverter>,
    rows: Vec<RecordBatch>,
    key: Option<OwnedRow>,
    before: Before,
    memory: MemoryReservation,
}

/// The stream of a window step.
pub(super) fn windowed(
    input: SendableRecordBatchStream,
    schema: SchemaRef,
    step: Arc<Step>,
    context: &TaskContext,
) -> SendableRecordBatchStream {
    let memory = MemoryConsumer::new("Window").register(context.memory_pool());
    let waiting = Waiting {
        step,
        schema: Arc::clone(&schema),
        converter: None,
        rows: Vec::new(),
        key: None,
        before: Before::default(),
        memory,
    };
    let batches = input.map(|batch| batch.map(Some)).chain(futures::stream::once(async { Ok(None) }));
    let out = batches.scan(waiting, |waiting, batch| {
        let done = batch.and_then(|batch| match batch {
            Some(batch) => waiting.take(&batch),
            None => waiting.whole_partition(),
        });
        futures::future::ready(Some(done))
    });
    let out = out.try_filter_map(|batch| futures::future::ready(Ok(batch.filter(|batch| batch.num_rows() > 0))));
    Box::pin(RecordBatchStreamAdapter::new(schema, out))
}

impl Waiting {
    fn windows(&self) -> Option<&Windows> {
        if let Step::Windows(windows) = &*self.step { Some(windows) } else { None }
    }

    /// Takes rows in and gives those of partitions that are whole by now.
    fn take(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let step = Arc::clone(&self.step);
        let Step::Windows(windows) = &*step else { return Ok(None) };
        if windows.is_sorted() {
            let names: Vec<String> = windows.sort_names().into_iter().map(|(name, _)| name).collect();
            self.before.check(batch, &names)?;
        }
        if windows.partition.is_empty() || batch.num_rows() == 0 {
            self.keep(batch, 0, batch.num_rows())?;
            return Ok(None);
        }
        let columns: Vec<ArrayRef> =
            windows.partition_names().iter().filter_map(|name| batch.column_by_name(name).cloned()).collect();
        if self.converter.is_none() {
            let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
            self.converter = Some(RowConverter::new(fields)?);
        }
        let Some(converter) = &self.converter else { return Ok(None) };
        let keys = converter.convert_columns(&columns)?;
        let (mut whole, mut from) = (Vec::new(), 0);
        for row in 0..batch.num_rows() {
            let before = if row == 0 { self.key.as_ref().map(OwnedRow::row) } else { Some(keys.row(row - 1)) };
            if before.is_some_and(|before| before != keys.row(row)) {
                self.keep(batch, from, row)?;
                whole.extend(self.whole_partition()?);
                from = row;
            }
        }
        self.keep(batch, from, batch.num_rows())?;
        self.key = Some(keys.row(batch.num_rows() - 1).owned());
        if whole.is_empty() { Ok(None) } else { Ok(Some(concat_batches(&self.schema, &whole)?)) }
    }

    /// Keeps rows of a batch, at their share of its memory.
    fn keep(&mut self, batch: &RecordBatch, from: usize, to: usize) -> Result<()> {
        if from < to {
            self.memory.try_grow(batch.get_array_memory_size() * (to - from) / batch.num_rows())?;
            self.rows.push(batch.slice(from, to - from));
        }
        Ok(())
    }

    fn whole_partition(&mut self) -> Result<Option<RecordBatch>> {
        let rows = std::mem::take(&mut self.rows);
        let (Some(first), Some(windows)) = (rows.first(), self.windows()) else { return Ok(None) };
        let made = windows.of_partition(&concat_batches(&first.schema(), &rows)?, &self.schema)?;
        self.memory.free();
        Ok(Some(made))
    }
}
