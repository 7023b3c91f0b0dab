//! Flags of `ticklake status`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use clap::Args;

use crate::settings::{Flags, LakeTopicKeys};

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<LakeTopicKeys>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
