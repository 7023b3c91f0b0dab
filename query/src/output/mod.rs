//! Answers as text: an aligned table, CSV, a JSON array, JSON lines.
//!
//! Owns: the formats' names and feeding a result to the one chosen.
//! Does not own: the text of one value (`cell`), where the text goes.
//! Invariant: rows are written as they come (`table` looks at a bounded number first to learn widths),
//! and nothing at all is written for a statement that fails before its first rows.

mod cell;
mod csv;
mod grid;
mod json;
mod table;

use std::io::Write;
use std::str::FromStr;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

pub use self::grid::Grid;
use crate::{QueryError, QueryResult};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned for people: numbers to the right, NULL as `NULL`.
    Table {
        /// Characters that fit on a line, where that is known; a wider table is written a column a line.
        width_max: Option<usize>,
    },
    /// RFC 4180 with a header; NULL is empty, the empty text is `""`.
    Csv,
    /// One array of objects.
    Json,
    /// One object a line.
    Ndjson,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Table { width_max: None }, Self::Csv, Self::Json, Self::Ndjson];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table { .. } => "table",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
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

    /// The end of the answer.
    fn end(&mut self, out: &mut String) -> Result<(), QueryError>;
}

/// A value that has no text, such as a date beyond the calendar.
fn unwritable(error: datafusion::arrow::error::ArrowError) -> QueryError {
    QueryError::Sql(crate::error::one_line(&format!("a value cannot be written: {error}")))
}

fn writer(format: Format, schema: &Schema) -> Box<dyn Writer + Send> {
    match format {
        Format::Table { width_max } => Box::new(table::Table::new(schema, width_max)),
        Format::Csv => Box::new(csv::Csv::new(schema)),
        Format::Json => Box::new(json::Json::array(schema)),
        Format::Ndjson => Box::new(json::Json::lines(schema)),
    }
}

/// Writes a result and gives the number of its rows. `out` is not flushed.
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
    let mut rows = 0;
    while let Some(batch) = result.next().await? {
        if batch.num_rows() == 0 {
            continue;
        }
        rows += batch.num_rows() as u64;
        writer.rows(&batch, &mut text)?;
        out.write_all(text.as_bytes())?;
        text.clear();
    }
    writer.end(&mut text)?;
    out.write_all(text.as_bytes())?;
    Ok(rows)
}
