//! An answer's columns as numbers, times and texts.
//!
//! Owns: telling which a column is, by all of its values.
//! Does not own: what is drawn of them (`chart`).
//! Invariant: a column is of numbers or times only if each of its values is; NULL is `NaN`.

use crate::output::Texts;
use crate::statistics::timestamp_us;

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Are {
    Numbers,
    Times,
    Texts,
}

/// A column.
pub(super) struct Column<'a> {
    pub(super) name: &'a str,
    are: Are,
    /// Of numbers, these; of times, microseconds since the epoch.
    pub(super) values: Vec<f64>,
    texts: Vec<Option<String>>,
}

/// The columns of an answer.
pub(super) struct Columns<'a>(Vec<Column<'a>>);

/// What the rows are drawn along.
pub(super) struct Axis<'c> {
    name: &'c str,
    pub(super) values: &'c [f64],
    pub(super) is_time: bool,
}

impl Axis<'_> {
    pub(super) fn is_of(&self, column: &Column<'_>) -> bool {
        std::ptr::eq(self.values, column.values.as_slice()) && self.name == column.name
    }
}

impl<'a> Columns<'a> {
    pub(super) fn of(answer: &'a Texts) -> Self {
        let column = |(at, name): (usize, &'a String)| {
            let texts: Vec<Option<String>> = answer.rows.iter().map(|row| row.get(at).cloned().flatten()).collect();
            let all = |read: fn(&str) -> Option<f64>| -> Option<Vec<f64>> {
                texts.iter().map(|text| text.as_deref().map_or(Some(f64::NAN), read)).collect()
            };
            let is_empty = texts.iter().all(Option::is_none);
            let (are, values) = match (all(number), all(time)) {
                (Some(numbers), _) if !is_empty => (Are::Numbers, numbers),
                (None, Some(times)) => (Are::Times, times),
                _ => (Are::Texts, Vec::new()),
            };
            Column { name, are, values, texts }
        };
        Self(answer.names.iter().enumerate().map(column).collect())
    }

    pub(super) fn rows(&self) -> usize {
        self.0.first().map_or(0, |column| column.texts.len())
    }

    pub(super) fn numbers(&self) -> Vec<&Column<'a>> {
        self.0.iter().filter(|column| column.are == Are::Numbers).collect()
    }

    /// A column of times, else the first of several columns of numbers where no text comes before it.
    pub(super) fn axis(&self) -> Option<Axis<'_>> {
        let times = self.0.iter().find(|column| column.are == Are::Times);
        let first = self.0.first().filter(|first| first.are == Are::Numbers && self.numbers().len() > 1);
        let column = times.or(first)?;
        Some(Axis { name: column.name, values: &column.values, is_time: column.are == Are::Times })
    }

    /// The first column of texts.
    pub(super) fn texts(&self) -> Option<&[Option<String>]> {
        self.0.iter().find(|column| column.are == Are::Texts).map(|column| column.texts.as_slice())
    }

    /// What each row is called: its texts and times.
    pub(super) fn labels(&self) -> Vec<String> {
        let named: Vec<_> = self.0.iter().filter(|column| column.are != Are::Numbers).collect();
        // Of numbers alone, the first ones stand for the rows.
        let named = if named.is_empty() && self.0.len() > 1 { self.0.iter().take(1).collect() } else { named };
        let label = |row: usize| {
            let parts: Vec<&str> = named.iter().map(|column| column.texts[row].as_deref().unwrap_or("NULL")).collect();
            parts.join(" ")
        };
        (0..self.rows()).map(label).collect()
    }

    pub(super) fn names(&self) -> String {
        self.0.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
    }
}

fn number(text: &str) -> Option<f64> {
    // `Infinity` and `NaN` are numbers; a text such as `inf` is none of SQL's.
    text.parse().ok().filter(|_| !text.eq_ignore_ascii_case("inf"))
}

/// Microseconds since the epoch of a date or a time.
fn time(text: &str) -> Option<f64> {
    let us = timestamp_us(text).or_else(|| timestamp_us(&format!("{text}T00:00:00")))?;
    #[expect(clippy::cast_precision_loss, reason = "a place on an axis")]
    Some(us as f64)
}
