//! Every flag of every command, as typed values: a file a command.
//!
//! Owns: the commands.
//! Does not own: flags that are settings, too (`settings`), what a command does with its flags.

mod audit;
mod catalog;
mod config;
mod demo;
mod dlq;
mod doctor;
mod ingest;
mod lint;
mod offsets;
mod produce;
mod sql;
mod status;
mod vacuum;
mod vol;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use audit::AuditArgs;
pub(crate) use catalog::{CatalogArgs, CatalogCommand};
pub(crate) use config::ConfigArgs;
pub(crate) use demo::DemoArgs;
pub(crate) use dlq::{DlqArgs, DlqCommand, DlqListArgs, DlqReplayArgs, DlqShowArgs, LettersArgs, Since};
pub(crate) use doctor::DoctorArgs;
pub(crate) use ingest::IngestArgs;
pub(crate) use lint::LintArgs;
pub(crate) use offsets::{OffsetsArgs, OffsetsCommand, OffsetsResetArgs, OffsetsShowArgs};
pub(crate) use produce::{ProduceArgs, Start};
pub(crate) use sql::{FormatArg, LakeSqlArgs};
pub(crate) use status::StatusArgs;
pub(crate) use vacuum::VacuumArgs;
pub(crate) use vol::{ParameterArgs, VolArgs, VolCommand, VolRunArgs};

/// Live market ticks from Kafka into an S3 lakehouse, exactly once; the same SQL on a laptop as on Athena.
#[derive(Debug, Parser)]
#[command(name = "ticklake", version)]
pub(crate) struct TicklakeArgs {
    #[command(subcommand)]
    pub(crate) command: Command,
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
    /// What Athena would say of SQL files, without data and without AWS; exit code 1 if it would say anything.
    Lint(LintArgs),
    /// Volatility estimators and market statistics as ready SQL: list them, print one for Athena, run one on a lake.
    Vol(VolArgs),
    /// What a lake holds and, with brokers, how far behind Kafka it is.
    Status(StatusArgs),
    /// Whether every message is in a lake exactly once: from the tables alone, or with brokers held against the topic itself.
    Audit(AuditArgs),
    /// Whether brokers, topic, store, clock and Glue are as an ingester needs them, and what to do where not.
    Doctor(DoctorArgs),
    /// Kafka's offsets as the log records them.
    Offsets(OffsetsArgs),
    /// Removes files that no reader needs any more.
    Vacuum(VacuumArgs),
    /// The settings in force, and where each comes from.
    Config(ConfigArgs),
    /// The Glue catalog of a lake.
    Catalog(CatalogArgs),
    /// Messages that are not ticks: list them, look at one, send them back.
    Dlq(DlqArgs),
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
}
