//! Flags of `ticklake ingest`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ticklake_ingest::breaker::RejectLimits;
use ticklake_ingest::memory::MEMORY_MAX_LEAST;
use ticklake_ingest::source::kafka::{Assignment, Membership, OnGap};
use ticklake_lake::window::WindowLimits;

use super::{KafkaArgs, LakeArg, LogFormat, parse_bytes, parse_duration};

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    /// Consumer group; processes of one group share the partitions.
    #[arg(long, default_value = "ticklake")]
    pub(crate) group: String,
    /// Read these partitions, such as 0-3,7, without joining the group.
    #[arg(long, value_name = "LIST", value_parser = parse_partitions, conflicts_with_all = ["assignment", "group_instance_id"])]
    partitions: Option<BTreeSet<i32>>,
    /// How the group hands partitions over: only those that move stop, or all.
    #[arg(long, value_enum, default_value = "cooperative-sticky")]
    assignment: AssignmentArg,
    /// A name of this process that outlives it, so that a restart within the session moves no partitions.
    #[arg(long, value_name = "NAME")]
    group_instance_id: Option<String>,
    /// When Kafka has deleted offsets before they were read: stop, or go on and account for them as empty.
    #[arg(long, value_enum, default_value = "stop")]
    on_gap: OnGapArg,
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

fn parse_memory(text: &str) -> Result<usize, String> {
    match parse_bytes(text)? {
        bytes if bytes < MEMORY_MAX_LEAST => Err(format!("give at least {}MiB", MEMORY_MAX_LEAST >> 20)),
        bytes => Ok(bytes),
    }
}

fn parse_ratio(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or_else(|| "give a share from 0 to 1".into())
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum AssignmentArg {
    CooperativeSticky,
    Eager,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnGapArg {
    Stop,
    Accept,
}

impl IngestArgs {
    /// Which partitions are read here.
    pub(crate) fn membership(&self) -> Membership {
        let assignment = match self.assignment {
            AssignmentArg::CooperativeSticky => Assignment::CooperativeSticky,
            AssignmentArg::Eager => Assignment::Eager,
        };
        match &self.partitions {
            Some(only) => Membership::Only(only.clone()),
            None => Membership::Group { assignment, instance: self.group_instance_id.clone() },
        }
    }

    /// What is done about offsets that are gone.
    pub(crate) fn on_gap(&self) -> OnGap {
        match self.on_gap {
            OnGapArg::Stop => OnGap::Stop,
            OnGapArg::Accept => OnGap::Accept,
        }
    }
}

/// No cluster has topics this wide.
const PARTITION_MAX: i32 = 99_999;

/// `0-3,7`.
fn parse_partitions(text: &str) -> Result<BTreeSet<i32>, String> {
    let mut partitions = BTreeSet::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse::<i32>(), last.trim().parse::<i32>()) {
            (Ok(first), Ok(last)) if (0..=last).contains(&first) && last <= PARTITION_MAX => partitions.extend(first..=last),
            _ => return Err(format!("{part:?} is no partition or range up to {PARTITION_MAX}; give a list such as 0-3,7")),
        }
    }
    Ok(partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_partitions_is_never_misread() {
        assert_eq!(parse_partitions("0-3, 7"), Ok(BTreeSet::from([0, 1, 2, 3, 7])));
        assert_eq!(parse_partitions("5"), Ok(BTreeSet::from([5])));
        for bad in ["", ",", "a", "-1", "3-1", "0-", "1,,2", "0-100000", "0-9999999999", "1.5"] {
            assert!(parse_partitions(bad).is_err(), "{bad}");
        }
    }
}
