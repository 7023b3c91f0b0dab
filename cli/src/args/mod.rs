//! Every flag of every command, as typed values: a file a command, and here what they share.
//!
//! Owns: the commands, the flags several of them have, reading of durations and settings.
//! Does not own: what a command does with its flags.

mod catalog;
mod demo;
mod dlq;
mod ingest;
mod produce;
mod sql;
mod status;

use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ticklake_schemas::DEFAULT_TOPIC;

pub(crate) use catalog::{CatalogArgs, CatalogCommand};
pub(crate) use demo::DemoArgs;
pub(crate) use dlq::{DlqArgs, DlqCommand, DlqListArgs, DlqReplayArgs, DlqShowArgs, LettersArgs, Since};
pub(crate) use ingest::IngestArgs;
pub(crate) use produce::{ProduceArgs, Start};
pub(crate) use sql::{FormatArg, LakeSqlArgs};
pub(crate) use status::StatusArgs;

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

    /// How they log it.
    pub(crate) fn log_format(&self) -> LogFormat {
        match &self.command {
            Command::Ingest(args) => args.log_format,
            _ => LogFormat::Text,
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
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
    /// Messages that are not ticks: list them, look at one, send them back.
    Dlq(DlqArgs),
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

/// `512MiB`, `64KiB`, `1GiB`, `4096B`.
fn parse_bytes(text: &str) -> Result<usize, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let shift = match unit {
        "B" => Some(0),
        "KiB" => Some(10),
        "MiB" => Some(20),
        "GiB" => Some(30),
        _ => None,
    };
    match number.parse::<usize>().ok().zip(shift).and_then(|(n, shift)| n.checked_mul(1 << shift)) {
        Some(bytes) if bytes > 0 => Ok(bytes),
        _ => Err("give a whole number with a unit: 4096B, 64KiB, 512MiB or 1GiB".into()),
    }
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
    fn bytes_need_a_unit() {
        assert_eq!(parse_bytes("512MiB"), Ok(512 << 20));
        assert_eq!(parse_bytes("1B"), Ok(1));
        for bad in ["", "512", "MiB", "0MiB", "1MB", "1.5GiB", "99999999999GiB"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
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
