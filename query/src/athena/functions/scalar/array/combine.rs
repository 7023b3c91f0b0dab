//! Arrays put together and taken apart.
//!
//! Owns: arrays out of several, out of parts of one, out of one value; an array as a text.
//! Does not own: sorted arrays (`order`), sets (`set`).
//! Invariant: elements keep their order, but where a function is there to change it.

use std::hash::{BuildHasher as _, Hasher as _};

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::DataType;

use super::super::arg::{Arg as _, Int};
use super::super::lists::{ELEMENT_BYTES, Lists, Shape, gathered, picked, rows_of};
use super::super::{Call, Result};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::eval::{Column, cast};
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

const REPEATED_MAX: i64 = 10_000;
const REPEATED_BYTES_MAX: usize = 1_000_000;
const COMBINATION_LENGTH_MAX: usize = 5;
const COMBINATION_ELEMENTS_MAX: usize = 100_000;

/// Of arrays, and of an array and an element.
pub(crate) fn concat(call: &Call<'_>) -> Result<ArrayRef> {
    if call.arguments.len() < 2 {
        return Err(call.invalid("There must be two or more arguments to concat"));
    }
    let whole: Vec<bool> = call.types.iter().map(|ty| ty == call.returns).collect();
    let lists: Vec<Option<Lists>> = call
        .arguments
        .iter()
        .zip(&whole)
        .map(|(argument, whole)| whole.then(|| Lists::new(argument.clone())).transpose())
        .collect::<Result<_>>()?;
    let sources =
        lists.iter().zip(call.arguments).map(|(lists, element)| lists.as_ref().map_or(element.values(), Lists::elements));
    call.gather(&sources.collect::<Vec<_>>(), |row, places| {
        for (source, lists) in lists.iter().enumerate() {
            match lists {
                Some(lists) => places.extend(lists.range(row).map(|place| (source, place))),
                None => places.push((source, call.place(source, row))),
            }
        }
        Ok(())
    })
}

pub(crate) fn reverse(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(call, 0)?;
    call.gather(&[lists.elements()], |row, places| {
        places.extend(lists.range(row).rev().map(|place| (0, place)));
        Ok(())
    })
}

pub(super) fn flatten(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(call, 0)?;
    let inner = Lists::new(Column::new(lists.elements().clone()))?;
    call.gather(&[inner.elements()], |row, places| {
        places.extend(lists.range(row).flat_map(|place| inner.range(place)).map(|place| (0, place)));
        Ok(())
    })
}

pub(super) fn ngrams(call: &Call<'_>) -> Result<ArrayRef> {
    let (lists, lengths) = (Lists::of(call, 0)?, Int::reader(call.values(1)?)?);
    parts(call, &lists, |row, part| {
        let range = lists.range(row);
        let length = usize::try_from(Int::get(&lengths, call.place(1, row))).unwrap_or(0);
        if length == 0 {
            return Err(call.invalid("N must be positive"));
        }
        let length = length.min(range.len());
        for from in range.start..=range.end - length {
            part(&mut (from..from + length));
        }
        Ok(())
    })
}

pub(super) fn combinations(call: &Call<'_>) -> Result<ArrayRef> {
    let (lists, lengths) = (Lists::of(call, 0)?, Int::reader(call.values(1)?)?);
    parts(call, &lists, |row, part| {
        let (range, wanted) = (lists.range(row), Int::get(&lengths, call.place(1, row)));
        let length =
            usize::try_from(wanted).map_err(|_| call.invalid(format!("combination size must not be negative: {wanted}")))?;
        if length > COMBINATION_LENGTH_MAX {
            return Err(call.invalid(format!("combination size must not exceed {COMBINATION_LENGTH_MAX}: {length}")));
        }
        if length > range.len() {
            return Ok(());
        }
        // As Trino counts: in 32 bits, each product before its division.
        let count = (1..=length).try_fold(1_i32, |count, i| {
            let factor = i32::try_from(range.len() - length + i).ok()?;
            Some(count.checked_mul(factor)? / i32::try_from(i).ok()?)
        });
        let count = count.and_then(|count| usize::try_from(count).ok()).ok_or_else(|| {
            let size = range.len();
            call.invalid(format!("Number of combinations too large for array of size {size} and combination length {length}"))
        })?;
        if count * length > COMBINATION_ELEMENTS_MAX {
            return Err(call.invalid("combinations exceed max size"));
        }
        let mut chosen: Vec<usize> = (0..length).collect();
        for _ in 0..count {
            part(&mut chosen.iter().map(|at| range.start + at));
            next_combination(&mut chosen);
        }
        Ok(())
    })
}

