//! `stock_data_json`: the mirror as Athena sees it, a folder of gzip-compressed JSON lines.
//!
//! Owns: listing the folder, reading partition values from its keys, decoding its files.
//! Does not own: writing them (`lake::json_mirror`), the Delta table (`provider`).
//! Invariant: at the newest version the listing alone decides, as for Athena, so that the two tables can be compared;
//! at an older one only the mirrors of that version's files are read.

use std::collections::{BTreeMap, HashSet};
use std::io::BufReader;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::ReaderBuilder;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{ScalarValue, Statistics};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use flate2::read::MultiGzDecoder;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use ticklake_lake::DataFile;
use ticklake_schemas::{STOCK_DATA_JSON, stock_data};
use tokio::sync::OnceCell;
use tokio::sync::mpsc::Sender;

use crate::files::TableFile;
use crate::provider::Reader;
use crate::{provider, pruning, statistics};

const SUFFIX: &str = ".json.gz";
const BATCHES_AHEAD_MAX: usize = 2;

/// The mirror's folder as a table.
#[derive(Debug)]
pub(crate) struct JsonMirror {
    schema: SchemaRef,
    store: Arc<dyn ObjectStore>,
    reader: Reader,
    /// The mirrors of an older version; `None` reads whatever lies there.
    only: Option<HashSet<Path>>,
    /// Listed once, at the first use: one session, one answer.
    files: OnceCell<Vec<MirrorFile>>,
}

/// One file of the mirror.
#[derive(Debug, Clone)]
struct MirrorFile {
    path: Path,
    size_bytes: u64,
    /// Values of the partition columns, by name, from the key.
    partition: BTreeMap<String, Option<String>>,
    /// What is the same in all its rows: those values and the hidden columns'.
    constants: BTreeMap<String, ScalarValue>,
    bounds: Arc<Statistics>,
}

impl JsonMirror {
    /// The mirror in `store`; with `version`, only the mirrors of these data files.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, version: Option<&[DataFile]>, reader: Reader) -> Self {
        let only = version.map(|files| files.iter().filter_map(|f| ticklake_lake::layout::mirror_file(&f.name)).collect());
        let schema = Arc::clone(provider::table_schema(stock_data(), &reader).table_schema());
        Self { schema, store, reader, only, files: OnceCell::new() }
    }

    async fn files(&self) -> Result<&Vec<MirrorFile>> {
        self.files.get_or_try_init(|| self.list()).await
    }

    /// Its files as `"stock_data_json$files"` has them; the log does not count the rows of these.
    pub(crate) async fn table_files(&self) -> Result<Vec<TableFile>> {
        let file = |file: &MirrorFile| TableFile {
            path: match &self.reader {
                Reader::Athena { location } => provider::full_path(location, &file.path),
                Reader::DataFusion => file.path.to_string(),
            },
            rows: None,
            size_bytes: file.size_bytes,
            times_us: None,
            partition: file.partition.clone(),
        };
        Ok(self.files().await?.iter().map(file).collect())
    }

    async fn list(&self) -> Result<Vec<MirrorFile>> {
        let root = Path::from(STOCK_DATA_JSON);
        let listed = match self.store.list(Some(&root)).try_collect::<Vec<_>>().await {
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            listed => listed?,
        };
        let wanted = |path: &Path| self.only.as_ref().is_none_or(|only| only.contains(path));
        let mut files: Vec<_> = listed
            .into_iter()
            .filter(|o| wanted(&o.location))
            .filter_map(|o| mirror_file(&self.schema, &self.reader, o))
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }
}

/// The file behind a key, unless readers of Hive tables ignore it (`_` and `.` hide a file) or it lies in no partition.
fn mirror_file(schema: &SchemaRef, reader: &Reader, object: ObjectMeta) -> Option<MirrorFile> {
    let (path, size_bytes) = (object.location, object.size);
    let name = path.filename()?;
    if name.starts_with(['_', '.']) || !name.ends_with(SUFFIX) {
        return None;
    }
    let folders = path.parts().filter_map(|part| part.as_ref().split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())));
    let keys = folders.filter(|(name, _)| stock_data().is_partition(name)).map(|(name, value)| (name, Some(value)));
    let partition: BTreeMap<String, Option<String>> = keys.collect();
    if !stock_data().partition_by.iter().all(|column| partition.contains_key(column)) {
        return None;
    }
    let as_data_file = DataFile {
        path: path.clone(),
        name: String::new(),
        size_bytes,
        modified_ms: 0,
        partition: partition.clone(),
        statistics: serde_json::Value::Null,
    };
    let bounds = Arc::new(statistics::of_file(schema, stock_data(), &as_data_file));
    let key = |(name, value): (&String, &Option<String>)| {
        let kind = schema.field_with_name(name).ok()?.data_type();
        Some((name.clone(), statistics::partition_scalar(kind, value.as_deref())))
    };
    let hidden = reader.hidden(&path, size_bytes).into_iter().map(|(name, value)| (name.to_owned(), value));
    let constants = partition.iter().filter_map(key).chain(hidden).collect();
    Some(MirrorFile { path, size_bytes, partition, constants, bounds })
}

