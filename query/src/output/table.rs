//! An aligned table for people.
//!
//! Owns: widths, alignment, and where lines would break a cell.
//! Does not own: the text of a value (`cell`).
//! Invariant: at most `SAMPLE_ROWS` rows are held back to learn the widths; later rows keep them, wider cells stick out.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

use super::Writer;
use super::cell::{Column, Kind, kind};
use crate::QueryError;

const SAMPLE_ROWS: usize = 10_000;
const NULL: &str = "NULL";

/// A table being written.
pub(super) struct Table {
    names: Vec<String>,
    right: Vec<bool>,
    widths: Vec<usize>,
    held: Vec<Vec<String>>,
    header_written: bool,
    rows: u64,
}

impl Table {
    pub(super) fn new(schema: &Schema) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|f| on_one_line(f.name())).collect();
        let right = schema.fields().iter().map(|f| kind(f.data_type()) == Kind::Number).collect();
        let widths = names.iter().map(|n| n.chars().count()).collect();
        Self { names, right, widths, held: Vec::new(), header_written: false, rows: 0 }
    }

    fn line(&self, cells: &[String], out: &mut String) {
        for (at, cell) in cells.iter().enumerate() {
            let padding = self.widths[at].saturating_sub(cell.chars().count());
            let last = at + 1 == cells.len();
            out.push_str(if at > 0 { " | " } else { "" });
            if self.right[at] {
                out.extend(std::iter::repeat_n(' ', padding));
            }
            out.push_str(cell);
            if !self.right[at] && !last {
                out.extend(std::iter::repeat_n(' ', padding));
            }
        }
        out.push('\n');
    }

    /// Writes the header, if it is not there yet, and the rows held back.
    fn release(&mut self, out: &mut String) {
        if !self.header_written {
            self.header_written = true;
            self.line(&self.names, out);
            for (at, width) in self.widths.iter().enumerate() {
                out.push_str(if at > 0 { "-+-" } else { "" });
                out.extend(std::iter::repeat_n('-', *width));
            }
            out.push('\n');
        }
        for row in std::mem::take(&mut self.held) {
            self.line(&row, out);
        }
    }
}

impl Writer for Table {
    fn rows(&mut self, batch: &RecordBatch, out: &mut String) -> Result<(), QueryError> {
        let columns: Vec<_> =
            batch.columns().iter().map(|c| Column::new(c)).collect::<Result<_, _>>().map_err(super::unwritable)?;
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(columns.len());
            for (at, column) in columns.iter().enumerate() {
                let mut text = String::new();
                if column.is_null(row) {
                    text.push_str(NULL);
                } else {
                    column.write(row, &mut text).map_err(super::unwritable)?;
                }
                let text = on_one_line(&text);
                if !self.header_written {
                    self.widths[at] = self.widths[at].max(text.chars().count());
                }
                cells.push(text);
            }
            self.rows += 1;
            self.held.push(cells);
            if self.header_written || self.held.len() >= SAMPLE_ROWS {
                self.release(out);
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut String) -> Result<(), QueryError> {
        self.release(out);
        out.push_str(&format!("({} {})\n", self.rows, if self.rows == 1 { "row" } else { "rows" }));
        Ok(())
    }
}

/// A line break in a cell would break the table.
fn on_one_line(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}
