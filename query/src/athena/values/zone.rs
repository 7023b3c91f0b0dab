//! Time zones by their names.
//!
//! Owns: which names Trino knows, and whether a clock there ever showed a time.
//! Does not own: the zones' rules (`chrono-tz`, the IANA database).
//! Invariant: names are compared with their case; an offset reaches 14 hours at most.

use std::str::FromStr as _;

use chrono::{DateTime, LocalResult, TimeZone as _};
use chrono_tz::Tz;

/// Furthest offset from UTC, minutes.
const OFFSET_MINUTES_MAX: u32 = 14 * 60;
/// Short names that the IANA database has and Trino does not.
const UNKNOWN: [&str; 3] = ["EST", "HST", "MST"];

/// Why a name is no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoZone {
    Unknown,
    /// It is one elsewhere.
    Unsupported,
}

/// A zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// Minutes east of UTC.
    Offset(i32),
    Named(Tz),
}

/// The zone of a name: `UTC`, `+01:00`, `GMT+2`, `America/New_York`.
pub(crate) fn parse(name: &str) -> Result<Zone, NoZone> {
    let offset = ["UTC", "GMT", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    match offset {
        "" | "Z" => return Ok(Zone::Offset(0)),
        offset if offset.starts_with(['+', '-']) => return offset_of(offset),
        _ => {}
    }
    match Tz::from_str(name) {
        Ok(zone) if !UNKNOWN.contains(&name) => Ok(Zone::Named(zone)),
        _ if name.starts_with("SystemV/") => Err(NoZone::Unsupported),
        _ => Err(NoZone::Unknown),
    }
}

/// `+h`, `+hh`, `+hhmm`, `+hh:mm`, `+hh:mm:00`.
fn offset_of(text: &str) -> Result<Zone, NoZone> {
    let digits = &text[1..];
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits, "0"),
        4 => (digits.get(..2).unwrap_or(""), digits.get(2..).unwrap_or("")),
        5 if digits.as_bytes()[2] == b':' => (digits.get(..2).unwrap_or(""), digits.get(3..).unwrap_or("")),
        8 if digits.as_bytes()[2] == b':' && digits.ends_with(":00") => {
            (digits.get(..2).unwrap_or(""), digits.get(3..5).unwrap_or(""))
        }
        _ => return Err(NoZone::Unknown),
    };
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let (Some(hours), Some(minutes)) = (number(hours), number(minutes).filter(|minutes| *minutes < 60)) else {
        return Err(NoZone::Unknown);
    };
    let offset = hours * 60 + minutes;
    if offset > OFFSET_MINUTES_MAX {
        return Err(NoZone::Unsupported);
    }
    let east = i32::try_from(offset).map_err(|_| NoZone::Unsupported)?;
    Ok(Zone::Offset(if text.starts_with('-') { -east } else { east }))
}

impl Zone {
    /// Whether a clock of the zone ever shows that time; it does not where it is put forward.
    pub(crate) fn has(self, local_picos: i128) -> bool {
        const PICOS_PER_MICRO: i128 = 1_000_000;
        let Self::Named(zone) = self else { return true };
        let micros = i64::try_from(local_picos.div_euclid(PICOS_PER_MICRO)).ok();
        let local = micros.and_then(DateTime::from_timestamp_micros).map(|at| at.naive_utc());
        local.is_none_or(|local| !matches!(zone.from_local_datetime(&local), LocalResult::None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_a_zone_that_is_none_in_trino() {
        for name in [
            "UTC",
            "UT",
            "GMT",
            "Z",
            "Zulu",
            "GMT+2",
            "UTC+01:30",
            "+1",
            "+01",
            "+0100",
            "+01:00",
            "+01:00:00",
            "-14:00",
            "GB",
            "EST5EDT",
            "Europe/Kyiv",
        ] {
            assert!(parse(name).is_ok(), "{name}");
        }
        for name in ["EST", "MST", "HST", "PST", "utc", "america/new_york", "+1:00", "Foo/Bar", "+", "+é", "+01:é"] {
            assert_eq!(parse(name), Err(NoZone::Unknown), "{name}");
        }
        for name in ["+14:01", "-15:00", "SystemV/EST5"] {
            assert_eq!(parse(name), Err(NoZone::Unsupported), "{name}");
        }
    }

    #[test]
    fn an_hour_that_is_left_out_is_never_a_time() {
        let new_york = parse("America/New_York").unwrap();
        let at = |text: &str| super::super::time::timestamp(text).unwrap().picos;
        assert!(!new_york.has(at("2024-03-10 02:30:00")) && new_york.has(at("2024-03-10 03:30:00")));
        assert!(new_york.has(at("2024-11-03 01:30:00")), "one that is shown twice is one");
    }
}
