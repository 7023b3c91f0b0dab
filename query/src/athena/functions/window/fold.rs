//! Values over frames that are put together from parts.
//!
//! Owns: which parts each frame is put together from.
//! Does not own: what a part is and how two become one (`sums`, `moments`, `extremes`).
//! Invariant: nothing is ever taken out of a part: what left a frame leaves no trace, neither a NaN nor a rounding.

use std::ops::Range;

use super::frames::Frames;
use crate::athena::functions::scalar::Result;

/// Frames up to so many rows are folded row by row, as Trino folds all: the last digit of a double is then the same too.
const NARROW: usize = 32;
/// Rows of a tree's leaf.
const LEAF: usize = 8;

/// A value of rows that can be put together from values of parts of them.
pub(super) trait Fold {
    /// Of no rows by default.
    type State: Clone + Default;

    /// Of no rows yet, of which these will be the first: many are to come, and their last digits need not be Trino's.
    fn begin(&self, _first: Range<usize>) -> Self::State {
        Self::State::default()
    }

    /// Takes a row in.
    fn add(&self, state: &mut Self::State, row: usize);

    /// Takes the rows in that come right after.
    fn merge(&self, state: &mut Self::State, later: &Self::State);

    fn add_all(&self, state: &mut Self::State, rows: Range<usize>) {
        for row in rows {
            self.add(state, row);
        }
    }
}

/// Folds each row's frame.
pub(super) fn each<F: Fold>(fold: &F, frames: &Frames, mut give: impl FnMut(&F::State) -> Result<()>) -> Result<()> {
    let mut tree = None;
    let mut state = F::State::default();
    let (mut from, mut to) = (0, 0);
    for (start, end) in frames.iter() {
        if start == from && end >= to {
            fold.add_all(&mut state, to..end);
        } else {
            state = F::State::default();
            if end - start <= NARROW {
                fold.add_all(&mut state, start..end);
            } else {
                state = fold.begin(start..start + LEAF);
                tree.get_or_insert_with(|| Tree::of(fold, frames.rows())).fold(fold, &mut state, start..end);
            }
        }
        (from, to) = (start, end);
        give(&state)?;
    }
    Ok(())
}

/// Rows folded by eights, those by twos, and so on.
struct Tree<S> {
    levels: Vec<Vec<S>>,
}

impl<S: Clone + Default> Tree<S> {
    fn of(fold: &impl Fold<State = S>, rows: usize) -> Self {
        let leaf = |number: usize| {
            let rows = number * LEAF..(number + 1) * LEAF;
            let mut state = fold.begin(rows.clone());
            fold.add_all(&mut state, rows);
            state
        };
        let mut levels: Vec<Vec<S>> = vec![(0..rows / LEAF).map(leaf).collect()];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let both = |pair: &[S]| {
                let mut state = pair[0].clone();
                fold.merge(&mut state, &pair[1]);
                state
            };
            let level = below.chunks_exact(2).map(both).collect();
            levels.push(level);
        }
        Self { levels }
    }

    /// Folds rows in their order: single ones up to a leaf, ever larger nodes, ever smaller ones, and single rows again.
    fn fold(&self, fold: &impl Fold<State = S>, state: &mut S, rows: Range<usize>) {
        let (first, last) = (rows.start.div_ceil(LEAF), rows.end / LEAF);
        if first >= last {
            return fold.add_all(state, rows);
        }
        fold.add_all(state, rows.start..first * LEAF);
        let mut height = 0;
        for (level, nodes) in self.levels.iter().enumerate() {
            let (from, to) = (first.div_ceil(1 << level), last >> level);
            if from >= to {
                break;
            }
            height = level + 1;
            if from % 2 == 1 {
                fold.merge(state, &nodes[from]);
            }
        }
        for (level, nodes) in self.levels.iter().enumerate().take(height).rev() {
            let to = last >> level;
            if to % 2 == 1 {
                fold.merge(state, &nodes[to - 1]);
            }
        }
        fold.add_all(state, last * LEAF..rows.end);
    }
}
