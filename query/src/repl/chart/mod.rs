//! `\chart`: an answer drawn with characters.
//!
//! Owns: which columns are drawn as what.
//! Does not own: the drawings (`lines`, `bars`), numbers on an axis (`axis`), running the statement (`session`).
//! Invariant: no line is wider than asked; what is not drawn is told; a value that is NULL or not finite is a gap, never a zero.

mod axis;
mod bars;
mod canvas;
mod data;
mod lines;
#[cfg(test)]
mod tests;

use std::str::FromStr;

use self::data::{Axis, Column, Columns};
use crate::output::Texts;
use crate::{QueryError, told};

/// Rows that are drawn.
pub(super) const ROWS_MAX: usize = 200_000;
/// Series that are drawn.
const SERIES_MAX: usize = 8;
/// Bars that are drawn.
const BARS_MAX: usize = 50;

/// How an answer is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Line,
    Bar,
    Hist,
    Spark,
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "line" => Ok(Self::Line),
            "bar" => Ok(Self::Bar),
            "hist" => Ok(Self::Hist),
            "spark" => Ok(Self::Spark),
            _ => Err(()),
        }
    }
}

/// The statement after a chart's kind, if one is said.
pub(super) fn statement(rest: &str) -> &str {
    match rest.split_once(char::is_whitespace) {
        Some((word, sql)) if word.parse::<Kind>().is_ok() => sql,
        _ => rest,
    }
}

/// Draws an answer.
///
/// # Errors
/// `Sql` for an answer in which there is nothing to draw.
pub(super) fn draw(rest: &str, answer: &Texts, width: usize) -> Result<String, QueryError> {
    let kind = rest.split_whitespace().next().and_then(|word| word.parse().ok());
    let columns = Columns::of(answer);
    let kind = kind.unwrap_or_else(|| if columns.axis().is_some() { Kind::Line } else { Kind::Bar });
    if answer.rows.is_empty() {
        return Ok("no rows to draw\n".to_owned());
    }
    let numbers = columns.numbers();
    let Some(last) = numbers.last() else {
        return Err(QueryError::Sql(format!("\\chart draws numbers, and none of {} is a column of numbers", columns.names())));
    };
    let mut text = match kind {
        Kind::Line => lines::draw(&named(series(&columns)), columns.axis().as_ref(), width),
        Kind::Spark => bars::sparks(&named(series(&columns)), width),
        Kind::Hist => bars::histogram(last.name, &last.values, width),
        Kind::Bar => bars::bars(&columns.labels(), &last.values, width),
    };
    if answer.rows.len() == ROWS_MAX {
        text.push_str(&format!("the first {} are drawn\n", told::counted(ROWS_MAX as u64, "row")));
    }
    Ok(text)
}

/// A line of numbers, by the rows of the axis; rows of other series are not in it.
struct Series {
    name: String,
    rows: Vec<usize>,
    values: Vec<f64>,
}

/// The series of an answer: its columns of numbers, or one column by the texts beside it.
fn series(columns: &Columns<'_>) -> (Vec<Series>, usize) {
    let axis = columns.axis();
    let drawn: Vec<&Column<'_>> =
        columns.numbers().into_iter().filter(|column| !axis.as_ref().is_some_and(|axis| axis.is_of(column))).collect();
    let rows = columns.rows();
    let whole =
        |column: &Column<'_>| Series { name: column.name.to_owned(), rows: (0..rows).collect(), values: column.values.clone() };
    let mut all: Vec<Series> = Vec::new();
    match (columns.texts(), drawn.as_slice()) {
        (Some(texts), [.., last]) => {
            for (row, text) in texts.iter().enumerate() {
                let name = text.as_deref().unwrap_or("NULL");
                let at = all.iter().position(|one| one.name == name).unwrap_or_else(|| {
                    if all.len() <= SERIES_MAX {
                        all.push(Series { name: name.to_owned(), rows: Vec::new(), values: Vec::new() });
                    }
                    all.len() - 1
                });
                if let Some(one) = all.get_mut(at).filter(|one| one.name == name) {
                    one.rows.push(row);
                    one.values.push(last.values[row]);
                }
            }
        }
        _ => all = drawn.into_iter().map(whole).collect(),
    }
    let left = all.len().saturating_sub(SERIES_MAX);
    all.truncate(SERIES_MAX);
    (all, left)
}

/// With the last series' name it is told that there are more.
fn named((mut series, left): (Vec<Series>, usize)) -> Vec<Series> {
    if let Some(last) = series.last_mut().filter(|_| left > 0) {
        last.name.push_str(&format!(" (the {SERIES_MAX}th; further ones are not drawn)"));
    }
    series
}

/// Where a row stands on the axis: its own place, or its number.
fn place(axis: Option<&Axis<'_>>, row: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "row numbers are small")]
    axis.map_or(row as f64, |axis| axis.values[row])
}
