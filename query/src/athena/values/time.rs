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
    let malformed = NoTime::Malformed;
    let (hours, rest) = digits(text, 2).ok_or(malformed)?;
    let (minutes, rest) = rest.strip_prefix(':').and_then(|rest| digits(rest, 2)).ok_or(malformed)?;
    let (seconds, rest) = match rest.strip_prefix(':') {
        None => (0, rest),
        Some(rest) => digits(rest, 2).ok_or(malformed)?,
    };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return Err(malformed);
    }
    let whole = i64::from(hours * 3600 + minutes * 60 + seconds) * PICOS_PER_SECOND;
    let Some(fraction) = rest.strip_prefix('.') else {
        return Ok(Clock { picos: whole, digits: 0, rest });
    };
    let count = fraction.bytes().take_while(u8::is_ascii_digit).count();
    match count {
        0 => Err(malformed),
        count if count > DIGITS_MAX => Err(NoTime::TooPrecise(count)),
        count => {
            let (fraction, rest) = fraction.split_at(count);
            let padded = format!("{fraction:0<12}");
            Ok(Clock { picos: whole + padded.parse::<i64>().map_err(|_| malformed)?, digits: count, rest })
        }
    }
}

/// Reads `date[ time][ zone]`.
pub(crate) fn timestamp(text: &str) -> Result<Written<'_>, NoTime> {
    let (days, rest) = prefix(text).ok_or(NoTime::Malformed)?;
    let midnight = i128::from(days) * PICOS_PER_DAY;
    let has_clock = rest.strip_prefix(' ').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let (picos, digits, rest) = match has_clock {
        None => (midnight, 0, rest),
        Some(rest) => {
            let clock = clock(rest)?;
            (midnight + i128::from(clock.picos), clock.digits, clock.rest)
        }
    };
    let zone = rest.trim_start_matches(' ');
    Ok(Written { picos, digits, zone: (!zone.is_empty()).then_some(zone) })
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
