//! Flags of `ticklake vol`.
//!
//! Owns: names, defaults, help texts; which parameters have flags of their own.
//! Does not own: what parameters a statement has (`query::volatility`), what the command does with them.

use clap::{Args, Subcommand};

use super::FormatArg;
use crate::settings::{Flags, LakeKeys};

#[derive(Debug, Args)]
pub(crate) struct VolArgs {
    #[command(subcommand)]
    pub(crate) command: VolCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VolCommand {
    /// Names every statement and what it estimates.
    List(VolListArgs),
    /// Prints a statement, its parameters put in, as Athena takes it; its head explains formula, source, units and parameters.
    Show(VolShowArgs),
    /// Runs a statement on a lake, in Athena's dialect.
    Run(VolRunArgs),
}

#[derive(Debug, Args)]
pub(crate) struct VolListArgs {
    /// Print one JSON object on stdout, heads and parameters included.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VolShowArgs {
    /// The statement, as `vol list` names it.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) parameters: ParameterArgs,
}

#[derive(Debug, Args)]
pub(crate) struct VolRunArgs {
    /// The statement, as `vol list` names it.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) parameters: ParameterArgs,
    #[command(flatten)]
    pub(crate) settings: Flags<LakeKeys>,
    /// How results are printed.
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: FormatArg,
}

/// Parameters; those that most statements have by flags of their own.
#[derive(Debug, Args)]
pub(crate) struct ParameterArgs {
    /// The table of ticks: stock_data or stock_data_json, for Athena with its database.
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// The instrument; every one if none is named.
    #[arg(long, value_name = "SYMBOL")]
    symbol: Option<String>,
    /// Only ticks from this moment on: a date or RFC 3339.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Only ticks before this moment: a date or RFC 3339.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Length of a bar, such as 1s, 5m, 1h or 1d.
    #[arg(long, value_name = "DURATION")]
    bar: Option<String>,
    /// How many bars a figure looks back on.
    #[arg(long, value_name = "BARS", allow_hyphen_values = true)]
    window: Option<String>,
    /// How long a period is that a realised figure is of, such as 1h or 1d.
    #[arg(long, value_name = "DURATION")]
    period: Option<String>,
    /// How far the samples of a realised figure are apart, such as 5m.
    #[arg(long, value_name = "DURATION")]
    interval: Option<String>,
    /// Any parameter, as `vol show` lists them; repeatable.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_pair)]
    others: Vec<(String, String)>,
}

impl ParameterArgs {
    /// Names and values.
    pub(crate) fn given(self) -> Vec<(String, String)> {
        let Self { table, symbol, from, to, bar, window, period, interval, others } = self;
        let flags = [
            ("table", table),
            ("symbol", symbol),
            ("from", from),
            ("to", to),
            ("bar", bar),
            ("window", window),
            ("period", period),
            ("interval", interval),
        ];
        let flags = flags.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        flags.chain(others).collect()
    }
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or("give a name and a value, such as periods_per_year=365")?;
    Ok((pair.0.to_owned(), pair.1.to_owned()))
}
