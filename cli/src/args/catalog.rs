//! Flags of `ticklake catalog`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use clap::{Args, Subcommand};

use crate::settings::{CatalogKeys, Flags};

#[derive(Debug, Args)]
pub(crate) struct CatalogArgs {
    #[command(subcommand)]
    pub(crate) command: CatalogCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Creates or repairs everything in Glue from the lake's log.
    Sync(CatalogSyncArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CatalogSyncArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<CatalogKeys>,
    /// Point tables of these names that belong to another lake to this one.
    #[arg(long)]
    pub(crate) move_tables: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
