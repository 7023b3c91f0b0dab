//! The values of an expression for the rows of a batch.
//!
//! Owns: telling one value for every row from a value for each.
//! Does not own: how values lie in memory (`values::layout`).
//! Invariant: a constant holds exactly one value, whatever the number of rows.

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;

use super::Result;
use crate::athena::error::AthenaError;

/// Values for some rows.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    values: ArrayRef,
    /// Of a constant: how many rows it stands for.
    repeated: Option<usize>,
}

impl Column {
    /// A value for each row.
    pub(crate) fn new(values: ArrayRef) -> Self {
        Self { values, repeated: None }
    }

    /// The one value of `value` for so many rows.
    pub(crate) fn constant(value: ArrayRef, rows: usize) -> Self {
        Self { values: value, repeated: Some(rows) }
    }

    pub(crate) fn rows(&self) -> usize {
        self.repeated.unwrap_or(self.values.len())
    }

    pub(crate) fn is_constant(&self) -> bool {
        self.repeated.is_some()
    }

    /// What is in memory; a row's value is at [`Column::at`].
    pub(crate) fn values(&self) -> &ArrayRef {
        &self.values
    }

    /// Where in `values` a row's value is.
    pub(crate) fn at(&self, row: usize) -> usize {
        if self.repeated.is_some() { 0 } else { row }
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.values.is_null(self.at(row))
    }

    /// A value for each row, in memory too.
    pub(crate) fn into_array(self) -> Result<ArrayRef> {
        match self.repeated {
            None => Ok(self.values),
            Some(1) => Ok(self.values),
            Some(rows) => taken(&self.values, &UInt32Array::from(vec![0; rows])),
        }
    }

    /// The rows of these numbers.
    pub(crate) fn taken(&self, rows: &UInt32Array) -> Result<Self> {
        match self.repeated {
            Some(_) => Ok(Self { values: self.values.clone(), repeated: Some(rows.len()) }),
            None => Ok(Self::new(taken(&self.values, rows)?)),
        }
    }

    /// So many rows from one on.
    pub(crate) fn slice(&self, from: usize, rows: usize) -> Self {
        match self.repeated {
            Some(_) => Self { values: self.values.clone(), repeated: Some(rows) },
            None => Self::new(self.values.slice(from, rows)),
        }
    }
}

/// The values of these places; `NULL` where a place is.
pub(crate) fn taken(values: &ArrayRef, places: &UInt32Array) -> Result<ArrayRef> {
    take(values, places, None).map_err(|error| AthenaError::internal(&error))
}
