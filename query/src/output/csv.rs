//! CSV as RFC 4180 has it, with a header.
//!
//! Owns: quoting and the NULL convention: NULL is nothing, the empty text is `""`.
//! Does not own: the text of a value (`cell`).
//! Invariant: every line has as many fields as the header. Lines end in LF, as the tools of a shell expect.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

use super::Writer;
use super::cell::Column;
use crate::QueryError;

/// CSV being written; holds the header until the first rows or the end.
pub(super) struct Csv {
    header: Option<String>,
}

impl Csv {
    pub(super) fn new(schema: &Schema) -> Self {
        let mut header = String::new();
        for (at, field) in schema.fields().iter().enumerate() {
            if at > 0 {
                header.push(',');
            }
            write_field(field.name(), &mut header);
        }
        header.push('\n');
        Self { header: Some(header) }
    }
}

impl Writer for Csv {
    fn rows(&mut self, batch: &RecordBatch, out: &mut String) -> Result<(), QueryError> {
        out.extend(self.header.take());
        let columns = Column::all(batch)?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            for (at, column) in columns.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                if !column.is_null(row) {
                    text.clear();
                    column.write(row, &mut text).map_err(super::unwritable)?;
                    write_field(&text, out);
                }
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
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}
