//! A table as GitHub's Markdown has it.
//!
//! Owns: the delimiter row, and what keeps a cell from ending its row, its column or being read as HTML.
//! Does not own: the text of a value (`cell`); other marks of Markdown stay as they are, as most that look like one are none.
//! Invariant: every row is one line with as many cells as the header.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

use super::Writer;
use super::cell::{Column, Kind, NULL, kind};
use crate::QueryError;

/// A table being written; holds the header until the first rows or the end.
pub(super) struct Markdown {
    header: Option<String>,
}

impl Markdown {
    pub(super) fn new(schema: &Schema) -> Self {
        let mut header = String::from("|");
        for field in schema.fields() {
            write_cell(field.name(), &mut header);
        }
        header.push_str("\n|");
        for field in schema.fields() {
            header.push_str(if kind(field.data_type()) == Kind::Number { " ---: |" } else { " --- |" });
        }
        header.push('\n');
        Self { header: Some(header) }
    }
}

impl Writer for Markdown {
    fn rows(&mut self, batch: &RecordBatch, out: &mut String) -> Result<(), QueryError> {
        out.extend(self.header.take());
        let columns = Column::all(batch)?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            out.push('|');
            for column in &columns {
                text.clear();
                if column.is_null(row) {
                    text.push_str(NULL);
                } else {
                    column.write(row, &mut text).map_err(super::unwritable)?;
                }
                write_cell(&text, out);
            }
            out.push('\n');
        }
        Ok(())
    }

    fn end(&mut self, _: bool, out: &mut String) -> Result<(), QueryError> {
        out.extend(self.header.take());
        Ok(())
    }
}

fn write_cell(text: &str, out: &mut String) {
    out.push(' ');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '|' | '\\' | '<' => out.extend(['\\', c]),
            // A line break of either kind, or both together, is one.
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' => out.push_str("<br>"),
            c => out.push(c),
        }
    }
    out.push_str(" |");
}
