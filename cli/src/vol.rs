//! `ticklake vol`: the volatility library on the command line.
//!
//! Owns: listing, showing and running its statements.
//! Does not own: the statements and their parameters (`query::volatility`).
//! Invariant: what `run` runs is the very text that `show` prints.

use std::io::Write as _;

use serde_json::{Value, json};
use ticklake_lake::Lake;
use ticklake_query::volatility::{self, Head, Statement};
use ticklake_query::{Dialect, Engine, EngineOptions, QueryError};

use crate::args::{ParameterArgs, VolArgs, VolCommand, VolRunArgs};
use crate::exit::Failure;
use crate::{screen, sql};

pub(crate) async fn run(args: VolArgs) -> Result<(), Failure> {
    match args.command {
        VolCommand::List(args) => list(args.json),
        VolCommand::Show(args) => Ok(write!(std::io::stdout(), "{}", text(&args.name, args.parameters)?)?),
        VolCommand::Run(args) => run_one(args).await,
    }
}

fn list(as_json: bool) -> Result<(), Failure> {
    let heads: Vec<(&Statement, Head)> =
        volatility::ALL.iter().map(|statement| Ok((statement, statement.head()?))).collect::<Result<_, QueryError>>()?;
    let mut out = std::io::stdout();
    if as_json {
        let statements: Vec<Value> = heads.iter().map(|(statement, head)| described(statement, head)).collect();
        writeln!(out, "{}", json!({ "statements": statements }))?;
    } else {
        let row = |(statement, head): (&Statement, Head)| vec![statement.name.to_owned(), head.estimator];
        write!(out, "{}", screen::table_of(&["name", "estimates"], heads.into_iter().map(row)))?;
    }
    Ok(())
}

fn described(statement: &Statement, head: &Head) -> Value {
    let parameters = head
        .parameters
        .iter()
        .map(|p| json!({ "name": p.name, "type": p.kind.to_string(), "default": p.default, "meaning": p.meaning }));
    json!({
        "name": statement.name, "estimator": head.estimator, "formula": head.formula, "source": head.source,
        "units": head.units, "nulls": head.nulls, "parameters": parameters.collect::<Vec<_>>(),
    })
}

/// The statement with its parameters put in. A wrong name or value is the user's, so it is told as wrong usage.
fn text(name: &str, parameters: ParameterArgs) -> Result<String, Failure> {
    let text = volatility::by_name(name).and_then(|statement| statement.with(&parameters.given()));
    text.map_err(|error| match error {
        QueryError::Sql(why) => Failure::usage(why),
        other => other.into(),
    })
}

async fn run_one(args: VolRunArgs) -> Result<(), Failure> {
    let text = text(&args.name, args.parameters)?;
    let lake = Lake::open(&args.settings.load()?.lake_location).await?;
    let engine = Engine::open(lake, EngineOptions { dialect: Dialect::Athena, ..EngineOptions::default() }).await?;
    sql::run_script(engine, &text, args.format.into()).await
}
