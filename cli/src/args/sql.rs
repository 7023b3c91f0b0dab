//! Flags of `lake-sql` and `ticklake sql`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use ticklake_lake::AsOf;

use crate::settings::{Flags, LakeKeys, bytes};

/// Below it hardly a statement runs.
const MEMORY_LIMIT_LEAST: usize = 16 << 20;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    Table,
    Csv,
    Json,
    Ndjson,
}

/// SQL over a lake: the tables stock_data, stock_data_json and dead_letters.
#[derive(Debug, Parser)]
#[command(name = "lake-sql", version)]
pub(crate) struct LakeSqlArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<LakeKeys>,
    /// Run these statements and leave.
    #[arg(short = 'c', long = "command", value_name = "SQL", conflicts_with = "file", allow_hyphen_values = true)]
    pub(crate) command: Option<String>,
    /// Run the statements of a file and leave; - reads standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: FormatArg,
    /// Take DataFusion's own SQL, which is more than Athena takes, and answer as DataFusion does.
    #[arg(long)]
    pub(crate) lenient: bool,
    /// What a statement's sorts, groups, joins and windows may hold in memory; what can goes to the temporary directory beyond it.
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = bytes::<MEMORY_LIMIT_LEAST, { usize::MAX }>)]
    pub(crate) memory_limit: usize,
    /// Read the lake as it was at this version of stock_data, or at this time (RFC 3339).
    #[arg(long, value_name = "VERSION|TIME", value_parser = parse_as_of)]
    pub(crate) as_of: Option<AsOf>,
}

fn parse_as_of(text: &str) -> Result<AsOf, String> {
    if let Ok(version) = text.parse::<u64>() {
        return Ok(AsOf::Version(version));
    }
    match ticklake_schemas::parse_event_time(text) {
        Ok(ns) => Ok(AsOf::TimeMs(ns / 1_000_000)),
        Err(_) => Err("give a version number or a time such as 2026-01-31T12:00:00Z".into()),
    }
}
