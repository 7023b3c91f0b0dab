//! Ticks of a Parquet file.
//!
//! Owns: record batches, row numbers, the reading of Arrow types as values.
//! Does not own: what a field means (`columns`).
//! Invariant: one record batch and its column chunks' pages in memory, never a row group of rows.

use std::fs::File;
use std::path::{Path, PathBuf};

use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use ticklake_schemas::Tick;

use super::super::ProduceError;
use super::columns::{Cell, Column, ColumnMap, Target, bad_value, fill, push_extra, push_extra_text};
use super::{Row, unreadable};

/// Rows decoded at once.
const BATCH_ROWS: usize = 4_096;

/// The rows of a Parquet file.
#[derive(Debug)]
pub(super) struct ParquetRows {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    fields: Vec<String>,
    targets: Vec<Target>,
    batch: Vec<Values>,
    batch_rows: usize,
    row_in_batch: usize,
    rows_before: u64,
}

/// A column of a batch, in one of the few types a tick is made of.
#[derive(Debug)]
enum Values {
    Integers(ArrayRef),
    Doubles(ArrayRef),
    /// Integers, and nanoseconds in each.
    Times(ArrayRef, i64),
    /// Strings, and whether they spell numbers.
    Texts(ArrayRef, bool),
    /// Only to be printed; the type says how.
    Others(ArrayRef),
}

impl ParquetRows {
    /// Opens the file and checks its schema.
    pub(super) fn open(path: &Path, map: &ColumnMap) -> Result<Self, ProduceError> {
        let file = File::open(path).map_err(|e| unreadable(path, e))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| unreadable(path, e))?;
        let schema = builder.schema().clone();
        let fields: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let names: Vec<&str> = fields.iter().map(String::as_str).collect();
        let targets = map.plan(path, &names)?;
        for (field, target) in schema.fields().iter().zip(&targets) {
            let Target::Column(column) = target else { continue };
            if !accepts(*column, field.data_type()) {
                return Err(ProduceError::Invalid(format!(
                    "{}: field {:?} is {} and cannot fill column {column}; map another one (--map {column}=…)",
                    path.display(),
                    field.name(),
                    field.data_type(),
                    column = column.name(),
                )));
            }
        }
        let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|e| unreadable(path, e))?;
        let path = path.to_owned();
        Ok(Self { path, reader, fields, targets, batch: Vec::new(), batch_rows: 0, row_in_batch: 0, rows_before: 0 })
    }

    /// Reads the next row.
    pub(super) fn next(&mut self, tick: &mut Tick) -> Result<Row, ProduceError> {
        while self.row_in_batch == self.batch_rows {
            let Some(batch) = self.reader.next() else { return Ok(Row::End) };
            let batch = batch.map_err(|e| unreadable(&self.path, e))?;
            self.take_batch(&batch)?;
        }
        let row = self.row_in_batch;
        self.row_in_batch += 1;
        Ok(match self.fill_row(tick, row) {
            Ok(()) => Row::Tick,
            Err(fault) => {
                let number = self.rows_before + self.row_in_batch as u64;
                Row::Bad(format!("{}: row {number}: {fault}", self.path.display()))
            }
        })
    }

    fn take_batch(&mut self, batch: &RecordBatch) -> Result<(), ProduceError> {
        self.rows_before += self.batch_rows as u64;
        let columns = batch.columns().iter().zip(&self.targets);
        let values = columns.map(|(array, target)| Values::of(array, matches!(target, Target::Extra(_))));
        self.batch = values.collect::<Result<_, _>>().map_err(|e| unreadable(&self.path, e))?;
        self.batch_rows = batch.num_rows();
        self.row_in_batch = 0;
        Ok(())
    }

    fn fill_row(&self, tick: &mut Tick, row: usize) -> Result<(), String> {
        for ((field, target), values) in self.fields.iter().zip(&self.targets).zip(&self.batch) {
            match target {
                Target::Column(column) => values.fill(tick, field, *column, row)?,
                Target::Extra(name) => values.push_extra(tick, name, row)?,
            }
        }
        Ok(())
    }
}

