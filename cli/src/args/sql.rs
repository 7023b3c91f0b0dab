//! Flags of `lake-sql` and `ticklake sql`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use ticklake_lake::AsOf;

use crate::settings::{Flags, LakeTopicKeys, bytes};

/// Below it hardly a statement runs.
const MEMORY_LIMIT_LEAST: usize = 16 << 20;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    Table,
    Vertical,
    Csv,
    Tsv,
    Json,
    Ndjson,
    Markdown,
}

/// SQL over a lake: the tables stock_data, stock_data_json and dead_letters.
#[derive(Debug, Parser)]
#[command(name = "lake-sql", version)]
pub(crate) struct LakeSqlArgs {
    #[command(flatten)]
    pub(crate) settings: Flags<LakeTopicKeys>,
    /// Run these statements and meta-commands and leave; several are run in their order.
    #[arg(short = 'c', long = "command", value_name = "SQL", conflicts_with = "file", allow_hyphen_values = true)]
    pub(crate) commands: Vec<String>,
    /// Run the statements and meta-commands of a file and leave; - reads standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// A value that statements take as :NAME, a number or a text; it is put in as one literal, never as SQL.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) parameters: Vec<(String, String)>,
    /// How answers are shown, as \pset at the prompt: format, rows, expanded, timing, pager, keys.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub(crate) shown: Vec<(String, String)>,
    /// Tell the ticks that Kafka has and the lake has not yet, too, each once; needs --brokers.
    #[arg(long, conflicts_with = "as_of")]
    pub(crate) live: bool,
    /// So many of them at most.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) live_rows_max: usize,
    /// Tell each statement on stderr before it is run.
    #[arg(long)]
    pub(crate) echo: bool,
    /// Tell errors and go on with the next statement; the exit code still is 1.
    #[arg(long)]
    pub(crate) keep_going: bool,
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
    #[arg(long, value_name = "VERSION|TIME")]
    pub(crate) as_of: Option<AsOf>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
