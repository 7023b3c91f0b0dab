//! Counts, bytes and times for people.
//!
//! Owns: their texts.
//! Does not own: values in answers, which are exact (`output`).
//! Invariant: a text is short and says its unit.

use std::time::Duration;

/// `1 file`, `1,234 files`.
pub fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// `1234567` as `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `512 B`, `1.5 MB`: decimal units, as storage is billed.
#[expect(clippy::cast_precision_loss, reason = "two digits are told")]
pub fn bytes(n: u64) -> String {
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|(unit, _)| n >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", n as f64 / unit as f64),
        None => format!("{n} B"),
    }
}

/// `12.3 ms`, `4.56 s`.
pub fn time(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_unit_is_missing() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 2, 1234].map(|n| counted(n, "file")), ["1 file", "2 files", "1,234 files"]);
        assert_eq!([0, 999, 1500, 2_340_000, 5_000_000_000_000].map(bytes), ["0 B", "999 B", "1.5 kB", "2.3 MB", "5.0 TB"]);
        assert_eq!([12_340, 4_560_000].map(|us| time(Duration::from_micros(us))), ["12.3 ms", "4.56 s"]);
    }
}
