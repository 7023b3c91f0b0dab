//! Bars, histograms and sparks.
//!
//! Owns: how long a bar is, which bins a histogram has.
//! Does not own: which values are drawn (`chart`), numbers' texts (`axis`).
//! Invariant: bars of one drawing share one scale that begins at 0; the number stands beside its bar.

use unicode_width::UnicodeWidthStr as _;

use super::lines::bounds;
use super::{BARS_MAX, Series, axis};
use crate::told;

const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const SPARKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const BINS_MAX: usize = 20;
const LABEL_MAX: usize = 30;
const BAR_LEAST: usize = 4;

/// A bar a row.
pub(super) fn bars(labels: &[String], values: &[f64], width: usize) -> String {
    let drawn = labels.len().min(BARS_MAX);
    let (low, high) = bounds(values.iter().copied());
    let texts: Vec<String> = values.iter().map(|value| axis::number(*value, high - low)).collect();
    let mut text = rows(&labels[..drawn], &values[..drawn], &texts[..drawn], width);
    if drawn < labels.len() {
        text.push_str(&format!("{} more are not drawn\n", told::counted((labels.len() - drawn) as u64, "row")));
    }
    text
}

/// How many values there are of each size. As many bins as the square root of the number of values, up to `BINS_MAX`.
pub(super) fn histogram(name: &str, values: &[f64], width: usize) -> String {
    let (low, high) = bounds(values.iter().copied());
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    let bins = if high > low { finite.len().isqrt().clamp(1, BINS_MAX) } else { 1 };
    #[expect(clippy::cast_precision_loss, reason = "at most 20")]
    let step = (high - low) / bins as f64;
    let mut counts = vec![0_u64; bins];
    for value in &finite {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of bins")]
        let bin = if step > 0.0 { ((value - low) / step) as usize } else { 0 };
        counts[bin.min(bins - 1)] += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "the length of a bar")]
    let lengths: Vec<f64> = counts.iter().map(|count| *count as f64).collect();
    #[expect(clippy::cast_precision_loss, reason = "at most 20")]
    let labels: Vec<String> = (0..bins).map(|bin| axis::number(low + step * bin as f64, step.min(high - low))).collect();
    let texts: Vec<String> = counts.iter().map(|count| told::grouped(*count)).collect();
    let mut text =
        format!("{name}: {}, from\n{}", told::counted(finite.len() as u64, "value"), rows(&labels, &lengths, &texts, width));
    if finite.len() < values.len() {
        text.push_str(&format!("{} NULL or not finite\n", told::counted((values.len() - finite.len()) as u64, "value")));
    }
    text
}

/// A line a series: each character stands for as many neighbouring values, by their mean.
pub(super) fn sparks(series: &[Series], width: usize) -> String {
    let margin = series.iter().map(|one| one.name.width().min(LABEL_MAX)).max().unwrap_or_default();
    let mut text = String::new();
    for one in series {
        let (low, high) = bounds(one.values.iter().copied());
        let ends = format!("{} … {}", axis::number(low, high - low), axis::number(high, high - low));
        let room = width.saturating_sub(margin + ends.chars().count() + 2).max(BAR_LEAST);
        let chunk = one.values.len().div_ceil(room).max(1);
        let sparks: String = one.values.chunks(chunk).map(|values| spark(values, low, high)).collect();
        text.push_str(&format!("{} {sparks} {ends}\n", padded(&one.name, margin)));
    }
    text
}

fn spark(values: &[f64], low: f64, high: f64) -> char {
    let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.is_empty() {
        return ' ';
    }
    #[expect(clippy::cast_precision_loss, reason = "a mean that is drawn")]
    let mean = finite.iter().sum::<f64>() / finite.len() as f64;
    let share = if high > low { (mean - low) / (high - low) } else { 0.5 };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
    let at = (share.clamp(0.0, 1.0) * 7.0).round() as usize;
    SPARKS[at.min(7)]
}

fn rows(labels: &[String], values: &[f64], texts: &[String], width: usize) -> String {
    let margin = labels.iter().map(|label| label.width().min(LABEL_MAX)).max().unwrap_or_default();
    let numbers = texts.iter().map(String::len).max().unwrap_or_default();
    let room = width.saturating_sub(margin + numbers + 2).max(BAR_LEAST);
    let most = values.iter().copied().filter(|value| value.is_finite()).map(f64::abs).fold(0.0, f64::max);
    let mut text = String::new();
    for ((label, value), number) in labels.iter().zip(values).zip(texts) {
        let share = if most > 0.0 && value.is_finite() { value.abs() / most } else { 0.0 };
        text.push_str(&format!("{} {number:>numbers$} {}\n", padded(label, margin), bar(share, room)));
    }
    text
}

fn bar(share: f64, room: usize) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and eight times the screen's width"
    )]
    let eighths = (share * (room * 8) as f64).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// A label in so many columns.
fn padded(label: &str, columns: usize) -> String {
    let fitted = crate::output::fit(label, columns);
    format!("{fitted}{}", " ".repeat(columns.saturating_sub(fitted.width())))
}
