//! `ticklake ingest`: the pipeline, with a progress line or logs, until the end or a signal.
//!
//! Owns: wiring lake, catalog and pipeline from flags.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use ticklake_ingest::Progress;
use ticklake_ingest::breaker::RejectLimits;
use ticklake_ingest::metrics::Metrics;
use ticklake_ingest::pipeline::{self, IngestConfig};
use ticklake_ingest::source::kafka::{KafkaConfig, Membership};
use ticklake_ingest::source::kafka_topic::check;
use ticklake_lake::catalog::{self, GlueCatalog, Registrar};
use ticklake_lake::clock::{Clock, SystemClock};
use ticklake_lake::publish::{PublishSettings, Publisher};
use ticklake_lake::store::parse_location;
use ticklake_lake::window::WindowLimits;
use ticklake_lake::{Lake, LakeError, SourceId};
use ticklake_query::told;

use crate::args::{IngestArgs, LogFormat};
use crate::exit::Failure;
use crate::settings::Settings;
use crate::signals::Stop;
use crate::{metrics_server, resources, screen};

const REDRAW: Duration = Duration::from_millis(250);
/// How long a Glue that is slow or away may delay the start.
const GLUE_LOOK_MAX: Duration = Duration::from_secs(15);

pub(crate) async fn run(args: IngestArgs, settings: Settings) -> Result<(), Failure> {
    let started = Instant::now();
    let listener = match settings.metrics_listen {
        Some(address) => Some(metrics_server::listen(address).await?),
        None => None,
    };
    let stop = Stop::listen()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let kafka = KafkaConfig {
        membership: membership(&settings),
        on_gap: settings.kafka_on_gap,
        brokers: settings.kafka_brokers.clone(),
        topic: settings.kafka_topic.clone(),
        group: settings.kafka_group.clone(),
        librdkafka: settings.librdkafka.clone(),
    };
    let reachable = kafka.clone();
    tokio::task::spawn_blocking(move || check(&reachable)).await??;
    let glue = glue(&settings).await?;
    let lake = Lake::open_or_create(&settings.lake_location).await?;
    tracing::info!(lake = lake.display(), source = settings.source(), "landing");
    let progress = Arc::new(Progress::default());
    if let Some(listener) = listener {
        let metrics = Metrics::new(Arc::clone(&progress), lake.tally(), settings.window_age_max);
        let timeout = metrics_server::CONNECTION_TIMEOUT;
        tokio::spawn(metrics_server::serve(listener, Arc::new(metrics), Arc::clone(&clock), timeout));
    }
    let registrar = glue.zip(settings.glue_database.as_deref()).map(|(glue, database)| {
        let catalog = Arc::new(glue.tallied(lake.tally()));
        Registrar::new(catalog, database, lake.clone())
    });
    let publish = PublishSettings { source: SourceId::new(settings.source()), json_mirror: settings.lake_json_mirror };
    let publisher = Publisher::open(&lake, publish, registrar, Arc::clone(&clock)).await?;
    let window = WindowLimits {
        rows_max: settings.window_rows_max,
        bytes_max: settings.window_bytes_max,
        age_max: settings.window_age_max,
        open_partitions_max: settings.window_open_partitions_max,
    };
    let config = IngestConfig {
        window,
        until_end: args.until_end,
        unavailable_max: settings.lake_unavailable_max,
        rejects: RejectLimits { ratio_max: settings.rejects_ratio_max, count_min: settings.rejects_count_min },
        memory_max: settings.memory_max,
        ..IngestConfig::new(kafka)
    };
    let shown = show(Arc::clone(&progress));
    let done = pipeline::run(config, publisher, clock, stop.flag(), Arc::clone(&progress)).await;
    shown.abort();
    done?;
    report(&lake, &progress, started, args.json, settings.log_format)
}

/// Which partitions are read here.
fn membership(settings: &Settings) -> Membership {
    match &settings.kafka_partitions {
        Some(only) => Membership::Only(only.clone()),
        None => Membership::Group { assignment: settings.kafka_assignment, instance: settings.kafka_group_instance_id.clone() },
    }
}

/// The catalog, if one is to be kept. One that is away is caught up with later; one whose tables are another lake's is refused.
async fn glue(settings: &Settings) -> Result<Option<GlueCatalog>, Failure> {
    let Some(database) = &settings.glue_database else { return Ok(None) };
    let (glue, url) = (GlueCatalog::connect().await, parse_location(&settings.lake_location)?);
    match tokio::time::timeout(GLUE_LOOK_MAX, catalog::check(&glue, database, &url)).await {
        Ok(Err(refused)) if !matches!(refused, LakeError::Unavailable { .. }) => Err(refused.into()),
        // The registrar tells.
        Ok(_) | Err(_) => Ok(Some(glue)),
    }
}

/// A line that follows the counters, on a terminal.
fn show(progress: Arc<Progress>) -> tokio::task::JoinHandle<()> {
    let line = screen::line("ingest");
    tokio::spawn(async move {
        let mut every = tokio::time::interval(REDRAW);
        loop {
            every.tick().await;
            line.set_position(Progress::get(&progress.consumed));
            let holding = if progress.holding.load(Ordering::Relaxed) { "; the lake is away, holding" } else { "" };
            line.set_message(format!(
                "{} read, {} committed in {}, {}{holding}",
                told::grouped(Progress::get(&progress.consumed)),
                told::grouped(Progress::get(&progress.committed)),
                told::counted(Progress::get(&progress.commits), "commit"),
                told::counted(progress.dead_letters(), "dead letter")
            ));
        }
    })
}

fn report(lake: &Lake, progress: &Progress, started: Instant, as_json: bool, log_format: LogFormat) -> Result<(), Failure> {
    let get = Progress::get;
    let elapsed_s = started.elapsed().as_secs_f64();
    if as_json {
        let report = json!({
            "lake": lake.display(),
            "consumed": get(&progress.consumed),
            "committed": get(&progress.committed),
            "dead_letters": progress.dead_letters(),
            "commits": get(&progress.commits),
            "overlaps": get(&progress.overlaps),
            "files": get(&progress.files),
            "bytes": get(&progress.bytes),
            "elapsed_s": elapsed_s,
            "cpu_s": resources::cpu_seconds(),
            "peak_rss_mb": resources::peak_rss_mb(),
        });
        writeln!(std::io::stdout(), "{report}")?;
    } else if log_format == LogFormat::Text {
        eprintln!(
            "committed {} in {} and {} to {}, by {} in {elapsed_s:.1} s",
            told::counted(get(&progress.committed), "tick"),
            told::counted(get(&progress.files), "file"),
            told::counted(progress.dead_letters(), "dead letter"),
            lake.display(),
            told::counted(get(&progress.commits), "commit"),
        );
    }
    Ok(())
}
