//! Time zones by their names.
//!
//! Owns: which names Trino knows, and whether a clock there ever showed a time.
//! Does not own: the zones' rules (`chrono-tz`, the IANA database).
//! Invariant: names are compared with their case; an offset reaches 14 hours at most.

use std::str::FromStr as _;

use chrono::{DateTime, LocalResult, NaiveDateTime, Offset as _, TimeZone as _};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::date::{civil, days};
use super::time::{PICOS_PER_DAY, PICOS_PER_SECOND};

const SECONDS_PER_DAY: i64 = 86_400;
/// Seconds from 1970 to the first year that `chrono-tz` has no changes of offsets for.
const SECONDS_KNOWN: i64 = 4_102_444_800;
/// That year.
const LAST_YEAR: i64 = 2100;
/// Beyond these days since 1970 nothing is told apart.
const DAYS_MAX: i64 = 1 << 40;

/// Furthest offset from UTC, minutes.
pub(crate) const OFFSET_MINUTES_MAX: i32 = 14 * 60;
/// Numbers of named zones begin here, above those of offsets.
const NAMED_FROM: u16 = 2048;
/// Names that the IANA database has and Trino does not.
const UNKNOWN: [&str; 8] = ["America/Coyhaique", "EST", "HST", "MST", "Etc/Greenwich", "Etc/Zulu", "Factory", "ROC"];
/// Names of UTC besides its own.
const OF_UTC: [&str; 11] =
    ["Z", "Zulu", "UCT", "Universal", "Greenwich", "GMT0", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/GMT", "Etc/GMT0"];

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
        offset if offset.starts_with(['+', '-']) => return offset_of(offset),
        "" if !name.is_empty() => return Ok(Zone::UTC),
        _ if OF_UTC.contains(&name) => return Ok(Zone::UTC),
        _ => {}
    }
    match Tz::from_str(name) {
        Ok(zone) if !UNKNOWN.contains(&name) => Ok(match name.strip_prefix("Etc/GMT").map(offset_of) {
            // Hours west of UTC, as POSIX counts them.
            Some(Ok(Zone::Offset(west))) => Zone::Offset(-west),
            _ => Zone::Named(zone),
        }),
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
    let east = i32::try_from(hours * 60 + minutes).map_err(|_| NoZone::Unsupported)?;
    if east > OFFSET_MINUTES_MAX {
        return Err(NoZone::Unsupported);
    }
    Ok(Zone::Offset(if text.starts_with('-') { -east } else { east }))
}

impl Zone {
    pub(crate) const UTC: Self = Self::Offset(0);

    /// A number below 4096 that is this zone's alone.
    pub(crate) fn number(self) -> u16 {
        match self {
            Self::Offset(minutes) => u16::try_from(minutes + OFFSET_MINUTES_MAX).unwrap_or(0),
            // The place in TZ_VARIANTS, which lists them all in their order.
            Self::Named(zone) => NAMED_FROM + zone as u16,
        }
    }

    /// The zone of such a number.
    pub(crate) fn of_number(number: u16) -> Self {
        match number.checked_sub(NAMED_FROM) {
            None => Self::Offset(i32::from(number) - OFFSET_MINUTES_MAX),
            Some(named) => TZ_VARIANTS.get(usize::from(named)).map_or(Self::UTC, |zone| Self::Named(*zone)),
        }
    }

    /// The name that Trino writes.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Offset(0) => "UTC".to_owned(),
            Self::Offset(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
            }
            Self::Named(zone) => zone.name().to_owned(),
        }
    }

    /// Seconds that a clock there is ahead of UTC, at a time in UTC.
    pub(crate) fn offset_at(self, utc_picos: i128) -> i64 {
        match self {
            Self::Offset(minutes) => i64::from(minutes) * 60,
            Self::Named(zone) => i64::from(zone.offset_from_utc_datetime(&naive(utc_picos)).fix().local_minus_utc()),
        }
    }

    /// What a clock there shows at a time in UTC.
    pub(crate) fn local_of(self, utc_picos: i128) -> i128 {
        utc_picos + i128::from(self.offset_at(utc_picos)) * i128::from(PICOS_PER_SECOND)
    }

    /// When a clock there shows a time: of two, the first; where it is put forward, as if it had not been.
    pub(crate) fn utc_of(self, local_picos: i128) -> i128 {
        let Self::Named(zone) = self else { return local_picos - i128::from(self.offset_at(0)) * i128::from(PICOS_PER_SECOND) };
        let offset = match zone.offset_from_local_datetime(&naive(local_picos)) {
            LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => i64::from(offset.fix().local_minus_utc()),
            LocalResult::None => self.offset_at(local_picos - PICOS_PER_DAY),
        };
        local_picos - i128::from(offset) * i128::from(PICOS_PER_SECOND)
    }

    /// Whether a clock of the zone ever shows that time; it does not where it is put forward.
    pub(crate) fn has(self, local_picos: i128) -> bool {
        let Self::Named(zone) = self else { return true };
        !matches!(zone.from_local_datetime(&naive(local_picos)), LocalResult::None)
    }
}

/// A date and time of day; of one beyond the years whose offsets are known, one of a year whose days are the same.
fn naive(picos: i128) -> NaiveDateTime {
    let limit = |bound: i64| if picos < 0 { -bound } else { bound };
    let seconds = i64::try_from(picos.div_euclid(i128::from(PICOS_PER_SECOND))).unwrap_or(limit(i64::MAX));
    let seconds = if seconds < SECONDS_KNOWN {
        seconds
    } else {
        // Rules that hold for ever name a weekday of a month.
        let (year, _, _) = civil(seconds.div_euclid(SECONDS_PER_DAY).min(DAYS_MAX));
        let first = |year: i64| days(year, 1, 1);
        let length = |year: i64| first(year + 1) - first(year);
        let same = |other: &i64| length(year) == length(*other) && (first(year) - first(*other)) % 7 == 0;
        let other = (LAST_YEAR - 28..LAST_YEAR).find(same).unwrap_or(LAST_YEAR - 1);
        seconds - (first(year) - first(other)) * SECONDS_PER_DAY
    };
    let bound = if seconds < 0 { NaiveDateTime::MIN } else { NaiveDateTime::MAX };
    DateTime::from_timestamp(seconds, 0).map_or(bound, |at| at.naive_utc())
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
    fn no_two_zones_have_the_same_number() {
        for zone in TZ_VARIANTS.map(Zone::Named) {
            assert_eq!(Zone::of_number(zone.number()), zone);
        }
        for zone in [-14 * 60, -90, 0, 345, 14 * 60].map(Zone::Offset) {
            assert_eq!(Zone::of_number(zone.number()), zone);
        }
    }

    #[test]
    fn summer_never_ends_for_good() {
        let new_york = parse("America/New_York").unwrap();
        let at = |text: &str| new_york.offset_at(super::super::time::timestamp(text).unwrap().picos);
        assert_eq!(
            (at("2150-07-01"), at("2150-01-01"), at("12024-07-01"), at("1850-07-01")),
            (-14_400, -18_000, -14_400, -17_762)
        );
    }

    #[test]
    fn an_hour_that_is_left_out_is_never_a_time() {
        let new_york = parse("America/New_York").unwrap();
        let at = |text: &str| super::super::time::timestamp(text).unwrap().picos;
        assert!(!new_york.has(at("2024-03-10 02:30:00")) && new_york.has(at("2024-03-10 03:30:00")));
        assert!(new_york.has(at("2024-11-03 01:30:00")), "one that is shown twice is one");
    }
}
