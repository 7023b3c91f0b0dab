//! The least and the greatest of frames.
//!
//! Owns: MIN, MAX, MIN_BY and MAX_BY as the row that has the extreme.
//! Does not own: which rows (`fold`), the order itself (`eval::compare`).
//! Invariant: a NaN is neither the least nor the greatest while there is a number; of equal rows the first one counts.

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type};

use super::fold::Fold;
use crate::athena::error::AthenaError;
use crate::athena::eval::compare::{Keys, normal};
use crate::athena::functions::scalar::{Arg as _, Int, Result};
use crate::athena::types::Type;

/// Finds the row with the extreme.
pub(super) struct Extreme {
    order: Order,
    nulls: Option<NullBuffer>,
}

enum Order {
    /// The greater the better.
    Numbers(Vec<i64>),
    /// As `Numbers`.
    Wide(Vec<i128>),
    Keys {
        keys: Keys,
        greatest: bool,
    },
}

impl Extreme {
    pub(super) fn of(ty: &Type, values: &ArrayRef, greatest: bool) -> Result<Self> {
        let signed = |number: i64| if greatest { number } else { !number };
        let nulls = values.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        let values = &normal(ty, values)?;
        let order = match values.data_type() {
            DataType::Float32 | DataType::Float64 => {
                let doubles = cast(values, &DataType::Float64).map_err(|error| AthenaError::internal(&error))?;
                let rank = |x: &f64| if x.is_nan() { i64::MIN } else { signed(ordinal(*x)) };
                Order::Numbers(doubles.as_primitive::<Float64Type>().values().iter().map(rank).collect())
            }
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Date32 | DataType::Timestamp(..) => {
                let reader = Int::reader(values)?;
                Order::Numbers((0..values.len()).map(|at| signed(Int::get(&reader, at))).collect())
            }
            DataType::Decimal128(..) => {
                let numbers = values.as_primitive::<Decimal128Type>().values().iter();
                Order::Wide(numbers.map(|number| if greatest { *number } else { !*number }).collect())
            }
            _ => Order::Keys { keys: Keys::of(ty, values)?, greatest },
        };
        Ok(Self { order, nulls })
    }

    fn is_better(&self, row: usize, than: usize) -> bool {
        match &self.order {
            Order::Numbers(numbers) => numbers[row] > numbers[than],
            Order::Wide(numbers) => numbers[row] > numbers[than],
            Order::Keys { keys, greatest: true } => keys.row(row) > keys.row(than),
            Order::Keys { keys, greatest: false } => keys.row(row) < keys.row(than),
        }
    }

    fn take(&self, state: &mut Option<usize>, row: usize) {
        if state.is_none_or(|best| self.is_better(row, best)) {
            *state = Some(row);
        }
    }
}

/// A number whose order is the double's (IEEE 754's total order).
fn ordinal(x: f64) -> i64 {
    let bits = x.to_bits().cast_signed();
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

impl Fold for Extreme {
    type State = Option<usize>;

    fn add(&self, state: &mut Option<usize>, row: usize) {
        if self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
            self.take(state, row);
        }
    }

    fn merge(&self, state: &mut Option<usize>, later: &Option<usize>) {
        if let Some(row) = later {
            self.take(state, *row);
        }
    }
}
