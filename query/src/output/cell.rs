//! The text of one value.
//!
//! Owns: how each type reads, in one form for every format.
//! Does not own: quoting, alignment, commas (the formats).
//! Invariant: numbers lose nothing: doubles are written shortest so that they read back as the same double.

use std::fmt::Write as _;

use datafusion::arrow::array::{Array, AsArray, FixedSizeListArray, GenericListArray, MapArray, RecordBatch, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Float32Type, Float64Type, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use ticklake_schemas::write_json_string;

use super::names::unique;
use crate::QueryError;

/// What people read where there is no value.
pub(super) const NULL: &str = "NULL";

/// What marks texts as JSON, by Arrow's name for it: the metadata's key and value.
const JSON_TEXTS: (&str, &str) = ("ARROW:extension:name", "arrow.json");

/// A column of texts each of which is a JSON value.
pub(crate) fn of_json_texts(column: Field) -> Field {
    column.with_metadata([(JSON_TEXTS.0.to_owned(), JSON_TEXTS.1.to_owned())].into())
}

/// What a value is to a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number: to the right, bare in JSON.
    Number,
    /// True or false.
    Boolean,
    /// Anything else with a text.
    Text,
    /// A list, map or struct: its text is JSON.
    Nested,
}

/// The kind of a type.
pub(super) fn kind(data_type: &DataType) -> Kind {
    match data_type {
        t if t.is_numeric() => Kind::Number,
        DataType::Boolean => Kind::Boolean,
        DataType::Dictionary(_, values) => kind(values),
        t if t.is_nested() => Kind::Nested,
        _ => Kind::Text,
    }
}

/// A column of a batch, ready to be read value by value.
pub(super) struct Column<'a> {
    kind: Kind,
    array: &'a dyn Array,
    formatter: Option<ArrayFormatter<'a>>,
}

impl<'a> Column<'a> {
    /// Prepares the columns of a batch.
    pub(super) fn all(batch: &'a RecordBatch) -> Result<Vec<Self>, QueryError> {
        let schema = batch.schema_ref();
        let columns = schema.fields().iter().zip(batch.columns()).map(|(field, array)| {
            let column = Self::new(array)?;
            let is_json = field.metadata().get(JSON_TEXTS.0).is_some_and(|name| name == JSON_TEXTS.1);
            Ok(if is_json && column.kind == Kind::Text { Self { kind: Kind::Nested, ..column } } else { column })
        });
        columns.collect::<Result<_, _>>().map_err(super::unwritable)
    }

    /// Prepares a column.
    fn new(array: &'a dyn Array) -> Result<Self, ArrowError> {
        let kind = kind(array.data_type());
        let own = kind == Kind::Nested || matches!(array.data_type(), DataType::Float32 | DataType::Float64);
        let formatter = if own { None } else { Some(ArrayFormatter::try_new(array, &options(array.data_type()))?) };
        Ok(Self { kind, array, formatter })
    }

    /// Whether the value is NULL.
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row) || self.array.data_type().is_null()
    }

    /// Appends the text of a value that is not NULL.
    pub(super) fn write(&self, row: usize, out: &mut String) -> Result<(), ArrowError> {
        match (&self.formatter, self.array.data_type()) {
            (Some(formatter), _) => formatter.value(row).write(out),
            (None, DataType::Float64) => {
                write_double(self.array.as_primitive::<Float64Type>().value(row), out);
                Ok(())
            }
            (None, DataType::Float32) => {
                write_float(self.array.as_primitive::<Float32Type>().value(row), out);
                Ok(())
            }
            (None, _) => write_nested(self.array, row, out),
        }
    }

    /// Appends a value as JSON.
    pub(super) fn write_json(&self, row: usize, out: &mut String) -> Result<(), ArrowError> {
        if self.is_null(row) {
            out.push_str("null");
            return Ok(());
        }
        let start = out.len();
        self.write(row, out)?;
        let unquoted = match self.kind {
            // JSON has no infinities; as texts they are at least not lost.
            Kind::Number => out[start..].starts_with(|c: char| c.is_ascii_digit() || c == '-') && !out[start..].ends_with('y'),
            Kind::Boolean | Kind::Nested => true,
            Kind::Text => false,
        };
        if !unquoted {
            let text = out.split_off(start);
            write_json_string(&text, out);
        }
        Ok(())
    }
}

