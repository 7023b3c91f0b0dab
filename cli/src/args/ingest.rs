//! Flags of `ticklake ingest`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use std::time::Duration;

use clap::Args;
use ticklake_ingest::breaker::RejectLimits;
use ticklake_ingest::memory::MEMORY_MAX_LEAST;
use ticklake_lake::window::WindowLimits;

use super::{KafkaArgs, LakeArg, parse_bytes, parse_duration};

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
    /// Commit at the latest when ticks fall into more than so many event hours, each of which is a file.
    #[arg(long, default_value_t = WindowLimits::default().open_partitions_max as u32, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) open_partitions_max: u32,
    /// What the process may hold in memory; windows and what is fetched ahead are sized by it.
    #[arg(long, default_value = "512MiB", value_name = "BYTES", value_parser = parse_memory)]
    pub(crate) memory_max: usize,
    /// Hold what is gathered for so long while the lake does not answer; then end with exit code 3, nothing lost.
    #[arg(long, default_value = "10m", value_parser = parse_duration)]
    pub(crate) unavailable_max: Duration,
    /// Stop before committing a window of which a larger share than this are not ticks (and at least 1000 messages); 1 never stops.
    #[arg(long, default_value_t = RejectLimits::default().ratio_max, value_parser = parse_ratio)]
    pub(crate) reject_ratio_max: f64,
    /// Do not write the JSON mirror.
    #[arg(long)]
    pub(crate) no_json_mirror: bool,
    /// Print one JSON object on stdout at the end.
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_memory(text: &str) -> Result<usize, String> {
    match parse_bytes(text)? {
        bytes if bytes < MEMORY_MAX_LEAST => Err(format!("give at least {}MiB", MEMORY_MAX_LEAST >> 20)),
        bytes => Ok(bytes),
    }
}

fn parse_ratio(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or_else(|| "give a share from 0 to 1".into())
}
