//! Arithmetic of dates, times and intervals.
//!
//! Owns: the operators that have one among their operands.
//! Does not own: those of numbers.
//! Invariant: days and below are the time that passes, months are the calendar's; intervals of milliseconds wrap round as in
//! Trino, of months they are checked.

use arrow::array::ArrayRef;

use super::{Call, Compute, Result, moments, plus_months};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg, Double, Int};
use crate::athena::types::Type;
use crate::athena::values::float::double;
use crate::athena::values::moment::{Moment, PICOS_PER_MILLI, day};
use crate::athena::values::time::{PICOS_PER_DAY, rounded};

const PICOS_PER_MICRO: i128 = 1_000_000;

/// The operator of that name, when these are operands of it that are dates, times or intervals.
pub(in crate::athena::functions::scalar) fn find(name: &str, types: &[Type]) -> Option<Compute> {
    if !types.iter().any(|ty| is_interval(ty) || is_moment(ty)) {
        return None;
    }
    Some(match name {
        "$add" => |call| sum(call, 1),
        "$subtract" => |call| sum(call, -1),
        "$multiply" => multiply,
        "$divide" => divide,
        "$negate" => |call| call.try1::<Int, i64>(|a| checked(call, -i128::from(a), a.wrapping_neg())),
        _ => return None,
    })
}

fn is_interval(ty: &Type) -> bool {
    matches!(ty, Type::IntervalDay | Type::IntervalYear)
}

fn is_moment(ty: &Type) -> bool {
    matches!(ty, Type::Date | Type::Time(_) | Type::TimeZoned(_) | Type::Timestamp(_) | Type::TimestampZoned(_))
}

/// An interval: of months it fits, of milliseconds it wraps round.
fn checked(call: &Call<'_>, exact: i128, wrapped: i64) -> Result<Option<i64>> {
    match call.returns {
        Type::IntervalYear => day(exact).map(Some),
        _ => Ok(Some(wrapped)),
    }
}

fn sum(call: &Call<'_>, sign: i64) -> Result<ArrayRef> {
    let [a, b] = call.types else { return Err(call.wrong_layout()) };
    match (is_interval(a), is_interval(b)) {
        (true, true) => call.try2::<Int, Int, i64>(|a, b| {
            checked(call, i128::from(a) + i128::from(b) * i128::from(sign), a.wrapping_add(b.wrapping_mul(sign)))
        }),
        (true, false) => shift(call, 1, 0, sign),
        (false, true) => shift(call, 0, 1, sign),
        (false, false) => difference(call),
    }
}

/// A moment and an interval.
fn shift(call: &Call<'_>, of: usize, by: usize, sign: i64) -> Result<ArrayRef> {
    let (times, intervals) = (moments(call, of)?, Int::reader(call.values(by)?)?);
    let (is_date, in_months) = (call.returns == &Type::Date, call.types[by] == Type::IntervalYear);
    call.produce::<Moment>(|row| {
        let moment = times.get(call.place(of, row));
        let by = Int::get(&intervals, call.place(by, row)).wrapping_mul(sign);
        if in_months {
            return Ok(Some(plus_months(moment, by)));
        }
        let picos = i128::from(by) * PICOS_PER_MILLI;
        if is_date && picos % PICOS_PER_DAY != 0 {
            let how = if sign > 0 { "add hour, minutes or seconds to" } else { "subtract hour, minutes or seconds from" };
            return Err(call.invalid(format!("Cannot {how} a date")));
        }
        Ok(Some(moment.plus(picos)))
    })
}

