//! A result as a table for people.
//!
//! Owns: what stands in a cell, which columns are aligned to the right, the count at the end.
//! Does not own: the text of a value (`cell`), laying columns out (`grid`).

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

use super::Writer;
use super::cell::{Column, Kind, kind};
use super::grid::Grid;
use crate::QueryError;

const NULL: &str = "NULL";

/// A table being written.
pub(super) struct Table(Grid);

impl Table {
    pub(super) fn new(schema: &Schema, width_max: Option<usize>) -> Self {
        let columns = schema.fields().iter().map(|f| (f.name().clone(), kind(f.data_type()) == Kind::Number));
        Self(Grid::new(columns, width_max))
    }
}

impl Writer for Table {
    fn rows(&mut self, batch: &RecordBatch, out: &mut String) -> Result<(), QueryError> {
        let columns: Vec<_> =
            batch.columns().iter().map(|c| Column::new(c)).collect::<Result<_, _>>().map_err(super::unwritable)?;
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

    fn end(&mut self, out: &mut String) -> Result<(), QueryError> {
        let rows = self.0.end(out);
        out.push_str(&format!("({rows} {})\n", if rows == 1 { "row" } else { "rows" }));
        Ok(())
    }
}
