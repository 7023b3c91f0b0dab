//! Elements in their order.
//!
//! Owns: sorting arrays, by their elements' order and by a lambda's; the greatest and the least element.
//! Does not own: the order of two values (`eval::compare`).
//! Invariant: equal elements stay as they stood; NULL is last.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::array::{Array as _, ArrayRef, AsArray as _, UInt32Array};
use arrow::datatypes::Int32Type;

use super::super::lists::{Flat, Lists, gathered, picked};
use super::super::{Call, Result};
use crate::athena::error::AthenaError;
use crate::athena::eval::Lambda;
use crate::athena::eval::compare::{Keys, has_nulls_within, order};
use crate::athena::types::Type;

/// How elements are compared.
enum Order<'a> {
    Keys(Keys),
    /// Where a NULL within may be a fault.
    One(&'a Type, &'a ArrayRef),
}

impl<'a> Order<'a> {
    fn new(ty: &'a Type, elements: &'a ArrayRef, keys: fn(&Type, &ArrayRef) -> Result<Keys>) -> Result<Self> {
        if has_nulls_within(elements) { Ok(Self::One(ty, elements)) } else { keys(ty, elements).map(Self::Keys) }
    }

    /// Of two that are not NULL.
    fn of(&self, a: usize, b: usize) -> Result<Ordering> {
        match self {
            Self::Keys(keys) => Ok(keys.row(a).cmp(&keys.row(b))),
            Self::One(ty, elements) => order(ty, (elements, a), (elements, b)),
        }
    }
}

pub(super) fn array_max(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(call, 0)?;
    // The greatest is NaN only where there is nothing else.
    let order = Order::new(call.element_type(0)?, lists.elements(), Keys::unordered_first)?;
    extreme(call, &lists, &order, Ordering::Greater)
}

pub(super) fn array_min(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(call, 0)?;
    let order = Order::new(call.element_type(0)?, lists.elements(), Keys::of)?;
    extreme(call, &lists, &order, Ordering::Less)
}

/// The first element that no other is beyond; NULL of an array with a NULL.
fn extreme(call: &Call<'_>, lists: &Lists, order: &Order<'_>, beyond: Ordering) -> Result<ArrayRef> {
    let place = |row: usize| -> Result<Option<usize>> {
        let range = lists.range(row);
        if range.clone().any(|place| lists.elements().is_null(place)) {
            return Ok(None);
        }
        let mut best = None;
        for place in range {
            let is_beyond = best.map_or(Ok(true), |best| order.of(place, best).map(|order| order == beyond))?;
            best = if is_beyond { Some(place) } else { best };
        }
        Ok(best)
    };
    picked(lists.elements(), (0..call.rows).map(place).collect::<Result<Vec<_>>>()?)
}

pub(super) fn array_sort(call: &Call<'_>) -> Result<ArrayRef> {
    if let Some(comparator) = call.lambdas.first() {
        return sorted_by(Lists::of(call, 0)?.flat()?, comparator);
    }
    let lists = Lists::of(call, 0)?;
    let order = Order::new(call.element_type(0)?, lists.elements(), Keys::of)?;
    call.gather(&[lists.elements()], |row, places| {
        let is_null = |place: &usize| lists.elements().is_null(*place);
        let (nulls, mut some): (Vec<usize>, Vec<usize>) = lists.range(row).partition(is_null);
        let mut fault = None;
        some.sort_by(|a, b| {
            order.of(*a, *b).unwrap_or_else(|error| {
                fault.get_or_insert(error);
                Ordering::Equal
            })
        });
        places.extend(some.into_iter().chain(nulls).map(|place| (0, place)));
        fault.map_or(Ok(()), Err)
    })
}

/// Two neighbouring runs, each in order, that become one.
struct Merge {
    left: Range<usize>,
    right: Range<usize>,
    merged: Vec<usize>,
}

/// Merge sort, every array's and every merge's comparisons of a step at once.
fn sorted_by(flat: Flat, comparator: &Lambda<'_>) -> Result<ArrayRef> {
    let Flat { parents, elements, shape } = flat;
    let mut sorted: Vec<usize> = (0..elements.len()).collect();
    let longest = shape.ranges().map(|range| range.len()).max().unwrap_or(0);
    let mut width = 1;
    while width < longest {
        let mut merges: Vec<Merge> = shape
            .ranges()
            .flat_map(|range| {
                let end = range.end;
                range.step_by(width * 2).filter(move |from| from + width < end).map(move |from| Merge {
                    left: from..from + width,
                    right: from + width..(from + width * 2).min(end),
                    merged: Vec::new(),
                })
            })
            .collect();
        let starts: Vec<usize> = merges.iter().map(|merge| merge.left.start).collect();
        merge_all(&mut merges, &sorted, &parents, &elements, comparator)?;
        for (start, merge) in starts.into_iter().zip(merges) {
            let all = merge.merged.into_iter().chain(merge.left.chain(merge.right).map(|at| sorted[at])).collect::<Vec<_>>();
            sorted[start..start + all.len()].copy_from_slice(&all);
        }
        width *= 2;
    }
    let places: Vec<_> = sorted.into_iter().map(|place| (0, place)).collect();
    shape.list(gathered(&[&elements], &places)?)
}

/// Merges until one run of each is used up.
fn merge_all(
    merges: &mut [Merge],
    sorted: &[usize],
    parents: &UInt32Array,
    elements: &ArrayRef,
    comparator: &Lambda<'_>,
) -> Result<()> {
    loop {
        let mut open: Vec<&mut Merge> =
            merges.iter_mut().filter(|merge| !merge.left.is_empty() && !merge.right.is_empty()).collect();
        if open.is_empty() {
            return Ok(());
        }
        let left: Vec<usize> = open.iter().map(|merge| sorted[merge.left.start]).collect();
        let right: Vec<usize> = open.iter().map(|merge| sorted[merge.right.start]).collect();
        let rows: Vec<u32> = left.iter().map(|place| parents.value(*place)).collect();
        let pair = vec![picked(elements, right.iter().copied().map(Some))?, picked(elements, left.iter().copied().map(Some))?];
        let orders = comparator.apply(&UInt32Array::from(rows), pair)?;
        let orders = orders.as_primitive::<Int32Type>();
        for (i, merge) in open.iter_mut().enumerate() {
            let order = orders.is_valid(i).then(|| orders.value(i)).filter(|order| (-1..=1).contains(order));
            let order = order.ok_or_else(|| AthenaError::invalid_argument("Lambda comparator must return either -1, 0, or 1"))?;
            let taken = if order < 0 { &mut merge.right } else { &mut merge.left };
            merge.merged.extend(taken.next().map(|at| sorted[at]));
        }
    }
}
