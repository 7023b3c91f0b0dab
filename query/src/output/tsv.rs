//! Fields with tabs between, as PostgreSQL's COPY text has them, with a header.
//!
//! Owns: the escapes, and the NULL convention: NULL is `\N`.
//! Does not own: the text of a value (`cell`).
//! Invariant: every row is one line with as many tabs as the header; the text `\N` itself is `\\N`.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

use super::Writer;
use super::cell::Column;
use crate::QueryError;

const NULL: &str = "\\N";

/// Tab-separated values being written; holds the header until the first rows or the end.
pub(super) struct Tsv {
    header: Option<String>,
}

impl Tsv {
    pub(super) fn new(schema: &Schema) -> Self {
        let mut header = String::new();
        for (at, field) in schema.fields().iter().enumerate() {
            if at > 0 {
                header.push('\t');
            }
            write_field(field.name(), &mut header);
        }
        header.push('\n');
        Self { header: Some(header) }
    }
}

impl Writer for Tsv {
    fn rows(&mut self, batch: &RecordBatch, out: &mut String) -> Result<(), QueryError> {
        out.extend(self.header.take());
        let columns = Column::all(batch)?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            for (at, column) in columns.iter().enumerate() {
                if at > 0 {
                    out.push('\t');
                }
                if column.is_null(row) {
                    out.push_str(NULL);
                    continue;
                }
                text.clear();
                column.write(row, &mut text).map_err(super::unwritable)?;
                write_field(&text, out);
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

fn write_field(text: &str, out: &mut String) {
    let mut written = 0;
    for (at, c) in text.char_indices() {
        let escaped = match c {
            '\\' => "\\\\",
            '\t' => "\\t",
            '\n' => "\\n",
            '\r' => "\\r",
            '\u{8}' => "\\b",
            '\u{b}' => "\\v",
            '\u{c}' => "\\f",
            _ => continue,
        };
        out.push_str(&text[written..at]);
        out.push_str(escaped);
        written = at + c.len_utf8();
    }
    out.push_str(&text[written..]);
}
