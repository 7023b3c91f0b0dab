//! A statement goes in, a stream of record batches comes out.
//!
//! Owns: the DataFusion session over one lake at one version, its settings and limits.
//! Does not own: the tables (`provider`, `json_mirror`), what may run (`read_only`), printing (`output`).
//! Invariant: the tables do not change while the engine lives; the same version gives the same rows for ever.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::config::SessionConfig;
use datafusion::execution::context::SessionContext;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionStateBuilder};
use datafusion::logical_expr::{LogicalPlan, ScalarUDF};
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::memory::MemoryStream;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use ticklake_lake::layout::Table;
use ticklake_lake::{AsOf, DataFile, Lake, LakeError, Snapshot};
use ticklake_schemas::{Contract, STOCK_DATA_JSON, stock_data};

use crate::QueryError;
use crate::athena::{self, PreparedStatements};
use crate::date::DateFunction;
use crate::files::{Files, FilesTable, Shown, TableFile};
use crate::interruptible::InterruptibleJoins;
use crate::json_mirror::JsonMirror;
use crate::provider::{DeltaTable, Reader, full_path};
use crate::read_only::{self, NotRun};

/// Where the engine finds the lake's objects; a name of ours, known to no network.
const STORE_URL: &str = "lake://objects";
const CATALOG: &str = "ticklake";
const SCHEMA: &str = "lake";
const MEMORY_MAX_BYTES: usize = 2 << 30;
const BATCH_ROWS: usize = 8192;
const FOOTER_CACHE_MAX_BYTES: usize = 64 << 20;
/// Below it joins sort.
const HASH_JOIN_FROM_BYTES: usize = 1 << 30;
/// What a sort sets aside for merging what it has spilled.
const SORT_RESERVED_BYTES: usize = 10 << 20;
/// Of little memory, a batch has no more rows than so many times this fit into.
const BATCH_ROW_BYTES: usize = 64 << 10;
/// How many consumers an out-of-memory error names.
const MEMORY_CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::MIN;

/// How an engine is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// Which version to read.
    pub as_of: AsOf,
    /// Memory that sorts, aggregates and joins may hold together; beyond it they spill to the temporary directory.
    pub memory_max_bytes: usize,
    /// Threads' worth of work at once, at least 1.
    pub threads: usize,
    /// Rows computed at a time, at least 1; few where a row may be large.
    pub batch_rows: usize,
    /// Which SQL is spoken.
    pub dialect: Dialect,
}

/// Which SQL an engine speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Athena's (Trino 449's): what Athena refuses is refused, what it answers is answered alike.
    #[default]
    Athena,
    /// DataFusion's own: more is taken, and not all of it is answered as Athena would.
    DataFusion,
}

impl Default for EngineOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            as_of: AsOf::Latest,
            memory_max_bytes: MEMORY_MAX_BYTES,
            threads,
            batch_rows: BATCH_ROWS,
            dialect: Dialect::default(),
        }
    }
}

impl EngineOptions {
    /// For a program's own statements: values come as the tables hold them, not as Athena shows them.
    pub fn for_programs() -> Self {
        Self { dialect: Dialect::DataFusion, ..Self::default() }
    }
}