/// The next choice of as many numbers: the first that can be raised by one is, and those below it begin anew.
fn next_combination(chosen: &mut [usize]) {
    let free = |i: &usize| chosen.get(i + 1).is_none_or(|next| chosen[*i] + 1 < *next);
    if let Some(raised) = (0..chosen.len()).find(free) {
        chosen[raised] += 1;
        chosen.iter_mut().take(raised).enumerate().for_each(|(i, number)| *number = i);
    }
}

/// Arrays of arrays of elements: `row` hands over the places of one array after another.
fn parts(
    call: &Call<'_>,
    lists: &Lists,
    row: impl Fn(usize, &mut dyn FnMut(&mut dyn Iterator<Item = usize>)) -> Result<()>,
) -> Result<ArrayRef> {
    let (mut places, mut inner, mut outer, mut count) = (Vec::new(), Shape::default(), Shape::default(), 0);
    for at in 0..call.rows {
        let valid = !call.has_null(at);
        if valid {
            row(at, &mut |part| {
                places.extend(part.map(|place| (0, place)));
                inner.end_row(places.len(), true);
                count += 1;
            })?;
            call.check_room(places.len() * ELEMENT_BYTES)?;
        }
        outer.end_row(count, valid);
    }
    outer.list(inner.list(gathered(&[lists.elements()], &places)?)?)
}

pub(super) fn repeat(call: &Call<'_>) -> Result<ArrayRef> {
    let (values, counts) = (call.argument(0)?, Int::reader(call.values(1)?)?);
    let ty = call.types.first().ok_or_else(|| call.wrong_layout())?;
    let (mut places, mut shape) = (Vec::new(), Shape::default());
    for row in 0..call.rows {
        let valid = !call.argument(1)?.is_null(row);
        let count = if valid { Int::get(&counts, call.place(1, row)) } else { 0 };
        if count < 0 {
            return Err(call.invalid("count argument of repeat function must be greater than or equal to 0"));
        }
        if count > REPEATED_MAX {
            let message = format!("count argument of repeat function must be less than or equal to {REPEATED_MAX}");
            return Err(call.invalid(message));
        }
        let count = usize::try_from(count).unwrap_or(0);
        if count > 0 && bytes_of(ty, values.values(), values.at(row)) > (REPEATED_BYTES_MAX + count) / count {
            let message = format!("result of repeat function must not take more than {REPEATED_BYTES_MAX} bytes");
            return Err(call.invalid(message));
        }
        call.check_room((places.len() + count) * ELEMENT_BYTES)?;
        places.extend(std::iter::repeat_n((0, values.at(row)), count));
        shape.end_row(places.len(), valid);
    }
    shape.list(gathered(&[values.values()], &places)?)
}

