//! A Delta table at one version, as DataFusion reads it.
//!
//! Owns: turning a snapshot's files into a Parquet scan: which files, in which groups, with which statistics.
//! Does not own: the log (`lake::snapshot`), trust in statistics (`statistics`), skipping files (`pruning`).
//! Invariant: the files are those of the snapshot and no other, whatever happens to the table meanwhile.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use object_store::ObjectMeta;
use object_store::path::Path;
use ticklake_lake::DataFile;
use ticklake_schemas::Contract;

use crate::athena::{FILE_SIZE, PATH};
use crate::live::as_table_rows;
use crate::{pruning, statistics};

/// For whom a table is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reader {
    /// DataFusion's own SQL: the contract's columns.
    DataFusion,
    /// Athena's: its hidden columns come after the contract's; `location` is where the lake lies.
    Athena { location: String },
}

impl Reader {
    /// Names, types and values of the hidden columns of a file's rows.
    pub(crate) fn hidden(&self, path: &Path, size_bytes: u64) -> Vec<(&'static str, ScalarValue)> {
        match self {
            Self::DataFusion => Vec::new(),
            Self::Athena { location } => vec![
                (PATH, ScalarValue::Utf8(Some(full_path(location, path)))),
                (FILE_SIZE, ScalarValue::Int64(i64::try_from(size_bytes).ok())),
            ],
        }
    }
}

/// A file's whole name; `location` is where the lake lies.
pub(crate) fn full_path(location: &str, path: &Path) -> String {
    format!("{location}/{path}")
}

/// The columns of a contract as the engine reads them: every one may be NULL (a file older than a column has none of it).
pub(crate) fn table_schema(contract: &Contract, reader: &Reader) -> TableSchema {
    let nullable = |schema: &Schema| -> Vec<Arc<Field>> {
        schema
            .fields()
            .iter()
            .map(|f| Arc::new(f.as_ref().clone().with_nullable(true).with_data_type(read_as(f.data_type()))))
            .collect()
    };
    let file = nullable(&contract.arrow_file_schema());
    let all = nullable(&contract.arrow_schema());
    let hidden = reader.hidden(&Path::default(), 0);
    let hidden = hidden.iter().map(|(name, value)| Arc::new(Field::new(*name, value.data_type(), true)));
    let partition: Vec<Arc<Field>> =
        contract.partition_by.iter().filter_map(|name| all.iter().find(|f| f.name() == name).cloned()).chain(hidden).collect();
    TableSchema::builder(Arc::new(Schema::new(file))).with_table_partition_cols(partition).build()
}

/// Text is read as views: short symbols lie in the view itself, and grouping by them copies nothing (measured faster).
fn read_as(kind: &DataType) -> DataType {
    match kind {
        DataType::Utf8 => DataType::Utf8View,
        other => other.clone(),
    }
}

/// A Delta table at one version.
#[derive(Debug)]
pub(crate) struct DeltaTable {
    schema: TableSchema,
    store: ObjectStoreUrl,
    files: Arc<Vec<(PartitionedFile, Arc<Statistics>)>>,
    /// Rows that are in no file yet.
    tail: Vec<RecordBatch>,
}

impl DeltaTable {
    /// The table over these files; `store` is where their paths begin.
    pub(crate) fn new(contract: &Contract, files: &[DataFile], store: ObjectStoreUrl, reader: &Reader) -> Self {
        let schema = table_schema(contract, reader);
        let files = files.iter().map(|file| partitioned_file(&schema, contract, file, reader)).collect();
        Self { schema, store, files: Arc::new(files), tail: Vec::new() }
    }

    /// The same files, with rows that are in no file yet, in their columns.
    ///
    /// # Errors
    /// For columns that are not a file's.
    pub(crate) fn with_tail(&self, tail: &[RecordBatch]) -> Result<Self> {
        let tail = tail.iter().map(|rows| as_table_rows(rows, self.schema.table_schema())).collect::<Result<_, _>>()?;
        Ok(Self { schema: self.schema.clone(), store: self.store.clone(), files: Arc::clone(&self.files), tail })
    }

    /// The files a scan must read.
    fn needed(
        &self,
        state: &dyn Session,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Vec<&(PartitionedFile, Arc<Statistics>)>> {
        let bounds: Vec<&Statistics> = self.files.iter().map(|(_, s)| s.as_ref()).collect();
        let kept = pruning::may_match(state, self.schema.table_schema(), &bounds, filters)?;
        let mut needed: Vec<_> = self.files.iter().zip(kept).filter_map(|(file, keep)| keep.then_some(file)).collect();
        if let (Some(limit), true) = (limit, filters.is_empty()) {
            needed.truncate(files_holding(&needed, limit));
        }
        Ok(needed)
    }

    fn source(&self, state: &dyn Session) -> Result<ParquetSource> {
        let options = state.default_table_options().parquet;
        let store = state.runtime_env().object_store(&self.store)?;
        let footers = state.runtime_env().cache_manager.get_file_metadata_cache();
        let footer_bytes = options.global.metadata_size_hint;
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(store, footers)));
        Ok(match footer_bytes {
            Some(bytes) => source.with_metadata_size_hint(bytes),
            None => source,
        })
    }
}

