//! Which messages of a span are dead letters already.
//!
//! Owns: reading offsets back out of `dead_letters`, in the one case that needs it: a window that begins before the
//! end of the dead letters' own offsets, as after a crash between the two commits of a window.
//! Does not own: what is then left out (`publish`).
//! Invariant: the answer comes from the table, not from decoding again: what one version of this program rejected may be
//! a tick to another, and must not become both.

use std::collections::BTreeSet;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int32Type, Int64Type};
use bytes::Bytes;
use object_store::ObjectStoreExt;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::layout::Table;
use crate::{AsOf, DataFile, Lake, LakeError, Offsets, Snapshot, SourceId, Span};

/// Kafka partition and offset of messages.
pub(crate) type Messages = BTreeSet<(i32, i64)>;

/// The messages of `span` that `dead_letters` holds. Reads nothing when `known`, the offsets of that table, end before the span.
pub(crate) async fn read(lake: &Lake, source: &SourceId, span: &Span, known: &Offsets) -> Result<Messages, LakeError> {
    let replayed = |(p, from, _): &(i32, i64, i64)| known.next(source, *p).is_some_and(|next| next > *from);
    let ranges: Vec<(i32, i64, i64)> = span.iter().filter(replayed).collect();
    let mut found = Messages::new();
    if ranges.is_empty() {
        return Ok(found);
    }
    let Some(snapshot) = Snapshot::read(lake, Table::DeadLetters, AsOf::Latest).await? else {
        return Ok(found);
    };
    for file in snapshot.files.iter().filter(|file| ranges.iter().any(|range| may_hold(file, range))) {
        let got = lake.store().get(&file.path).await.map_err(|e| lake.unavailable(&e))?;
        let bytes = got.bytes().await.map_err(|e| lake.unavailable(&e))?;
        let messages = offsets_of(source.name(), bytes).map_err(|why| LakeError::corrupt(file.path.to_string(), why))?;
        found.extend(
            messages.into_iter().filter(|(p, o)| ranges.iter().any(|(rp, from, to)| rp == p && (*from..*to).contains(o))),
        );
    }
    Ok(found)
}

/// Whether the log's statistics allow a message of the range in a file.
fn may_hold(file: &DataFile, (partition, from, to): &(i32, i64, i64)) -> bool {
    let bound = |which: &str, column: &str, absent: i64| file.statistics[which][column].as_i64().unwrap_or(absent);
    let partitions = bound("minValues", "kafka_partition", i64::MIN)..=bound("maxValues", "kafka_partition", i64::MAX);
    partitions.contains(&i64::from(*partition))
        && bound("minValues", "kafka_offset", i64::MIN) < *to
        && bound("maxValues", "kafka_offset", i64::MAX) >= *from
}

fn offsets_of(topic: &str, parquet: Bytes) -> Result<Messages, String> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(parquet).map_err(|e| e.to_string())?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["kafka_topic", "kafka_partition", "kafka_offset"]);
    let mut found = Messages::new();
    for batch in builder.with_projection(mask).build().map_err(|e| e.to_string())? {
        let batch = batch.map_err(|e| e.to_string())?;
        let (topics, partitions, offsets) = (batch.column(0).as_string::<i32>(), partitions(&batch)?, offsets(&batch)?);
        let ours = (0..batch.num_rows()).filter(|&row| topics.value(row) == topic);
        found.extend(ours.map(|row| (partitions.value(row), offsets.value(row))));
    }
    Ok(found)
}

fn partitions(rows: &RecordBatch) -> Result<&arrow::array::Int32Array, String> {
    Ok(rows.column_by_name("kafka_partition").ok_or("no column kafka_partition")?.as_primitive::<Int32Type>())
}

fn offsets(rows: &RecordBatch) -> Result<&arrow::array::Int64Array, String> {
    Ok(rows.column_by_name("kafka_offset").ok_or("no column kafka_offset")?.as_primitive::<Int64Type>())
}

/// The rows without those messages.
///
/// # Errors
/// `Corrupt` when the rows are not in the contract's columns, which would be a bug.
pub(crate) fn without(rows: &RecordBatch, messages: &Messages) -> Result<RecordBatch, LakeError> {
    let corrupt = |why: String| LakeError::corrupt("a window's rows", why);
    let (partitions, offsets) = (partitions(rows).map_err(corrupt)?, offsets(rows).map_err(corrupt)?);
    let keep: BooleanArray =
        (0..rows.num_rows()).map(|row| Some(!messages.contains(&(partitions.value(row), offsets.value(row))))).collect();
    filter_record_batch(rows, &keep).map_err(|e| corrupt(e.to_string()))
}
