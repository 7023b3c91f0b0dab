//! JSON: one array of objects, or one object a line.
//!
//! Owns: brackets, commas and keys.
//! Does not own: the text of a value (`cell`), what a column is called whose name is taken (`names`).
//! Invariant: no object has a key twice; the opening bracket is written with the first rows or at the end, never before.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

use ticklake_schemas::write_json_string;

use super::Writer;
use super::cell::Column;
use super::names::unique;
use crate::QueryError;

/// JSON being written.
pub(super) struct Json {
    /// `{"first":`, `,"second":`, …
    openings: Vec<String>,
    array: bool,
    begun: bool,
}

impl Json {
    /// One array.
    pub(super) fn array(schema: &Schema) -> Self {
        Self { openings: openings(schema), array: true, begun: false }
    }

    /// One object a line.
    pub(super) fn lines(schema: &Schema) -> Self {
        Self { openings: openings(schema), array: false, begun: false }
    }
}

fn openings(schema: &Schema) -> Vec<String> {
    let opening = |(at, name): (usize, String)| {
        let mut text = String::from(if at == 0 { "{" } else { "," });
        write_json_string(&name, &mut text);
        text.push(':');
        text
    };
    unique(schema.fields()).into_iter().enumerate().map(opening).collect()
}

impl Writer for Json {
    fn rows(&mut self, batch: &RecordBatch, out: &mut String) -> Result<(), QueryError> {
        let columns = Column::all(batch)?;
        for row in 0..batch.num_rows() {
            if self.array {
                out.push_str(if self.begun { ",\n" } else { "[\n" });
                self.begun = true;
            }
            if columns.is_empty() {
                out.push('{');
            }
            for (column, opening) in columns.iter().zip(&self.openings) {
                out.push_str(opening);
                column.write_json(row, out).map_err(super::unwritable)?;
            }
            out.push_str(if self.array { "}" } else { "}\n" });
        }
        Ok(())
    }

    fn end(&mut self, _: bool, out: &mut String) -> Result<(), QueryError> {
        if self.array {
            out.push_str(if self.begun { "\n]\n" } else { "[]\n" });
        }
        Ok(())
    }
}
