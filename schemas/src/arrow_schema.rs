//! Contracts as Arrow schemas.
//!
//! Owns: the Arrow type of each contract type.
//! Does not own: file encodings (the lake's `encode`).

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::{Column, ColumnType, Contract};

impl ColumnType {
    /// The Arrow type.
    pub fn arrow(self) -> DataType {
        match self {
            Self::String => DataType::Utf8,
            Self::TimestampNtz => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Bigint => DataType::Int64,
            Self::Int => DataType::Int32,
            Self::Double => DataType::Float64,
        }
    }
}

impl Contract {
    /// Every column, partition columns included: what a reader of the table sees.
    pub fn arrow_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    /// The columns inside a data file: all but the partition columns.
    pub fn arrow_file_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.file_columns().map(field).collect::<Vec<_>>()))
    }
}

fn field(column: &Column) -> Field {
    Field::new(&column.name, column.kind.arrow(), !column.required)
}
