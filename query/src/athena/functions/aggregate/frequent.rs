//! The values that are there most often, of more than can be counted.
//!
//! Owns: `approx_most_frequent`. After A. Metwally and others, "Efficient computation of frequent and top-k elements in data
//! streams" (Space-Saving).
//! Does not own: exact counts (`entries`).
//! Invariant: while there are no more different values than the capacity, each count is exact.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{ArrayRef, Int64Array};

use super::Reduce;
use super::entries::map;
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::eval::compare::Keys;
use crate::athena::functions::scalar::{Call, Int, Result};

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "approx_most_frequent" => most_frequent,
        _ => return None,
    })
}

/// Of a number of values, a value and a capacity.
fn most_frequent(call: &Call<'_>) -> Result<ArrayRef> {
    let keys = Keys::of(&call.types[1], call.values(1)?)?;
    let (mut wanted, mut capacity) = (0, 0);
    // Counts by value; and by count, then by who came to it first, the row of the value.
    let mut counts: HashMap<arrow::row::Row<'_>, (i64, usize)> = HashMap::new();
    let mut ranked: BTreeMap<(i64, usize), usize> = BTreeMap::new();
    for (turn, row) in call.given().enumerate() {
        if turn == 0 {
            (wanted, capacity) = limits(call, row)?;
        }
        let key = keys.row(row);
        let before = match counts.get(&key) {
            Some(place) => ranked.remove_entry(place),
            None if counts.len() < capacity => None,
            None => {
                // The oldest of the rarest gives way, and its count is taken over.
                let rarest = ranked.pop_first();
                if let Some((_, row)) = rarest {
                    counts.remove(&keys.row(row));
                }
                rarest
            }
        };
        let place = (before.map_or(0, |((count, _), _)| count) + 1, turn);
        counts.insert(key, place);
        ranked.insert(place, row);
    }
    let mut top: Vec<((i64, usize), usize)> = ranked.into_iter().collect();
    top.sort_by_key(|((count, turn), _)| (std::cmp::Reverse(*count), *turn));
    top.truncate(wanted);
    let counts: Int64Array = top.iter().map(|((count, _), _)| *count).collect::<Vec<_>>().into();
    map(call, call.picked(1, top.into_iter().map(|(_, row)| row))?, std::sync::Arc::new(counts))
}

fn limits(call: &Call<'_>, row: usize) -> Result<(usize, usize)> {
    let few = || call.invalid("approx_most_frequent bucket count must be greater than one");
    let wanted = usize::try_from(call.get::<Int>(0, row)?).ok().filter(|wanted| *wanted >= 2).ok_or_else(few)?;
    let none = || AthenaError::of_values(ErrorName::GenericInternalError, "approx_most_frequent has a capacity of no values");
    let capacity = usize::try_from(call.get::<Int>(2, row)?).ok().filter(|capacity| *capacity > 0).ok_or_else(none)?;
    Ok((wanted, capacity))
}
