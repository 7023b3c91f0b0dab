//! What a session asks of its lake: its tables and versions, what statements cost, which version is read.
//!
//! Owns: those commands, and that the newest version is read before each statement where none was asked for.
//! Does not own: reading commands and statements (`session`), what the answers say (`catalog`, `measure`, `chart`, `plan`).
//! Invariant: a version that was asked for is read until another is, and nothing live beside it.

use std::io::Write;
use std::time::Duration;

use ticklake_lake::AsOf;
use ticklake_lake::clock::{Clock as _, SystemClock};

use super::{Session, Then, tell};
use crate::output::texts;
use crate::repl::commands::Command;
use crate::repl::{catalog, chart, measure, plan};
use crate::{Engine, QueryError, told, volatility};

/// Of a drawing, where nobody knows how wide the screen is.
const WIDTH: usize = 80;

impl Session {
    /// What the next statement reads: the newest version, and what is live beside it, where nothing else was asked for.
    pub(super) async fn refresh(&mut self) -> Result<Engine, QueryError> {
        let mut engine = self.engine.get().await?;
        let follows = self.options.follows || self.is_live();
        if !self.is_newest || !follows {
            return Ok(engine);
        }
        if engine.is_behind().await? {
            engine = engine.as_of(AsOf::Latest).await?;
        }
        if let Some((live, true)) = &self.live {
            engine = engine.live(live).await?;
        }
        self.engine.set(engine.clone());
        Ok(engine)
    }

    /// Whether ticks that are not in the lake yet are told.
    fn is_live(&self) -> bool {
        self.is_newest && self.live.as_ref().is_some_and(|(_, is_on)| *is_on)
    }

    /// `on`, `off`, or how it is.
    pub(super) async fn switch_live(&mut self, rest: &str) -> Result<(), QueryError> {
        let Some((_, is_on)) = &mut self.live else {
            return Err(QueryError::Sql(
                "no topic is named; start lake-sql with --brokers and --topic, or name them in ticklake.toml".into(),
            ));
        };
        match rest {
            "" => {}
            "on" => *is_on = true,
            "off" => *is_on = false,
            other => return Err(QueryError::Sql(format!("\\live takes on or off, not {other:?}"))),
        }
        if rest == "off" && self.is_newest {
            let engine = self.engine.get().await?.as_of(AsOf::Latest).await?;
            self.engine.set(engine);
        }
        if rest == "on" {
            self.refresh().await?;
        }
        tell(&self.told_version())
    }

    /// What asks something of the lake, or of a statement.
    pub(super) async fn lake_command(
        &mut self,
        command: Command,
        rest: &str,
        out: &mut (dyn Write + Send),
    ) -> Result<(), QueryError> {
        let engine = &self.refresh().await?;
        let result = match command {
            Command::Describe if rest.is_empty() => catalog::tables(engine)?,
            Command::Describe => catalog::columns(engine, rest, false)?,
            Command::DescribeMore => {
                let columns = catalog::columns(engine, rest, true)?;
                let details = catalog::details(engine, rest)?;
                self.write(columns, true, out).await?;
                writeln!(out)?;
                details
            }
            Command::Partitions => catalog::partitions(engine, rest)?,
            Command::History => catalog::history(engine, rest).await?,
            Command::Diff => catalog::diff(engine, rest).await?,
            Command::Volatility if rest.is_empty() => catalog::library(engine)?,
            Command::Volatility => return self.volatility(rest, out).await,
            Command::Watch => return self.watch(rest, out).await,
            measured => {
                let text = self.measured(engine, measured, &self.variables.put_in(rest)).await?;
                return self.show(&text, out);
            }
        };
        self.write(result, true, out).await
    }

    /// What is told of a statement instead of its answer.
    async fn measured(&self, engine: &Engine, command: Command, sql: &str) -> Result<String, QueryError> {
        Ok(match command {
            Command::Athena => measure::of_athena(sql),
            Command::Cost => measure::cost(engine, sql).await?,
            Command::Plan => plan::tree(&engine.work(sql).await?, false),
            Command::PlanMeasured => {
                let mut result = engine.sql(sql).await?;
                while result.next().await?.is_some() {}
                plan::tree(result.work(), true)
            }
            Command::Bench => measure::bench(engine, measure::number_and_sql("\\bench", sql, "a number of runs")?).await?,
            Command::Chart => {
                let answer = texts(engine.sql(chart::statement(sql)).await?, chart::ROWS_MAX).await?;
                chart::draw(sql, &answer, (self.options.width)().unwrap_or(WIDTH))?
            }
            other => return Err(QueryError::Internal(format!("{other:?} is nothing to measure"))),
        })
    }

    /// Runs a statement every so many seconds, until who watches turns away.
    async fn watch(&mut self, rest: &str, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        let (seconds, sql) = measure::number_and_sql("\\watch", rest, "a number of seconds")?;
        loop {
            let now = chrono::DateTime::from_timestamp_nanos(SystemClock.now_ns());
            writeln!(out, "{}  every {}", now.format("%Y-%m-%d %H:%M:%S UTC"), told::counted(seconds as u64, "second"))?;
            self.statement(sql, Then::ShowUnpaged, out).await?;
            writeln!(out)?;
            out.flush()?;
            tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
        }
    }

    pub(super) async fn read_as_of(&mut self, rest: &str) -> Result<(), QueryError> {
        let as_of = match rest {
            "" => return tell(&self.told_version()),
            "off" => AsOf::Latest,
            other => other.parse().map_err(QueryError::Sql)?,
        };
        let engine = self.engine.get().await?.as_of(as_of).await?;
        self.engine.set(engine);
        self.is_newest = as_of == AsOf::Latest;
        tell(&self.told_version())
    }

    /// What is read: the lake, and its version.
    pub(in crate::repl) fn told_version(&self) -> String {
        let Some(engine) = self.engine.now() else { return "a lake that is being opened".to_owned() };
        let version = engine.version().map_or_else(|| "no data yet".to_owned(), |v| format!("version {v}"));
        let live = if self.is_live() { ", live" } else { "" };
        format!("{} ({version}{live})", engine.lake().display())
    }

    async fn volatility(&mut self, rest: &str, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        let mut words = rest.split_whitespace();
        let name = words.next().unwrap_or_default();
        let given = words.map(|word| {
            word.split_once('=').ok_or_else(|| QueryError::Sql(format!("give parameters as NAME=VALUE, not {word:?}")))
        });
        let given: Vec<_> = given.collect::<Result<_, _>>()?;
        let text = volatility::by_name(name)?.with(&given)?;
        self.statement(&text, Then::Show, out).await
    }
}