fn partitioned_file(
    schema: &TableSchema,
    contract: &Contract,
    file: &DataFile,
    reader: &Reader,
) -> (PartitionedFile, Arc<Statistics>) {
    let statistics = Arc::new(statistics::of_file(schema.table_schema(), contract, file));
    let meta = ObjectMeta {
        location: file.path.clone(),
        last_modified: chrono::DateTime::from_timestamp_millis(file.modified_ms).unwrap_or_default(),
        size: file.size_bytes,
        e_tag: None,
        version: None,
    };
    let keys = schema.table_partition_cols().iter().take(contract.partition_by.len()).map(|field| {
        let value = file.partition.get(field.name()).and_then(Option::as_deref);
        statistics::partition_scalar(field.data_type(), value)
    });
    let values = keys.chain(reader.hidden(&file.path, file.size_bytes).into_iter().map(|(_, value)| value));
    let mut partitioned = PartitionedFile::new_from_meta(meta).with_partition_values(values.collect());
    // Set as a whole: `with_statistics` would add the partition columns, and claim they are never NULL.
    partitioned.statistics = Some(Arc::clone(&statistics));
    (partitioned, statistics)
}

/// How many of the first files surely hold `limit` rows.
fn files_holding(files: &[&(PartitionedFile, Arc<Statistics>)], limit: usize) -> usize {
    let mut rows = 0_usize;
    for (at, (_, statistics)) in files.iter().enumerate() {
        if let Precision::Exact(n) = statistics.num_rows {
            rows = rows.saturating_add(n);
        }
        if rows >= limit {
            return at + 1;
        }
    }
    files.len()
}

/// Cuts the files, in their order, into at most `parts` groups of about the same bytes.
fn grouped<'a>(
    files: &[&'a (PartitionedFile, Arc<Statistics>)],
    parts: usize,
) -> Vec<Vec<&'a (PartitionedFile, Arc<Statistics>)>> {
    let total: u64 = files.iter().map(|(f, _)| f.object_meta.size).sum();
    let share = total.div_ceil(u64::try_from(parts.max(1)).unwrap_or(1)).max(1);
    let mut groups: Vec<Vec<_>> = Vec::new();
    let mut before = 0_u64;
    for &file in files {
        let group = usize::try_from(before / share).unwrap_or(usize::MAX).min(parts.max(1) - 1);
        if groups.is_empty() || group >= groups.len() {
            groups.push(Vec::new());
        }
        if let Some(last) = groups.last_mut() {
            last.push(file);
        }
        before += file.0.object_meta.size;
    }
    groups
}

#[async_trait]
impl TableProvider for DeltaTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.scan_files(state, projection, filters, limit)?;
        if self.tail.is_empty() {
            return match files {
                Some(files) => Ok(files),
                None => {
                    let all = self.schema();
                    let projected = projection.map_or_else(|| Ok(Arc::clone(&all)), |p| all.project(p).map(Arc::new))?;
                    Ok(Arc::new(EmptyExec::new(projected)))
                }
            };
        }
        let tail = MemorySourceConfig::try_new_exec(std::slice::from_ref(&self.tail), self.schema(), projection.cloned())?;
        match files {
            Some(files) => UnionExec::try_new(vec![files, tail]),
            None => Ok(tail),
        }
    }
}

impl DeltaTable {
    /// The scan of the files; none where none is needed.
    fn scan_files(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let table_schema = self.schema.table_schema();
        let needed = self.needed(state, filters, limit)?;
        tracing::debug!(files = self.files.len(), read = needed.len(), "scan");
        if needed.is_empty() {
            return Ok(None);
        }
        let merged = Statistics::try_merge_iter(needed.iter().map(|(_, s)| s.as_ref()), table_schema)?;
        let groups = grouped(&needed, state.config().target_partitions()).into_iter().map(|group| {
            let statistics = Statistics::try_merge_iter(group.iter().map(|(_, s)| s.as_ref()), table_schema)?;
            let files = group.into_iter().map(|(f, _)| f.clone()).collect();
            Ok(FileGroup::new(files).with_statistics(Arc::new(statistics)))
        });
        let config = FileScanConfigBuilder::new(self.store.clone(), Arc::new(self.source(state)?))
            .with_file_groups(groups.collect::<Result<Vec<_>>>()?)
            .with_statistics(merged)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(Some(DataSourceExec::from_data_source(config)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u64, rows: Option<usize>) -> (PartitionedFile, Arc<Statistics>) {
        let mut statistics = Statistics::new_unknown(&Schema::empty());
        statistics.num_rows = rows.map_or(Precision::Absent, Precision::Exact);
        (PartitionedFile::new(format!("f{size}"), size), Arc::new(statistics))
    }

    #[test]
    fn every_file_lands_in_one_group_and_no_group_is_empty() {
        let files: Vec<_> = [5, 900, 3, 3, 100, 1, 0].into_iter().map(|size| file(size, None)).collect();
        let files: Vec<_> = files.iter().collect();
        for parts in 1..=8 {
            let groups = grouped(&files, parts);
            assert!(groups.len() <= parts && groups.iter().all(|g| !g.is_empty()), "{parts}");
            let flat: Vec<_> = groups.iter().flatten().map(|(f, _)| f.path().to_string()).collect();
            assert_eq!(flat, files.iter().map(|(f, _)| f.path().to_string()).collect::<Vec<_>>());
        }
        assert_eq!(grouped(&[], 4).len(), 0);
    }

    #[test]
    fn a_limit_never_drops_a_file_it_needs() {
        let files = [file(1, Some(3)), file(2, None), file(3, Some(4)), file(4, Some(9))];
        let files: Vec<_> = files.iter().collect();
        assert_eq!(files_holding(&files, 3), 1);
        assert_eq!(files_holding(&files, 4), 3, "a file of unknown length counts as none");
        assert_eq!(files_holding(&files, 100), 4);
    }
}
