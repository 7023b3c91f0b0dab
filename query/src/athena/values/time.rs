//! Times of the day and timestamps.
//!
//! Owns: their text, with and without a time zone, and how many digits it has.
//! Does not own: the calendar (`date`), what a zone's clock shows (`zone`).
//! Invariant: digits beyond a picosecond are no time.

use super::date::{digits, prefix};

pub(crate) const PICOS_PER_SECOND: i64 = 1_000_000_000_000;
pub(crate) const PICOS_PER_DAY: i128 = 86_400 * PICOS_PER_SECOND as i128;
const DIGITS_MAX: usize = 12;

/// A time of the day as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock<'a> {
    /// Picoseconds of the day.
    pub(crate) picos: i64,
    /// Digits of the second's fraction.
    pub(crate) digits: usize,
    /// What follows: a zone, perhaps after a blank.
    pub(crate) rest: &'a str,
}

/// A timestamp as written: on the clock of its zone, if it names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written<'a> {
    /// Picoseconds since 1970.
    pub(crate) picos: i128,
    pub(crate) digits: usize,
    pub(crate) zone: Option<&'a str>,
}

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTime {
    Malformed,
    /// It has that many digits of a second's fraction.
    TooPrecise(usize),
}

/// Reads `h:m[:s[.fraction]]` at the beginning of a text.
pub(crate) fn clock(text: &str) -> Result<Clock<'_>, NoTime> {
    let clock = any_clock(text).ok_or(NoTime::Malformed)?;
    if clock.digits > DIGITS_MAX { Err(NoTime::TooPrecise(clock.digits)) } else { Ok(clock) }
}

/// As `clock`; digits beyond a picosecond are cut off.
fn any_clock(text: &str) -> Option<Clock<'_>> {
    let (hours, rest) = digits(text, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (seconds, fraction, rest) = match rest.strip_prefix(':') {
        None => (0, None, rest),
        Some(rest) => {
            let (seconds, rest) = digits(rest, 2)?;
            (seconds, rest.strip_prefix('.'), rest)
        }
    };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let whole = i64::from(hours * 3600 + minutes * 60 + seconds) * PICOS_PER_SECOND;
    let Some(fraction) = fraction else {
        return Some(Clock { picos: whole, digits: 0, rest });
    };
    let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, rest) = fraction.split_at(count);
    let kept = fraction.get(..DIGITS_MAX).unwrap_or(fraction);
    let picos: i64 = if count == 0 { return None } else { format!("{kept:0<12}").parse().ok()? };
    Some(Clock { picos: whole + picos, digits: count, rest })
}

/// Reads `time[ ]+hh:mm`: the time and its offset in minutes, `None` where it has none.
pub(crate) fn zoned_clock(text: &str) -> Option<(Clock<'_>, Option<i32>)> {
    let clock = clock(text).ok()?;
    let offset = clock.rest.trim_start();
    if offset.is_empty() {
        return Some((clock, None));
    }
    let is_written = offset.len() == 6 && offset.starts_with(['+', '-']);
    match super::zone::parse(offset) {
        Ok(super::zone::Zone::Offset(minutes)) if is_written => Some((clock, Some(minutes))),
        _ => None,
    }
}

/// Reads `date[ time][ zone]`.
pub(crate) fn timestamp(text: &str) -> Result<Written<'_>, NoTime> {
    let written = any_timestamp(text).ok_or(NoTime::Malformed)?;
    if written.digits > DIGITS_MAX { Err(NoTime::TooPrecise(written.digits)) } else { Ok(written) }
}

/// As `timestamp`; digits beyond a picosecond are cut off.
pub(crate) fn any_timestamp(text: &str) -> Option<Written<'_>> {
    let has_year = text.trim_start_matches(['+', '-']).bytes().take_while(u8::is_ascii_digit).count() >= 4;
    let (days, rest) = prefix(text).filter(|_| has_year)?;
    let midnight = i128::from(days) * PICOS_PER_DAY;
    let is_followed = rest.is_empty() || rest.starts_with(' ');
    let has_clock = rest.strip_prefix(' ').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let (picos, digits, rest) = match has_clock {
        None => (midnight, 0, rest),
        Some(rest) => {
            let clock = any_clock(rest)?;
            (midnight + i128::from(clock.picos), clock.digits, clock.rest)
        }
    };
    let zone = rest.trim_start_matches(' ');
    is_followed.then_some(Written { picos, digits, zone: (!zone.is_empty()).then_some(zone) })
}

/// With so many digits of a second's fraction, half up.
pub(crate) fn rounded(picos: i128, digits: u8) -> i128 {
    let unit = 10_i128.pow(12_u32.saturating_sub(digits.into()));
    (picos + unit / 2).div_euclid(unit) * unit
}

#[cfg(test)]
mod tests {
    use super::super::zone::parse;
    use super::*;

    #[test]
    fn what_trino_refuses_is_never_a_time() {
        for wrong in [
            "2024-01-02 03",
            "2024-01-02T03:04:05",
            "2024-01-02 03:04:05.",
            " 2024-01-02 03:04:05",
            "2024-01-02 24:00:00",
            "2024-01-02 23:59:60",
            "2024-01-02 10:30.5",
            "2024-01-02Z",
        ] {
            let read = timestamp(wrong);
            assert!(
                read.is_err() || read.is_ok_and(|read| read.zone.is_some_and(|zone| parse(zone).is_err())),
                "{wrong}: {read:?}"
            );
        }
        assert_eq!(timestamp("2024-01-02 03:04:05.1234567890123"), Err(NoTime::TooPrecise(13)));
    }

    #[test]
    fn a_fraction_never_loses_a_digit() {
        let read = timestamp("1970-01-01 00:00:01.000000000001 America/New_York").unwrap();
        assert_eq!(read, Written { picos: 1_000_000_000_001, digits: 12, zone: Some("America/New_York") });
        assert_eq!(
            timestamp("1969-12-31 3:4").unwrap().picos,
            -PICOS_PER_DAY + i128::from(3 * 3600 + 4 * 60) * 1_000_000_000_000
        );
        assert_eq!(timestamp("2024-01-02 UTC").unwrap().zone, Some("UTC"));
    }
}
