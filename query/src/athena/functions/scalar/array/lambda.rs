//! Functions of arrays that take a function.
//!
//! Owns: which elements it is asked of, and what becomes of its answers.
//! Does not own: computing its body (`eval`), sorting with it (`order`).
//! Invariant: it is asked of all rows' elements at once, but of none whose answer the result does not depend on if that is a fault.

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, UInt32Array, new_null_array};
use arrow::compute::interleave;

use super::super::lists::{Flat, Lists, Shape, number, picked};
use super::super::{Call, Result};
use super::combine::padded;
use crate::athena::error::AthenaError;
use crate::athena::eval::Lambda;

/// A lambda of the call.
pub(super) fn lambda<'l, 'c>(call: &'l Call<'c>, at: usize) -> Result<&'l Lambda<'c>> {
    call.lambdas.get(at).ok_or_else(|| call.wrong_layout())
}

pub(super) fn transform(call: &Call<'_>) -> Result<ArrayRef> {
    let Flat { parents, elements, shape } = Lists::of(call, 0)?.flat()?;
    shape.list(lambda(call, 0)?.apply(&parents, vec![elements])?)
}

pub(super) fn filter(call: &Call<'_>) -> Result<ArrayRef> {
    let Flat { parents, elements, shape } = Lists::of(call, 0)?.flat()?;
    let holds = lambda(call, 0)?.apply(&parents, vec![elements.clone()])?;
    let holds = holds.as_boolean();
    let ranges: Vec<_> = shape.ranges().collect();
    call.gather(&[&elements], |row, places| {
        let range = ranges.get(row).cloned().unwrap_or_default();
        places.extend(range.filter(|at| holds.is_valid(*at) && holds.value(*at)).map(|at| (0, at)));
        Ok(())
    })
}

pub(super) fn any_match(call: &Call<'_>) -> Result<ArrayRef> {
    matches(call, true, true)
}

pub(super) fn all_match(call: &Call<'_>) -> Result<ArrayRef> {
    matches(call, false, false)
}

pub(super) fn none_match(call: &Call<'_>) -> Result<ArrayRef> {
    matches(call, true, false)
}

/// The first element of which the condition is `decisive` makes the row `then`; without one the row is the other, or NULL if the
/// condition was.
fn matches(call: &Call<'_>, decisive: bool, then: bool) -> Result<ArrayRef> {
    let (lists, condition) = (Lists::of(call, 0)?, lambda(call, 0)?);
    let mut decided: Vec<Option<bool>> = (0..call.rows).map(|row| (!lists.is_null(row)).then_some(!then)).collect();
    let mut decide = |parents: &UInt32Array, holds: &BooleanArray| {
        for (row, holds) in parents.values().iter().zip(holds) {
            let row = &mut decided[*row as usize];
            match holds {
                _ if *row == Some(then) => {}
                None => *row = None,
                Some(holds) if holds == decisive => *row = Some(then),
                Some(_) => {}
            }
        }
        parents.values().iter().copied().filter(|row| decided[*row as usize] != Some(then)).collect::<Vec<u32>>()
    };
    let Flat { parents, elements, .. } = lists.flat()?;
    match condition.apply(&parents, vec![elements]) {
        Ok(holds) => {
            decide(&parents, holds.as_boolean());
        }
        // Perhaps of an element behind the decisive one, which is not asked for: one element of each row at a time.
        Err(error) if error.is_tried() => {
            let mut open: Vec<u32> = (0..number(call.rows)?).collect();
            for step in 0.. {
                open.retain(|row| step < lists.len(*row as usize));
                if open.is_empty() {
                    break;
                }
                let elements = nth(&lists, &open, step)?;
                let parents = UInt32Array::from(open);
                open = decide(&parents, condition.apply(&parents, vec![elements])?.as_boolean());
            }
        }
        Err(error) => return Err(error),
    }
    Ok(std::sync::Arc::new(BooleanArray::from(decided)))
}

/// The element of one number of some rows that have it.
fn nth(lists: &Lists, rows: &[u32], step: usize) -> Result<ArrayRef> {
    picked(lists.elements(), rows.iter().map(|row| Some(lists.range(*row as usize).start + step)))
}

/// The first elements of all rows are taken in, then the second ones, and so on; a row's state is put by when it has no more.
pub(super) fn reduce(call: &Call<'_>) -> Result<ArrayRef> {
    let (lists, initial) = (Lists::of(call, 0)?, call.argument(1)?);
    let (step, finish) = (lambda(call, 0)?, lambda(call, 1)?);
    let present: Vec<usize> = (0..call.rows).filter(|row| !lists.is_null(*row)).collect();
    let mut states = picked(initial.values(), present.iter().map(|row| Some(initial.at(*row))))?;
    let mut open = present.iter().map(|row| number(*row)).collect::<Result<Vec<u32>>>()?;
    let (mut parts, mut places) = (vec![new_null_array(states.data_type(), 1)], vec![(0, 0); call.rows]);
    for at in 0.. {
        let (left, done): (Vec<usize>, Vec<usize>) = (0..open.len()).partition(|i| lists.len(open[*i] as usize) > at);
        if !done.is_empty() {
            done.iter().for_each(|i| places[open[*i] as usize] = (parts.len(), *i));
            parts.push(states.clone());
            states = picked(&states, left.iter().copied().map(Some))?;
            open = left.iter().map(|i| open[*i]).collect();
        }
        if open.is_empty() {
            break;
        }
        let elements = nth(&lists, &open, at)?;
        states = step.apply(&UInt32Array::from(open.clone()), vec![states, elements])?;
    }
    let parts: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
    let places: Vec<_> = present.iter().map(|row| places[*row]).collect();
    let states = interleave(&parts, &places).map_err(|error| AthenaError::internal(&error))?;
    let parents = present.iter().map(|row| number(*row)).collect::<Result<Vec<u32>>>()?;
    let results = finish.apply(&UInt32Array::from(parents), vec![states])?;
    let mut next = 0..;
    picked(&results, (0..call.rows).map(|row| if lists.is_null(row) { None } else { next.next() }))
}

pub(super) fn zip_with(call: &Call<'_>) -> Result<ArrayRef> {
    let (a, b) = (Lists::of(call, 0)?, Lists::of(call, 1)?);
    let shape = Shape::of(call.rows, |row| (!call.has_null(row)).then(|| a.len(row).max(b.len(row))));
    let parents = shape.parents()?;
    let values = lambda(call, 0)?.apply(&parents, vec![padded(&a, &shape)?, padded(&b, &shape)?])?;
    shape.list(values)
}
