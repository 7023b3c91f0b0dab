//! Intervals.
//!
//! Owns: the text of interval literals, by their units.
//! Does not own: the results' arithmetic.
//! Invariant: only the last unit, and only seconds, may have a fraction.

use crate::athena::ast::IntervalUnit::{self, Day, Hour, Minute, Month, Second, Year};

/// An interval's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interval {
    Milliseconds(i64),
    Months(i32),
}

/// Reads the text between the quotes of `INTERVAL '…' from [TO to]`; the sign within it counts for the whole.
pub(crate) fn parse(text: &str, from: IntervalUnit, to: Option<IntervalUnit>) -> Option<Interval> {
    let to = to.unwrap_or(from);
    let months = from <= Month;
    if to < from || months != (to <= Month) {
        return None;
    }
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut total: i64 = 0;
    for unit in [Year, Month, Day, Hour, Minute, Second].into_iter().filter(|unit| (from..=to).contains(unit)) {
        if unit != from && !rest.is_empty() {
            rest = rest.strip_prefix(separator(unit))?;
        }
        // As in Trino: what is left out at the end is nothing.
        if rest.is_empty() {
            break;
        }
        let (number, after) = digits(rest);
        // And each unit is counted in 32 bits.
        let number: i32 = if number.is_empty() && unit == Second { 0 } else { number.parse().ok()? };
        total = total.checked_add(i64::from(number).checked_mul(size(unit))?)?;
        rest = after;
        if unit == Second
            && let Some(fraction) = rest.strip_prefix('.')
        {
            let (fraction, after) = digits(fraction);
            // What is beyond a millisecond is cut off.
            let millis = format!("{fraction:0<3}");
            (fraction.len() <= 9 && text.contains(|c: char| c.is_ascii_digit())).then_some(())?;
            total = total.checked_add(millis.get(..3)?.parse().ok()?)?;
            rest = after;
        }
    }
    let total = if negative { -total } else { total };
    rest.is_empty().then_some(())?;
    Some(if months { Interval::Months(i32::try_from(total).ok()?) } else { Interval::Milliseconds(total) })
}

/// The digits at the beginning of a text, and what follows.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

fn separator(unit: IntervalUnit) -> char {
    match unit {
        Year | Month | Day => '-',
        Hour => ' ',
        Minute | Second => ':',
    }
}

/// Months of a unit of months, milliseconds of one of days and below.
fn size(unit: IntervalUnit) -> i64 {
    match unit {
        Year => 12,
        Month => 1,
        Day => 86_400_000,
        Hour => 3_600_000,
        Minute => 60_000,
        Second => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_never_read_otherwise_than_in_trino() {
        let cases = [
            ("1", Day, None, Some(Interval::Milliseconds(86_400_000))),
            ("-1", Day, None, Some(Interval::Milliseconds(-86_400_000))),
            ("1 25", Day, Some(Hour), Some(Interval::Milliseconds(49 * 3_600_000))),
            ("1 02:03:04.5", Day, Some(Second), Some(Interval::Milliseconds(93_784_500))),
            ("1.5", Second, None, Some(Interval::Milliseconds(1500))),
            ("1.5", Day, None, None),
            ("-.5", Second, None, Some(Interval::Milliseconds(-500))),
            ("1.23456789", Second, None, Some(Interval::Milliseconds(1234))),
            ("1:", Minute, Some(Second), Some(Interval::Milliseconds(60_000))),
            ("2147483648", Day, None, None),
            ("1-2", Year, Some(Month), Some(Interval::Months(14))),
            ("2:3", Minute, Some(Second), Some(Interval::Milliseconds(123_000))),
            ("", Day, None, Some(Interval::Milliseconds(0))),
            ("1", Day, Some(Year), None),
            ("x", Day, None, None),
        ];
        for (text, from, to, expected) in cases {
            assert_eq!(parse(text, from, to), expected, "{text} {from:?} {to:?}");
        }
    }
}
