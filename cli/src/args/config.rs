//! Flags of `ticklake config`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use clap::Args;

use crate::settings::{AllKeys, Flags};

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<AllKeys>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
