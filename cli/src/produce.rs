//! `ticklake produce`: ticks into a Kafka topic.
//!
//! Owns: wiring source and sink from flags, the progress line, the report.

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;
use ticklake_ingest::produce::{
    ProduceConfig, ProduceError, ProduceReport, Progress, Rate, Replay, ReplayConfig, Shift, SimulateConfig, Simulator,
    SinkConfig, Speed, TickSource, create_topic_if_absent, parse_map, run as produce,
};
use ticklake_lake::clock::{Clock, SystemClock};
use ticklake_query::told;

use crate::args::{ProduceArgs, Start};
use crate::exit::Failure;
use crate::screen;
use crate::signals::Stop;

const REPLICATION: i32 = -1;
const REDRAW: Duration = Duration::from_millis(200);

impl From<ProduceError> for Failure {
    fn from(error: ProduceError) -> Self {
        match error {
            ProduceError::Invalid(message) => Self::failed(message),
            ProduceError::Unavailable(message) => Self::unavailable(message),
        }
    }
}

pub(crate) async fn run(args: ProduceArgs) -> Result<(), Failure> {
    let settings = args.settings.load()?;
    let stop = Stop::listen()?;
    let asked = stop.flag();
    let report = tokio::task::spawn_blocking(move || {
        // The file is looked at before anything is created or sent.
        let source = source(&args)?;
        let known = SinkConfig::new(settings.kafka_brokers, settings.kafka_topic);
        let sink = SinkConfig { librdkafka: settings.librdkafka, ..known };
        create_topic_if_absent(&sink, args.partitions, REPLICATION)?;
        // A live market paces itself: a tick is sent when the clock reaches its event time.
        let live = args.start == Some(Start::Now);
        let config = ProduceConfig {
            rate: if live { Rate::Max } else { args.rate },
            speed: if live { Speed::Times(1.0) } else { args.speed },
            ticks_max: args.ticks,
            duration_max: args.duration,
            progress_every: REDRAW,
            ..ProduceConfig::new(sink)
        };
        let line = args.ticks.map_or_else(|| screen::line("produce"), |ticks| screen::bar(ticks, "produce"));
        let told = |p: &Progress| {
            line.set_position(p.produced);
            line.set_message(format!("{} sent, {} acknowledged", told::grouped(p.produced), told::grouped(p.delivered)));
        };
        let report = produce(&config, source, &asked, told);
        line.finish_and_clear();
        Ok::<_, ProduceError>((report?, args.json))
    });
    let (report, as_json) = report.await??;
    print(&report, as_json)?;
    if report.stopped { stop.check() } else { Ok(()) }
}

fn source(args: &ProduceArgs) -> Result<TickSource, ProduceError> {
    let now_ns = SystemClock.now_ns();
    match &args.from.replay {
        Some(path) => {
            let map = args.map.as_deref().map(parse_map).transpose()?.unwrap_or_default();
            let shift = args.shift_to_now.then(|| Shift::to_now(now_ns, args.speed));
            Ok(Replay::open(&ReplayConfig { path: path.clone(), map, skip_bad: args.skip_bad, shift })?.into())
        }
        None => {
            let mut market = SimulateConfig { seed: args.seed, symbols: args.symbols as usize, ..SimulateConfig::default() };
            match args.start {
                None => {}
                Some(Start::At(start_ns)) => market.start_ns = start_ns,
                Some(Start::Now) => {
                    market.start_ns = now_ns;
                    market.ticks_per_second = live_rate(args);
                    // What was asked for is what is sent, at whatever hour.
                    market.steady = true;
                }
            }
            Ok(Simulator::new(&market)?.into())
        }
    }
}

/// Ticks a second of a live market.
fn live_rate(args: &ProduceArgs) -> f64 {
    const DEFAULT: f64 = 1000.0;
    match args.rate {
        Rate::Max => DEFAULT,
        Rate::PerSecond(rate) => rate,
    }
}

fn print(report: &ProduceReport, as_json: bool) -> Result<(), Failure> {
    let elapsed_s = report.elapsed.as_secs_f64();
    if as_json {
        let report = json!({
            "produced": report.produced,
            "bytes": report.bytes,
            "skipped_bad": report.skipped_bad,
            "elapsed_s": elapsed_s,
            "ticks_per_s": report.produced as f64 / elapsed_s.max(1e-9),
        });
        writeln!(std::io::stdout(), "{report}")?;
    } else {
        eprintln!("sent {}, all acknowledged, in {elapsed_s:.1} s", told::counted(report.produced, "tick"));
    }
    if let Some(first) = &report.first_skipped {
        eprintln!("skipped {}, the first: {first}", told::counted(report.skipped_bad, "bad row"));
    }
    Ok(())
}
