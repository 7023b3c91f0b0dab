//! Every flag of every command, as typed values.
//!
//! Owns: names, defaults, help texts, reading of durations and rates.
//! Does not own: what a command does with them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ticklake_ingest::produce::{Rate, Speed};
use ticklake_lake::AsOf;
use ticklake_lake::window::WindowLimits;
use ticklake_schemas::DEFAULT_TOPIC;

/// Live market ticks from Kafka into an S3 lakehouse, exactly once; the same SQL on a laptop as on Athena.
#[derive(Debug, Parser)]
#[command(name = "ticklake", version)]
pub(crate) struct TicklakeArgs {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl TicklakeArgs {
    /// What our crates log when `RUST_LOG` is not set: the ingester tells its commits unless a progress line does.
    pub(crate) fn log_level(&self) -> &'static str {
        match self.command {
            Command::Ingest(_) if !crate::screen::is_watched() => "info",
            _ => "warn",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A whole lake in one process: broker, market, ingester, SQL. No services, no configuration.
    Demo(DemoArgs),
    /// Sends simulated or recorded ticks to a Kafka topic.
    Produce(ProduceArgs),
    /// Lands a Kafka topic in a lake, exactly once.
    Ingest(IngestArgs),
    /// SQL over a lake; the same as `lake-sql`.
    Sql(LakeSqlArgs),
    /// What a lake holds and how far behind Kafka it is.
    Status(StatusArgs),
    /// The Glue catalog of a lake.
    Catalog(CatalogArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LakeArg {
    /// The lake: s3://bucket/prefix or a directory.
    #[arg(long, env = "TICKLAKE_LAKE", value_name = "URL|DIR")]
    pub(crate) lake: String,
}

#[derive(Debug, Args)]
pub(crate) struct KafkaArgs {
    /// Kafka brokers, host:port separated by commas.
    #[arg(long, env = "TICKLAKE_BROKERS", value_name = "HOST:PORT,…")]
    pub(crate) brokers: String,
    /// Topic.
    #[arg(long, default_value = DEFAULT_TOPIC)]
    pub(crate) topic: String,
    #[command(flatten)]
    pub(crate) options: KafkaOptions,
}

#[derive(Debug, Args)]
pub(crate) struct KafkaOptions {
    /// A librdkafka setting, such as security.protocol=SASL_SSL; repeatable. Secrets belong in the environment
    /// variable, which holds one setting a line.
    #[arg(short = 'X', long = "kafka-option", env = "TICKLAKE_KAFKA_OPTIONS", hide_env_values = true, value_delimiter = '\n')]
    #[arg(value_name = "NAME=VALUE", value_parser = parse_option)]
    kafka_option: Vec<(String, String)>,
}

impl KafkaOptions {
    /// The settings by name; of a name given twice the last counts.
    pub(crate) fn by_name(self) -> std::collections::BTreeMap<String, String> {
        self.kafka_option.into_iter().collect()
    }
}

fn parse_option(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("give NAME=VALUE".into()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where the lake is made, or appended to.
    #[arg(long, default_value = "./ticklake-data/lake", value_name = "URL|DIR")]
    pub(crate) lake: String,
    /// Ticks to produce.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) ticks: u64,
    /// Symbols in the market.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) symbols: u32,
    /// Ticks a second, such as 5000 or 250k, or max.
    #[arg(long, default_value = "max", value_parser = Rate::parse)]
    pub(crate) rate: Rate,
    /// Seed of the simulation: the same seed gives the same market.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// Do not stay in lake-sql afterwards.
    #[arg(long)]
    pub(crate) no_repl: bool,
    /// Print one JSON object on stdout instead of the report.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `10s`, `500ms`, `2m`, `1h`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit_ms = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    match (number.parse::<u64>().ok().zip(unit_ms)).and_then(|(n, ms)| n.checked_mul(ms)) {
        Some(ms) if ms > 0 => Ok(Duration::from_millis(ms)),
        _ => Err("give a whole number with a unit: 500ms, 10s, 2m or 1h".into()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct ProduceArgs {
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
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
    #[arg(long, value_parser = parse_duration)]
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

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    /// Consumer group; processes of one group share the partitions.
    #[arg(long, default_value = "ticklake")]
    pub(crate) group: String,
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Register the tables in this Glue database.
    #[arg(long, value_name = "NAME")]
    pub(crate) glue_database: Option<String>,
    /// Name the offsets are recorded under, where two clusters share a topic name. Default: the topic.
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Stop at the high watermarks seen at the start.
    #[arg(long)]
    pub(crate) until_end: bool,
    /// Commit at least this often while ticks come.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) window_age: Duration,
    /// Commit at the latest after so many ticks.
    #[arg(long, default_value_t = WindowLimits::default().rows_max as u32, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) window_rows: u32,
    /// Commit at the latest when ticks in memory reach so many bytes.
    #[arg(long, default_value_t = WindowLimits::default().bytes_max as u32, value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    pub(crate) window_bytes: u32,
    /// Do not write the JSON mirror.
    #[arg(long)]
    pub(crate) no_json_mirror: bool,
    /// Print one JSON object on stdout at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    Table,
    Csv,
    Json,
    Ndjson,
}

/// SQL over a lake: the tables stock_data, stock_data_json and dead_letters.
#[derive(Debug, Parser)]
#[command(name = "lake-sql", version)]
pub(crate) struct LakeSqlArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Run these statements and leave.
    #[arg(short = 'c', long = "command", value_name = "SQL", conflicts_with = "file", allow_hyphen_values = true)]
    pub(crate) command: Option<String>,
    /// Run the statements of a file and leave; - reads standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: FormatArg,
    /// Read the lake as it was at this version of stock_data, or at this time (RFC 3339).
    #[arg(long, value_name = "VERSION|TIME", value_parser = parse_as_of)]
    pub(crate) as_of: Option<AsOf>,
}

fn parse_as_of(text: &str) -> Result<AsOf, String> {
    if let Ok(version) = text.parse::<u64>() {
        return Ok(AsOf::Version(version));
    }
    match ticklake_schemas::parse_event_time(text) {
        Ok(ns) => Ok(AsOf::TimeMs(ns / 1_000_000)),
        Err(_) => Err("give a version number or a time such as 2026-01-31T12:00:00Z".into()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// Ask these brokers how far their topic goes.
    #[arg(long, env = "TICKLAKE_BROKERS", value_name = "HOST:PORT,…")]
    pub(crate) brokers: Option<String>,
    /// The topic to ask for.
    #[arg(long, default_value = DEFAULT_TOPIC)]
    pub(crate) topic: String,
    /// Name its offsets are recorded under. Default: the topic.
    #[arg(long)]
    pub(crate) source: Option<String>,
    #[command(flatten)]
    pub(crate) options: KafkaOptions,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CatalogArgs {
    #[command(subcommand)]
    pub(crate) command: CatalogCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Creates or repairs everything in Glue from the lake's log.
    Sync(CatalogSyncArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CatalogSyncArgs {
    #[command(flatten)]
    pub(crate) lake: LakeArg,
    /// The Glue database.
    #[arg(long, value_name = "NAME")]
    pub(crate) glue_database: String,
    /// Point tables of these names that belong to another lake to this one.
    #[arg(long)]
    pub(crate) move_tables: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        TicklakeArgs::command().debug_assert();
        LakeSqlArgs::command().debug_assert();
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "10", "s", "0s", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
