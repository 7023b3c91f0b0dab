//! Reading an event time: RFC 3339 with any offset, or an epoch number whose unit is told by magnitude.
//!
//! Owns: the text and number forms, and the arithmetic to nanoseconds.
//! Does not own: what range is acceptable today (the decoder, which knows `now`).
//! Invariant: never panics, never wraps; a time outside 1677..2262 is `Beyond`, not wrong.

/// Nanoseconds since 1970-01-01T00:00:00Z.
pub type EventTime = i64;

/// The epoch itself, the earliest time a tick may have.
pub const UNIX_1970_NS: EventTime = 0;

/// Why a time could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventTimeError {
    /// Neither RFC 3339 nor a number.
    #[error("is neither RFC 3339 nor an epoch number")]
    Unreadable,
    /// A real time that 64-bit nanoseconds cannot hold (before 1677 or after 2262).
    #[error("is outside the years 1677 to 2262")]
    Beyond,
}

/// An epoch number of unknown unit to nanoseconds: below 1e11 seconds, below 1e14 milliseconds,
/// below 1e17 microseconds, else nanoseconds (by absolute value). `fraction_ns` is the decimal
/// fraction as billionths of the number's own unit.
pub fn epoch_to_ns(whole: i64, fraction_billionths: i64) -> Result<EventTime, EventTimeError> {
    let unit_ns: i64 = match whole.unsigned_abs() {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    let fraction_ns = i128::from(fraction_billionths) * i128::from(unit_ns) / 1_000_000_000;
    let ns = i128::from(whole) * i128::from(unit_ns) + fraction_ns;
    i64::try_from(ns).map_err(|_| EventTimeError::Beyond)
}

/// Reads a time from text: RFC 3339 (`T`, `t` or a space between date and time; offset required,
/// up to nine fractional digits kept, further ones truncated) or a decimal epoch number.
pub fn parse_event_time(text: &str) -> Result<EventTime, EventTimeError> {
    let bytes = text.trim().as_bytes();
    if bytes.len() >= 20 && bytes[4] == b'-' && !bytes[0].eq(&b'-') { parse_rfc3339(bytes) } else { parse_epoch(bytes) }
}

fn parse_epoch(bytes: &[u8]) -> Result<EventTime, EventTimeError> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let split = digits.iter().position(|&b| b == b'.').unwrap_or(digits.len());
    let (whole, fraction) = (&digits[..split], digits.get(split + 1..).unwrap_or_default());
    if whole.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) || (split < digits.len() && fraction.is_empty())
    {
        return Err(EventTimeError::Unreadable);
    }
    let mut value: i64 = 0;
    for b in whole {
        value = value.checked_mul(10).and_then(|v| v.checked_add(i64::from(b - b'0'))).ok_or(EventTimeError::Beyond)?;
    }
    let billionths = fraction_billionths(fraction);
    if negative { epoch_to_ns(-value, -billionths) } else { epoch_to_ns(value, billionths) }
}

fn fraction_billionths(digits: &[u8]) -> i64 {
    let mut value = 0;
    for i in 0..9 {
        value = value * 10 + i64::from(digits.get(i).map_or(0, |b| b - b'0'));
    }
    value
}

fn parse_rfc3339(bytes: &[u8]) -> Result<EventTime, EventTimeError> {
    use EventTimeError::Unreadable;
    let number = |from: usize, to: usize| -> Result<i64, EventTimeError> {
        let digits = bytes.get(from..to).ok_or(Unreadable)?;
        digits.iter().try_fold(0_i64, |n, b| if b.is_ascii_digit() { Ok(n * 10 + i64::from(b - b'0')) } else { Err(Unreadable) })
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let separators =
        bytes[4] == b'-' && bytes[7] == b'-' && matches!(bytes[10], b'T' | b't' | b' ') && bytes[13] == b':' && bytes[16] == b':';
    // A leap second (:60) is RFC 3339; it is read as the first instant of the next minute.
    if !separators
        || !(1..=12).contains(&month)
        || day < 1
        || day > days_in_month(year, month)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return Err(Unreadable);
    }
    let mut at = 19;
    let mut billionths = 0;
    if bytes[at] == b'.' {
        let end = bytes[at + 1..].iter().position(|b| !b.is_ascii_digit()).map_or(bytes.len(), |n| at + 1 + n);
        if end == at + 1 {
            return Err(Unreadable);
        }
        billionths = fraction_billionths(&bytes[at + 1..end]);
        at = end;
    }
    let offset_s = match &bytes[at..] {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (h, m) = (number(at + 1, at + 3)?, number(at + 4, at + 6)?);
            if h > 23 || m > 59 {
                return Err(Unreadable);
            }
            (h * 3600 + m * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return Err(Unreadable),
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset_s;
    i64::try_from(i128::from(seconds) * 1_000_000_000 + i128::from(billionths)).map_err(|_| EventTimeError::Beyond)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date.
/// Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_documented_form_is_the_same_instant() {
        for text in [
            "2020-02-22T00:00:02.111Z",
            "2020-02-22 01:00:02.111000000+01:00",
            "2020-02-21t19:00:02.1110000009-05:00",
            "1582329602.111",
            "1582329602111",
            "1582329602111000",
            "1582329602111000000",
        ] {
            assert_eq!(parse_event_time(text), Ok(1_582_329_602_111_000_000), "{text}");
        }
        assert_eq!(parse_event_time("2016-12-31T23:59:60Z"), parse_event_time("2017-01-01T00:00:00Z"));
    }

    #[test]
    fn rubbish_is_unreadable_and_far_times_are_beyond() {
        for text in [
            "",
            "-",
            ".",
            "1.",
            "now",
            "1e9",
            "2020-02-30T00:00:00Z",
            "2020-02-22T00:00:02",
            "2020-13-01T00:00:00Z",
            "2020-02-22T24:00:00Z",
            "2020-02-22T00:00:02+1:00",
        ] {
            assert_eq!(parse_event_time(text), Err(EventTimeError::Unreadable), "{text:?}");
        }
        for text in ["9999-12-31T23:59:59Z", "99999999999999999999999"] {
            assert_eq!(parse_event_time(text), Err(EventTimeError::Beyond), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = parse_event_time(&text);
        }

        #[test]
        fn nanoseconds_survive_the_text_form(ns in 100_000_000_000_000_000_i64..i64::MAX) {
            prop_assert_eq!(parse_event_time(&ns.to_string()), Ok(ns));
        }
    }
}
