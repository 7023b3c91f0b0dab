//! `ticklake demo`: the whole way of a tick in one process, then proof and SQL.
//!
//! Owns: wiring broker, producer, ingester and engine; waiting until every tick has arrived.
//! Does not own: the report's look (`demo_report`), any of the parts.
//! Invariant: what is in the broker and not yet consumed stays below what the mock broker can hold, at any rate.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ticklake_ingest::demo_broker::{DemoBroker, IN_FLIGHT_BYTES_MAX};
use ticklake_ingest::pipeline::{self, IngestConfig};
use ticklake_ingest::produce::{InFlight, ProduceConfig, ProduceReport, SimulateConfig, Simulator, SinkConfig, run as produce};
use ticklake_ingest::source::kafka::{KafkaConfig, Membership, OnGap};
use ticklake_ingest::{IngestError, Progress};
use ticklake_lake::clock::{Clock, SystemClock};
use ticklake_lake::publish::{PublishSettings, Publisher};
use ticklake_lake::{Lake, SourceId};
use ticklake_query::told;
use ticklake_query::{Engine, EngineOptions};

use crate::args::DemoArgs;
use crate::demo_report::{self, Landed};
use crate::exit::Failure;
use crate::signals::Stop;
use crate::{resources, screen, sql};

const PARTITIONS: i32 = 4;
/// The simulated market is at least this busy, so that a demo spans hours, not years.
const TICKS_PER_SECOND_MIN: f64 = 15.0;
const SPAN_SECONDS_MAX: f64 = 86_400.0;
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Nothing consumed for so long, with ticks outstanding: the demo has lost one.
const STALLED_AFTER: Duration = Duration::from_secs(30);

pub(crate) async fn run(args: DemoArgs) -> Result<(), Failure> {
    let stop = Stop::listen()?;
    let lake = Lake::open_or_create(&args.lake).await?;
    let landed = land(&args, &lake, &stop.flag()).await?;
    let engine = Engine::open(lake, EngineOptions::default()).await?;
    let proof = demo_report::prove(&engine, &landed).await?;
    if args.json {
        demo_report::print_json(&landed, &proof)?;
    } else {
        demo_report::print(&args, &engine, &landed, &proof).await?;
    }
    proof.verdict()?;
    stop.check()?;
    let person = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if person && !args.no_repl && !args.json {
        sql::stay(engine, screen::table()).await?;
    }
    Ok(())
}

/// Produces, ingests, and returns when every tick produced is committed.
async fn land(args: &DemoArgs, lake: &Lake, stop: &Arc<AtomicBool>) -> Result<Landed, Failure> {
    let topic = format!("demo-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    let broker = DemoBroker::start(&topic, PARTITIONS)?;
    let started = Instant::now();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = PublishSettings { source: SourceId::new(&topic), json_mirror: true };
    let publisher = Publisher::open(lake, settings, None, Arc::clone(&clock)).await?;
    let (progress, drained) = (Arc::new(Progress::default()), Arc::new(AtomicBool::new(false)));
    let consumer = Arc::clone(&progress);
    let in_flight = Arc::new(InFlight::new(IN_FLIGHT_BYTES_MAX, move || Progress::get(&consumer.consumed_bytes)));
    let config = IngestConfig::new(kafka(&broker.brokers(), &topic));
    let ingesting = tokio::spawn(pipeline::run(config, publisher, clock, Arc::clone(&drained), Arc::clone(&progress)));
    let producing = start_producer(args, SinkConfig::new(broker.brokers(), &topic), Arc::clone(&in_flight), Arc::clone(stop))?;
    let arrived = wait(args.ticks, producing, &ingesting, &progress, &in_flight).await;
    drained.store(true, Ordering::SeqCst);
    let ingested = ingesting.await?;
    ingested?;
    let produced = arrived?;
    let get = Progress::get;
    Ok(Landed {
        topic,
        produced: produced.produced,
        committed: get(&progress.committed),
        dead_letters: progress.dead_letters(),
        versions: get(&progress.commits),
        files: get(&progress.files),
        bytes: get(&progress.bytes),
        elapsed_s: started.elapsed().as_secs_f64(),
        cpu_s: resources::cpu_seconds(),
        peak_rss_mb: resources::peak_rss_mb(),
    })
}

fn kafka(brokers: &str, topic: &str) -> KafkaConfig {
    // The mock broker answers an empty fetch only after the whole wait.
    let librdkafka = BTreeMap::from([("fetch.wait.max.ms".to_owned(), "10".to_owned())]);
    KafkaConfig {
        brokers: brokers.to_owned(),
        topic: topic.to_owned(),
        group: "ticklake-demo".to_owned(),
        membership: Membership::All,
        on_gap: OnGap::Stop,
        librdkafka,
    }
}

type Producing = tokio::task::JoinHandle<Result<ProduceReport, ticklake_ingest::produce::ProduceError>>;

fn start_producer(
    args: &DemoArgs,
    sink: SinkConfig,
    in_flight: Arc<InFlight>,
    stop: Arc<AtomicBool>,
) -> Result<Producing, Failure> {
    let ticks_per_second = TICKS_PER_SECOND_MIN.max(args.ticks as f64 / SPAN_SECONDS_MAX);
    let market =
        SimulateConfig { seed: args.seed, symbols: args.symbols as usize, ticks_per_second, ..SimulateConfig::default() };
    let simulator = Simulator::new(&market.ending_by(SystemClock.now_ns(), args.ticks))?;
    let config =
        ProduceConfig { rate: args.rate, ticks_max: Some(args.ticks), in_flight: Some(in_flight), ..ProduceConfig::new(sink) };
    Ok(tokio::task::spawn_blocking(move || produce(&config, simulator, &stop, |_| {})))
}

/// Waits until the producer is done and all it sent was consumed, or the ingester has ended early.
async fn wait(
    ticks: u64,
    producing: Producing,
    ingesting: &tokio::task::JoinHandle<Result<(), IngestError>>,
    progress: &Progress,
    in_flight: &InFlight,
) -> Result<ProduceReport, Failure> {
    let bar = screen::bar(ticks, "demo");
    let mut producing = Some(producing);
    let mut produced: Option<ProduceReport> = None;
    let (mut last, mut moved_at) = (0, Instant::now());
    let mut every = tokio::time::interval(LOOK_EVERY);
    loop {
        every.tick().await;
        let consumed = Progress::get(&progress.consumed);
        bar.set_position(consumed);
        bar.set_message(format!(
            "{} of {} ticks, {} committed",
            told::grouped(consumed),
            told::grouped(ticks),
            told::grouped(Progress::get(&progress.committed))
        ));
        if let Some(task) = producing.take_if(|task| task.is_finished()) {
            produced = Some(task.await??);
        }
        if consumed != last {
            (last, moved_at) = (consumed, Instant::now());
        }
        if ingesting.is_finished() || produced.as_ref().is_some_and(|p| consumed >= p.produced) {
            break;
        }
        if in_flight.held() > 0 && moved_at.elapsed() > STALLED_AFTER {
            bar.abandon();
            return Err(Failure::failed(format!(
                "the demo's broker gave no tick for {} s after {consumed}",
                STALLED_AFTER.as_secs()
            )));
        }
    }
    bar.finish_and_clear();
    produced.ok_or_else(|| Failure::failed("the ingester ended before the producer"))
}
