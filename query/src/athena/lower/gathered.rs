//! Aggregates of ours.
//!
//! Owns: gathering the rows of each group, over all parts of a plan, until the group is whole.
//! Does not own: what an aggregate makes of them (`functions::aggregate`), which are DataFusion's (`aggregate`).
//! Invariant: a group's value is computed once, of all its rows.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, ListArray, new_empty_array, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::aggregate::values_of;
use super::expr::{fault, signature};
use crate::athena::analyze::typed::{Aggregate, Typed};
use crate::athena::eval::{Session, several_rows};
use crate::athena::functions::aggregate::reduce;
use crate::athena::values::layout::arrow_type;

/// An aggregate of ours: the rows of each group are gathered and computed at once.
#[derive(Debug, Clone)]
pub(super) struct Own {
    call: Arc<Aggregate>,
    session: Arc<Session>,
    signature: Signature,
}

impl Own {
    pub(super) fn new(call: &Aggregate, session: Arc<Session>) -> Self {
        let signature = signature(values_of(call).count(), Volatility::Immutable);
        Self { call: Arc::new(call.clone()), session, signature }
    }
}

impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        self.call == other.call
    }
}

impl Eq for Own {}

impl Hash for Own {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.call.name.hash(state);
    }
}

impl AggregateUDFImpl for Own {
    fn name(&self) -> &str {
        self.call.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(&self.call.returns))
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let columns = values_of(&self.call).map(|value| (arrow_type(&value.ty), Vec::new())).collect();
        Ok(Box::new(Gathered { call: Arc::clone(&self.call), session: Arc::clone(&self.session), columns, rows: 0 }))
    }

    fn state_fields(&self, _: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let list = |(n, value): (usize, &Typed)| {
            let list = DataType::List(Arc::new(Field::new_list_field(arrow_type(&value.ty), true)));
            Arc::new(Field::new(format!("gathered{n}"), list, true))
        };
        Ok(values_of(&self.call).enumerate().map(list).collect())
    }
}

/// The rows of one group so far.
#[derive(Debug)]
struct Gathered {
    call: Arc<Aggregate>,
    session: Arc<Session>,
    columns: Vec<(DataType, Vec<ArrayRef>)>,
    rows: usize,
}

impl Gathered {
    fn whole(&self) -> Result<Vec<ArrayRef>> {
        let one = |(ty, parts): &(DataType, Vec<ArrayRef>)| match parts.as_slice() {
            [] => Ok(new_empty_array(ty)),
            parts => Ok(concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())?),
        };
        self.columns.iter().map(one).collect()
    }

    fn value(&self) -> Result<ArrayRef> {
        let columns = self.whole()?;
        if self.call.name != "$single" {
            return reduce(&self.call, &columns, self.rows, &self.session).map_err(fault);
        }
        match (columns.first(), self.rows) {
            (Some(values), 1) => Ok(Arc::clone(values)),
            (_, 0) => Ok(new_null_array(&arrow_type(&self.call.returns), 1)),
            _ => Err(fault(several_rows())),
        }
    }
}

impl Accumulator for Gathered {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.rows += values.first().map_or(0, |values| values.len());
        for ((_, parts), values) in self.columns.iter_mut().zip(values) {
            parts.push(Arc::clone(values));
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.value()?, 0)
    }

    fn size(&self) -> usize {
        // Parts of many groups are slices of one batch: each counts what it shows, or a batch would count once for every group.
        let parts = self.columns.iter().flat_map(|(_, parts)| parts);
        let shown = |part: &ArrayRef| part.to_data().get_slice_memory_size().unwrap_or_else(|_| part.get_array_memory_size());
        size_of_val(self) + parts.map(shown).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = |(values, (ty, _)): (ArrayRef, &(DataType, Vec<ArrayRef>))| {
            let field = Arc::new(Field::new_list_field(ty.clone(), true));
            let offsets = OffsetBuffer::from_lengths([values.len()]);
            Ok(ScalarValue::List(Arc::new(ListArray::try_new(field, offsets, values, None)?)))
        };
        self.whole()?.into_iter().zip(&self.columns).map(list).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for (n, ((_, parts), states)) in self.columns.iter_mut().zip(states).enumerate() {
            let states: &ListArray = states.as_list();
            for row in (0..states.len()).filter(|row| !states.is_null(*row)) {
                let values = states.value(row);
                self.rows += if n == 0 { values.len() } else { 0 };
                parts.push(values);
            }
        }
        Ok(())
    }
}
