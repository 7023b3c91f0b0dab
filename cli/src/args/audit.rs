//! Flags of `ticklake audit`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use clap::Args;

use crate::settings::{Flags, LakeTopicKeys};

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<LakeTopicKeys>,
    /// Fail, too, when the JSON mirror is not the table: files missing or left over, or another number of lines than ticks.
    /// For a lake that nobody is writing to.
    #[arg(long)]
    pub(crate) mirror: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
