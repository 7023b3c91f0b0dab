//! Units added to and counted between.
//!
//! Owns: `date_add`, `date_diff`.
//! Does not own: arithmetic with intervals (`operator`).
//! Invariant: a difference counts whole units that have passed; the clock is that of the first's zone.

use arrow::array::ArrayRef;

use super::{Call, Compute, Result, Unit, moments, plus_months, split};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg, Int, Text};
use crate::athena::types::Type;
use crate::athena::values::date::{civil, days, is_leap, length};
use crate::athena::values::moment::{Moment, PICOS_PER_MILLI};
use crate::athena::values::time::{PICOS_PER_DAY, rounded};

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "date_add" => added,
        "date_diff" => difference,
        _ => return None,
    })
}

fn added(call: &Call<'_>) -> Result<ArrayRef> {
    let (units, counts, times) = (Text::reader(call.values(0)?)?, Int::reader(call.values(1)?)?, moments(call, 2)?);
    call.produce::<Moment>(|row| {
        let unit = Unit::of(Text::get(&units, call.place(0, row)), call.returns)?;
        let (count, moment) = (Int::get(&counts, call.place(1, row)), times.get(call.place(2, row)));
        if !matches!(call.returns, Type::Time(_) | Type::TimeZoned(_)) && i32::try_from(count).is_err() {
            return Err(match call.returns {
                Type::Date => AthenaError::internal(&"integer overflow"),
                _ => call.invalid("integer overflow"),
            });
        }
        let moved = match unit.picos() {
            None => plus_months(moment, count * unit.months()),
            Some(picos) if unit.is_of_calendar() => moment.moved_to(moment.local() + picos * i128::from(count)),
            Some(picos) => moment.plus(picos * i128::from(count)),
        };
        let moved = Moment { utc: rounded(moved.utc, digits(call.returns)), ..moved };
        match call.returns {
            // What no timestamp can hold is a fault of the count.
            Type::Timestamp(_) => moved.checked().map(Some).map_err(|error| call.invalid(error.message)),
            _ => Ok(Some(moved)),
        }
    })
}

/// Digits of the second's fraction.
fn digits(ty: &Type) -> u8 {
    match ty {
        Type::Time(digits) | Type::TimeZoned(digits) | Type::Timestamp(digits) | Type::TimestampZoned(digits) => *digits,
        _ => 0,
    }
}

fn difference(call: &Call<'_>) -> Result<ArrayRef> {
    let (units, from, to) = (Text::reader(call.values(0)?)?, moments(call, 1)?, moments(call, 2)?);
    let ty = &call.types[1];
    let of_day = matches!(ty, Type::Time(_) | Type::TimeZoned(_));
    // Timestamps are compared by their milliseconds.
    let cut = |picos: i128| if of_day { picos } else { picos.div_euclid(PICOS_PER_MILLI) * PICOS_PER_MILLI };
    call.produce::<i64>(|row| {
        let unit = Unit::of(Text::get(&units, call.place(0, row)), ty)?;
        let (from, to) = (from.get(call.place(1, row)), to.get(call.place(2, row)));
        let (a, b) = if unit.is_of_calendar() { (from.local(), from.zone.local_of(to.utc)) } else { (from.utc, to.utc) };
        let (a, b) = (cut(a), cut(b));
        let count = match unit {
            Unit::Year => years(a, b).into(),
            Unit::Month | Unit::Quarter => i128::from(months(a, b) / unit.months()),
            unit => (b - a) / unit.picos().unwrap_or(1),
        };
        i64::try_from(count).map(Some).map_err(|_| AthenaError::internal(&"long overflow"))
    })
}

/// Whole months between two times; a month's last day is as late as any later one of another month.
fn months(from: i128, to: i128) -> i64 {
    if to < from {
        return -months(to, from);
    }
    let ((from_day, from_clock), (to_day, to_clock)) = (split(from), split(to));
    let ((from_year, from_month, from_of_month), (year, month, of_month)) = (civil(from_day), civil(to_day));
    let from_of_month = if of_month == length(year, month) { from_of_month.min(of_month) } else { from_of_month };
    let count = (year - from_year) * 12 + i64::from(month) - i64::from(from_month);
    count - i64::from((of_month, to_clock) < (from_of_month, from_clock))
}

/// Whole years between two times; as Joda-Time balances leap years.
fn years(from: i128, to: i128) -> i64 {
    /// Of the year, counted from 0, in a leap year.
    const FEBRUARY_29: i64 = 31 + 28;
    if to < from {
        return -years(to, from);
    }
    let within = |time: i128| {
        let (day, _) = split(time);
        let year = civil(day).0;
        (year, time - i128::from(days(year, 1, 1)) * PICOS_PER_DAY)
    };
    let ((from_year, mut from_rest), (to_year, mut to_rest)) = (within(from), within(to));
    let late = |rest: i128| rest >= i128::from(FEBRUARY_29) * PICOS_PER_DAY;
    if late(from_rest) {
        if is_leap(from_year) {
            if !is_leap(to_year) {
                from_rest -= PICOS_PER_DAY;
            }
        } else if late(to_rest) && is_leap(to_year) {
            to_rest -= PICOS_PER_DAY;
        }
    }
    to_year - from_year - i64::from(to_rest < from_rest)
}

#[cfg(test)]
mod tests {
    use crate::athena::eval::tests::value_of;

    #[test]
    fn a_unit_that_has_not_passed_is_never_counted() {
        for (expression, expected) in [
            ("date_diff('month', DATE '2024-01-31', DATE '2024-02-29')", 1),
            ("date_diff('month', DATE '2024-01-30', DATE '2024-02-28')", 0),
            ("date_diff('year', DATE '2024-02-29', DATE '2025-02-28')", 1),
            ("date_diff('year', DATE '2023-03-01', DATE '2024-02-29')", 0),
            (
                "date_diff('hour', TIMESTAMP '2024-03-09 12:00:00 America/New_York', TIMESTAMP '2024-03-10 12:00:00 America/New_York')",
                23,
            ),
        ] {
            assert_eq!(value_of(expression), Ok(expected.into()), "{expression}");
        }
    }
}
