//! A statement goes in, a stream of record batches comes out.
//!
//! Owns: one lake at one version.
//! Does not own: DataFusion's settings (`context`), the tables (`provider`, `json_mirror`), what may run (`read_only`), printing (`output`).
//! Invariant: the tables do not change while the engine lives; the same version gives the same rows for ever.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStoreExt};
use ticklake_lake::layout::Table;
use ticklake_lake::{AsOf, DataFile, Lake, Offsets, Snapshot};
use ticklake_schemas::{Contract, STOCK_DATA, STOCK_DATA_JSON, stock_data};
use tokio::sync::OnceCell;

use crate::QueryError;
use crate::athena::{self, PreparedStatements};
use crate::context::{context, store_url};
use crate::files::{Files, FilesTable, Shown, TableFile};
use crate::json_mirror::JsonMirror;
use crate::live::{Live, Tail, TailRows};
use crate::moment::{next_commit, same_moment};
use crate::provider::{DeltaTable, Reader, full_path};
use crate::read_only::{self, NotRun};
use crate::result::QueryResult;
use crate::statistics;
use crate::work::Work;

const MEMORY_MAX_BYTES: usize = 2 << 30;
const BATCH_ROWS: usize = 8192;
/// The column of a tick's time.
const TIME: &str = "time";

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
    options: EngineOptions,
    session: SessionContext,
    /// The commit that comes after what is read, of each Delta table.
    next_commits: Vec<object_store::path::Path>,
    tables: HashMap<String, Arc<dyn TableProvider>>,
    /// Of Delta tables.
    files: HashMap<&'static str, Arc<Vec<TableFile>>>,
    stock: Arc<DeltaTable>,
    /// Where the log of what is read ends, once asked for.
    offsets: Arc<OnceCell<Offsets>>,
    /// What is told beyond it.
    tail: Option<Arc<Tail>>,
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
        Self::with_prepared(lake, options, Arc::default()).await
    }

    /// The same engine over another version of its lake.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub async fn as_of(&self, as_of: AsOf) -> Result<Self, QueryError> {
        Self::with_prepared(self.lake.clone(), EngineOptions { as_of, ..self.options }, Arc::clone(&self.prepared)).await
    }

    /// Whether the lake has a newer version than the one that is read.
    ///
    /// # Errors
    /// `Lake` when the lake cannot be read.
    pub async fn is_behind(&self) -> Result<bool, QueryError> {
        for commit in &self.next_commits {
            match self.lake.store().head(commit).await {
                Ok(_) => return Ok(true),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(self.lake.unavailable(&e).into()),
            }
        }
        Ok(false)
    }

    async fn with_prepared(lake: Lake, options: EngineOptions, prepared: Arc<PreparedStatements>) -> Result<Self, QueryError> {
        let stock = Snapshot::read(&lake, Table::StockData, options.as_of).await?;
        let dead = Snapshot::read(&lake, Table::DeadLetters, same_moment(&lake, options.as_of, stock.as_ref()).await?).await?;
        let version = stock.as_ref().map(|s| s.version);
        let session = context(&lake, &options).map_err(|e| QueryError::from_engine(&lake, &e))?;
        let reader = match options.dialect {
            Dialect::Athena => Reader::Athena { location: lake.display().to_string() },
            Dialect::DataFusion => Reader::DataFusion,
        };
        let next_commits = [(Table::StockData, &stock), (Table::DeadLetters, &dead)].map(|(t, s)| next_commit(t, s.as_ref()));
        let [stock, dead] = [stock, dead].map(|snapshot| snapshot.map(|s| s.files).unwrap_or_default());
        let delta = |table: Table, files: &[DataFile]| {
            let store = store_url().map_err(|e| QueryError::from_engine(&lake, &e))?;
            Ok::<_, QueryError>(Arc::new(DeltaTable::new(table.contract(), files, store, &reader)))
        };
        let (stock_table, dead_table) = (delta(Table::StockData, &stock)?, delta(Table::DeadLetters, &dead)?);
        let mirrored = (options.as_of != AsOf::Latest).then_some(stock.as_slice());
        let mirror = Arc::new(JsonMirror::new(lake.store(), mirrored, reader));
        let mut engine = Self {
            session,
            lake,
            version,
            options,
            next_commits: next_commits.into(),
            tables: HashMap::new(),
            files: HashMap::new(),
            stock: Arc::clone(&stock_table),
            offsets: Arc::default(),
            tail: None,
            prepared,
        };
        engine.register_files(STOCK_DATA_JSON, stock_data(), &Files::Mirror(Arc::clone(&mirror)), "JSON");
        engine.register(STOCK_DATA_JSON, mirror)?;
        engine.register_delta(Table::StockData, &stock, stock_table)?;
        engine.register_delta(Table::DeadLetters, &dead, dead_table)?;
        Ok(engine)
    }

    /// The same engine, telling beside the lake's ticks those that come after them.
    ///
    /// # Errors
    /// `Lake` when the log cannot be read, and what goes wrong reading the others.
    pub(crate) async fn live(mut self, live: &Live) -> Result<Self, QueryError> {
        let log = self.offsets.get_or_try_init(|| async {
            match self.version {
                Some(version) => Snapshot::offsets(&self.lake, Table::StockData, AsOf::Version(version)).await,
                None => Ok(Offsets::default()),
            }
        });
        let TailRows { rows, span } = (live.read)(log.await?.clone()).await?;
        let ticks = rows.iter().map(RecordBatch::num_rows).sum();
        let table = self.stock.with_tail(&rows).map_err(|e| self.error(&e))?;
        self.session.deregister_table(STOCK_DATA).map_err(|e| self.error(&e))?;
        self.tail = Some(Arc::new(Tail { of: live.of.clone(), span, ticks }));
        self.register(STOCK_DATA, Arc::new(table))?;
        Ok(self)
    }

    /// What is told beside the lake's ticks.
    pub(crate) fn tail(&self) -> Option<&Tail> {
        self.tail.as_deref()
    }

    /// The lake that is read.
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// The version of `stock_data` that is read; `None` when the table does not exist yet and reads as empty.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The files of a Delta table; none for whatever else.
    pub(crate) fn files(&self, table: &str) -> &[TableFile] {
        self.files.get(table).map_or(&[][..], |files| files.as_slice())
    }

    /// Runs one statement. Rows are computed while the result is read; dropping it stops the statement.
    ///
    /// # Errors
    /// `Sql` when the statement is wrong or would write, `Lake` when storage fails.
    pub async fn sql(&self, sql: &str) -> Result<QueryResult, QueryError> {
        if self.options.dialect == Dialect::Athena {
            return athena::Planning::new(self.athena(sql)).await;
        }
        let plan = self.lenient(sql).await?;
        let rows = execute_stream(Arc::clone(&plan), self.session.task_ctx()).map_err(|e| self.error(&e))?;
        Ok(self.result(rows, Work::of(plan)))
    }

    /// What a statement would do, without doing it.
    ///
    /// # Errors
    /// As [`Engine::sql`].
    pub(crate) async fn work(&self, sql: &str) -> Result<Work, QueryError> {
        let planned = async {
            match self.runnable(sql)? {
                athena::Runnable::Query { plan, .. } => self.planned(plan).await.map(Work::of).map_err(|e| self.error(&e)),
                athena::Runnable::Explain { .. } | athena::Runnable::Done => Ok(Work::default()),
            }
        };
        match self.options.dialect {
            Dialect::Athena => athena::Planning::new(planned).await,
            Dialect::DataFusion => self.lenient(sql).await.map(Work::of),
        }
    }

    /// The plan of a statement in DataFusion's dialect.
    async fn lenient(&self, sql: &str) -> Result<Arc<dyn ExecutionPlan>, QueryError> {
        let statement = read_only::parse(sql).map_err(|why| match why {
            NotRun::Parser(e) => self.error(&e),
            NotRun::Refused(e) => e,
        })?;
        let text = statement.to_string();
        let plan = self.session.state().statement_to_plan(statement).await.map_err(|e| self.error(&e))?;
        read_only::check_plan(&plan, &text)?;
        self.planned(plan).await.map_err(|e| self.error(&e))
    }

    /// A statement in Athena's dialect.
    fn runnable(&self, sql: &str) -> Result<athena::Runnable, QueryError> {
        let over = athena::Over {
            tables: &athena::of_lake(),
            providers: &|table| self.tables.get(table).cloned(),
            prepared: &self.prepared,
            location: &self.lake.display().to_string(),
        };
        athena::prepare(sql, athena::now(), &over).map_err(|why| match why {
            athena::Refusal::Athena { error, text } => QueryError::refused(&error, &text),
            athena::Refusal::Engine(error) => self.error(&error),
        })
    }

    /// As `sql`, in Athena's dialect.
    async fn athena(&self, sql: &str) -> Result<QueryResult, QueryError> {
        let (rows, work) = match self.runnable(sql)? {
            athena::Runnable::Query { plan, columns, session } => {
                let plan = self.planned(plan).await.map_err(|e| self.error(&e))?;
                let rows = execute_stream(Arc::clone(&plan), self.session.task_ctx());
                (rows.map(|rows| athena::shown(rows, columns, session)), Work::of(plan))
            }
            athena::Runnable::Explain { plan, analyze } => (self.explained(plan, analyze).await, Work::default()),
            athena::Runnable::Done => (one_batch(RecordBatch::new_empty(Arc::new(Schema::empty()))), Work::default()),
        };
        Ok(self.result(rows.map_err(|e| self.error(&e))?, work))
    }

    /// The footer of a data file; one that was read before is not read again.
    pub(crate) async fn footer(&self, file: &ObjectMeta) -> Result<Arc<ParquetMetaData>, QueryError> {
        let footers = self.session.runtime_env().cache_manager.get_file_metadata_cache();
        let store = self.lake.store();
        let read = DFParquetMetadata::new(store.as_ref(), file)
            .with_file_metadata_cache(Some(footers))
            .with_page_index_policy(Some(PageIndexPolicy::Optional));
        read.fetch_metadata().await.map_err(|e| self.error(&e))
    }

    fn result(&self, rows: SendableRecordBatchStream, work: Work) -> QueryResult {
        QueryResult::new(self.lake.clone(), rows, work)
    }

    /// Rows that are there already, as an answer.
    pub(crate) fn answer(&self, rows: RecordBatch) -> Result<QueryResult, QueryError> {
        Ok(self.result(one_batch(rows).map_err(|e| self.error(&e))?, Work::default()))
    }

    async fn planned(&self, plan: LogicalPlan) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        self.session.execute_logical_plan(plan).await?.create_physical_plan().await
    }

    /// The steps of a plan; with `analyze`, what each of them took.
    async fn explained(&self, plan: LogicalPlan, analyze: bool) -> Result<SendableRecordBatchStream, DataFusionError> {
        let plan = self.planned(plan).await?;
        let text = if analyze {
            let mut rows = execute_stream(Arc::clone(&plan), self.session.task_ctx())?;
            while rows.try_next().await?.is_some() {}
            DisplayableExecutionPlan::with_metrics(plan.as_ref()).indent(false).to_string()
        } else {
            DisplayableExecutionPlan::new(plan.as_ref()).indent(false).to_string()
        };
        one_batch(athena::lines("Query Plan", &text)?)
    }

    fn register_delta(&mut self, table: Table, files: &[DataFile], provider: Arc<DeltaTable>) -> Result<(), QueryError> {
        let location = self.lake.display().to_string();
        let listed = files.iter().map(|file| TableFile {
            path: full_path(&location, &file.path),
            rows: file.rows(),
            size_bytes: file.size_bytes,
            partition: file.partition.clone(),
            times_us: times_us(file),
        });
        let listed = Arc::new(listed.collect());
        self.files.insert(table.name(), Arc::clone(&listed));
        self.register_files(table.name(), table.contract(), &Files::Known(listed), "PARQUET");
        self.register(table.name(), provider)
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

fn one_batch(rows: RecordBatch) -> Result<SendableRecordBatchStream, DataFusionError> {
    Ok(Box::pin(MemoryStream::try_new(vec![rows.clone()], rows.schema(), None)?))
}

/// The first and the last time of a file's rows, by its statistics.
fn times_us(file: &DataFile) -> Option<(i64, i64)> {
    let bound = |side: &str| statistics::timestamp_us(file.statistics[side][TIME].as_str()?);
    Some((bound("minValues")?, bound("maxValues")?))
}
