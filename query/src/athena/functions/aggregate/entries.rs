//! All values as a map.
//!
//! Owns: `map_agg`, `multimap_agg`, `map_union`, `histogram`; maps made of keys and values.
//! Does not own: which keys are the same (`eval::compare`).
//! Invariant: a key is there once, with what was first; a NULL is no key.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, ListArray, StructArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;

use super::Reduce;
use crate::athena::error::AthenaError;
use crate::athena::eval::compare::Keys;
use crate::athena::eval::{list, taken};
use crate::athena::functions::scalar::{Call, Result};
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "map_agg" => map_agg,
        "multimap_agg" => multimap_agg,
        "map_union" => map_union,
        "histogram" => histogram,
        _ => return None,
    })
}

fn map_agg(call: &Call<'_>) -> Result<ArrayRef> {
    let groups = groups(call, &call.types[0], call.values(0)?, call.given_of(0)?)?;
    let rows = firsts(&groups);
    map(call, call.picked(0, rows.clone())?, call.picked(1, rows)?)
}

fn multimap_agg(call: &Call<'_>) -> Result<ArrayRef> {
    let groups = groups(call, &call.types[0], call.values(0)?, call.given_of(0)?)?;
    let lengths = OffsetBuffer::from_lengths(groups.iter().map(Vec::len));
    let values = list(&call.types[1], lengths, call.picked(1, groups.iter().flatten().copied())?)?;
    map(call, call.picked(0, firsts(&groups))?, values)
}

fn histogram(call: &Call<'_>) -> Result<ArrayRef> {
    let groups = groups(call, &call.types[0], call.values(0)?, call.given_of(0)?)?;
    let counts = groups.iter().map(|group| i64::try_from(group.len()).ok()).collect::<Int64Array>();
    map(call, call.picked(0, firsts(&groups))?, Arc::new(counts))
}

fn map_union(call: &Call<'_>) -> Result<ArrayRef> {
    let Type::Map(key, _) = &call.types[0] else { return Err(call.wrong_layout()) };
    let maps = call.values(0)?.as_list_opt::<i32>().ok_or_else(|| call.wrong_layout())?;
    if maps.null_count() == maps.len() {
        return call.null();
    }
    let entries = maps.values().as_struct_opt().ok_or_else(|| call.wrong_layout())?;
    let mut places = Vec::new();
    for row in (0..maps.len()).filter(|row| maps.is_valid(*row)) {
        let (from, to) = (maps.value_offsets()[row], maps.value_offsets()[row + 1]);
        places.extend((from..to).filter_map(|place| usize::try_from(place).ok()));
    }
    let groups = groups(call, key, entries.column(0), places.into_iter())?;
    let places = firsts(&groups).into_iter().filter_map(|place| u32::try_from(place).ok()).collect::<UInt32Array>();
    one(call, taken(entries.column(0), &places)?, taken(entries.column(1), &places)?)
}

/// The rows of each different key, by the place in `keys`, in the order in which the keys come first.
fn groups(call: &Call<'_>, ty: &Type, keys: &ArrayRef, rows: impl Iterator<Item = usize>) -> Result<Vec<Vec<usize>>> {
    debug_assert!(call.arguments.iter().all(|argument| !argument.is_constant()), "a group's rows are all there");
    let keys = Keys::of(ty, keys)?;
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known = HashMap::new();
    for row in rows {
        let next = groups.len();
        let group = *known.entry(keys.row(row)).or_insert(next);
        if group == next {
            groups.push(Vec::new());
        }
        groups[group].push(row);
    }
    Ok(groups)
}

fn firsts(groups: &[Vec<usize>]) -> Vec<usize> {
    groups.iter().filter_map(|group| group.first().copied()).collect()
}

/// The result that is a map; NULL when there is no key.
pub(super) fn map(call: &Call<'_>, keys: ArrayRef, values: ArrayRef) -> Result<ArrayRef> {
    if keys.is_empty() { call.null() } else { one(call, keys, values) }
}

fn one(call: &Call<'_>, keys: ArrayRef, values: ArrayRef) -> Result<ArrayRef> {
    let DataType::List(field) = arrow_type(call.returns) else { return Err(call.wrong_layout()) };
    let DataType::Struct(fields) = field.data_type() else { return Err(call.wrong_layout()) };
    let offsets = OffsetBuffer::from_lengths([keys.len()]);
    let entries =
        StructArray::try_new(fields.clone(), vec![keys, values], None).map_err(|error| AthenaError::internal(&error))?;
    let map = ListArray::try_new(field, offsets, Arc::new(entries), None).map_err(|error| AthenaError::internal(&error))?;
    Ok(Arc::new(map))
}