/// An engine over one lake at one version. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    lake: Lake,
    version: Option<u64>,
    session: SessionContext,
    dialect: Dialect,
    tables: HashMap<String, Arc<dyn TableProvider>>,
    prepared: Arc<PreparedStatements>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("lake", &self.lake.display()).field("version", &self.version).finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens the tables `stock_data`, `dead_letters` and `stock_data_json` of a lake.
    ///
    /// # Errors
    /// `Lake` when the lake cannot be read or has no such version.
    pub async fn open(lake: Lake, options: EngineOptions) -> Result<Self, QueryError> {
        let stock = Snapshot::read(&lake, Table::StockData, options.as_of).await?;
        let dead = Snapshot::read(&lake, Table::DeadLetters, same_moment(&lake, options.as_of, stock.as_ref()).await?).await?;
        let version = stock.as_ref().map(|s| s.version);
        let session = session(&lake, &options).map_err(|e| QueryError::from_engine(&lake, &e))?;
        let reader = match options.dialect {
            Dialect::Athena => Reader::Athena { location: lake.display().to_string() },
            Dialect::DataFusion => Reader::DataFusion,
        };
        let mut engine = Self {
            session,
            lake,
            version,
            dialect: options.dialect,
            tables: HashMap::new(),
            prepared: Arc::new(PreparedStatements::default()),
        };
        let stock = stock.map(|s| s.files).unwrap_or_default();
        let mirrored = (options.as_of != AsOf::Latest).then_some(stock.as_slice());
        let mirror = Arc::new(JsonMirror::new(engine.lake.store(), mirrored, reader.clone()));
        engine.register_files(STOCK_DATA_JSON, stock_data(), &Files::Mirror(Arc::clone(&mirror)), "JSON");
        engine.register(STOCK_DATA_JSON, mirror)?;
        engine.register_delta(Table::StockData, &stock, &reader)?;
        engine.register_delta(Table::DeadLetters, &dead.map(|s| s.files).unwrap_or_default(), &reader)?;
        Ok(engine)
    }

    /// The lake that is read.
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// The version of `stock_data` that is read; `None` when the table does not exist yet and reads as empty.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// Runs one statement. Rows are computed while the result is read; dropping it stops the statement.
    ///
    /// # Errors
    /// `Sql` when the statement is wrong or would write, `Lake` when storage fails.
    pub async fn sql(&self, sql: &str) -> Result<QueryResult, QueryError> {
        if self.dialect == Dialect::Athena {
            return athena::Planning::new(self.athena(sql)).await;
        }
        let statement = read_only::parse(sql).map_err(|why| match why {
            NotRun::Parser(e) => self.error(&e),
            NotRun::Refused(e) => e,
        })?;
        let text = statement.to_string();
        let plan = self.session.state().statement_to_plan(statement).await.map_err(|e| self.error(&e))?;
        read_only::check_plan(&plan, &text)?;
        let frame = self.session.execute_logical_plan(plan).await.map_err(|e| self.error(&e))?;
        let stream = frame.execute_stream().await.map_err(|e| self.error(&e))?;
        Ok(QueryResult { lake: self.lake.clone(), stream })
    }

    /// As `sql`, in Athena's dialect.
    async fn athena(&self, sql: &str) -> Result<QueryResult, QueryError> {
        let over = athena::Over {
            tables: &athena::of_lake(),
            providers: &|table| self.tables.get(table).cloned(),
            prepared: &self.prepared,
            location: &self.lake.display().to_string(),
        };
        let runnable = athena::prepare(sql, athena::now(), &over).map_err(|why| match why {
            athena::Refusal::Athena { error, text } => QueryError::refused(&error, &text),
            athena::Refusal::Engine(error) => self.error(&error),
        })?;
        let stream = match runnable {
            athena::Runnable::Query { plan, columns, session } => {
                self.stream(plan).await.map(|rows| athena::shown(rows, columns, session))
            }
            athena::Runnable::Explain { plan, analyze } => self.explained(plan, analyze).await,
            athena::Runnable::Done => one_batch(RecordBatch::new_empty(Arc::new(Schema::empty()))),
        };
        Ok(QueryResult { lake: self.lake.clone(), stream: stream.map_err(|e| self.error(&e))? })
    }

    async fn stream(&self, plan: LogicalPlan) -> Result<SendableRecordBatchStream, DataFusionError> {
        self.session.execute_logical_plan(plan).await?.execute_stream().await
    }

    /// The steps of a plan; with `analyze`, what each of them took.
    async fn explained(&self, plan: LogicalPlan, analyze: bool) -> Result<SendableRecordBatchStream, DataFusionError> {
        let plan = self.session.execute_logical_plan(plan).await?.create_physical_plan().await?;
        let text = if analyze {
            let mut rows = execute_stream(Arc::clone(&plan), self.session.task_ctx())?;
            while rows.try_next().await?.is_some() {}
            DisplayableExecutionPlan::with_metrics(plan.as_ref()).indent(false).to_string()
        } else {
            DisplayableExecutionPlan::new(plan.as_ref()).indent(false).to_string()
        };
        one_batch(athena::lines("Query Plan", &text)?)
    }

    fn register_delta(&mut self, table: Table, files: &[DataFile], reader: &Reader) -> Result<(), QueryError> {
        let store = store_url().map_err(|e| self.error(&e))?;
        let location = self.lake.display().to_string();
        let listed = files.iter().map(|file| TableFile {
            path: full_path(&location, &file.path),
            rows: file.rows(),
            size_bytes: file.size_bytes,
            partition: file.partition.clone(),
        });
        let listed = Files::Known(Arc::new(listed.collect()));
        self.register_files(table.name(), table.contract(), &listed, "PARQUET");
        self.register(table.name(), Arc::new(DeltaTable::new(table.contract(), files, store, reader)))
    }

    fn register_files(&mut self, table: &str, contract: &Contract, files: &Files, format: &'static str) {
        for (suffix, shown) in [(athena::FILES, Shown::Files { format }), (athena::PARTITIONS, Shown::Partitions)] {
            let rows = FilesTable::new(files.clone(), &contract.partition_by, shown);
            self.tables.insert(format!("{table}{suffix}"), Arc::new(rows));
        }
    }

    fn register(&mut self, name: &str, table: Arc<dyn TableProvider>) -> Result<(), QueryError> {
        self.tables.insert(name.to_owned(), Arc::clone(&table));
        self.session.register_table(name, table).map(|_| ()).map_err(|e| self.error(&e))
    }

    fn error(&self, error: &DataFusionError) -> QueryError {
        QueryError::from_engine(&self.lake, error)
    }
}

