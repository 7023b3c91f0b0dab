//! Flags of `ticklake vacuum`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use std::time::Duration;

use clap::Args;

use crate::settings::{Flags, LakeKeys, duration};

#[derive(Debug, Args)]
pub(crate) struct VacuumArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<LakeKeys>,
    /// Keep what versions current within this time need. What is younger than a day is kept anyway: its commit may yet come.
    #[arg(long, default_value = "7d", value_parser = duration)]
    pub(crate) retain: Duration,
    /// Remove nothing, only tell.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
