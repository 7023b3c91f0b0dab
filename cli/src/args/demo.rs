//! Flags of `ticklake demo`.
//!
//! Owns: names, defaults, help texts.
//! Does not own: what the command does with them.

use clap::Args;
use ticklake_ingest::produce::Rate;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Where the lake is made, or appended to.
    #[arg(long, default_value = "./ticklake-data/lake", value_name = "URL|DIR")]
    pub(crate) lake: String,
    /// Ticks to produce.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) ticks: u64,
    /// Symbols in the market.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) symbols: u32,
    /// Ticks a second, such as 5000 or 250k, or max.
    #[arg(long, default_value = "max", value_parser = Rate::parse)]
    pub(crate) rate: Rate,
    /// Seed of the simulation: the same seed gives the same market.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// Do not stay in lake-sql afterwards.
    #[arg(long)]
    pub(crate) no_repl: bool,
    /// Print one JSON object on stdout instead of the report.
    #[arg(long)]
    pub(crate) json: bool,
}
