//! Numbers and times along an axis.
//!
//! Owns: their texts, as short as the span between them allows.
//! Does not own: where they stand (`lines`, `bars`).
//! Invariant: two ends of an axis that differ read differently, as long as fifteen digits tell them apart.

use chrono::DateTime;

const SECOND_US: f64 = 1e6;
const DAY_US: f64 = 86_400.0 * SECOND_US;
const DIGITS_MAX: usize = 15;

/// A number of an axis that spans so much.
pub(super) fn number(value: f64, span: f64) -> String {
    if value != 0.0 && !(1e-4..1e15).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    // Three digits tell places within the span apart.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 15")]
    let digits = if span > 0.0 { (2.0 - span.log10().floor()).clamp(0.0, DIGITS_MAX as f64) as usize } else { 2 };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A time, microseconds since the epoch, of an axis that spans so many.
pub(super) fn time(us: f64, span: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "times of a calendar")]
    let Some(time) = DateTime::from_timestamp_micros(us as i64) else { return String::new() };
    let form = match span {
        span if span >= 2.0 * DAY_US => "%Y-%m-%d",
        span if span >= 600.0 * SECOND_US => "%m-%d %H:%M",
        span if span >= 2.0 * SECOND_US => "%H:%M:%S",
        _ => "%H:%M:%S%.6f",
    };
    time.format(form).to_string()
}
