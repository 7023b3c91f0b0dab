//! Counts, sums and averages over frames.
//!
//! Owns: columns as doubles, differences of running counts, sums and averages of doubles and of decimals.
//! Does not own: which rows (`fold`), the aggregates' names (`aggregates`).
//! Invariant: what is an integer is exact: its sum over a frame may be the difference of two running ones; a double's may not,
//! but for its last digits (`Kept`).

use std::ops::Range;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, i256};

use super::fold::Fold;
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::Result;

/// Up to this part of a sum its digits are the same in whatever order it is added up.
const CERTAIN: f64 = 1e-12;

/// A column of numbers as doubles.
pub(super) struct Doubles {
    values: ScalarBuffer<f64>,
    nulls: Option<NullBuffer>,
}

impl Doubles {
    pub(super) fn of(values: &ArrayRef) -> Result<Self> {
        // Intervals lie as integers.
        let values = cast(values, &DataType::Float64).map_err(|error| AthenaError::internal(&error))?;
        let nulls = values.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        Ok(Self { values: values.as_primitive::<Float64Type>().values().clone(), nulls })
    }

    /// A row's value; `None` for NULL.
    pub(super) fn at(&self, row: usize) -> Option<f64> {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => None,
            _ => Some(self.values[row]),
        }
    }
}

/// Integers summed up from the first row on, without the highest bits where they have too many.
pub(super) struct Running(Vec<i64>);

impl Running {
    pub(super) fn of(values: impl Iterator<Item = i64>) -> Self {
        let mut sum = 0_i64;
        let sums = values.map(|value| {
            sum = sum.wrapping_add(value);
            sum
        });
        Self(std::iter::once(0).chain(sums).collect())
    }

    /// The sum of a frame.
    pub(super) fn within(&self, (start, end): (usize, usize)) -> i64 {
        self.0[end].wrapping_sub(self.0[start])
    }
}

/// Doubles summed up in their order.
pub(super) struct Sum {
    pub(super) of: Doubles,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Summed {
    count: f64,
    sum: f64,
}

impl Fold for Sum {
    type State = Summed;

    fn add(&self, state: &mut Summed, row: usize) {
        if let Some(x) = self.of.at(row) {
            state.count += 1.0;
            state.sum += x;
        }
    }

    fn merge(&self, state: &mut Summed, later: &Summed) {
        state.count += later.count;
        state.sum += later.sum;
    }
}

impl Summed {
    /// The sum, or the average; `None` of no values.
    pub(super) fn of(&self, sum: f64, averages: bool) -> Option<f64> {
        (self.count > 0.0).then(|| if averages { sum / self.count } else { sum })
    }
}

/// A sum of doubles as Trino keeps it from frame to frame: what leaves is subtracted, so that its last digit is Trino's. Where
/// that would show in more than the last digits (1e20 left, and took the others with it) the sum is that of the frame alone.
#[derive(Default)]
pub(super) struct Kept {
    sum: f64,
    from: usize,
    to: usize,
}

impl Kept {
    /// The sum of the next frame, which alone is summed up to `alone`.
    pub(super) fn next(&mut self, of: &Doubles, (start, end): (usize, usize), alone: &Summed) -> f64 {
        let (from, to) = (self.from.max(start), self.to.min(end));
        let values = |rows: Range<usize>| rows.filter_map(|row| of.at(row));
        let left = || values(self.from..from.min(self.to)).chain(values(to.max(self.from)..self.to));
        let leave = (self.to - self.from).saturating_sub(to.saturating_sub(from));
        let mut sum = alone.sum;
        if leave == 0 && start == self.from || to.saturating_sub(from) > leave && left().all(f64::is_finite) {
            let come = values(start..self.from.max(start)).chain(values(self.to..end));
            let kept = come.fold(left().fold(self.sum, |sum, x| sum - x), |sum, x| sum + x);
            if (kept - alone.sum).abs() <= CERTAIN * alone.sum.abs() {
                sum = kept;
            }
        }
        (self.sum, self.from, self.to) = (sum, start, end);
        sum
    }
}

/// Whole numbers of up to 128 bits summed up: however many there are, the sum has room.
pub(super) struct WideSum {
    of: ArrayRef,
}

#[derive(Debug, Clone, Default)]
pub(super) struct WideSummed {
    count: i64,
    sum: i256,
}

impl WideSum {
    /// Of decimals, or of intervals, which lie as integers.
    pub(super) fn of(values: &ArrayRef) -> Result<Self> {
        let of = match values.data_type() {
            DataType::Decimal128(..) => values.clone(),
            _ => cast(values, &DataType::Decimal128(38, 0)).map_err(|error| AthenaError::internal(&error))?,
        };
        Ok(Self { of })
    }
}

impl Fold for WideSum {
    type State = WideSummed;

    fn add(&self, state: &mut WideSummed, row: usize) {
        let values = self.of.as_primitive::<Decimal128Type>();
        if !values.is_null(row) {
            state.count += 1;
            state.sum = state.sum.wrapping_add(i256::from_i128(values.value(row)));
        }
    }

    fn merge(&self, state: &mut WideSummed, later: &WideSummed) {
        state.count += later.count;
        state.sum = state.sum.wrapping_add(later.sum);
    }
}

impl WideSummed {
    /// The sum; `None` of no values.
    pub(super) fn known(&self) -> Option<i256> {
        (self.count > 0).then_some(self.sum)
    }

    /// The average of some values, a half away from zero.
    pub(super) fn average(&self) -> i256 {
        let count = i256::from_i128(self.count.into());
        let half = if self.sum.is_negative() { count.wrapping_neg() } else { count };
        self.sum.wrapping_add(self.sum).wrapping_add(half).wrapping_div(count.wrapping_add(count))
    }
}