/// Milliseconds between two moments, half up.
fn difference(call: &Call<'_>) -> Result<ArrayRef> {
    let (a, b) = (moments(call, 0)?, moments(call, 1)?);
    let between: fn(i128, i128) -> i128 = match call.types[0] {
        // Trino counts those without a zone in whole microseconds,
        Type::Timestamp(_) => |a, b| (a.div_euclid(PICOS_PER_MICRO) - b.div_euclid(PICOS_PER_MICRO)) * PICOS_PER_MICRO,
        // of those with one it rounds what is below a millisecond apart, half away from zero.
        Type::TimestampZoned(_) => |a, b| {
            let whole = a.div_euclid(PICOS_PER_MILLI) - b.div_euclid(PICOS_PER_MILLI);
            let rest = a.rem_euclid(PICOS_PER_MILLI) - b.rem_euclid(PICOS_PER_MILLI);
            (whole + rest * 2 / PICOS_PER_MILLI) * PICOS_PER_MILLI
        },
        _ => |a, b| a - b,
    };
    call.produce::<i64>(|row| {
        let picos = between(a.get(call.place(0, row)).utc, b.get(call.place(1, row)).utc);
        let millis = rounded(picos, 3) / PICOS_PER_MILLI;
        i64::try_from(millis).map(Some).map_err(|_| AthenaError::internal(&"long overflow"))
    })
}

fn multiply(call: &Call<'_>) -> Result<ArrayRef> {
    let [a, b] = call.types else { return Err(call.wrong_layout()) };
    match (a, b) {
        (Type::Double, _) => call.try2::<Double, Int, i64>(|by, interval| scaled(call, interval, by)),
        (_, Type::Double) => call.try2::<Int, Double, i64>(|interval, by| scaled(call, interval, by)),
        _ => call.try2::<Int, Int, i64>(|a, b| checked(call, a.wrapping_mul(b).into(), a.wrapping_mul(b))),
    }
}

fn scaled(call: &Call<'_>, interval: i64, by: f64) -> Result<Option<i64>> {
    if by.is_nan() {
        return Err(call.invalid("Cannot multiply by double NaN"));
    }
    cut(call, to_double(interval) * by)
}

fn divide(call: &Call<'_>) -> Result<ArrayRef> {
    call.try2::<Int, Double, i64>(|interval, by| {
        if by.is_nan() || by == 0.0 {
            return Err(
                call.invalid(format!("Cannot divide by double {}", if by == 0.0 { "0.0".to_owned() } else { double(by) }))
            );
        }
        cut(call, to_double(interval) / by)
    })
}

/// Without its fraction, as Java casts: the nearest there is.
fn cut(call: &Call<'_>, value: f64) -> Result<Option<i64>> {
    #[expect(clippy::cast_possible_truncation, reason = "what is beyond becomes the nearest")]
    let value = value as i64;
    checked(call, value.into(), value)
}

fn to_double(value: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an interval is scaled as a double")]
    let value = value as f64;
    value
}

#[cfg(test)]
mod tests {
    use crate::athena::eval::tests::value_of;

    #[test]
    fn a_day_is_never_anything_but_24_hours_and_no_month_ends_in_the_next() {
        for (expression, expected) in [
            ("TIMESTAMP '2024-03-09 12:00:00 America/New_York' + INTERVAL '1' DAY", "2024-03-10 13:00:00.000 America/New_York"),
            ("TIMESTAMP '2024-02-10 02:30:00 America/New_York' + INTERVAL '1' MONTH", "2024-03-10 03:30:00 America/New_York"),
            ("INTERVAL '1' MONTH + DATE '2024-01-31'", "2024-02-29"),
            ("TIME '09:30:00+02:00' + INTERVAL '15' HOUR", "00:30:00.000+02:00"),
            ("TIMESTAMP '2024-01-01 00:00:00' - TIMESTAMP '2024-01-01 00:00:00.0006'", "-0 00:00:00.001"),
            ("INTERVAL '3' HOUR / DOUBLE '2'", "0 01:30:00.000"),
        ] {
            assert_eq!(value_of(expression), Ok(expected.into()), "{expression}");
        }
        let fault = "INVALID_FUNCTION_ARGUMENT: Cannot add hour, minutes or seconds to a date";
        assert_eq!(value_of("DATE '2024-01-31' + INTERVAL '1' HOUR"), Err(fault.to_owned()));
    }
}
