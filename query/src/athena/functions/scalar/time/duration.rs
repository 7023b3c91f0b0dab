//! Durations as people write them.
//!
//! Owns: `human_readable_seconds`, `parse_duration`, `to_milliseconds`.
//! Does not own: interval literals (`values::interval`).
//! Invariant: as airlift's `Duration`: a number, perhaps a fraction, and a unit with its case.

use super::unix::round;
use super::{Call, Compute, Result};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Double, Int, Text};
use crate::athena::values::float::double;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "human_readable_seconds" => |call| call.try1::<Double, String>(|seconds| readable(call, seconds).map(Some)),
        "parse_duration" => |call| call.try1::<Text, i64>(|text| parsed(text).map(Some)),
        "to_milliseconds" => |call| call.map1::<Int, i64>(|millis| millis),
        _ => return None,
    })
}

fn readable(call: &Call<'_>, seconds: f64) -> Result<String> {
    if !seconds.is_finite() {
        return Err(call.invalid(format!("Invalid argument found: {}", double(seconds))));
    }
    let mut rest = round(seconds.abs());
    let mut parts = Vec::new();
    for (unit, length) in [("week", 604_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)] {
        let count = rest / length;
        rest %= length;
        if count > 0 || (unit == "second" && parts.is_empty()) {
            parts.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        }
    }
    Ok(parts.join(", "))
}

/// Milliseconds of `1.5 h`.
fn parsed(text: &str) -> Result<i64> {
    /// Names, what `java.util.concurrent.TimeUnit` calls it, milliseconds.
    const UNITS: [(&str, &str, f64); 7] = [
        ("ns", "NANOSECONDS", 1e-6),
        ("us", "MICROSECONDS", 1e-3),
        ("ms", "MILLISECONDS", 1.0),
        ("s", "SECONDS", 1e3),
        ("m", "MINUTES", 6e4),
        ("h", "HOURS", 3.6e6),
        ("d", "DAYS", 8.64e7),
    ];
    let wrong = || AthenaError::invalid_argument(format!("duration is not a valid data duration string: {text}"));
    if text.is_empty() {
        return Err(AthenaError::invalid_argument("duration is empty"));
    }
    let trimmed = text.trim();
    let (number, unit) = trimmed.split_at(trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len()));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let unit = unit.trim_start();
    let is_number = !whole.is_empty() && !fraction.is_empty() && !fraction.contains('.');
    if !is_number || unit.is_empty() || !unit.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Err(wrong());
    }
    let value: f64 = number.parse().map_err(|_| wrong())?;
    let Some((_, name, millis)) = UNITS.iter().find(|(name, ..)| *name == unit) else {
        return Err(AthenaError::invalid_argument(format!("Unknown time unit: {unit}")));
    };
    let millis = (value * millis + 0.5).floor();
    // 2^63.
    if millis >= 9_223_372_036_854_775_808.0 {
        let what = format!("value {} {name}", double(value));
        let message = format!("{what} is too large to be represented in requested unit MILLISECONDS as a long");
        return Err(AthenaError::invalid_argument(message));
    }
    Ok(round(millis))
}

#[cfg(test)]
mod tests {
    use crate::athena::eval::tests::value_of;

    #[test]
    fn what_is_no_duration_is_never_one() {
        for (text, why) in [
            ("", "duration is empty"),
            ("5.s", "duration is not a valid data duration string: 5.s"),
            ("-1s", "duration is not a valid data duration string: -1s"),
            ("5 M", "Unknown time unit: M"),
        ] {
            assert_eq!(
                value_of(&format!("parse_duration('{text}')")),
                Err(format!("INVALID_FUNCTION_ARGUMENT: {why}")),
                "{text}"
            );
        }
        assert_eq!(value_of("parse_duration('3.81 d')"), Ok("3 19:26:24.000".into()));
        assert_eq!(value_of("human_readable_seconds(694861e0)"), Ok("1 week, 1 day, 1 hour, 1 minute, 1 second".into()));
    }
}
