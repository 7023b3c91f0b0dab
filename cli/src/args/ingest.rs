//! Flags of `ticklake ingest`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use ticklake_lake::window::WindowLimits;

use super::{KafkaArgs, LakeArg, LogFormat, parse_duration};

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
    /// Serve /metrics, /healthz and /readyz here, such as 127.0.0.1:9464.
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) metrics: Option<SocketAddr>,
    /// Log lines for people, or one JSON object a line.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Print one JSON object on stdout at the end.
    #[arg(long)]
    pub(crate) json: bool,
}