/// How many bytes Trino counts for a value.
fn bytes_of(ty: &Type, values: &ArrayRef, at: usize) -> usize {
    let slots = |values: &ArrayRef, ty: &Type| (0..values.len()).map(|at| bytes_of(ty, values, at)).sum::<usize>();
    match (ty, values.data_type()) {
        (_, DataType::Utf8) if values.is_null(at) => 5,
        (_, DataType::Utf8) => 5 + values.as_string::<i32>().value(at).len(),
        (Type::Array(element), _) => 5 + slots(&values.as_list::<i32>().value(at), element),
        (Type::Map(key, value), _) => {
            let entries = values.as_list::<i32>().value(at);
            let entries = entries.as_struct();
            // And a table that finds its keys, of twice as many numbers.
            5 + 8 * entries.len() + slots(entries.column(0), key) + slots(entries.column(1), value)
        }
        (Type::Row(fields), _) => {
            let columns = values.as_struct().columns();
            5 + fields.iter().zip(columns).map(|(field, column)| bytes_of(&field.ty, column, at)).sum::<usize>()
        }
        (Type::Decimal { precision: ..=18, .. } | Type::TimestampZoned(..=3) | Type::TimeZoned(..=9), _) => 9,
        (Type::Timestamp(7..) | Type::TimestampZoned(_) | Type::TimeZoned(_), _) => 13,
        (Type::Uuid | Type::IpAddress, _) => 17,
        (_, DataType::Binary) if values.is_null(at) => 5,
        (_, DataType::Binary) => 5 + values.as_binary::<i32>().value(at).len(),
        (_, other) => 1 + other.primitive_width().unwrap_or(1),
    }
}

pub(super) fn shuffle(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(call, 0)?;
    let random = std::collections::hash_map::RandomState::new();
    let mut drawn = 0_u64;
    call.gather(&[lists.elements()], |row, places| {
        let from = places.len();
        places.extend(lists.range(row).map(|place| (0, place)));
        // Fisher and Yates: each place from the last on is given one of those not given yet.
        for last in (from + 1..places.len()).rev() {
            drawn += 1;
            let mut hasher = random.build_hasher();
            hasher.write_u64(drawn);
            let choices = u64::try_from(last - from + 1).unwrap_or(u64::MAX);
            let other = usize::try_from(hasher.finish() % choices).unwrap_or(0);
            places.swap(last, from + other);
        }
        Ok(())
    })
}

pub(super) fn zip(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = (0..call.arguments.len()).map(|argument| Lists::of(call, argument)).collect::<Result<Vec<_>>>()?;
    let longest = |row: usize| lists.iter().map(|lists| lists.len(row)).max();
    let shape = Shape::of(call.rows, |row| if call.has_null(row) { None } else { longest(row) });
    let columns = lists.iter().map(|lists| padded(lists, &shape)).collect::<Result<Vec<_>>>()?;
    let Type::Array(row) = call.returns else { return Err(call.wrong_layout()) };
    shape.list(rows_of(&arrow_type(row), columns)?)
}

/// The elements of arrays, followed by NULLs as far as the shape goes beyond them.
pub(super) fn padded(lists: &Lists, shape: &Shape) -> Result<ArrayRef> {
    let row = |(row, wanted): (usize, std::ops::Range<usize>)| {
        lists.range(row).map(Some).chain(std::iter::repeat(None)).take(wanted.len())
    };
    picked(lists.elements(), shape.ranges().enumerate().flat_map(row))
}

pub(super) fn array_join(call: &Call<'_>) -> Result<ArrayRef> {
    let lists = Lists::of(call, 0)?;
    let told = |error: AthenaError| match error.name {
        ErrorName::NotSupported => error,
        _ => AthenaError::internal(&"Error casting array element to VARCHAR"),
    };
    let texts = cast(lists.elements(), call.element_type(0)?, &Type::VARCHAR, false).map_err(told)?;
    let (texts, separators) = (texts.as_string::<i32>(), call.values(1)?.as_string::<i32>());
    let instead = call.arguments.get(2).map(|instead| instead.values().as_string::<i32>());
    call.produce(|row| {
        let (separator, mut text) = (separators.value(call.place(1, row)), String::new());
        let mut is_first = true;
        for place in lists.range(row) {
            let part = match instead {
                _ if texts.is_valid(place) => texts.value(place),
                Some(instead) => instead.value(call.place(2, row)),
                None => continue,
            };
            if !is_first {
                text.push_str(separator);
            }
            is_first = false;
            text.push_str(part);
        }
        Ok(Some(text))
    })
}
