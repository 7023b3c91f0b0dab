//! Flags of `ticklake produce`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ticklake_ingest::produce::{Rate, Speed};

use crate::settings::{Flags, TopicKeys, duration};

#[derive(Debug, Args)]
pub(crate) struct ProduceArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<TopicKeys>,
    /// Partitions of the topic, if it has to be created.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub(crate) partitions: i32,
    #[command(flatten)]
    pub(crate) from: ProduceFrom,
    /// Ticks a second, such as 5000 or 250k, or max.
    #[arg(long, default_value = "max", value_parser = Rate::parse)]
    pub(crate) rate: Rate,
    /// Stop after so many ticks.
    #[arg(long)]
    pub(crate) ticks: Option<u64>,
    /// Stop after so long, such as 30s.
    #[arg(long, value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Seed of the simulation.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// First event time of the simulation: RFC 3339, or now for a live market in which event time is the clock
    /// and --rate (1000 when max) the market's own. Default: 2024-01-02T14:30:00Z, so that a seed gives the same bytes.
    #[arg(long, value_name = "TIME|now", value_parser = parse_start, conflicts_with = "replay")]
    pub(crate) start: Option<Start>,
    /// Symbols of the simulation.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) symbols: u32,
    /// Columns of the replayed file: time=timestamp,size=amount.
    #[arg(long, value_name = "COLUMN=FIELD,…", requires = "replay")]
    pub(crate) map: Option<String>,
    /// Pace of a replay by event time: 1x, 10x, max.
    #[arg(long, default_value = "max", value_parser = Speed::parse)]
    pub(crate) speed: Speed,
    /// Move a replay's event times to now.
    #[arg(long, requires = "replay")]
    pub(crate) shift_to_now: bool,
    /// Count bad rows of a replay instead of stopping at the first.
    #[arg(long, requires = "replay")]
    pub(crate) skip_bad: bool,
    /// Print one JSON object on stdout at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

/// When a simulated market starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the clock's time, and along with the clock.
    Now,
    /// At this event time, nanoseconds since the epoch.
    At(i64),
}

fn parse_start(text: &str) -> Result<Start, String> {
    match text {
        "now" => Ok(Start::Now),
        time => ticklake_schemas::parse_event_time(time).map(Start::At).map_err(|e| format!("the time {e}; or give now")),
    }
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct ProduceFrom {
    /// A simulated market.
    #[arg(long)]
    pub(crate) simulate: bool,
    /// Real ticks of a CSV, NDJSON or Parquet file.
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
}
