//! Flags of `ticklake doctor`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use clap::Args;

use crate::settings::{DoctorKeys, Flags};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<DoctorKeys>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
