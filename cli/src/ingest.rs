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
use ticklake_ingest::source::kafka::{KafkaConfig, check};
use ticklake_lake::catalog::spec::LakeTables;
use ticklake_lake::catalog::{GlueCatalog, Registrar};
use ticklake_lake::clock::{Clock, SystemClock};
use ticklake_lake::publish::{PublishSettings, Publisher};
use ticklake_lake::store::parse_location;
use ticklake_lake::window::WindowLimits;
use ticklake_lake::{Lake, SourceId};

use crate::args::{IngestArgs, LogFormat};
use crate::exit::Failure;
use crate::{metrics_server, resources, screen, signals};

const REDRAW: Duration = Duration::from_millis(250);

pub(crate) async fn run(args: IngestArgs) -> Result<(), Failure> {
    let started = Instant::now();
    let listener = match args.metrics {
        Some(address) => Some(metrics_server::listen(address).await?),
        None => None,
    };
    let stop = signals::stop_flag()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let kafka = KafkaConfig {
        membership: args.membership(),
        on_gap: args.on_gap(),
        brokers: args.kafka.brokers,
        topic: args.kafka.topic.clone(),
        group: args.group,
        librdkafka: args.kafka.options.by_name(),
    };
    let reachable = kafka.clone();
    tokio::task::spawn_blocking(move || check(&reachable)).await??;
    if args.glue_database.is_some() {
        LakeTables::of(&parse_location(&args.lake.lake)?)?;
    }
    let lake = Lake::open_or_create(&args.lake.lake).await?;
    let progress = Arc::new(Progress::default());
    if let Some(listener) = listener {
        let metrics = Metrics::new(Arc::clone(&progress), lake.tally(), args.window_age);
        let timeout = metrics_server::CONNECTION_TIMEOUT;
        tokio::spawn(metrics_server::serve(listener, Arc::new(metrics), Arc::clone(&clock), timeout));
    }
    let registrar = match &args.glue_database {
        None => None,
        Some(database) => {
            let glue = GlueCatalog::connect().await.tallied(lake.tally());
            Some(Registrar::new(Arc::new(glue), database.as_str(), lake.clone()))
        }
    };
    let source = SourceId::new(args.source.unwrap_or(args.kafka.topic));
    let settings = PublishSettings { source, json_mirror: !args.no_json_mirror };
    let publisher = Publisher::open(&lake, settings, registrar, Arc::clone(&clock)).await?;
    let window = WindowLimits {
        rows_max: args.window_rows as usize,
        bytes_max: args.window_bytes as usize,
        age_max: args.window_age,
        open_partitions_max: args.open_partitions_max as usize,
    };
    let config = IngestConfig {
        window,
        until_end: args.until_end,
        unavailable_max: args.unavailable_max,
        rejects: RejectLimits { ratio_max: args.reject_ratio_max, ..RejectLimits::default() },
        memory_max: args.memory_max,
        ..IngestConfig::new(kafka)
    };
    let shown = show(Arc::clone(&progress));
    let done = pipeline::run(config, publisher, clock, stop, Arc::clone(&progress)).await;
    shown.abort();
    done?;
    report(&progress, started, args.json, args.log_format)
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
                "{} read, {} committed in {} commits, {} dead letters{holding}",
                screen::grouped(Progress::get(&progress.consumed)),
                screen::grouped(Progress::get(&progress.committed)),
                screen::grouped(Progress::get(&progress.commits)),
                screen::grouped(progress.dead_letters())
            ));
        }
    })
}

fn report(progress: &Progress, started: Instant, as_json: bool, log_format: LogFormat) -> Result<(), Failure> {
    let get = Progress::get;
    let elapsed_s = started.elapsed().as_secs_f64();
    if as_json {
        let report = json!({
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
            "committed {} and {} in {}, {}, {elapsed_s:.1} s",
            screen::counted(get(&progress.committed), "tick"),
            screen::counted(progress.dead_letters(), "dead letter"),
            screen::counted(get(&progress.commits), "commit"),
            screen::counted(get(&progress.files), "file"),
        );
    }
    Ok(())
}
