//! Reading single values: durations, sizes, numbers.
//!
//! Owns: what a value may look like, and saying so.
//! Does not own: where values come from (`layers`).
//! Invariant: pure; a quantity without a unit is refused where the unit could be mistaken.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use ticklake_ingest::source::kafka::{Assignment, OnGap};
use ticklake_lake::catalog::check_database_name;

use crate::args::LogFormat;

/// No cluster has topics this wide.
const PARTITION_MAX: i32 = 99_999;

/// Kafka's limit.
const TOPIC_CHARS_MAX: usize = 249;

pub(super) fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// A topic by Kafka's rule; one that is empty is told of with the other names.
pub(super) fn topic(text: &str) -> Result<String, String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.len() <= TOPIC_CHARS_MAX && text.chars().all(legal) && !matches!(text, "." | "..") {
        return Ok(text.to_owned());
    }
    Err(format!("Kafka has topics of up to {TOPIC_CHARS_MAX} letters, digits, dots, underscores and hyphens"))
}

pub(super) fn optional(text: &str) -> Result<Option<String>, String> {
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

pub(super) fn glue_database(text: &str) -> Result<Option<String>, String> {
    let database = optional(text)?;
    database.map(|name| check_database_name(&name).map(|()| name).map_err(|why| why.to_string())).transpose()
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "give true or false".to_owned())
}

/// A number between two bounds.
pub(super) fn count<const MIN: usize, const MAX: usize>(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
    number.ok_or_else(|| format!("give a whole number from {MIN} to {MAX}"))
}

/// A size between two bounds: `512MiB`, `96KiB`, `1GiB`, or a number of bytes.
pub(crate) fn bytes<const MIN: usize, const MAX: usize>(text: &str) -> Result<usize, String> {
    let (number, unit) = split(text);
    let factor = match unit {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let size = number.parse::<usize>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    size.filter(|size| (MIN..=MAX).contains(size))
        .ok_or_else(|| format!("give a size such as 512MiB (B, KiB, MiB or GiB), from {MIN} to {MAX} bytes"))
}

/// `10s`, `500ms`, `2m`, `1h`, `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let unit_ms = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        "d" => Some(86_400_000),
        _ => None,
    };
    match (number.parse::<u64>().ok().zip(unit_ms)).and_then(|(n, ms)| n.checked_mul(ms)) {
        Some(0) => Err("no time at all; give more than 0, such as 500ms or 10s".into()),
        Some(ms) => Ok(Duration::from_millis(ms)),
        None => Err("give a whole number with a unit: 500ms, 10s, 2m, 1h or 7d".into()),
    }
}

/// A share of a whole.
pub(super) fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "give a share from 0 to 1".into())
}

pub(super) fn assignment(text: &str) -> Result<Assignment, String> {
    match text {
        "cooperative-sticky" => Ok(Assignment::CooperativeSticky),
        "eager" => Ok(Assignment::Eager),
        _ => Err("give cooperative-sticky or eager".into()),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("give text or json".into()),
    }
}

pub(super) fn address(text: &str) -> Result<Option<SocketAddr>, String> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| "give an address and a port, such as 127.0.0.1:9464".to_owned()),
    }
}

pub(super) fn on_gap(text: &str) -> Result<OnGap, String> {
    match text {
        "stop" => Ok(OnGap::Stop),
        "accept" => Ok(OnGap::Accept),
        _ => Err("give stop or accept".into()),
    }
}

/// `0-3,7`.
pub(super) fn partitions(text: &str) -> Result<Option<BTreeSet<i32>>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut partitions = BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse::<i32>(), last.trim().parse::<i32>()) {
            (Ok(first), Ok(last)) if (0..=last).contains(&first) && last <= PARTITION_MAX => partitions.extend(first..=last),
            _ => return Err(format!("{part:?} is no partition or range up to {PARTITION_MAX}; give a list such as 0-3,7")),
        }
    }
    Ok(Some(partitions))
}

/// The number and the unit after it.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
        for bad in ["", "10", "s", "0s", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert!(duration("0s").is_err_and(|why| why.contains("more than 0")), "it has its unit");
    }

    #[test]
    fn a_topic_that_kafka_cannot_have_is_never_asked_for() {
        for good in ["stock_live_feed", "a.b-c_9", "", &"t".repeat(249)] {
            assert_eq!(topic(good).as_deref(), Ok(good));
        }
        for bad in ["a b", "a/b", "ü", ".", "..", "a\n", &"t".repeat(250)] {
            assert!(topic(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_of_partitions_is_never_misread() {
        assert_eq!(partitions("0-3, 7"), Ok(Some(BTreeSet::from([0, 1, 2, 3, 7]))));
        assert_eq!((partitions("5"), partitions("")), (Ok(Some(BTreeSet::from([5]))), Ok(None)));
        for bad in [",", "a", "-1", "3-1", "0-", "1,,2", "0-100000", "0-9999999999", "1.5"] {
            assert!(partitions(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_powers_of_two_or_bytes() {
        let any = bytes::<1, { usize::MAX }>;
        assert_eq!((any("512MiB"), any("96KiB"), any("7"), any("7B")), (Ok(512 << 20), Ok(96 << 10), Ok(7), Ok(7)));
        for bad in ["", "MiB", "0", "5MB", "-1", "1.5GiB", "99999999999GiB"] {
            assert!(any(bad).is_err(), "{bad}");
        }
        assert!(bytes::<1, 10>("11").is_err() && count::<1, 10>("11").is_err() && count::<1, 10>("ten").is_err());
    }
}
