//! Flags of `ticklake ingest`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use clap::Args;

use crate::settings::{Flags, IngestKeys};

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<IngestKeys>,
    /// Stop at the high watermarks seen at the start.
    #[arg(long)]
    pub(crate) until_end: bool,
    /// Print one JSON object on stdout at the end.
    #[arg(long)]
    pub(crate) json: bool,
}
