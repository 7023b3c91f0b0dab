//! `sequence`.
//!
//! Owns: the numbers, days and times from one to another by steps.
//! Does not own: the calendar (`values::date`).
//! Invariant: never more than 10000 of them.

use arrow::array::ArrayRef;

use super::super::arg::{Arg as _, Int, Produce as _, Wide};
use super::super::lists::Shape;
use super::super::{Call, Result};
use crate::athena::error::AthenaError;
use crate::athena::types::Type;
use crate::athena::values::date::{civil, from_civil};
use crate::athena::values::layout::picos_per_unit;
use crate::athena::values::time::PICOS_PER_DAY;

const ENTRIES_MAX: i128 = 10_000;
const PICOS_PER_MILLISECOND: i128 = 1_000_000_000;
const MILLISECONDS_PER_DAY: i128 = 86_400_000;

pub(super) fn sequence(call: &Call<'_>) -> Result<ArrayRef> {
    let Type::Array(ty) = call.returns else { return Err(call.wrong_layout()) };
    let (start, stop) = (instants(call, 0, ty)?, instants(call, 1, ty)?);
    let steps = call.arguments.get(2).map(|steps| Int::reader(steps.values())).transpose()?;
    let by_months = call.types.get(2) == Some(&Type::IntervalYear);
    let (mut all, mut shape) = (Vec::new(), Shape::default());
    for row in 0..call.rows {
        let valid = !call.has_null(row);
        if valid {
            let (start, stop) = (start(row), stop(row));
            let step = steps.as_ref().map(|steps| i128::from(Int::get(steps, call.place(2, row))));
            let step = step.unwrap_or(if stop < start { -1 } else { 1 });
            if by_months {
                months(call, ty, (start, stop), step, &mut all)?;
            } else {
                even(call, ty, (start, stop), step, &mut all)?;
            }
        }
        call.check_room(all.len() * size_of::<i128>())?;
        shape.end_row(all.len(), valid);
    }
    shape.list(match ty.as_ref() {
        Type::Timestamp(_) if picos_per_unit(ty) == 1 => i128::array(all.into_iter().map(Some).collect(), ty)?,
        _ => i64::array(all.into_iter().map(|value| i64::try_from(value).ok()).collect(), ty)?,
    })
}

/// How a row's value of an argument is read.
fn instants<'c>(call: &Call<'c>, argument: usize, ty: &Type) -> Result<Box<dyn Fn(usize) -> i128 + 'c>> {
    let (values, column) = (call.values(argument)?, call.argument(argument)?);
    Ok(match ty {
        Type::Timestamp(_) if picos_per_unit(ty) == 1 => {
            let reader = Wide::reader(values)?;
            Box::new(move |row| Wide::get(&reader, column.at(row)))
        }
        _ => {
            let reader = Int::reader(values)?;
            Box::new(move |row| i128::from(Int::get(&reader, column.at(row))))
        }
    })
}

/// Steps that are all of one length.
fn even(call: &Call<'_>, ty: &Type, (start, stop): (i128, i128), step: i128, all: &mut Vec<i128>) -> Result<()> {
    let step = match ty {
        Type::Date if call.types.len() > 2 => {
            if step % MILLISECONDS_PER_DAY != 0 {
                return Err(call.invalid("sequence step must be a day interval if start and end values are dates"));
            }
            step / MILLISECONDS_PER_DAY
        }
        Type::Timestamp(_) => step * PICOS_PER_MILLISECOND / picos_per_unit(ty),
        _ => step,
    };
    check_step(call, start, stop, step)?;
    let count = (stop - start) / step + 1;
    check_count(call, count)?;
    for i in 0..count {
        all.push(exact(ty, start + i * step)?);
    }
    Ok(())
}

/// Steps of months, counted from the start: a day that a month does not have is its last.
fn months(call: &Call<'_>, ty: &Type, (start, stop): (i128, i128), step: i128, all: &mut Vec<i128>) -> Result<()> {
    check_step(call, start, stop, step)?;
    let per_day = if *ty == Type::Date { 1 } else { PICOS_PER_DAY / picos_per_unit(ty) };
    let (first, last) = (start.min(stop), start.max(stop));
    let (from, to) = (months_of(first.div_euclid(per_day)), months_of(last.div_euclid(per_day)));
    let apart = to - from;
    let reached = later(first, apart, per_day).is_some_and(|reached| reached <= last);
    let apart = i128::from(if reached { apart } else { apart - 1 });
    let count = apart / step.abs() + 1;
    check_count(call, count)?;
    for i in 0..count {
        let value = i64::try_from(i * step).ok().and_then(|months| later(start, months, per_day));
        all.push(value.ok_or_else(|| call.invalid("a sequence goes beyond the calendar"))?);
    }
    Ok(())
}

/// Months since the year 0 of a day.
fn months_of(day: i128) -> i64 {
    let (year, month, _) = civil(i64::try_from(day).unwrap_or(0));
    year * 12 + i64::from(month) - 1
}

/// So many months later.
fn later(at: i128, months: i64, per_day: i128) -> Option<i128> {
    let (day, of_day) = (at.div_euclid(per_day), at.rem_euclid(per_day));
    let (year, month, day_of_month) = civil(i64::try_from(day).ok()?);
    let months = (year * 12 + i64::from(month) - 1).checked_add(months)?;
    let (year, month) = (months.div_euclid(12), u32::try_from(months.rem_euclid(12) + 1).ok()?);
    let day = (0..4).find_map(|less| from_civil(year, month, day_of_month.checked_sub(less)?))?;
    Some(i128::from(day) * per_day + of_day)
}

fn check_step(call: &Call<'_>, start: i128, stop: i128, step: i128) -> Result<()> {
    if step == 0 {
        return Err(call.invalid("step must not be zero"));
    }
    if (step > 0 && stop < start) || (step < 0 && stop > start) {
        return Err(call.invalid(
            "sequence stop value should be greater than or equal to start value if step is greater than zero otherwise stop \
             should be less than or equal to start",
        ));
    }
    Ok(())
}

fn check_count(call: &Call<'_>, count: i128) -> Result<()> {
    if count > ENTRIES_MAX {
        return Err(call.invalid(format!("result of sequence function must not have more than {ENTRIES_MAX} entries")));
    }
    Ok(())
}

/// A time that its type has the digits for.
fn exact(ty: &Type, value: i128) -> Result<i128> {
    if let Type::Timestamp(digits) = ty {
        let picos = value * picos_per_unit(ty);
        if picos % 10_i128.pow(12 - u32::from(*digits)) != 0 {
            let micros = picos.div_euclid(1_000_000);
            let what = format!("Expected 0s for digits beyond precision {digits}: epochMicros = {micros}");
            return Err(AthenaError::internal(&what));
        }
    }
    Ok(value)
}
