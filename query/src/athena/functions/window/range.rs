//! Frames by distances between sort keys.
//!
//! Owns: finding the rows whose keys lie within a distance of each row's.
//! Does not own: the distance's arithmetic, which is an expression (`Offset::edge`).
//! Invariant: a row without a key has its peers for rows around it.

use std::ops::Range;

use arrow::array::Array as _;

use super::number;
use super::peers::Peers;
use crate::athena::analyze::typed::{Sort, Typed};
use crate::athena::eval::compare::Keys;
use crate::athena::eval::{Env, eval};
use crate::athena::functions::scalar::Result;

/// Where the rows begin whose keys are not before `edge`, or end whose keys are not after it when `is_end`.
pub(super) fn edges(sort: &Sort, edge: &Typed, is_end: bool, peers: &Peers, partition: &Env<'_>) -> Result<Vec<u32>> {
    let own = eval(&sort.key.clone().coerced(&edge.ty), partition)?.into_array()?;
    let edges = eval(edge, partition)?.into_array()?;
    let (keys, wanted) = Keys::of_two(&edge.ty, &own, &edges)?;
    let with_key = match own.null_count() {
        nulls if sort.nulls_first => nulls..own.len(),
        nulls => 0..own.len() - nulls,
    };
    let mut places = Vec::with_capacity(own.len());
    let mut near = with_key.start;
    for (row, group) in peers.of_rows().enumerate() {
        if own.is_null(row) {
            places.push(peers.first(group + usize::from(is_end)));
            continue;
        }
        let edge = wanted.row(row);
        near = first_not_before(with_key.clone(), near, |at| {
            let order = keys.row(at).cmp(&edge);
            let order = if sort.descending { order.reverse() } else { order };
            order.is_lt() || (is_end && order.is_eq())
        });
        places.push(number(near)?);
    }
    Ok(places)
}

/// The first of sorted rows that is not before, looked for from a row near it: neighbours have neighbouring edges.
fn first_not_before(rows: Range<usize>, near: usize, is_before: impl Fn(usize) -> bool) -> usize {
    // All below `low` are before, none from `high` on is.
    let (mut low, mut high, mut step) = (near, near, 1);
    while high < rows.end && is_before(high) {
        low = high + 1;
        high = (high + step).min(rows.end);
        step *= 2;
    }
    while low > rows.start && !is_before(low - 1) {
        high = low - 1;
        low = low.saturating_sub(step).max(rows.start);
        step *= 2;
    }
    while low < high {
        let middle = low.midpoint(high);
        if is_before(middle) { low = middle + 1 } else { high = middle }
    }
    low
}
