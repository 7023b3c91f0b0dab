//! Where every row of a table came from: topic, partition and offset, streamed.
//!
//! Owns: the one statement that reads them, and handing them on in runs of one partition.
//! Does not own: what they prove (`lake::audit`).
//! Invariant: rows come in no order, each once; no more than the engine's batches are held.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::arrow::error::ArrowError;

use crate::{Engine, QueryError};

/// Calls `each` with topic, partition and the offsets of neighbouring rows, for every row of a table. Gives the number of rows.
///
/// # Errors
/// As [`Engine::sql`].
pub async fn for_each_coordinate(
    engine: &Engine,
    table: &str,
    each: &mut (dyn FnMut(&str, i32, &[i64]) + Send),
) -> Result<u64, QueryError> {
    let mut result = engine.sql(&format!("SELECT kafka_topic, kafka_partition, kafka_offset FROM {table}")).await?;
    let mut rows = 0;
    while let Some(batch) = result.next().await? {
        rows += batch.num_rows() as u64;
        hand_on(&batch, each).map_err(|e| QueryError::Sql(crate::error::one_line(&format!("coordinates of {table}: {e}"))))?;
    }
    Ok(rows)
}

fn hand_on(batch: &RecordBatch, each: &mut (dyn FnMut(&str, i32, &[i64]) + Send)) -> Result<(), ArrowError> {
    let topics = cast(batch.column(0), &DataType::Utf8)?;
    let topics = topics.as_string::<i32>();
    let partitions = batch.column(1).as_primitive::<Int32Type>();
    let offsets = batch.column(2).as_primitive::<Int64Type>();
    if topics.null_count() + partitions.null_count() + offsets.null_count() > 0 {
        return Err(ArrowError::InvalidArgumentError("a row without topic, partition or offset; it is not ticklake's".into()));
    }
    let same = |a: usize, b: usize| partitions.value(a) == partitions.value(b) && topics.value(a) == topics.value(b);
    let mut from = 0;
    for to in 1..=batch.num_rows() {
        if to == batch.num_rows() || !same(from, to) {
            each(topics.value(from), partitions.value(from), &offsets.values()[from..to]);
            from = to;
        }
    }
    Ok(())
}