fn options(data_type: &DataType) -> FormatOptions<'static> {
    let (local, zoned) = match data_type {
        DataType::Timestamp(TimeUnit::Second, _) => ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S%:z"),
        DataType::Timestamp(TimeUnit::Millisecond, _) => ("%Y-%m-%d %H:%M:%S%.3f", "%Y-%m-%d %H:%M:%S%.3f%:z"),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => ("%Y-%m-%d %H:%M:%S%.9f", "%Y-%m-%d %H:%M:%S%.9f%:z"),
        _ => ("%Y-%m-%d %H:%M:%S%.6f", "%Y-%m-%d %H:%M:%S%.6f%:z"),
    };
    FormatOptions::new()
        .with_display_error(false)
        .with_date_format(Some("%Y-%m-%d"))
        .with_datetime_format(Some("%Y-%m-%d %H:%M:%S%.3f"))
        .with_timestamp_format(Some(local))
        .with_timestamp_tz_format(Some(zoned))
}

/// `9682.0`, `1e21`, `NaN`, `Infinity`: as Athena writes them, exponents aside.
fn write_double(value: f64, out: &mut String) {
    if value.is_infinite() {
        out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    } else {
        let _ = write!(out, "{value:?}");
    }
}

fn write_float(value: f32, out: &mut String) {
    if value.is_infinite() {
        write_double(f64::from(value), out);
    } else {
        let _ = write!(out, "{value:?}");
    }
}

fn write_nested(array: &dyn Array, row: usize, out: &mut String) -> Result<(), ArrowError> {
    match array.data_type() {
        DataType::Struct(_) => write_struct(array.as_struct(), row, out),
        DataType::List(_) => write_list(&list_value(array.as_list::<i32>(), row), out),
        DataType::LargeList(_) => write_list(&list_value(array.as_list::<i64>(), row), out),
        DataType::FixedSizeList(..) => {
            let list: &FixedSizeListArray = array.as_fixed_size_list();
            write_list(&list.value(row), out)
        }
        DataType::Map(..) => write_map(array.as_map(), row, out),
        other => Err(ArrowError::NotYetImplemented(format!("{other} cannot be written"))),
    }
}

fn list_value<O: datafusion::arrow::array::OffsetSizeTrait>(list: &GenericListArray<O>, row: usize) -> std::sync::Arc<dyn Array> {
    list.value(row)
}

fn write_list(items: &dyn Array, out: &mut String) -> Result<(), ArrowError> {
    let column = Column::new(items)?;
    out.push('[');
    for at in 0..items.len() {
        if at > 0 {
            out.push(',');
        }
        column.write_json(at, out)?;
    }
    out.push(']');
    Ok(())
}

fn write_struct(value: &StructArray, row: usize, out: &mut String) -> Result<(), ArrowError> {
    out.push('{');
    for (at, (name, values)) in unique(value.fields()).iter().zip(value.columns()).enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_json_string(name, out);
        out.push(':');
        Column::new(values)?.write_json(row, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_map(map: &MapArray, row: usize, out: &mut String) -> Result<(), ArrowError> {
    let entries = map.value(row);
    let (keys, values) = (Column::new(entries.column(0))?, Column::new(entries.column(1))?);
    out.push('{');
    for at in 0..entries.len() {
        if at > 0 {
            out.push(',');
        }
        let mut key = String::new();
        keys.write(at, &mut key)?;
        write_json_string(&key, out);
        out.push(':');
        values.write_json(at, out)?;
    }
    out.push('}');
    Ok(())
}
