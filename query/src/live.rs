//! Ticks that are not in the lake yet, told beside its own.
//!
//! Owns: the seam by which they come, making them rows of `stock_data`.
//! Does not own: where they come from (`cli` hands in a reader of Kafka), reading the lake's own (`provider`).
//! Invariant: they begin where the log of the version that is read ends, so that no tick is there twice or left out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use futures::future::BoxFuture;
use ticklake_lake::layout::EventHour;
use ticklake_lake::{Offsets, Span};

use crate::QueryError;

/// Ticks beyond a log's end.
#[derive(Debug, Clone, Default)]
pub struct TailRows {
    /// In the file columns of `stock_data`.
    pub rows: Vec<RecordBatch>,
    /// The offsets they were found at.
    pub span: Span,
}

/// Ticks that are told beside the lake's own.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    /// Whose.
    pub(crate) of: String,
    /// At which offsets.
    pub(crate) span: Span,
    /// How many.
    pub(crate) ticks: usize,
}

type Read = dyn Fn(Offsets) -> BoxFuture<'static, Result<TailRows, QueryError>> + Send + Sync;

/// Reads what a source has beyond the end of a log.
#[derive(Clone)]
pub struct Live {
    /// Whose ticks, in a word for people: a topic's name.
    pub(crate) of: String,
    pub(crate) read: Arc<Read>,
}

impl Live {
    /// `read` is given where the log ends and gives every tick from there to the source's end at that moment.
    pub fn new(
        of: impl Into<String>,
        read: impl Fn(Offsets) -> BoxFuture<'static, Result<TailRows, QueryError>> + Send + Sync + 'static,
    ) -> Self {
        Self { of: of.into(), read: Arc::new(read) }
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("of", &self.of).finish_non_exhaustive()
    }
}

/// Ticks with the columns that a file's name or place says of others: partitions, and what is hidden, which is NULL of them.
pub(crate) fn as_table_rows(rows: &RecordBatch, table: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let times = rows.column_by_name("time_ns").map(|times| times.as_primitive::<Int64Type>());
    let hours: Vec<EventHour> = times.into_iter().flat_map(|times| times.values()).map(|ns| EventHour::of(*ns)).collect();
    let column = |field: &Arc<arrow::datatypes::Field>| -> Result<ArrayRef, ArrowError> {
        let values: ArrayRef = match (rows.column_by_name(field.name()), field.name().as_str()) {
            (Some(values), _) => Arc::clone(values),
            (None, "dt") => texts_of(&hours, EventHour::dt),
            (None, "hour") => texts_of(&hours, EventHour::hour),
            (None, _) => ScalarValue::try_from(field.data_type()).and_then(|null| null.to_array_of_size(rows.num_rows()))?,
        };
        if values.data_type() == field.data_type() { Ok(values) } else { cast(&values, field.data_type()) }
    };
    let columns = table.fields().iter().map(column).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(table), columns, &options)
}

/// Ticks of one hour come together: the text is made once for each run of them.
fn texts_of(hours: &[EventHour], text: fn(EventHour) -> String) -> ArrayRef {
    let mut last: Option<(EventHour, String)> = None;
    let texts = hours.iter().map(|hour| match &last {
        Some((of, text)) if of == hour => text.clone(),
        _ => last.insert((*hour, text(*hour))).1.clone(),
    });
    Arc::new(texts.map(Some).collect::<StringArray>())
}
