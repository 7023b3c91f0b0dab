//! Functions of dates, times and intervals.
//!
//! Owns: which of the neighbouring files computes which function; reading units and zones.
//! Does not own: values' texts and calendars (`values`), casts (`eval::cast`).
//! Invariant: a session's zone is UTC. A zone's clock counts for fields and for units of a day and longer, the time that passes
//! for shorter ones.

mod calendar;
mod duration;
mod field;
mod format;
mod iso;
mod joda;
mod nanos;
mod operator;
mod pattern;
mod shift;
mod truncate;
mod unix;
mod zone;
mod zone_name;

pub(super) use operator::find as operator;

use super::{Call, Compute, Result};
use crate::athena::error::AthenaError;
use crate::athena::types::Type;
use crate::athena::values::moment::{Moment, Moments};
use crate::athena::values::time::{PICOS_PER_DAY, PICOS_PER_SECOND};
use crate::athena::values::zone::{OFFSET_MINUTES_MAX, Zone, parse};

pub(super) fn find(name: &str) -> Option<Compute> {
    let families = [field::find, truncate::find, shift::find, unix::find, zone::find, iso::find, format::find, duration::find];
    families.iter().find_map(|family| family(name))
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    /// The unit of a name, in whatever case; a date has none below a day, a time of the day none above an hour.
    fn of(name: &str, ty: &Type) -> Result<Self> {
        const NAMES: [(&str, Unit); 9] = [
            ("millisecond", Unit::Millisecond),
            ("second", Unit::Second),
            ("minute", Unit::Minute),
            ("hour", Unit::Hour),
            ("day", Unit::Day),
            ("week", Unit::Week),
            ("month", Unit::Month),
            ("quarter", Unit::Quarter),
            ("year", Unit::Year),
        ];
        let (known, kind) = match ty {
            Type::Date => (&NAMES[4..], "DATE"),
            Type::Time(_) | Type::TimeZoned(_) => (&NAMES[..4], "TIME"),
            _ => (&NAMES[..], "TIMESTAMP"),
        };
        let found = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found
            .map(|(_, unit)| *unit)
            .ok_or_else(|| AthenaError::invalid_argument(format!("'{}' is not a valid {kind} field", name.to_lowercase())))
    }

    /// Its length; `None` when it depends on the calendar.
    fn picos(self) -> Option<i128> {
        let second = i128::from(PICOS_PER_SECOND);
        Some(match self {
            Self::Millisecond => second / 1000,
            Self::Second => second,
            Self::Minute => second * 60,
            Self::Hour => second * 3600,
            Self::Day => PICOS_PER_DAY,
            Self::Week => PICOS_PER_DAY * 7,
            Self::Month | Self::Quarter | Self::Year => return None,
        })
    }

    /// Months of one that depends on the calendar.
    fn months(self) -> i64 {
        match self {
            Self::Quarter => 3,
            Self::Year => 12,
            _ => 1,
        }
    }

    /// Whether clocks that are put forward shorten it.
    fn is_of_calendar(self) -> bool {
        matches!(self, Self::Day | Self::Week | Self::Month | Self::Quarter | Self::Year)
    }
}

/// An argument that is a date, a time or a timestamp.
fn moments<'c>(call: &Call<'c>, argument: usize) -> Result<Moments<'c>> {
    let ty = call.types.get(argument).ok_or_else(|| call.wrong_layout())?;
    Moments::of(call.values(argument)?, ty)
}

/// A zone that an argument names.
fn zone_named(name: &str) -> Result<Zone> {
    if name.is_empty() {
        return Err(AthenaError::internal(&"Zone id is an empty string"));
    }
    parse(name).map_err(|_| AthenaError::invalid_argument(format!("'{name}' is not a valid time zone")))
}

/// As `zone_named`, of the functions that say it otherwise.
fn zone_supported(name: &str) -> Result<Zone> {
    if name.is_empty() {
        return Err(AthenaError::invalid_argument("Zone id is an empty string"));
    }
    parse(name).map_err(|_| AthenaError::not_supported(format!("Time zone not supported: {name}")))
}

/// A zone so many minutes east of UTC.
fn zone_east(minutes: i64) -> Result<Zone> {
    let found = i32::try_from(minutes).ok().filter(|minutes| minutes.abs() <= OFFSET_MINUTES_MAX);
    found.map(Zone::Offset).ok_or_else(|| AthenaError::invalid_argument(format!("Invalid offset minutes {minutes}")))
}

/// The day of a time, counted from 1970, and the picoseconds since its midnight.
fn split(local: i128) -> (i64, i128) {
    (i64::try_from(local.div_euclid(PICOS_PER_DAY)).unwrap_or(0), local.rem_euclid(PICOS_PER_DAY))
}

/// The same moment so many months later on its clock.
fn plus_months(moment: Moment, months: i64) -> Moment {
    let (day, of_day) = split(moment.local());
    let day = crate::athena::values::date::plus_months(day, months);
    moment.moved_to(i128::from(day) * PICOS_PER_DAY + of_day)
}
