//! The answer of one statement, while it is computed.
//!
//! Owns: reading it batch by batch, turning away from it.
//! Does not own: computing it (`engine`), how it looks (`output`).
//! Invariant: who waits for a batch may turn away at any moment, and nothing further is computed then.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::{StreamExt as _, TryStreamExt as _};
use ticklake_lake::Lake;

use crate::QueryError;
use crate::work::Work;

/// Batches that are computed before they are asked for.
const BATCHES_AHEAD: usize = 1;

/// The rows of one statement, being computed.
pub struct QueryResult {
    lake: Lake,
    stream: SendableRecordBatchStream,
    work: Work,
    until_rows: Option<Box<dyn Send>>,
}

impl std::fmt::Debug for QueryResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryResult").field("schema", &self.schema()).finish_non_exhaustive()
    }
}

impl QueryResult {
    /// The rows of a stream, which are computed on a task of their own: one batch may take long, and who waits for it must be able
    /// to turn away. Dropping the result stops it.
    pub(crate) fn new(lake: Lake, rows: SendableRecordBatchStream, work: Work) -> Self {
        Self { lake, stream: on_own_task(rows), work, until_rows: None }
    }

    /// Names and types of the columns.
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// What it reads, and how far it has got.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// Drops it when the first rows are there, or the error.
    pub(crate) fn keep_until_rows(&mut self, kept: Option<Box<dyn Send>>) {
        self.until_rows = kept;
    }

    /// The next rows; `None` when there are no more.
    ///
    /// # Errors
    /// What goes wrong while computing: see [`QueryError`].
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        let next = self.stream.try_next().await;
        self.until_rows = None;
        next.map_err(|e| QueryError::from_engine(&self.lake, &e))
    }

    /// All remaining rows. For answers known to be small.
    ///
    /// # Errors
    /// As [`QueryResult::next`].
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>, QueryError> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await? {
            batches.push(batch);
        }
        Ok(batches)
    }
}

fn on_own_task(mut stream: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut builder = RecordBatchReceiverStreamBuilder::new(stream.schema(), BATCHES_AHEAD);
    let rows = builder.tx();
    builder.spawn(async move {
        while let Some(batch) = stream.next().await {
            let is_last = batch.is_err();
            if rows.send(batch).await.is_err() || is_last {
                break;
            }
        }
        Ok(())
    });
    builder.build()
}
