//! Answers as text and as files: tables, CSV, JSON and what else people and programs read.
//!
//! Owns: the formats' names, feeding a result to the one chosen, stopping where as many rows are shown as may be.
//! Does not own: the text of one value (`cell`), where the text goes, files (`file`).
//! Invariant: rows are written as they come (tables look at a bounded number first to learn widths),
//! and nothing at all is written for a statement that fails before its first rows.

mod cell;
mod csv;
mod file;
mod grid;
mod json;
mod markdown;
mod names;
mod shown;
mod table;
mod tsv;

#[cfg(test)]
mod tests;

use std::io::Write;
use std::str::FromStr;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

pub(crate) use self::cell::of_json_texts;
pub use self::file::write_file;
pub use self::grid::{Grid, Shape};
pub(crate) use self::shown::fit;
use crate::{QueryError, QueryResult};

/// So many rows are made text at a time: between them others get their turn, a Ctrl-C among them.
const SLICE_ROWS: usize = 512;
/// Of large rows there are fewer.
const SLICE_BYTES: usize = 4 << 20;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned for people: numbers to the right, NULL as `NULL`, control characters as `\n` and the like.
    Table {
        /// Characters that fit on a line, where that is known; what no person would read to its end is then cut.
        width_max: Option<usize>,
        /// Rows after which the answer stops.
        rows_max: Option<usize>,
        /// Whether a table wider than the screen is written vertical.
        may_turn: bool,
    },
    /// A column a line, under a line with the row's number; else as `Table`.
    Vertical {
        /// As with `Table`.
        width_max: Option<usize>,
        /// As with `Table`.
        rows_max: Option<usize>,
    },
    /// RFC 4180 with a header; NULL is empty, the empty text is `""`.
    Csv,
    /// Tabs between, with a header; as PostgreSQL's COPY text, backslash, tab and line break are `\\`, `\t` and `\n`
    /// (and so `\r`, `\b`, `\f`, `\v`), and NULL is `\N`.
    Tsv,
    /// One array of objects. Of columns of one name the later ones are `name_2`, `name_3`, and so on.
    Json,
    /// One object a line, with the keys of `Json`.
    Ndjson,
    /// A table of GitHub's Markdown: numbers to the right, NULL as `NULL`, `|`, `\` and `<` escaped, line breaks as `<br>`.
    Markdown,
}

impl Format {
    /// Every format, tables without bounds.
    pub const ALL: [Self; 7] = [
        Self::Table { width_max: None, rows_max: None, may_turn: true },
        Self::Vertical { width_max: None, rows_max: None },
        Self::Csv,
        Self::Tsv,
        Self::Json,
        Self::Ndjson,
        Self::Markdown,
    ];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table { .. } => "table",
            Self::Vertical { .. } => "vertical",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Markdown => "markdown",
        }
    }

    /// Whether an empty line belongs between two answers.
    pub fn stands_apart(self) -> bool {
        matches!(self, Self::Table { .. } | Self::Vertical { .. } | Self::Markdown)
    }

    fn rows_max(self) -> usize {
        match self {
            Self::Table { rows_max, .. } | Self::Vertical { rows_max, .. } => rows_max.unwrap_or(usize::MAX),
            Self::Csv | Self::Tsv | Self::Json | Self::Ndjson | Self::Markdown => usize::MAX,
        }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::as_str).join(", ");
        Self::ALL
            .into_iter()
            .find(|f| f.as_str() == text)
            .ok_or_else(|| format!("{text:?} is not a format; there are {}", names()))
    }
}

/// Turns batches into text, one answer long.
trait Writer {
    /// Rows, in order.
    fn rows(&mut self, batch: &RecordBatch, out: &mut String) -> Result<(), QueryError>;

    /// What is held back of the rows so far.
    fn release(&mut self, _: &mut String) {}

    /// The end of the answer, which is not whole where it stopped at the most rows that are shown.
    fn end(&mut self, is_whole: bool, out: &mut String) -> Result<(), QueryError>;
}

