//! Aggregates of ours.
//!
//! Owns: the function that stands for each, and which of the two ways it is computed in.
//! Does not own: those ways (`kept`, `gathered`), what an aggregate makes of rows (`functions::aggregate`), which aggregates are
//! DataFusion's (`aggregate`).
//! Invariant: one group is computed as one of many.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility};

use super::aggregate::values_of;
use super::expr::signature;
use super::gathered::Gathered;
use super::kept::Kept;
use crate::athena::analyze::typed::{Aggregate, Typed};
use crate::athena::eval::Session;
use crate::athena::functions::aggregate::{States, Way, find, value_types};
use crate::athena::values::layout::arrow_type;

/// An aggregate of ours.
#[derive(Debug, Clone)]
pub(super) struct Own {
    /// None of DataFusion's own, of which it believes to know more than is true of ours.
    name: String,
    call: Arc<Aggregate>,
    session: Arc<Session>,
    signature: Signature,
}

impl Own {
    pub(super) fn new(call: &Aggregate, session: Arc<Session>) -> Self {
        let signature = signature(values_of(call).count(), Volatility::Immutable);
        Self { name: format!("athena_{}", call.name), call: Arc::new(call.clone()), session, signature }
    }

    /// The states it keeps; `None` when it needs its rows, all different ones at once or in an order.
    fn states(&self) -> Option<Box<dyn States>> {
        let call = &self.call;
        if call.distinct || !call.order_by.is_empty() {
            return None;
        }
        match find(call.name, &value_types(call), &call.returns)? {
            Way::States(states) => Some(states()),
            Way::Rows(_) => None,
        }
    }

    fn groups(&self) -> Box<dyn GroupsAccumulator + Sync> {
        let (call, session) = (Arc::clone(&self.call), Arc::clone(&self.session));
        match self.states() {
            Some(states) => Box::new(Kept::new(call, session, states)),
            None => Box::new(Gathered::new(call, session)),
        }
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
        self.name.hash(state);
    }
}

impl AggregateUDFImpl for Own {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(&self.call.returns))
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One(self.groups())))
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(self.groups())
    }

    fn state_fields(&self, _: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if self.states().is_some() {
            return Ok(vec![Arc::new(Field::new("kept", DataType::Binary, true))]);
        }
        let list = |(n, value): (usize, &Typed)| {
            let list = DataType::List(Arc::new(Field::new_list_field(arrow_type(&value.ty), true)));
            Arc::new(Field::new(format!("gathered{n}"), list, true))
        };
        Ok(values_of(&self.call).enumerate().map(list).collect())
    }
}

/// One group of all rows.
struct One(Box<dyn GroupsAccumulator + Sync>);

impl std::fmt::Debug for One {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("One").finish_non_exhaustive()
    }
}

fn one_group(values: &[ArrayRef]) -> Vec<usize> {
    vec![0; values.first().map_or(0, |values| values.len())]
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values, &one_group(values), None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // There is one group even of no rows.
        self.0.merge_batch(&[Arc::new(BinaryArray::new_null(0))], &[], 1)?;
        ScalarValue::try_from_array(&self.0.evaluate(EmitTo::All)?, 0)
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.merge_batch(&[Arc::new(BinaryArray::new_null(0))], &[], 1)?;
        self.0.state(EmitTo::All)?.iter().map(|state| ScalarValue::try_from_array(state, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states, &one_group(states), 1)
    }
}
