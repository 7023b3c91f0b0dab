//! UNNEST: the elements of arrays and maps as rows.
//!
//! Owns: which element stands in which row, in what portions rows are made.
//! Does not own: which columns are wanted (`Lowering`), the arrays' values (`eval`).
//! Invariant: a row of the left side of an outer UNNEST is never lost; whatever is unnested, no more than a portion of rows is in
//! memory, and an array that is the same for every row is there once.

use std::sync::Arc;

use arrow::array::{AsArray as _, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt as _;

use super::block::{Step, step};
use super::expr::{fault, name_of};
use super::window::columns_of;
use super::{Lowering, Wanted, ids_of};
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::{ColumnId, Typed};
use crate::athena::error::AthenaError;
use crate::athena::eval::{Column, Env, Session, eval, field};
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

/// Rows whose arrays are in memory at a time.
const ROWS_IN: usize = 256;
/// Rows made of them at a time.
const ROWS_OUT: usize = 8192;

impl Lowering<'_> {
    pub(super) fn unnest(
        &mut self,
        input: Plan,
        arrays: Vec<(Typed, Vec<(ColumnId, Type)>)>,
        ordinality: Option<ColumnId>,
        outer: bool,
        wanted: &Wanted,
    ) -> Result<LogicalPlan> {
        let (values, columns): (Vec<Typed>, Vec<_>) = arrays.into_iter().unzip();
        let input = self.below(input, &values, wanted)?;
        let kept: Vec<ColumnId> = ids_of(&input).into_iter().filter(|id| wanted.contains(id)).collect();
        let mut fields: Vec<Field> = Vec::new();
        for id in &kept {
            let (_, found) = input
                .schema()
                .iter()
                .find(|(_, f)| *f.name() == name_of(*id))
                .ok_or_else(|| fault(AthenaError::internal(&format!("column {id} is lost"))))?;
            fields.push(found.as_ref().clone().with_nullable(true));
        }
        for (id, ty) in columns.iter().flatten() {
            fields.push(Field::new(name_of(*id), arrow_type(ty), true));
        }
        fields.extend(ordinality.map(|id| Field::new(name_of(id), arrow_type(&Type::Bigint), true)));
        let arrays = values.into_iter().zip(columns).collect();
        let unnest = Unnest { kept, arrays, has_ordinality: ordinality.is_some(), outer, session: Arc::clone(&self.session) };
        let plan = step(input, Schema::new(fields), Step::Unnest(unnest))?;
        self.project(plan, wanted, Vec::new())
    }
}

/// Arrays and maps whose elements become rows, side by side.
#[derive(Debug)]
pub(super) struct Unnest {
    kept: Vec<ColumnId>,
    arrays: Vec<(Typed, Vec<(ColumnId, Type)>)>,
    has_ordinality: bool,
    /// Whether a row without elements stays, with NULLs.
    outer: bool,
    session: Arc<Session>,
}

/// Where the rows of a portion come from.
#[derive(Default)]
struct Portion {
    parents: Vec<u32>,
    ordinals: Vec<Option<i64>>,
    /// Of each array, the place of the element.
    places: Vec<Vec<Option<u32>>>,
}

/// Rows with their arrays, and how far they are unnested.
struct Progress {
    rows: RecordBatch,
    lists: Vec<Column>,
    /// The row that is at its turn, and how many rows were made of it.
    row: usize,
    made: i32,
}

impl Progress {
    fn new(unnest: &Unnest, rows: RecordBatch) -> Result<Self> {
        let env = Env::new(&unnest.session, rows.num_rows(), columns_of(&rows));
        let lists = unnest.arrays.iter().map(|(array, _)| eval(array, &env));
        let lists = lists.collect::<std::result::Result<_, _>>().map_err(fault)?;
        Ok(Self { rows, lists, row: 0, made: 0 })
    }

