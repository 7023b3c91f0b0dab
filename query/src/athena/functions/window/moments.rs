//! Variances, covariances and lines of regression over frames.
//!
//! Owns: reading the rows' values for their moments.
//! Does not own: the moments (`aggregate::welford`), which rows (`fold`).
//! Invariant: a row counts only if it has every value.

use std::ops::Range;

use super::fold::Fold;
use super::sums::Doubles;
use crate::athena::functions::aggregate::welford::{Comoments, Moments};

/// Of one value.
pub(super) struct Variance {
    pub(super) of: Doubles,
}

impl Fold for Variance {
    type State = Moments;

    fn begin(&self, mut first: Range<usize>) -> Moments {
        first.find_map(|row| self.of.at(row)).map_or_else(Moments::default, Moments::near)
    }

    fn add(&self, state: &mut Moments, row: usize) {
        if let Some(x) = self.of.at(row) {
            state.add(x);
        }
    }

    fn merge(&self, state: &mut Moments, later: &Moments) {
        state.merge(later);
    }
}

/// Of two values: `y`, the aggregate's first argument, depends on `x`.
pub(super) struct Covariance {
    pub(super) y: Doubles,
    pub(super) x: Doubles,
}

impl Fold for Covariance {
    type State = Comoments;

    fn begin(&self, mut first: Range<usize>) -> Comoments {
        let value = first.find_map(|row| self.y.at(row).zip(self.x.at(row)));
        value.map_or_else(Comoments::default, |(y, x)| Comoments::near(y, x))
    }

    fn add(&self, state: &mut Comoments, row: usize) {
        if let (Some(x), Some(y)) = (self.x.at(row), self.y.at(row)) {
            state.add(y, x);
        }
    }

    fn merge(&self, state: &mut Comoments, later: &Comoments) {
        state.merge(later);
    }
}
