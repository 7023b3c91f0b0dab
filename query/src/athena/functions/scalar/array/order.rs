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
    One(&'a Type, &'a ArrayRef, bool),
}

impl<'a> Order<'a> {
    fn new(ty: &'a Type, elements: &'a ArrayRef, nan_is_least: bool) -> Result<Self> {
        if has_nulls_within(elements) {
            return Ok(Self::One(ty, elements, nan_is_least));
        }
        Keys::in_order(ty, elements, nan_is_least).map(Self::Keys)
    }

    /// Of two that are not NULL.
    fn of(&self, a: usize, b: usize) -> Result<Ordering> {
        match self {
            Self::Keys(keys) => Ok(keys.row(a).cmp(&keys.row(b))),
            Self::One(ty, elements, nan_is_least) => order(ty, (elements, a), (elements, b), *nan_is_least),
        }
    }
}

pub(super) fn array_max(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(call, 0)?;
    // The greatest is NaN only where there is nothing else.
    let order = Order::new(call.element_type(0)?, lists.elements(), true)?;
    extreme(call, &lists, &order, Ordering::Greater)
}

pub(super) fn array_min(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(call, 0)?;
    let order = Order::new(call.element_type(0)?, lists.elements(), false)?;
    extreme(call, &lists, &order, Ordering::Less)
}

/// The first element that no other is beyond; NULL of an array with a NULL.
fn extreme(call: &Call<'_>, lists: &Lists, order: &Order<'_>, beyond: Ordering) -> Result<ArrayRef> {
    let place = |row: usize| -> Result<Option<usize>> {
        let mut best = None;
        for place in lists.range(row) {
            // What is before it has been compared by then, and may be a fault.
            if lists.elements().is_null(place) {
                return Ok(None);
            }
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
    let order = Order::new(call.element_type(0)?, lists.elements(), false)?;
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

/// Where an element of a run goes in the run before it: behind all that are not greater.
struct Slot {
    /// The element's place in what is sorted so far.
    at: usize,
    low: usize,
    high: usize,
}

/// Merge sort, a step of all arrays' merges at once: every element of a second run is sought in the first by halving it.
fn sorted_by(flat: Flat, comparator: &Lambda<'_>) -> Result<ArrayRef> {
    let Flat { parents, elements, shape } = flat;
    let mut sorted: Vec<usize> = (0..elements.len()).collect();
    let longest = shape.ranges().map(|range| range.len()).max().unwrap_or(0);
    let mut width = 1;
    while width < longest {
        let runs = |range: Range<usize>| {
            let end = range.end;
            range.step_by(width * 2).map(move |from| (from, end.min(from + width), end.min(from + width * 2)))
        };
        let slots_of = |(from, middle, to)| (middle..to).map(move |at| Slot { at, low: from, high: middle });
        let mut slots: Vec<Slot> = shape.ranges().flat_map(runs).flat_map(slots_of).collect();
        seek(&mut slots, &sorted, &parents, &elements, comparator)?;
        let (mut merged, mut slots) = (Vec::with_capacity(sorted.len()), slots.into_iter());
        for (from, middle, to) in shape.ranges().flat_map(runs) {
            let mut left = from;
            for slot in slots.by_ref().take(to - middle) {
                // Of a comparator that contradicts itself, an element may be before the one before it.
                let low = slot.low.max(left);
                merged.extend_from_slice(&sorted[left..low]);
                merged.push(sorted[slot.at]);
                left = low;
            }
            merged.extend_from_slice(&sorted[left..middle]);
        }
        sorted = merged;
        width *= 2;
    }
    let places: Vec<_> = sorted.into_iter().map(|place| (0, place)).collect();
    shape.list(gathered(&[&elements], &places)?)
}

/// Halves the slots' bounds until they meet.
fn seek(slots: &mut [Slot], sorted: &[usize], parents: &UInt32Array, elements: &ArrayRef, comparator: &Lambda<'_>) -> Result<()> {
    loop {
        let mut open: Vec<&mut Slot> = slots.iter_mut().filter(|slot| slot.low < slot.high).collect();
        if open.is_empty() {
            return Ok(());
        }
        let middle = |slot: &Slot| usize::midpoint(slot.low, slot.high);
        let own = open.iter().map(|slot| Some(sorted[slot.at]));
        let other = open.iter().map(|slot| Some(sorted[middle(slot)]));
        let pair = vec![picked(elements, own.clone())?, picked(elements, other)?];
        let rows: Vec<u32> = own.flatten().map(|place| parents.value(place)).collect();
        let orders = comparator.apply(&UInt32Array::from(rows), pair)?;
        let orders = orders.as_primitive::<Int32Type>();
        for (i, slot) in open.iter_mut().enumerate() {
            let order = orders.is_valid(i).then(|| orders.value(i)).filter(|order| (-1..=1).contains(order));
            match order {
                None => return Err(AthenaError::invalid_argument("Lambda comparator must return either -1, 0, or 1")),
                Some(-1) => slot.high = middle(slot),
                Some(_) => slot.low = middle(slot) + 1,
            }
        }
    }
}
