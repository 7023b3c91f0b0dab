//! Zones as patterns write and read them.
//!
//! Owns: abbreviations and names of zones within a text.
//! Does not own: which zones there are (`values::zone`).
//! Invariant: an abbreviation that stands for several zones is read as Joda-Time does.

use chrono::{DateTime, TimeZone as _};
use chrono_tz::OffsetName as _;

use crate::athena::error::AthenaError;
use crate::athena::values::moment::{Moment, PICOS_PER_MILLI};
use crate::athena::values::zone::{Zone, parse};

/// Abbreviations that are read, and their zones.
const SHORT: [(&str, &str); 11] = [
    ("UTC", "UTC"),
    ("GMT", "UTC"),
    ("EST", "America/New_York"),
    ("EDT", "America/New_York"),
    ("CST", "America/Chicago"),
    ("CDT", "America/Chicago"),
    ("MST", "America/Denver"),
    ("MDT", "America/Denver"),
    ("PST", "America/Los_Angeles"),
    ("PDT", "America/Los_Angeles"),
    ("UT", "UTC"),
];

/// No zone has a longer name.
const LENGTH_MAX: usize = 64;

/// What a zone is called at a time: `EST`, `GMT+08:00` where it has no name of its own.
pub(super) fn written(moment: Moment, short: bool) -> Result<String, AthenaError> {
    let zone = match moment.zone {
        Zone::Offset(0) => return Ok(if short { "UTC" } else { "Coordinated Universal Time" }.to_owned()),
        Zone::Offset(_) => return Ok(moment.zone.name()),
        Zone::Named(zone) => zone,
    };
    if !short {
        let message = format!("the long name of the time zone {} is not known here; write z or ZZZ instead of zzzz", zone.name());
        return Err(AthenaError::not_supported(message));
    }
    let seconds = i64::try_from(moment.utc.div_euclid(1000 * PICOS_PER_MILLI)).unwrap_or(0);
    let at = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let offset = zone.offset_from_utc_datetime(&at.naive_utc());
    match offset.abbreviation() {
        Some(name) if name.starts_with(|c: char| c.is_ascii_alphabetic()) => Ok(name.to_owned()),
        _ => {
            let minutes = moment.zone.offset_at(moment.utc) / 60;
            Ok(format!("GMT{}", Zone::Offset(i32::try_from(minutes).unwrap_or(0)).name()))
        }
    }
}

/// The zone whose abbreviation a text begins with, and how long that is.
pub(super) fn short(text: &str) -> Option<(Zone, usize)> {
    let (name, zone) = SHORT.iter().find(|(name, _)| text.starts_with(name))?;
    Some((parse(zone).ok()?, name.len()))
}

/// The zone whose name a text begins with, the longest, and how long that is.
pub(super) fn id(text: &str) -> Option<(Zone, usize)> {
    let length = text.find(|c: char| !c.is_ascii_alphanumeric() && !"/_+-:".contains(c)).unwrap_or(text.len());
    (1..=length.min(LENGTH_MAX)).rev().find_map(|end| Some((parse(text.get(..end)?).ok()?, end)))
}
