//! Functions of maps that take a function.
//!
//! Owns: `map_filter`, `map_zip_with`, `transform_keys`, `transform_values`.
//! Does not own: computing a lambda's body (`eval`).
//! Invariant: it is asked of all rows' entries at once.

use arrow::array::{Array as _, ArrayRef, AsArray as _, UInt32Array};

use super::super::array::Search;
use super::super::lists::{Lists, Shape, number, picked};
use super::super::{Call, Result};
use super::{check_unique, types};
use crate::athena::eval::{Column, Lambda};

fn lambda<'l, 'c>(call: &'l Call<'c>) -> Result<&'l Lambda<'c>> {
    call.lambdas.first().ok_or_else(|| call.wrong_layout())
}

/// The shape of an argument's maps, their keys and values, and what the lambda makes of each.
fn asked(call: &Call<'_>) -> Result<(Shape, ArrayRef, ArrayRef, ArrayRef)> {
    let flat = Lists::of(call, 0)?.flat()?;
    let entries = flat.elements.as_struct_opt().ok_or_else(|| call.wrong_layout())?;
    let (keys, values) = (entries.column(0).clone(), entries.column(1).clone());
    let answers = lambda(call)?.apply(&flat.parents, vec![keys.clone(), values.clone()])?;
    Ok((flat.shape, keys, values, answers))
}

pub(super) fn transform_values(call: &Call<'_>) -> Result<ArrayRef> {
    let (shape, keys, _, answers) = asked(call)?;
    shape.map(call.returns, keys, answers)
}

pub(super) fn transform_keys(call: &Call<'_>) -> Result<ArrayRef> {
    let (shape, _, values, answers) = asked(call)?;
    check_unique(types(call.returns)?.0, &answers, shape.ranges())?;
    shape.map(call.returns, answers, values)
}

pub(super) fn map_filter(call: &Call<'_>) -> Result<ArrayRef> {
    let (shape, keys, values, holds) = asked(call)?;
    let holds = holds.as_boolean();
    let kept = |at: &usize| holds.is_valid(*at) && holds.value(*at);
    let places: Vec<Option<usize>> = (0..keys.len()).filter(kept).map(Some).collect();
    let ranges: Vec<_> = shape.ranges().collect();
    let left = Shape::of(call.rows, |row| {
        let range = ranges.get(row).cloned().unwrap_or_default();
        (!call.has_null(row)).then(|| range.filter(kept).count())
    });
    left.map(call.returns, picked(&keys, places.iter().copied())?, picked(&values, places)?)
}

/// The first map's keys, then those that only the second has; NULL for the value that a map does not have.
pub(super) fn map_zip_with(call: &Call<'_>) -> Result<ArrayRef> {
    let (a, b) = (Lists::of(call, 0)?, Lists::of(call, 1)?);
    let key = types(call.returns)?.0;
    let (mut keys, mut left, mut right, mut parents) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (a_keys, b_keys) = (a.entries()?.column(0), b.entries()?.column(0));
    let (of_a, of_b) = (Column::new(a_keys.clone()), Column::new(b_keys.clone()));
    let (in_a, in_b) = (Search::new(None, key, a_keys, false, &of_b)?, Search::new(None, key, b_keys, false, &of_a)?);
    let mut shape = Shape::default();
    for row in 0..call.rows {
        let valid = !call.has_null(row);
        if valid {
            for at in a.range(row) {
                keys.push((0, at));
                left.push(Some(at));
                right.push(in_b.first(at, b.range(row))?);
            }
            for at in b.range(row) {
                if in_a.first(at, a.range(row))?.is_none() {
                    keys.push((1, at));
                    left.push(None);
                    right.push(Some(at));
                }
            }
            parents.resize(keys.len(), number(row)?);
        }
        shape.end_row(keys.len(), valid);
    }
    let keys = super::gathered(&[a_keys, b_keys], &keys)?;
    let values = vec![keys.clone(), picked(a.entries()?.column(1), left)?, picked(b.entries()?.column(1), right)?];
    let answers = lambda(call)?.apply(&UInt32Array::from(parents), values)?;
    shape.map(call.returns, keys, answers)
}
