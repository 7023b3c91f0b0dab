//! Lines: a panel for each series, above one axis.
//!
//! Owns: panels, their scales and labels.
//! Does not own: dots (`canvas`), texts of places (`axis`).
//! Invariant: all panels share the axis; each has a scale of its own, which its labels tell.

use super::axis;
use super::canvas::Canvas;
use super::data::Axis;
use super::{Series, place};

/// Lines of all panels together, and of one at least.
const ROWS: usize = 16;
const ROWS_LEAST: usize = 4;
const COLUMNS_LEAST: usize = 8;

/// Draws series one above the other.
pub(super) fn draw(series: &[Series], along: Option<&Axis<'_>>, width: usize) -> String {
    let rows = (ROWS / series.len().max(1)).max(ROWS_LEAST);
    let scales: Vec<(f64, f64)> = series.iter().map(|one| bounds(one.values.iter().copied())).collect();
    let labels: Vec<(String, String)> =
        scales.iter().map(|(low, high)| (axis::number(*low, high - low), axis::number(*high, high - low))).collect();
    let margin = labels.iter().flat_map(|(low, high)| [low.len(), high.len()]).max().unwrap_or_default();
    let columns = width.saturating_sub(margin + 2).max(COLUMNS_LEAST);
    let places = bounds(series.iter().flat_map(|one| one.rows.iter().map(|row| place(along, *row))));
    let mut text = String::new();
    for ((one, scale), (low, high)) in series.iter().zip(&scales).zip(&labels) {
        text.push_str(&one.name);
        text.push('\n');
        let mut canvas = Canvas::new(columns, rows);
        plot(&mut canvas, one, along, places, *scale);
        for (at, line) in canvas.lines().enumerate() {
            let label = if at == 0 {
                high
            } else if at + 1 == rows {
                low
            } else {
                ""
            };
            text.push_str(&format!("{label:>margin$} ┤{line}\n"));
        }
    }
    let ends = match along {
        Some(along) if along.is_time => [places.0, places.1].map(|us| axis::time(us, places.1 - places.0)),
        _ => [places.0, places.1].map(|at| axis::number(at, places.1 - places.0)),
    };
    let gap = columns.saturating_sub(ends[0].len() + ends[1].len()).max(1);
    text.push_str(&format!("{:margin$}  {}{:gap$}{}\n", "", ends[0], "", ends[1]));
    text
}

fn plot(canvas: &mut Canvas, series: &Series, along: Option<&Axis<'_>>, places: (f64, f64), scale: (f64, f64)) {
    let (across, down) = canvas.dots();
    let mut points: Vec<(f64, f64)> =
        series.rows.iter().map(|row| place(along, *row)).zip(series.values.iter().copied()).collect();
    // Rows may come in any order; the axis has one.
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut before = None;
    for (x, y) in points {
        if !x.is_finite() || !y.is_finite() {
            before = None;
            continue;
        }
        let dot = (dot(x, places, across), down - 1 - dot(y, scale, down));
        canvas.line(before.unwrap_or(dot), dot);
        before = Some(dot);
    }
}

/// Which of so many dots a value between two bounds is.
fn dot(value: f64, (low, high): (f64, f64), dots: usize) -> usize {
    let share = if high > low { (value - low) / (high - low) } else { 0.5 };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and the canvas's dots"
    )]
    let at = (share.clamp(0.0, 1.0) * (dots - 1) as f64).round() as usize;
    at
}

/// The least and the greatest finite value; 0 and 0 if there is none.
pub(super) fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    let found = finite.fold(None, |found: Option<(f64, f64)>, value| {
        Some(found.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    });
    found.unwrap_or((0.0, 0.0))
}