    /// The next rows; none at the end.
    fn portion(&mut self, unnest: &Unnest) -> Portion {
        let mut portion = Portion { places: vec![Vec::new(); self.lists.len()], ..Portion::default() };
        while self.row < self.rows.num_rows() && portion.parents.len() < ROWS_OUT {
            let range = |list: &Column| {
                let (offsets, at) = (list.values().as_list::<i32>().value_offsets(), list.at(self.row));
                if list.is_null(self.row) { (0, 0) } else { (offsets[at], offsets[at + 1]) }
            };
            let ranges: Vec<(i32, i32)> = self.lists.iter().map(range).collect();
            let longest = ranges.iter().map(|(from, to)| to - from).max().unwrap_or(0);
            let rows_of_row = if longest == 0 && unnest.outer { 1 } else { longest };
            let room = i32::try_from(ROWS_OUT - portion.parents.len()).unwrap_or(i32::MAX);
            let until = rows_of_row.min(self.made.saturating_add(room));
            for n in self.made..until {
                portion.parents.push(u32::try_from(self.row).unwrap_or(u32::MAX));
                portion.ordinals.push((n < longest).then(|| i64::from(n) + 1));
                for (places, (from, to)) in portion.places.iter_mut().zip(&ranges) {
                    places.push((from + n < *to).then(|| u32::try_from(from + n).unwrap_or(u32::MAX)));
                }
            }
            (self.row, self.made) = if until == rows_of_row { (self.row + 1, 0) } else { (self.row, until) };
        }
        portion
    }

    fn next(&mut self, unnest: &Unnest, schema: &SchemaRef) -> Result<Option<RecordBatch>> {
        let portion = self.portion(unnest);
        if portion.parents.is_empty() {
            return Ok(None);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(portion.parents.len()));
        let parents = UInt32Array::from(portion.parents);
        let mut columns = Vec::with_capacity(schema.fields().len());
        for id in &unnest.kept {
            let column = self.rows.column_by_name(&name_of(*id));
            let column = column.ok_or_else(|| fault(AthenaError::internal(&format!("column {id} is lost"))))?;
            columns.push(take(column, &parents, None)?);
        }
        for ((list, places), (array, made)) in self.lists.iter().zip(portion.places).zip(&unnest.arrays) {
            let elements = take(list.values().as_list::<i32>().values(), &UInt32Array::from(places), None)?;
            let has_fields =
                matches!(&array.ty, Type::Map(..)) || matches!(&array.ty, Type::Array(of) if matches!(**of, Type::Row(_)));
            if has_fields {
                for n in 0..made.len() {
                    columns.push(field(&elements, n).map_err(fault)?);
                }
            } else {
                columns.push(elements);
            }
        }
        if unnest.has_ordinality {
            columns.push(Arc::new(Int64Array::from(portion.ordinals)));
        }
        Ok(Some(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?))
    }
}

/// The batches made of one, as they are asked for.
fn batches(rows: &RecordBatch, step: &Arc<Step>, schema: &SchemaRef) -> impl Iterator<Item = Result<RecordBatch>> + use<> {
    let (rows, step, schema) = (rows.clone(), Arc::clone(step), Arc::clone(schema));
    let (mut from, mut progress) = (0, None);
    std::iter::from_fn(move || {
        let Step::Unnest(unnest) = &*step else { return None };
        loop {
            if progress.is_none() && from < rows.num_rows() {
                let slice = rows.slice(from, ROWS_IN.min(rows.num_rows() - from));
                from += slice.num_rows();
                match Progress::new(unnest, slice) {
                    Ok(begun) => progress = Some(begun),
                    Err(error) => return Some(Err(error)),
                }
            }
            match progress.as_mut()?.next(unnest, &schema).transpose() {
                Some(batch) => return Some(batch),
                None => progress = None,
            }
        }
    })
}

/// The stream of an UNNEST. It makes many rows of few, and so lets others take their turns.
pub(super) fn unnested(input: SendableRecordBatchStream, schema: SchemaRef, step: Arc<Step>) -> SendableRecordBatchStream {
    let out_schema = Arc::clone(&schema);
    let out = input.flat_map(move |batch| match batch {
        Ok(rows) => futures::stream::iter(batches(&rows, &step, &out_schema)).boxed(),
        Err(error) => futures::stream::iter([Err(error)]).boxed(),
    });
    make_cooperative(Box::pin(RecordBatchStreamAdapter::new(schema, out)))
}
