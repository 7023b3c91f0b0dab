//! Flags of `ticklake lint`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// Files of statements, each ended by a semicolon; - reads stdin.
    #[arg(required = true, value_name = "FILE.sql")]
    pub(crate) files: Vec<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    pub(crate) json: bool,
}
