//! Flags of `ticklake offsets`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use crate::settings::{Flags, LakeKeys, LakeTopicKeys};

#[derive(Debug, Args)]
pub(crate) struct OffsetsArgs {
    #[command(subcommand)]
    pub(crate) command: OffsetsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OffsetsCommand {
    /// The next offset of every partition, as the log records it.
    Show(OffsetsShowArgs),
    /// Sets the next offset of a partition by hand: forward gives messages up for good, backward only where no row is.
    Reset(OffsetsResetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct OffsetsShowArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<LakeKeys>,
    /// Only the partitions of this source: the topic, unless it was ingested under another name.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) source: Option<String>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OffsetsResetArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<LakeTopicKeys>,
    /// The partition.
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..))]
    pub(crate) partition: i32,
    /// The offset to be read next.
    #[arg(long, value_name = "OFFSET", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) to: i64,
    /// Do it without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
