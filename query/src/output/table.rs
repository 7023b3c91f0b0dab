//! A result as a table for people, or vertical.
//!
//! Owns: what stands in a cell, which columns are aligned to the right, the last line: the count, or that there is more.
//! Does not own: the text of a value (`cell`), laying columns out (`grid`), stopping after so many rows (`output`).

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

use super::Writer;
use super::cell::{Column, Kind, NULL, kind};
use super::grid::{Grid, Shape};
use crate::QueryError;

/// A table being written.
pub(super) struct Table(Grid);

impl Table {
    pub(super) fn new(schema: &Schema, shape: Shape, width_max: Option<usize>) -> Self {
        let columns = schema.fields().iter().map(|f| (f.name().clone(), kind(f.data_type()) == Kind::Number));
        Self(Grid::new(columns, shape, width_max))
    }
}

impl Writer for Table {
    fn rows(&mut self, batch: &RecordBatch, out: &mut String) -> Result<(), QueryError> {
        let columns = Column::all(batch)?;
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(columns.len());
            for column in &columns {
                let mut text = String::new();
                if column.is_null(row) {
                    text.push_str(NULL);
                } else {
                    column.write(row, &mut text).map_err(super::unwritable)?;
                }
                cells.push(text);
            }
            self.0.row(cells, out);
        }
        Ok(())
    }

    fn release(&mut self, out: &mut String) {
        self.0.release(out);
    }

    fn end(&mut self, is_whole: bool, out: &mut String) -> Result<(), QueryError> {
        let rows = self.0.end(out);
        let counted = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
        out.push_str(&if is_whole { format!("({counted})\n") } else { format!("(first {counted} shown; {SHOW_ALL})\n") });
        Ok(())
    }
}

/// What a person types to see the rest.
const SHOW_ALL: &str = "\\pset rows 0 shows all";
