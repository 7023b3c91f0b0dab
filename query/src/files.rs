//! `"table$files"` and `"table$partitions"`: the files of a table, and its partitions, as tables.
//!
//! Owns: their rows.
//! Does not own: the files (`lake::snapshot`, `json_mirror`), which columns there are (`athena::tables`).
//! Invariant: no data file is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::athena;
use crate::json_mirror::JsonMirror;

/// One file of a table.
#[derive(Debug, Clone)]
pub(crate) struct TableFile {
    /// With the lake's place before it.
    pub(crate) path: String,
    /// `None` where the log does not say.
    pub(crate) rows: Option<u64>,
    pub(crate) size_bytes: u64,
    /// The first and the last event time, microseconds since the epoch; `None` where the log does not say.
    pub(crate) times_us: Option<(i64, i64)>,
    /// Values of the partition columns; `None` is NULL.
    pub(crate) partition: BTreeMap<String, Option<String>>,
}

/// Where a table's files are to be learnt.
#[derive(Debug, Clone)]
pub(crate) enum Files {
    Known(Arc<Vec<TableFile>>),
    Mirror(Arc<JsonMirror>),
}

/// What of the files is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Files { format: &'static str },
    Partitions,
}

/// The files of a table, or its partitions.
#[derive(Debug)]
pub(crate) struct FilesTable {
    schema: SchemaRef,
    keys: Vec<String>,
    files: Files,
    shown: Shown,
}

impl FilesTable {
    /// A table of the files; `keys` are the columns that its table is partitioned by.
    pub(crate) fn new(files: Files, keys: &[String], shown: Shown) -> Self {
        let columns = match shown {
            Shown::Files { .. } => athena::of_files(keys),
            Shown::Partitions => athena::of_partitions(keys),
        };
        let fields: Vec<Field> = columns.iter().map(|(name, ty)| Field::new(name, athena::arrow_type(ty), true)).collect();
        Self { schema: Arc::new(Schema::new(fields)), keys: keys.to_vec(), files, shown }
    }

    fn rows(&self, files: &[TableFile]) -> Result<RecordBatch> {
        let key = |values: &dyn Fn(usize) -> Vec<Option<String>>| -> Vec<ArrayRef> {
            (0..self.keys.len()).map(|at| Arc::new(StringArray::from(values(at))) as ArrayRef).collect()
        };
        let values_of = |file: &TableFile| -> Vec<Option<String>> {
            self.keys.iter().map(|key| file.partition.get(key).cloned().flatten()).collect()
        };
        let (count, columns) = match self.shown {
            Shown::Files { format } => {
                let number = |n: u64| i64::try_from(n).ok();
                let mut columns: Vec<ArrayRef> = vec![
                    Arc::new(StringArray::from_iter_values(files.iter().map(|file| &file.path))),
                    Arc::new(StringArray::from_iter_values(files.iter().map(|_| format))),
                    Arc::new(files.iter().map(|file| file.rows.and_then(number)).collect::<Int64Array>()),
                    Arc::new(files.iter().map(|file| number(file.size_bytes)).collect::<Int64Array>()),
                ];
                let partitions: Vec<_> = files.iter().map(values_of).collect();
                columns.extend(key(&|at| partitions.iter().map(|values| values[at].clone()).collect()));
                (files.len(), columns)
            }
            Shown::Partitions => {
                let partitions: BTreeSet<_> = files.iter().map(values_of).collect();
                (partitions.len(), key(&|at| partitions.iter().map(|values| values[at].clone()).collect()))
            }
        };
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

#[async_trait]
impl TableProvider for FilesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = match &self.files {
            Files::Known(files) => self.rows(files)?,
            Files::Mirror(mirror) => self.rows(&mirror.table_files().await?)?,
        };
        let table = MemTable::try_new(self.schema(), vec![vec![rows]])?;
        table.scan(state, projection, filters, limit).await
    }
}