#[async_trait]
impl TableProvider for JsonMirror {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
        let schema = projection.map_or_else(|| Ok(self.schema()), |p| self.schema.project(p).map(Arc::new))?;
        let files = self.files().await?;
        let bounds: Vec<&Statistics> = files.iter().map(|f| f.bounds.as_ref()).collect();
        let kept = pruning::may_match(state, &self.schema, &bounds, filters)?;
        let needed: Vec<_> = files.iter().zip(kept).filter(|(_, keep)| *keep).map(|(file, _)| file.clone()).collect();
        if needed.is_empty() {
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let share = needed.len().div_ceil(state.config().target_partitions().max(1));
        let parts = needed.chunks(share).map(|files| {
            let (schema, store, reader) = (Arc::clone(&schema), Arc::clone(&self.store), self.reader.clone());
            let part = MirrorPart { schema, store, reader, files: files.to_vec() };
            Arc::new(part) as Arc<dyn PartitionStream>
        });
        Ok(Arc::new(StreamingTableExec::try_new(Arc::clone(&schema), parts.collect(), None, [], false, limit)?))
    }
}

/// Some files of the mirror, read one after the other.
#[derive(Debug)]
struct MirrorPart {
    /// The projected columns.
    schema: SchemaRef,
    store: Arc<dyn ObjectStore>,
    reader: Reader,
    files: Vec<MirrorFile>,
}

impl PartitionStream for MirrorPart {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), BATCHES_AHEAD_MAX);
        let out = builder.tx();
        let (schema, store, files) = (Arc::clone(&self.schema), Arc::clone(&self.store), self.files.clone());
        let is_athena = self.reader != Reader::DataFusion;
        let rows_max = context.session_config().batch_size();
        builder.spawn(async move {
            for file in files {
                let bytes = store.get(&file.path).await?.bytes().await?;
                let (schema, out, path) = (Arc::clone(&schema), out.clone(), file.path.clone());
                let decoded =
                    tokio::task::spawn_blocking(move || decode(&bytes, &schema, &file, is_athena, rows_max, &out)).await;
                match decoded {
                    Ok(Ok(Wanted::Listens)) => {}
                    Ok(Ok(Wanted::Left)) => break,
                    Ok(Err(e)) => {
                        return Err(DataFusionError::Execution(format!("{path} is not gzip-compressed JSON lines: {e}")));
                    }
                    Err(e) => return Err(DataFusionError::External(Box::new(e))),
                }
            }
            Ok(())
        });
        builder.build()
    }
}

/// Whether someone still wants rows.
enum Wanted {
    Listens,
    Left,
}

/// Decodes one file, members of the gzip stream one after the other, sending its rows in batches.
fn decode(
    bytes: &[u8],
    schema: &SchemaRef,
    file: &MirrorFile,
    is_athena: bool,
    rows_max: usize,
    out: &Sender<Result<RecordBatch>>,
) -> Result<Wanted, ArrowError> {
    let in_file: Vec<usize> =
        (0..schema.fields().len()).filter(|&at| !file.constants.contains_key(schema.field(at).name())).collect();
    let lines = BufReader::new(MultiGzDecoder::new(bytes));
    let rows = ReaderBuilder::new(Arc::new(schema.project(&in_file)?)).with_batch_size(rows_max).build(lines)?;
    for read in rows {
        let read = if is_athena { in_milliseconds(&read?)? } else { read? };
        if out.blocking_send(Ok(with_partition(&read, schema, file)?)).is_err() {
            return Ok(Wanted::Left);
        }
    }
    Ok(Wanted::Listens)
}

/// The rows as Hive reads them: its timestamps have milliseconds, rounded half up.
fn in_milliseconds(read: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let rounded = |column: &ArrayRef| match column.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(times) => {
            let times = times.unary::<_, TimestampMicrosecondType>(|us| us.saturating_add(500).div_euclid(1000) * 1000);
            Arc::new(times) as ArrayRef
        }
        None => Arc::clone(column),
    };
    let options = RecordBatchOptions::new().with_row_count(Some(read.num_rows()));
    RecordBatch::try_new_with_options(read.schema(), read.columns().iter().map(rounded).collect(), &options)
}

/// The rows with their partition columns put in place.
fn with_partition(read: &RecordBatch, schema: &SchemaRef, file: &MirrorFile) -> Result<RecordBatch, ArrowError> {
    let mut from_file = read.columns().iter();
    let rows = read.num_rows();
    let columns: Result<Vec<ArrayRef>, ArrowError> = schema
        .fields()
        .iter()
        .map(|field| match file.constants.get(field.name()) {
            Some(value) => value.to_array_of_size(rows).map_err(|e| ArrowError::ExternalError(Box::new(e))),
            None => from_file.next().cloned().ok_or_else(|| ArrowError::SchemaError(format!("no column {}", field.name()))),
        })
        .collect();
    RecordBatch::try_new_with_options(Arc::clone(schema), columns?, &RecordBatchOptions::new().with_row_count(Some(rows)))
}