/// A value that has no text, such as a date beyond the calendar.
fn unwritable(error: datafusion::arrow::error::ArrowError) -> QueryError {
    QueryError::Sql(crate::error::one_line(&format!("a value cannot be written: {error}")))
}

fn writer(format: Format, schema: &Schema) -> Box<dyn Writer + Send> {
    match format {
        Format::Table { width_max, may_turn, .. } => {
            let shape = if may_turn { Shape::TableThatFits } else { Shape::Table };
            Box::new(table::Table::new(schema, shape, width_max))
        }
        Format::Vertical { width_max, .. } => Box::new(table::Table::new(schema, Shape::Vertical, width_max)),
        Format::Csv => Box::new(csv::Csv::new(schema)),
        Format::Tsv => Box::new(tsv::Tsv::new(schema)),
        Format::Json => Box::new(json::Json::array(schema)),
        Format::Ndjson => Box::new(json::Json::lines(schema)),
        Format::Markdown => Box::new(markdown::Markdown::new(schema)),
    }
}

/// Writes a result and gives the number of rows written. `out` is not flushed, but where the most rows are shown and
/// finding out whether there are more may take its time.
///
/// # Errors
/// What goes wrong computing or writing; rows written before stay written.
pub async fn write_result(mut result: QueryResult, format: Format, out: &mut (dyn Write + Send)) -> Result<u64, QueryError> {
    if result.schema().fields().is_empty() {
        // A statement that shows nothing, such as PREPARE.
        return Ok(0);
    }
    let mut writer = writer(format, &result.schema());
    let mut text = String::new();
    let (mut left, mut rows) = (format.rows_max(), 0);
    let mut is_whole = true;
    while let Some(batch) = result.next().await? {
        if batch.num_rows() > left {
            is_whole = false;
        }
        let shown = batch.num_rows().min(left);
        let slice = slice_rows(&batch);
        for at in (0..shown).step_by(slice) {
            writer.rows(&batch.slice(at, slice.min(shown - at)), &mut text)?;
            out.write_all(text.as_bytes())?;
            text.clear();
            tokio::task::yield_now().await;
        }
        (left, rows) = (left - shown, rows + shown as u64);
        if !is_whole {
            break;
        }
        if left == 0 {
            writer.release(&mut text);
            out.write_all(text.as_bytes())?;
            out.flush()?;
            text.clear();
        }
    }
    // Nothing further is computed.
    drop(result);
    writer.end(is_whole, &mut text)?;
    out.write_all(text.as_bytes())?;
    Ok(rows)
}

/// The first rows of an answer as texts, and the names of its columns; NULL is `None`.
pub(crate) struct Texts {
    pub(crate) names: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

/// Reads at most so many rows.
///
/// # Errors
/// What goes wrong computing them.
pub(crate) async fn texts(mut result: QueryResult, rows_max: usize) -> Result<Texts, QueryError> {
    let names = result.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut rows = Vec::new();
    while let Some(batch) = result.next().await? {
        let columns = cell::Column::all(&batch)?;
        for row in 0..batch.num_rows().min(rows_max - rows.len()) {
            let text = |column: &cell::Column<'_>| {
                let mut text = String::new();
                let written = column.write(row, &mut text).map(|()| text);
                if column.is_null(row) { Ok(None) } else { written.map(Some) }
            };
            rows.push(columns.iter().map(text).collect::<Result<_, _>>().map_err(unwritable)?);
        }
        if rows.len() == rows_max {
            break;
        }
    }
    Ok(Texts { names, rows })
}

/// How many rows of a batch are made text at a time.
fn slice_rows(batch: &RecordBatch) -> usize {
    let row_bytes = batch.get_array_memory_size() / batch.num_rows().max(1);
    (SLICE_BYTES / row_bytes.max(1)).clamp(1, SLICE_ROWS)
}
