//! Joins and UNNEST.
//!
//! Owns: which condition a join looks rows up by, what becomes of arrays' elements as rows.
//! Does not own: how DataFusion joins.
//! Invariant: a row of the left side of an outer join or an outer UNNEST is never lost.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::JoinType;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt as _;

use super::block::{Step, step};
use super::expr::{fault, join_key, name_of};
use super::window::columns_of;
use super::{Lowering, Wanted, ids_of};
use crate::athena::analyze::plan::Plan;
use crate::athena::analyze::typed::{ColumnId, Kind, Typed};
use crate::athena::ast::JoinKind;
use crate::athena::error::AthenaError;
use crate::athena::eval::{Env, Session, eval, field};
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

impl Lowering<'_> {
    pub(super) fn join(
        &mut self,
        kind: JoinKind,
        left: Plan,
        right: Plan,
        on: Option<Typed>,
        wanted: &Wanted,
    ) -> Result<LogicalPlan> {
        let mut below = wanted.clone();
        below.extend(on.iter().flat_map(Typed::columns));
        let (left, right) = (self.plan(left, &below)?, self.plan(right, &below)?);
        let joined = LogicalPlanBuilder::from(left);
        let joined = match (kind, on) {
            (JoinKind::Cross, None) | (JoinKind::Inner, None) => joined.cross_join(right)?,
            (kind, on) => {
                let join_type = match kind {
                    JoinKind::Cross | JoinKind::Inner => JoinType::Inner,
                    JoinKind::Left => JoinType::Left,
                    JoinKind::Right => JoinType::Right,
                    JoinKind::Full => JoinType::Full,
                };
                joined.join_on(right, join_type, self.on(on.as_ref())?)?
            }
        };
        self.project(joined.build()?, wanted, Vec::new())
    }

    /// The terms of a condition, equalities in the form that rows are looked up by.
    fn on(&self, on: Option<&Typed>) -> Result<Vec<Expr>> {
        let terms: &[Typed] = match on {
            None => &[],
            Some(Typed { kind: Kind::And(terms), .. }) => terms,
            Some(one) => std::slice::from_ref(one),
        };
        let mut all = Vec::new();
        for term in terms {
            all.push(match join_key(term, &self.session)? {
                Some(key) => key,
                None => self.expr(term)?,
            });
        }
        Ok(all)
    }

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

impl Unnest {
    fn batch(&self, rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let env = Env::new(&self.session, rows.num_rows(), columns_of(rows));
        let lists = self.arrays.iter().map(|(array, _)| eval(array, &env)?.into_array());
        let lists: Vec<ArrayRef> = lists.collect::<std::result::Result<_, _>>().map_err(fault)?;
        let (mut parents, mut ordinals): (Vec<u32>, Vec<Option<i64>>) = (Vec::new(), Vec::new());
        let mut places: Vec<Vec<Option<u32>>> = vec![Vec::new(); lists.len()];
        for row in 0..rows.num_rows() {
            let range = |list: &ArrayRef| {
                let offsets = list.as_list::<i32>().value_offsets();
                if list.is_null(row) { (0, 0) } else { (offsets[row], offsets[row + 1]) }
            };
            let ranges: Vec<(i32, i32)> = lists.iter().map(range).collect();
            let longest = ranges.iter().map(|(from, to)| to - from).max().unwrap_or(0);
            let rows_of_row = if longest == 0 && self.outer { 1 } else { longest };
            for n in 0..rows_of_row {
                parents.push(u32::try_from(row).unwrap_or(u32::MAX));
                ordinals.push((n < longest).then(|| i64::from(n) + 1));
                for (places, (from, to)) in places.iter_mut().zip(&ranges) {
                    places.push((from + n < *to).then(|| u32::try_from(from + n).unwrap_or(u32::MAX)));
                }
            }
        }
        let count = parents.len();
        let parents = UInt32Array::from(parents);
        let mut columns: Vec<ArrayRef> = Vec::new();
        for id in &self.kept {
            let column = rows.column_by_name(&name_of(*id));
            let column = column.ok_or_else(|| fault(AthenaError::internal(&format!("column {id} is lost"))))?;
            columns.push(take(column, &parents, None)?);
        }
        for ((list, places), (array, made)) in lists.iter().zip(places).zip(&self.arrays) {
            let elements = take(list.as_list::<i32>().values(), &UInt32Array::from(places), None)?;
            let has_fields =
                matches!(&array.ty, Type::Map(..)) || matches!(&array.ty, Type::Array(of) if matches!(**of, Type::Row(_)));
            match has_fields {
                true => {
                    for n in 0..made.len() {
                        columns.push(field(&elements, n).map_err(fault)?);
                    }
                }
                false => columns.push(elements),
            }
        }
        if self.has_ordinality {
            columns.push(Arc::new(Int64Array::from(ordinals)));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
    }
}

/// The stream of an UNNEST.
pub(super) fn unnested(input: SendableRecordBatchStream, schema: SchemaRef, step: Arc<Step>) -> SendableRecordBatchStream {
    let out_schema = Arc::clone(&schema);
    let out = input.map(move |batch| match &*step {
        Step::Unnest(unnest) => unnest.batch(&batch?, &out_schema),
        _ => batch,
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, out))
}