/// The rows of one statement, being computed.
pub struct QueryResult {
    lake: Lake,
    stream: SendableRecordBatchStream,
}

impl std::fmt::Debug for QueryResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryResult").field("schema", &self.schema()).finish_non_exhaustive()
    }
}

impl QueryResult {
    /// Names and types of the columns.
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// The next rows; `None` when there are no more.
    ///
    /// # Errors
    /// What goes wrong while computing: see [`QueryError`].
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        self.stream.try_next().await.map_err(|e| QueryError::from_engine(&self.lake, &e))
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

fn one_batch(rows: RecordBatch) -> Result<SendableRecordBatchStream, DataFusionError> {
    Ok(Box::pin(MemoryStream::try_new(vec![rows.clone()], rows.schema(), None)?))
}

fn store_url() -> Result<ObjectStoreUrl, DataFusionError> {
    ObjectStoreUrl::parse(STORE_URL)
}

fn session(lake: &Lake, options: &EngineOptions) -> Result<SessionContext, DataFusionError> {
    let runtime = runtime(options)?;
    runtime.register_object_store(store_url()?.as_ref(), lake.store());
    let state = SessionStateBuilder::new().with_config(config(options)).with_runtime_env(runtime).with_default_features();
    let state = state.with_query_planner(Arc::new(athena::Planner));
    let session = SessionContext::new_with_state(state.with_physical_optimizer_rule(Arc::new(InterruptibleJoins)).build());
    session.register_udf(ScalarUDF::from(DateFunction::new()));
    Ok(session)
}

fn runtime(options: &EngineOptions) -> Result<Arc<RuntimeEnv>, DataFusionError> {
    let pool = TrackConsumersPool::new(FairSpillPool::new(options.memory_max_bytes), MEMORY_CONSUMERS_NAMED);
    RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).with_metadata_cache_limit(FOOTER_CACHE_MAX_BYTES).build_arc()
}

fn config(options: &EngineOptions) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_information_schema(true)
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_target_partitions(options.threads.max(1))
        .with_batch_size(options.batch_rows.min(options.memory_max_bytes / BATCH_ROW_BYTES).max(1));
    let settings = config.options_mut();
    // Little memory is shared by what sorts: what each may set aside, and the batches that it merges.
    settings.execution.sort_spill_reservation_bytes =
        SORT_RESERVED_BYTES.min(options.memory_max_bytes / options.threads.max(1) / 8);
    // A join by hash cannot spill, one by sorting can.
    settings.optimizer.prefer_hash_join = options.memory_max_bytes >= HASH_JOIN_FROM_BYTES;
    settings.execution.time_zone = Some("+00:00".to_owned());
    settings.sql_parser.parse_float_as_decimal = false;
    // As Athena: NULL comes last whichever way a column is sorted.
    settings.sql_parser.default_null_ordering = "nulls_last".to_owned();
    // Rows are dropped while decoding: on 4.8 M ticks selective queries took half to four fifths of the time,
    // the rest differed no more than the noise of a busy machine. Reordering the filters gained nothing.
    settings.execution.parquet.pushdown_filters = true;
    config
}

/// The version of `dead_letters` that belongs to a version of `stock_data`.
///
/// The tables count their versions apart, but a window's dead letters are committed before its ticks:
/// what was there when the tick commit was written is what belongs to it.
async fn same_moment(lake: &Lake, as_of: AsOf, stock: Option<&Snapshot>) -> Result<AsOf, LakeError> {
    let (AsOf::Version(version), Some(stock)) = (as_of, stock) else {
        return Ok(as_of);
    };
    let commit = Table::StockData.log().join(format!("{version:020}.json"));
    match lake.store().head(&commit).await {
        Ok(found) => Ok(AsOf::TimeMs(found.last_modified.timestamp_millis())),
        // The log was cleaned up to a checkpoint; the newest file is the next best witness.
        Err(object_store::Error::NotFound { .. }) => {
            Ok(stock.files.iter().map(|f| f.modified_ms).max().map_or(AsOf::Latest, AsOf::TimeMs))
        }
        Err(e) => Err(lake.unavailable(&e)),
    }
}
