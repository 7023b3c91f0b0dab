//! Functions of maps.
//!
//! Owns: maps out of arrays, of entries, of maps, and taken apart again.
//! Does not own: finding a key (`array::search`), maps out of texts.
//! Invariant: a map has no key twice and none that is NULL; its entries keep their order.

mod lambda;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use arrow::array::{Array as _, ArrayRef, StructArray};

use super::lists::{Lists, Place, Shape, gathered, picked, rows_of};
use super::{Call, Compute, Result};
use crate::athena::error::AthenaError;
use crate::athena::eval::Column;
use crate::athena::eval::compare::{Keys, has_null_within};
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;
use crate::athena::values::text::object;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "map" => map,
        "map_concat" => map_concat,
        "map_entries" => map_entries,
        "map_from_entries" => map_from_entries,
        "multimap_from_entries" => multimap_from_entries,
        "map_keys" => map_keys,
        "map_values" => map_values,
        "map_filter" => lambda::map_filter,
        "map_zip_with" => lambda::map_zip_with,
        "transform_keys" => lambda::transform_keys,
        "transform_values" => lambda::transform_values,
        _ => return None,
    })
}

/// Types of a map's keys and values.
fn types(ty: &Type) -> Result<(&Type, &Type)> {
    match ty {
        Type::Map(key, value) => Ok((key, value)),
        other => Err(AthenaError::internal(&format!("a {other} is no map"))),
    }
}

fn key_is_null() -> AthenaError {
    AthenaError::invalid_argument("map key cannot be null")
}

/// Refuses a key that a row has twice.
fn check_unique(ty: &Type, keys: &ArrayRef, ranges: impl Iterator<Item = Range<usize>>) -> Result<()> {
    let rows = Keys::of(ty, keys)?;
    for range in ranges {
        let mut seen = HashSet::new();
        for at in range {
            if keys.is_null(at) {
                return Err(key_is_null());
            }
            if !seen.insert(rows.row(at)) {
                let key = object(ty, keys, at)?;
                return Err(AthenaError::invalid_argument(format!("Duplicate map keys ({key}) are not allowed")));
            }
        }
    }
    Ok(())
}

/// Of keys and of values.
fn map(call: &Call<'_>) -> Result<ArrayRef> {
    let (ty, _) = types(call.returns)?;
    if call.arguments.is_empty() {
        let none = |ty: &Type| arrow::array::new_empty_array(&arrow_type(ty));
        return Shape::of(call.rows, |_| Some(0)).map(call.returns, none(ty), none(types(call.returns)?.1));
    }
    let (keys, values) = (Lists::of(call, 0)?, Lists::of(call, 1)?);
    let (mut key_places, mut value_places, mut shape) = (Vec::new(), Vec::new(), Shape::default());
    for row in 0..call.rows {
        let valid = !call.has_null(row);
        if valid {
            if keys.len(row) != values.len(row) {
                return Err(call.invalid("Key and value arrays must be the same length"));
            }
            for at in keys.range(row) {
                if keys.elements().is_null(at) {
                    return Err(key_is_null());
                }
                if has_null_within(ty, keys.elements(), at)? {
                    let key = object(ty, keys.elements(), at)?;
                    return Err(call.invalid(format!("map key cannot be indeterminate: {key}")));
                }
                key_places.push(Some(at));
            }
            value_places.extend(values.range(row).map(Some));
        }
        shape.end_row(key_places.len(), valid);
    }
    let (keys, values) = (picked(keys.elements(), key_places)?, picked(values.elements(), value_places)?);
    check_unique(ty, &keys, shape.ranges())?;
    shape.map(call.returns, keys, values)
}

/// The entries of arrays of rows, all of them there.
fn entries(call: &Call<'_>) -> Result<(Shape, Vec<ArrayRef>)> {
    let flat = Lists::of(call, 0)?.flat()?;
    if flat.elements.null_count() > 0 {
        return Err(call.invalid("map entry cannot be null"));
    }
    let rows = flat.elements.as_any().downcast_ref::<StructArray>().ok_or_else(|| call.wrong_layout())?;
    Ok((flat.shape, rows.columns().to_vec()))
}