/// Whether a column can be filled from a type at all.
fn accepts(column: Column, kind: &DataType) -> bool {
    let text = matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        || matches!(kind, DataType::Dictionary(_, value) if accepts(column, value));
    match column {
        Column::Symbol | Column::Exchange => text || kind.is_integer(),
        Column::Time => text || kind.is_integer() || kind.is_floating() || matches!(kind, DataType::Timestamp(..)),
        Column::Sequence => text || kind.is_integer() || kind.is_floating(),
        Column::Price | Column::Size | Column::Bid | Column::Ask => text || kind.is_numeric(),
    }
}

impl Values {
    fn of(array: &ArrayRef, for_extra: bool) -> Result<Self, arrow::error::ArrowError> {
        Ok(match array.data_type() {
            // Above 2^63 there is no Int64; the digits say it all, as a decimal's do.
            DataType::UInt64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..) => Self::Texts(cast(array, &DataType::Utf8)?, true),
            kind if kind.is_integer() => Self::Integers(cast(array, &DataType::Int64)?),
            kind if kind.is_floating() => Self::Doubles(cast(array, &DataType::Float64)?),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Texts(cast(array, &DataType::Utf8)?, false),
            DataType::Dictionary(_, value) => return Self::of(&cast(array, value)?, for_extra),
            // The same instants, printable without a time zone database.
            DataType::Timestamp(unit, Some(_)) if for_extra => {
                Self::Others(cast(array, &DataType::Timestamp(*unit, Some("+00:00".into())))?)
            }
            DataType::Timestamp(unit, _) if !for_extra => {
                let unit_ns = match unit {
                    TimeUnit::Second => 1_000_000_000,
                    TimeUnit::Millisecond => 1_000_000,
                    TimeUnit::Microsecond => 1_000,
                    TimeUnit::Nanosecond => 1,
                };
                Self::Times(cast(array, &DataType::Int64)?, unit_ns)
            }
            _ => Self::Others(ArrayRef::clone(array)),
        })
    }

    fn fill(&self, tick: &mut Tick, field: &str, column: Column, row: usize) -> Result<(), String> {
        let printed;
        let cell = match self {
            _ if self.array().is_null(row) => Cell::Absent,
            Self::Integers(array) => Cell::Integer(array.as_primitive::<Int64Type>().value(row)),
            // pandas writes a missing double as NaN.
            Self::Doubles(array) if array.as_primitive::<Float64Type>().value(row).is_nan() => Cell::Absent,
            Self::Doubles(array) => Cell::Double(array.as_primitive::<Float64Type>().value(row)),
            Self::Times(array, unit_ns) => {
                let time = array.as_primitive::<Int64Type>().value(row);
                let time_ns = time.checked_mul(*unit_ns);
                let beyond = || bad_value(field, column, &time.to_string(), "is outside the years 1677 to 2262");
                Cell::TimeNs(time_ns.ok_or_else(beyond)?)
            }
            Self::Texts(array, _) => match array.as_string::<i32>().value(row) {
                "" => Cell::Absent,
                text => Cell::Text(text),
            },
            Self::Others(array) => {
                printed = print(array, row)?;
                Cell::Other(&printed)
            }
        };
        fill(tick, column, cell).map_err(|why| bad_value(field, column, &print(self.array(), row).unwrap_or_default(), &why))
    }

    fn push_extra(&self, tick: &mut Tick, name: &str, row: usize) -> Result<(), String> {
        match self {
            _ if self.array().is_null(row) => {}
            Self::Integers(array) => push_extra(tick, name, &array.as_primitive::<Int64Type>().value(row).to_string()),
            Self::Doubles(array) => {
                let value = array.as_primitive::<Float64Type>().value(row);
                if value.is_finite() {
                    push_extra(tick, name, &value.to_string());
                }
            }
            Self::Texts(array, numbers) => push_extra_text(tick, name, array.as_string::<i32>().value(row), *numbers),
            Self::Others(array) if *array.data_type() == DataType::Boolean => push_extra(tick, name, &print(array, row)?),
            Self::Times(array, _) | Self::Others(array) => push_extra_text(tick, name, &print(array, row)?, false),
        }
        Ok(())
    }

    fn array(&self) -> &ArrayRef {
        match self {
            Self::Integers(array)
            | Self::Doubles(array)
            | Self::Times(array, _)
            | Self::Texts(array, _)
            | Self::Others(array) => array,
        }
    }
}

fn print(array: &ArrayRef, row: usize) -> Result<String, String> {
    let formatter = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default()).map_err(|e| e.to_string())?;
    formatter.value(row).try_to_string().map_err(|e| e.to_string())
}
