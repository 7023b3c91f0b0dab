//! Elements by their number or their key.
//!
//! Owns: `a[i]`, `element_at`, `cardinality`, `slice`, `trim_array`.
//! Does not own: finding keys (`search`).
//! Invariant: elements are counted from one.

use arrow::array::ArrayRef;

use super::super::arg::{Arg as _, Int};
use super::super::lists::{Lists, picked};
use super::super::{Call, Result, sketch};
use super::Search;
use crate::athena::error::AthenaError;
use crate::athena::types::Type;
use crate::athena::values::text::text;

const FROM_ONE: &str = "SQL array indices start at 1";

pub(super) fn subscript(call: &Call<'_>) -> Result<ArrayRef> {
    match call.types.first() {
        Some(Type::Map(..)) => by_key(call, true),
        _ => by_number(call, |index, length| match index {
            ..0 => Err(call.invalid(format!("Array subscript is negative: {index}"))),
            _ if index > length => {
                Err(call.invalid(format!("Array subscript must be less than or equal to array length: {index} > {length}")))
            }
            _ => Ok(Some(index - 1)),
        }),
    }
}

pub(super) fn element_at(call: &Call<'_>) -> Result<ArrayRef> {
    match call.types.first() {
        Some(Type::Map(..)) => by_key(call, false),
        _ => by_number(call, |index, length| {
            let at = if index < 0 { length.saturating_add(index) } else { index - 1 };
            Ok((0..length).contains(&at).then_some(at))
        }),
    }
}

/// The element whose place, counted from zero, `find` tells from the index and the number of elements.
fn by_number(call: &Call<'_>, find: impl Fn(i64, i64) -> Result<Option<i64>>) -> Result<ArrayRef> {
    let (lists, indices) = (Lists::of(call, 0)?, Int::reader(call.values(1)?)?);
    let place = |row: usize| -> Result<Option<usize>> {
        if call.has_null(row) {
            return Ok(None);
        }
        let (range, index) = (lists.range(row), Int::get(&indices, call.place(1, row)));
        if index == 0 {
            return Err(call.invalid(FROM_ONE));
        }
        let at = find(index, as_number(range.len())?)?;
        Ok(at.and_then(|at| usize::try_from(at).ok()).map(|at| range.start + at))
    };
    picked(lists.elements(), (0..call.rows).map(place).collect::<Result<Vec<_>>>()?)
}

/// The value of a key; `must`: one that is not there is a fault.
fn by_key(call: &Call<'_>, must: bool) -> Result<ArrayRef> {
    let (maps, wanted) = (Lists::of(call, 0)?, call.argument(1)?);
    let (key, entries) = (call.entry_types(0)?.0, maps.entries()?);
    let search = Search::new(None, key, entries.column(0), maps.is_constant(), wanted)?;
    let place = |row: usize| -> Result<Option<usize>> {
        if call.has_null(row) {
            return Ok(None);
        }
        let found = search.first(row, maps.range(row))?;
        if found.is_none() && must {
            let has_text = !matches!(key, Type::Array(_) | Type::Map(..) | Type::Row(_) | Type::Varbinary);
            let written = if has_text { format!(": {}", text(key, wanted.values(), wanted.at(row))?) } else { String::new() };
            return Err(call.invalid(format!("Key not present in map{written}")));
        }
        Ok(found)
    };
    picked(entries.column(1), (0..call.rows).map(place).collect::<Result<Vec<_>>>()?)
}

pub(super) fn cardinality(call: &Call<'_>) -> Result<ArrayRef> {
    if call.types.first() == Some(&Type::HyperLogLog) {
        return sketch::cardinality(call);
    }
    let lists = Lists::of(call, 0)?;
    call.produce(|row| as_number(lists.len(row)).map(Some))
}

pub(super) fn slice(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(call, 0)?;
    let (starts, lengths) = (Int::reader(call.values(1)?)?, Int::reader(call.values(2)?)?);
    call.gather(&[lists.elements()], |row, places| {
        let (range, start) = (lists.range(row), Int::get(&starts, call.place(1, row)));
        let (length, size) = (Int::get(&lengths, call.place(2, row)), as_number(range.len())?);
        if length < 0 {
            return Err(call.invalid("length must be greater than or equal to 0"));
        }
        if start == 0 {
            return Err(call.invalid(FROM_ONE));
        }
        let from = if start < 0 { size.saturating_add(start) + 1 } else { start };
        // An end beyond 64 bits wraps around, as Trino's does.
        let to = from.wrapping_add(length).min(size + 1);
        let place = |index: i64| usize::try_from(index.checked_sub(1)?).ok().map(|at| range.start + at);
        if from >= 1
            && let (Some(from), Some(to)) = (place(from), place(to))
        {
            places.extend((from..to).map(|place| (0, place)));
        }
        Ok(())
    })
}

pub(super) fn trim_array(call: &Call<'_>) -> Result<ArrayRef> {
    let (lists, counts) = (Lists::of(call, 0)?, Int::reader(call.values(1)?)?);
    call.gather(&[lists.elements()], |row, places| {
        let (range, count) = (lists.range(row), Int::get(&counts, call.place(1, row)));
        if count < 0 {
            return Err(call.invalid(format!("size must not be negative: {count}")));
        }
        let size = range.len();
        let kept = usize::try_from(count).ok().and_then(|count| size.checked_sub(count));
        let kept = kept.ok_or_else(|| call.invalid(format!("size must not exceed array cardinality {size}: {count}")))?;
        places.extend(range.take(kept).map(|place| (0, place)));
        Ok(())
    })
}

fn as_number(count: usize) -> Result<i64> {
    i64::try_from(count).map_err(|error| AthenaError::internal(&error))
}
