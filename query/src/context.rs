//! DataFusion's context: its settings and limits.
//!
//! Owns: how DataFusion is set up for a lake.
//! Does not own: which tables there are, running statements (`engine`).
//! Invariant: no setting is left to the environment; memory and footers have bounds.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::config::SessionConfig;
use datafusion::execution::context::SessionContext;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::logical_expr::ScalarUDF;
use ticklake_lake::Lake;

use crate::EngineOptions;
use crate::athena;
use crate::date::DateFunction;
use crate::interruptible::InterruptibleJoins;

/// How many consumers an out-of-memory error names.
const MEMORY_CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::MIN;
/// Of little memory, a batch has no more rows than so many times this fit into.
const BATCH_ROW_BYTES: usize = 64 << 10;
/// What a sort sets aside for merging what it has spilled.
const SORT_RESERVED_BYTES: usize = 10 << 20;
/// Below it joins sort.
const HASH_JOIN_FROM_BYTES: usize = 1 << 30;
const FOOTER_CACHE_MAX_BYTES: usize = 64 << 20;
const CATALOG: &str = "ticklake";
const SCHEMA: &str = "lake";
/// Where the engine finds the lake's objects; a name of ours, known to no network.
const STORE_URL: &str = "lake://objects";

/// A context that reads the lake's objects.
pub(crate) fn context(lake: &Lake, options: &EngineOptions) -> Result<SessionContext, DataFusionError> {
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

/// Where a scan finds the lake's objects.
pub(crate) fn store_url() -> Result<ObjectStoreUrl, DataFusionError> {
    ObjectStoreUrl::parse(STORE_URL)
}