fn map_from_entries(call: &Call<'_>) -> Result<ArrayRef> {
    let (shape, columns) = entries(call)?;
    let [keys, values] = <[ArrayRef; 2]>::try_from(columns).map_err(|_| call.wrong_layout())?;
    check_unique(types(call.returns)?.0, &keys, shape.ranges())?;
    shape.map(call.returns, keys, values)
}

fn multimap_from_entries(call: &Call<'_>) -> Result<ArrayRef> {
    let (shape, columns) = entries(call)?;
    let [keys, values] = <[ArrayRef; 2]>::try_from(columns).map_err(|_| call.wrong_layout())?;
    if keys.null_count() > 0 {
        return Err(key_is_null());
    }
    let rows = Keys::of(types(call.returns)?.0, &keys)?;
    let (mut firsts, mut all, mut outer, mut inner) = (Vec::new(), Vec::new(), Shape::default(), Shape::default());
    for (row, range) in shape.ranges().enumerate() {
        let (mut known, mut groups) = (HashMap::new(), Vec::<Vec<usize>>::new());
        for at in range {
            let group = *known.entry(rows.row(at)).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[group].push(at);
        }
        for group in groups {
            firsts.extend(group.first().map(|at| (0, *at)));
            all.extend(group.into_iter().map(|at| (0, at)));
            inner.end_row(all.len(), true);
        }
        outer.end_row(firsts.len(), !call.has_null(row));
    }
    outer.map(call.returns, gathered(&[&keys], &firsts)?, inner.list(gathered(&[&values], &all)?)?)
}

fn map_entries(call: &Call<'_>) -> Result<ArrayRef> {
    let flat = Lists::of(call, 0)?.flat()?;
    let Type::Array(row) = call.returns else { return Err(call.wrong_layout()) };
    let entries = flat.elements.as_any().downcast_ref::<StructArray>().ok_or_else(|| call.wrong_layout())?;
    flat.shape.list(rows_of(&arrow_type(row), entries.columns().to_vec())?)
}

fn map_keys(call: &Call<'_>) -> Result<ArrayRef> {
    part(call, 0)
}

fn map_values(call: &Call<'_>) -> Result<ArrayRef> {
    part(call, 1)
}

fn part(call: &Call<'_>, column: usize) -> Result<ArrayRef> {
    let flat = Lists::of(call, 0)?.flat()?;
    let entries = flat.elements.as_any().downcast_ref::<StructArray>().ok_or_else(|| call.wrong_layout())?;
    flat.shape.list(entries.column(column).clone())
}

/// From the last map to the first: what a map has, none before it adds again.
fn map_concat(call: &Call<'_>) -> Result<ArrayRef> {
    if call.arguments.len() < 2 {
        return Err(call.invalid("There must be two or more concatenation arguments to map_concat"));
    }
    let maps = call.arguments.iter().map(|map| Lists::new(map.clone())).collect::<Result<Vec<_>>>()?;
    let sources: Vec<&ArrayRef> = maps.iter().map(Lists::elements).collect();
    let mut all: Vec<Place> = Vec::new();
    let mut shape = Shape::default();
    for row in 0..call.rows {
        let valid = !call.has_null(row);
        if valid {
            all.extend(maps.iter().enumerate().rev().flat_map(|(source, map)| map.range(row).map(move |at| (source, at))));
        }
        shape.end_row(all.len(), valid);
    }
    let merged = gathered(&sources, &all)?;
    let merged = Lists::new(Column::new(shape.list(merged)?))?;
    let keys = Keys::of(types(call.returns)?.0, merged.entries()?.column(0))?;
    let merged_rows: Vec<Range<usize>> = (0..call.rows).map(|row| merged.range(row)).collect();
    call.gather(&[merged.elements()], |row, places| {
        let mut seen = HashSet::new();
        let range = merged_rows.get(row).cloned().unwrap_or_default();
        places.extend(range.filter(|at| seen.insert(keys.row(*at))).map(|at| (0, at)));
        Ok(())
    })
}
