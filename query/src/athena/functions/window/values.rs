//! Values of other rows.
//!
//! Owns: LAG, LEAD, FIRST_VALUE, LAST_VALUE, NTH_VALUE, with IGNORE NULLS or without.
//! Does not own: frames (`frames`).
//! Invariant: a value is taken as it lies, never computed.

use arrow::array::{Array as _, ArrayRef, UInt32Array};
use arrow::compute::interleave;

use super::frames::Frames;
use super::number;
use crate::athena::analyze::typed::{Typed, WindowCall};
use crate::athena::ast::NullTreatment;
use crate::athena::error::AthenaError;
use crate::athena::eval::{Column, Env, eval, taken};
use crate::athena::functions::scalar::{Arg as _, Int, Result, not_here};

pub(super) fn compute(call: &WindowCall, partition: &Env<'_>) -> Result<ArrayRef> {
    let [value, others @ ..] = call.arguments.as_slice() else { return Err(not_here(call.name)) };
    let values = eval(value, partition)?.into_array()?;
    let rows = Counted::of(&values, call.null_treatment == Some(NullTreatment::Ignore))?;
    match call.name {
        "lag" | "lead" => {
            let places = shifted(&rows, call.name == "lead", others.first(), partition)?;
            match others.get(1) {
                None => taken(&values, &places),
                Some(default) => or_default(&values, &places, &eval(default, partition)?),
            }
        }
        "nth_value" => taken(&values, &nth(&rows, others.first(), &Frames::of(call, partition)?, partition)?),
        "last_value" => {
            let last = |(start, end)| (rows.before(start) < rows.before(end)).then(|| rows.place(rows.before(end) - 1)).flatten();
            taken(&values, &Frames::of(call, partition)?.iter().map(last).collect())
        }
        _ => first(&values, &rows, &Frames::of(call, partition)?),
    }
}

/// The first value of each frame that is not NULL.
pub(super) fn first_known(values: &ArrayRef, frames: &Frames) -> Result<ArrayRef> {
    first(values, &Counted::of(values, true)?, frames)
}

fn first(values: &ArrayRef, rows: &Counted, frames: &Frames) -> Result<ArrayRef> {
    let first = |(start, end)| rows.place(rows.before(start)).filter(|place| (*place as usize) < end);
    taken(values, &frames.iter().map(first).collect())
}

/// The rows that count: all, or those whose value is not NULL.
enum Counted {
    All(usize),
    /// The rows, and of each row how many there are before it.
    Known(Vec<u32>, Vec<u32>),
}

impl Counted {
    fn of(values: &ArrayRef, without_nulls: bool) -> Result<Self> {
        let rows = number(values.len())?;
        let nulls = values.logical_nulls().filter(|nulls| without_nulls && nulls.null_count() > 0);
        let Some(nulls) = nulls else { return Ok(Self::All(values.len())) };
        let places: Vec<u32> = (0..rows).filter(|row| nulls.is_valid(*row as usize)).collect();
        let mut count = 0;
        let before = (0..=values.len()).map(|row| {
            let before = count;
            count += u32::from(row < values.len() && nulls.is_valid(row));
            before
        });
        Ok(Self::Known(places, before.collect()))
    }

    /// How many of them are before a row.
    fn before(&self, row: usize) -> usize {
        match self {
            Self::All(_) => row,
            Self::Known(_, before) => before[row] as usize,
        }
    }

    /// The row of one of them, by its number.
    fn place(&self, number: usize) -> Option<u32> {
        match self {
            Self::All(rows) => u32::try_from(number).ok().filter(|_| number < *rows),
            Self::Known(places, _) => places.get(number).copied(),
        }
    }
}

/// Another argument of a call: a number for each row.
fn numbers(argument: Option<&Typed>, partition: &Env<'_>) -> Result<Option<Column>> {
    argument.map(|argument| eval(argument, partition)).transpose()
}

/// The rows that lie an offset before or after each.
fn shifted(rows: &Counted, leads: bool, offset: Option<&Typed>, partition: &Env<'_>) -> Result<UInt32Array> {
    let offsets = numbers(offset, partition)?;
    let reader = offsets.as_ref().map(|offsets| Int::reader(offsets.values())).transpose()?;
    let place = |row: usize| -> Result<Option<u32>> {
        let offset = match (&offsets, &reader) {
            (Some(offsets), _) if offsets.is_null(row) => return Err(AthenaError::invalid_argument("Offset must not be null")),
            (Some(offsets), Some(reader)) => Int::get(reader, offsets.at(row)),
            _ => 1,
        };
        if offset < 0 {
            return Err(AthenaError::invalid_argument("Offset must be at least 0"));
        }
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let number = match offset {
            0 => return number(row).map(Some),
            offset if leads => rows.before(row + 1).checked_add(offset - 1),
            offset => rows.before(row).checked_sub(offset),
        };
        Ok(number.and_then(|number| rows.place(number)))
    };
    (0..partition.rows).map(place).collect()
}

/// The values at these places, and the row's default where there is none.
fn or_default(values: &ArrayRef, places: &UInt32Array, default: &Column) -> Result<ArrayRef> {
    let from: Vec<(usize, usize)> =
        places.iter().enumerate().map(|(row, place)| place.map_or((1, default.at(row)), |place| (0, place as usize))).collect();
    interleave(&[values, default.values()], &from).map_err(|error| AthenaError::internal(&error))
}

/// The row of each frame that has a number, counted from 1.
fn nth(rows: &Counted, number: Option<&Typed>, frames: &Frames, partition: &Env<'_>) -> Result<UInt32Array> {
    let Some(numbers) = numbers(number, partition)? else { return Err(not_here("nth_value")) };
    let reader = Int::reader(numbers.values())?;
    let place = |(row, (start, end)): (usize, (usize, usize))| -> Result<Option<u32>> {
        if start == end || numbers.is_null(row) {
            return Ok(None);
        }
        let number = Int::get(&reader, numbers.at(row));
        if number < 1 {
            return Err(AthenaError::invalid_argument("Offset must be at least 1"));
        }
        let number = usize::try_from(number - 1).ok().and_then(|number| rows.before(start).checked_add(number));
        Ok(number.filter(|number| *number < rows.before(end)).and_then(|number| rows.place(number)))
    };
    frames.iter().enumerate().map(place).collect()
}
