//! Rows that ORDER BY does not tell apart.
//!
//! Owns: where groups of peers begin and end.
//! Does not own: the order itself (`eval::compare`).
//! Invariant: every row is in exactly one group, and groups follow one another.

use std::iter::{once, repeat_n};

use super::number;
use crate::athena::analyze::typed::Sort;
use crate::athena::eval::compare::Keys;
use crate::athena::eval::{Env, eval};
use crate::athena::functions::scalar::Result;

/// Groups of rows of a partition, one after another.
pub(super) struct Peers {
    /// Where each group begins, and the number of rows at the end.
    bounds: Vec<u32>,
}

impl Peers {
    /// Groups by the sort keys; without any, all rows are peers.
    pub(super) fn of(order_by: &[Sort], partition: &Env<'_>) -> Result<Self> {
        let mut keys = Vec::with_capacity(order_by.len());
        for sort in order_by {
            let column = eval(&sort.key, partition)?;
            if !column.is_constant() {
                keys.push(Keys::of(&sort.key.ty, column.values())?);
            }
        }
        let rows = number(partition.rows)?;
        let begins = |row: &u32| {
            let row = *row as usize;
            keys.iter().any(|keys| keys.row(row) != keys.row(row - 1))
        };
        let bounds =
            if keys.is_empty() { vec![0, rows] } else { once(0).chain((1..rows).filter(begins)).chain(once(rows)).collect() };
        Ok(Self { bounds })
    }

    /// Each row as a group of its own.
    pub(super) fn alone(rows: u32) -> Self {
        Self { bounds: (0..=rows).collect() }
    }

    /// How many groups there are.
    pub(super) fn count(&self) -> usize {
        self.bounds.len().saturating_sub(1)
    }

    /// The first row of a group; of the group after the last, the number of rows.
    pub(super) fn first(&self, group: usize) -> u32 {
        self.bounds[group]
    }

    /// The group of each row, in order.
    pub(super) fn of_rows(&self) -> impl Iterator<Item = usize> {
        let bounds = self.bounds.windows(2).enumerate();
        bounds.flat_map(|(group, bounds)| repeat_n(group, (bounds[1] - bounds[0]) as usize))
    }
}
