//! Arrays as sets.
//!
//! Owns: what is in one, in both, in either; how often; one array within another.
//! Does not own: when values are distinct (`eval::compare`).
//! Invariant: NULL is one value here, and NaN too.

use std::collections::{HashMap, HashSet};

use arrow::array::{Array as _, ArrayRef, Int64Array};

use super::super::lists::{Lists, Shape, gathered};
use super::super::{Call, Result};
use crate::athena::eval::compare::Keys;

/// Two arguments and their elements' keys.
struct Both {
    a: Lists,
    b: Lists,
    keys: (Keys, Keys),
}

impl Both {
    fn of(call: &Call<'_>) -> Result<Self> {
        let (a, b) = (Lists::of(call, 0)?, Lists::of(call, 1)?);
        let keys = Keys::of_two(call.element_type(0)?, a.elements(), b.elements())?;
        Ok(Self { a, b, keys })
    }
}

pub(super) fn array_distinct(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(call, 0)?;
    let keys = Keys::of(call.element_type(0)?, lists.elements())?;
    call.gather(&[lists.elements()], |row, places| {
        let mut seen = HashSet::new();
        places.extend(lists.range(row).filter(|place| seen.insert(keys.row(*place))).map(|place| (0, place)));
        Ok(())
    })
}

pub(super) fn array_except(call: &Call<'_>) -> Result<ArrayRef> {
    let Both { a, b, keys } = Both::of(call)?;
    call.gather(&[a.elements()], |row, places| {
        let mut seen: HashSet<_> = b.range(row).map(|place| keys.1.row(place)).collect();
        // Without anything to leave out, Trino gives the array as it is.
        let all = seen.is_empty();
        places.extend(a.range(row).filter(|place| all || seen.insert(keys.0.row(*place))).map(|place| (0, place)));
        Ok(())
    })
}

pub(super) fn array_intersect(call: &Call<'_>) -> Result<ArrayRef> {
    let Both { a, b, keys } = Both::of(call)?;
    call.gather(&[a.elements(), b.elements()], |row, places| {
        // The longer one's elements, in its order.
        let swapped = a.len(row) < b.len(row);
        let (source, long, long_keys) = if swapped { (1, &b, &keys.1) } else { (0, &a, &keys.0) };
        let (short, short_keys) = if swapped { (&a, &keys.0) } else { (&b, &keys.1) };
        let mut common: HashSet<_> = short.range(row).map(|place| short_keys.row(place)).collect();
        places.extend(long.range(row).filter(|place| common.remove(&long_keys.row(*place))).map(|place| (source, place)));
        Ok(())
    })
}

pub(super) fn array_union(call: &Call<'_>) -> Result<ArrayRef> {
    let Both { a, b, keys } = Both::of(call)?;
    call.gather(&[a.elements(), b.elements()], |row, places| {
        let mut seen = HashSet::new();
        places.extend(a.range(row).filter(|place| seen.insert(keys.0.row(*place))).map(|place| (0, place)));
        places.extend(b.range(row).filter(|place| seen.insert(keys.1.row(*place))).map(|place| (1, place)));
        Ok(())
    })
}

pub(super) fn arrays_overlap(call: &Call<'_>) -> Result<ArrayRef> {
    let Both { a, b, keys } = Both::of(call)?;
    call.produce(|row| {
        let (left, right) = (a.range(row), b.range(row));
        if left.is_empty() || right.is_empty() {
            return Ok(Some(false));
        }
        let set: HashSet<_> = left.clone().filter(|at| !a.elements().is_null(*at)).map(|at| keys.0.row(at)).collect();
        if right.clone().any(|at| set.contains(&keys.1.row(at))) {
            return Ok(Some(true));
        }
        let has_null = left.clone().any(|at| a.elements().is_null(at)) || right.clone().any(|at| b.elements().is_null(at));
        Ok(if has_null { None } else { Some(false) })
    })
}

pub(super) fn contains_sequence(call: &Call<'_>) -> Result<ArrayRef> {
    let Both { a, b, keys } = Both::of(call)?;
    call.produce(|row| {
        let (all, part) = (a.range(row), b.range(row));
        let Some(spare) = all.len().checked_sub(part.len()) else { return Ok(Some(false)) };
        let is_at = |from: usize| part.clone().enumerate().all(|(i, at)| keys.0.row(from + i) == keys.1.row(at));
        Ok(Some((all.start..=all.start + spare).any(is_at)))
    })
}

pub(super) fn array_histogram(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(call, 0)?;
    let keys = Keys::of(call.element_type(0)?, lists.elements())?;
    let (mut places, mut counts, mut shape) = (Vec::new(), Vec::<i64>::new(), Shape::default());
    for row in 0..call.rows {
        let mut known = HashMap::new();
        for place in lists.range(row).filter(|place| !lists.elements().is_null(*place)) {
            let at = *known.entry(keys.row(place)).or_insert_with(|| {
                places.push((0, place));
                counts.push(0);
                counts.len() - 1
            });
            counts[at] += 1;
        }
        shape.end_row(places.len(), !lists.is_null(row));
    }
    let values = gathered(&[lists.elements()], &places)?;
    shape.map(call.returns, values, std::sync::Arc::new(Int64Array::from(counts)))
}
