//! Which rows come before which.
//!
//! Owns: the order of ORDER BY, of the least and of the greatest.
//! Does not own: which values are equal (`compare`).
//! Invariant: where NULLs come first NaN is below all numbers, else above, whatever the direction; equal rows stay as they were.

use std::cmp::Ordering;

use arrow::array::{Array as _, ArrayRef, UInt32Array, make_comparator};
use arrow::compute::SortOptions;

use super::Result;
use super::compare::{is_nested, normal_in_order, order_parts};
use crate::athena::analyze::typed::Sort;
use crate::athena::error::AthenaError;
use crate::athena::types::Type;

/// Compares the values at two places, which are not NULL.
pub(crate) type Rank<'a> = Box<dyn Fn(usize, usize) -> Result<Ordering> + 'a>;

/// How values rank; `nan_is_least`: NaN is below all numbers.
pub(crate) fn rank<'a>(ty: &'a Type, values: &'a ArrayRef, descending: bool, nan_is_least: bool) -> Result<Rank<'a>> {
    if is_nested(ty) {
        return Ok(Box::new(move |a, b| {
            let order = order_parts(ty, (values, a), (values, b), nan_is_least)?;
            Ok(if descending { order.reverse() } else { order })
        }));
    }
    let normal = normal_in_order(ty, values, nan_is_least)?;
    let options = SortOptions { descending, nulls_first: false };
    let compare = make_comparator(&normal, &normal, options).map_err(|error| AthenaError::internal(&error))?;
    Ok(Box::new(move |a, b| Ok(compare(a, b))))
}

/// The rows' places in the order of an ORDER BY whose keys are these columns.
pub(crate) fn sorted(by: &[Sort], columns: &[ArrayRef], rows: usize) -> Result<UInt32Array> {
    let keys = by.iter().zip(columns);
    let ranks = keys.map(|(sort, column)| rank(&sort.key.ty, column, sort.descending, sort.nulls_first));
    let ranks = ranks.collect::<Result<Vec<_>>>()?;
    let order = |a: usize, b: usize| -> Result<Ordering> {
        for ((sort, column), rank) in by.iter().zip(columns).zip(&ranks) {
            let order = match (column.is_null(a), column.is_null(b)) {
                (true, true) => Ordering::Equal,
                (false, false) => rank(a, b)?,
                (a_is_null, _) if a_is_null == sort.nulls_first => Ordering::Less,
                _ => Ordering::Greater,
            };
            if order.is_ne() {
                return Ok(order);
            }
        }
        Ok(Ordering::Equal)
    };
    let mut places: Vec<u32> = (0..u32::try_from(rows).map_err(|error| AthenaError::internal(&error))?).collect();
    let mut fault = None;
    places.sort_by(|a, b| {
        order(*a as usize, *b as usize).unwrap_or_else(|error| {
            fault = Some(error);
            Ordering::Equal
        })
    });
    fault.map_or(Ok(UInt32Array::from(places)), Err)
}
