//! A session: statements and meta-commands go in, answers come out.
//!
//! Owns: what stays between statements (version, values, format, timing), the order of a text's inputs, stopping at an error.
//! Does not own: cutting a text (`input`), running a statement (`engine`), writing an answer (`output`), who types (`prompt`, `cli`).
//! Invariant: after an error nothing further of its text is run, unless told to keep going; what stays is changed by whole commands
//! only, so that a session may be stopped at any moment.

mod lake;
mod opened;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::commands::{self, Command};
use super::editor::Keys;
use super::input::{Input, inputs};
use super::pager::Pager;
use super::script::read_script;
use super::settings::Settings;
use super::variables::Variables;
use crate::output::{Format, texts, write_file, write_result};
use crate::run::numbered;
use crate::{Engine, EngineOptions, Live, QueryError, QueryResult, Work, told};
use opened::Opened;
use ticklake_lake::Lake;
use tokio::task::JoinSet;

/// A script that includes scripts goes no deeper.
const INCLUDES_MAX: usize = 16;

/// How a session goes about its work.
#[derive(Debug, Clone, Copy)]
pub struct SessionOptions {
    /// How answers are written.
    pub format: Format,
    /// Characters that fit on a line of the screen, where somebody knows; asked before each answer.
    pub width: fn() -> Option<usize>,
    /// Lines that fit on the screen of a person, who is given what is longer by a pager.
    pub height: fn() -> Option<usize>,
    /// Rows of a table after which it stops; nothing stops it where this is `None`.
    pub rows_max: Option<usize>,
    /// Whether errors are told and passed over instead of ending a text.
    pub keeps_going: bool,
    /// Whether statements are told on stderr before they are run.
    pub echoes: bool,
    /// Begins to show how far a statement has got; what it gives is dropped when the first rows are there.
    pub watching: Option<fn(Work) -> Box<dyn Send>>,
    /// Whether the newest version is looked for before each statement, where no other is asked for.
    pub follows: bool,
}

/// Whether a session goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    On,
    /// It was told to end.
    Quit,
}

/// What becomes of a statement's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then<'a> {
    Show,
    /// Nobody is asked to leave a pager.
    ShowUnpaged,
    /// The values of its one row are set, under names with this prefix.
    SetTo(&'a str),
}

/// One user's session over a lake.
#[derive(Debug)]
pub struct Session {
    engine: Opened,
    options: SessionOptions,
    variables: Variables,
    settings: Settings,
    /// Where the next answer goes, if not to the screen.
    file: Option<PathBuf>,
    /// Whether the newest version is read, and not one that was asked for.
    is_newest: bool,
    /// Whose ticks can be told beside the lake's, and whether they are.
    live: Option<(Live, bool)>,
    errors: u64,
    including: usize,
}

impl Session {
    /// A session over what `engine` reads.
    pub fn new(engine: Engine, options: SessionOptions) -> Self {
        Self::over(Opened::given(engine), options)
    }

    /// A session over a lake that is opened meanwhile: the first statement waits for it. Needs a tokio runtime.
    pub fn opening(lake: Lake, engine: EngineOptions, options: SessionOptions) -> Self {
        Self::over(Opened::begin(lake, engine), options)
    }

    fn over(engine: Opened, options: SessionOptions) -> Self {
        let settings = Settings::new(options.format, options.rows_max);
        let variables = Variables::default();
        Self { engine, options, variables, settings, file: None, is_newest: true, live: None, errors: 0, including: 0 }
    }

    /// The same, able to tell ticks that are not in the lake yet; `is_on` tells them from the first statement on.
    pub fn with_live(self, live: Live, is_on: bool) -> Self {
        Self { live: Some((live, is_on)), ..self }
    }

    /// Waits until the lake is open.
    ///
    /// # Errors
    /// As [`Engine::open`]; the next statement tries again.
    pub async fn opened(&mut self) -> Result<(), QueryError> {
        self.engine.get().await.map(|_| ())
    }

    /// The engine as it was opened, once it is.
    pub(in crate::repl) fn first_engine(&self) -> Arc<OnceLock<Engine>> {
        self.engine.first()
    }

    /// Whose keys edit what is typed.
    pub(in crate::repl) fn keys(&self) -> Keys {
        self.settings.keys
    }

    /// How many errors were passed over.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// Sets a value that statements take as `:name`: a number if it reads as one, else a text.
    ///
    /// # Errors
    /// `Sql` for a name that none can be.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), QueryError> {
        self.variables.set(name, value)
    }

    /// Sets how answers are shown, as `\\pset` does.
    ///
    /// # Errors
    /// `Sql` for a setting or a value that there is not.
    pub fn pset(&mut self, name: &str, value: &str) -> Result<(), QueryError> {
        self.settings.set(&format!("{name} {value}"), &mut std::io::sink())
    }

    /// Does all that a text says and writes the answers to `out`, which is flushed at the end.
    ///
    /// # Errors
    /// The first error, naming the statement's number when there are several; with `keeps_going` only a failure to write.
    /// What was written before it stays.
    pub async fn run(&mut self, text: &str, out: &mut (dyn Write + Send)) -> Result<Flow, QueryError> {
        let inputs = inputs(text);
        let many = inputs.iter().filter(|input| matches!(input, Input::Statement(_))).count() > 1;
        let (mut at, mut number) = (0, 0);
        while let Some(input) = inputs.get(at) {
            let next = inputs.get(at + 1);
            at += 1;
            let done = match input {
                Input::Command(text) => self.command(text, out).await,
                Input::Statement(sql) => {
                    if number > 0 && self.settings.format.stands_apart() {
                        writeln!(out)?;
                    }
                    number += 1;
                    let prefix = next.and_then(gset);
                    at += usize::from(prefix.is_some());
                    let then = prefix.map_or(Then::Show, Then::SetTo);
                    let done = self.statement(sql, then, out).await;
                    done.map(|()| Flow::On).map_err(|e| if many { numbered(e, number) } else { e })
                }
            };
            match done {
                Ok(Flow::On) => {}
                Err(error) if self.options.keeps_going && !matches!(error, QueryError::Output(_)) => {
                    out.flush()?;
                    self.errors += 1;
                    tell_error(&error)?;
                }
                ends => {
                    out.flush()?;
                    return ends;
                }
            }
        }
        out.flush()?;
        Ok(Flow::On)
    }

    async fn statement(&mut self, sql: &str, then: Then<'_>, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        if self.options.echoes {
            tell(&format!("{sql};"))?;
        }
        let began = Instant::now();
        let engine = self.refresh().await?;
        let result = planned(engine, self.variables.put_in(sql)).await?;
        match then {
            Then::SetTo(prefix) => self.set_to_row(prefix, result).await?,
            then => self.write(result, then == Then::Show, out).await?,
        }
        if self.settings.is_timed {
            out.flush()?;
            tell(&format!("Time: {}", told::time(began.elapsed())))?;
        }
        Ok(())
    }

    /// Shows a text, by a pager where it is long.
    fn show(&self, text: &str, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        let mut pager = Pager::before(out, self.screen_rows());
        let written = pager.write_all(text.as_bytes());
        pager.end(written.map_err(QueryError::from))
    }

    /// How long the screen is, if what is longer is to be paged.
    fn screen_rows(&self) -> Option<usize> {
        self.settings.is_paged.then(self.options.height).flatten()
    }

    /// Writes an answer to where it is to go.
    async fn write(&mut self, mut result: QueryResult, may_page: bool, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        let watching = self.options.watching.map(|begin| begin(result.work().clone()));
        let Some(path) = self.file.take() else {
            result.keep_until_rows(watching);
            let mut pager = Pager::before(out, self.screen_rows().filter(|_| may_page));
            let written = write_result(result, self.settings.format((self.options.width)()), &mut pager).await;
            return pager.end(written.map(|_| ()));
        };
        let rows = write_file(result, &path).await?;
        drop(watching);
        tell(&format!("{} in {}", told::counted(rows, "row"), path.display()))
    }

    async fn command(&mut self, text: &str, out: &mut (dyn Write + Send)) -> Result<Flow, QueryError> {
        let (entry, rest) = commands::parse(text)?;
        match entry.command {
            Command::Help => self.show(&commands::help(), out)?,
            Command::Quit => return Ok(Flow::Quit),
            Command::Expanded => self.settings.expand(rest)?,
            Command::Setting => self.settings.set(rest, out)?,
            Command::Timing => self.settings.time(rest)?,
            Command::Include => return Box::pin(self.include(rest, out)).await,
            Command::Set => self.set_or_show(rest, out)?,
            Command::Unset if self.variables.unset(rest) => {}
            Command::Unset => return Err(QueryError::Sql(format!("there is no value {rest:?}; \\set shows all"))),
            Command::Go => {}
            Command::GSet => {
                return Err(QueryError::Sql("\\gset stands after a statement, in the place of its semicolon".into()));
            }
            Command::Edit => return Err(QueryError::Sql("\\e is for the prompt alone".into())),
            Command::AsOf => self.read_as_of(rest).await?,
            Command::Live => self.switch_live(rest).await?,
            Command::File => self.file = Some(named(rest)?),
            Command::Copy => self.copy(rest, out).await?,
            of_lake => self.lake_command(of_lake, rest, out).await?,
        }
        Ok(Flow::On)
    }

    /// `TABLE TO FILE`, or `(QUERY) TO FILE`.
    async fn copy(&mut self, rest: &str, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        let to = rest.to_ascii_lowercase().rfind(" to ").ok_or_else(|| {
            QueryError::Sql("\\copy takes a table or a query, and a file: \\copy (SELECT …) TO day.parquet".into())
        })?;
        let (what, path) = (rest[..to].trim(), named(&rest[to + 4..])?);
        let query = what.strip_prefix('(').and_then(|inside| inside.strip_suffix(')'));
        let sql = query.map_or_else(|| format!("SELECT * FROM {what}"), str::to_owned);
        self.file = Some(path);
        let done = self.statement(&sql, Then::Show, out).await;
        self.file = None;
        done
    }

    async fn include(&mut self, file: &str, out: &mut (dyn Write + Send)) -> Result<Flow, QueryError> {
        let text = read_script(std::path::Path::new(file))?;
        if self.including == INCLUDES_MAX {
            return Err(QueryError::Sql(format!(
                "{file} is included by {INCLUDES_MAX} files that include each other; end the circle"
            )));
        }
        self.including += 1;
        let ran = self.run(&text, out).await;
        self.including -= 1;
        ran
    }

    fn set_or_show(&mut self, rest: &str, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if !name.is_empty() {
            return self.variables.set(name, value.trim());
        }
        for (name, literal) in self.variables.all() {
            writeln!(out, "{name} = {literal}")?;
        }
        Ok(())
    }

    /// Sets `prefix` and each column's name to the value of the one row.
    async fn set_to_row(&mut self, prefix: &str, result: QueryResult) -> Result<(), QueryError> {
        let rows = texts(result, 2).await?;
        let [row] = &rows.rows[..] else {
            let many = if rows.rows.is_empty() { "none" } else { "more than one" };
            return Err(QueryError::Sql(format!("\\gset takes a statement of one row; this has {many}")));
        };
        for (name, value) in rows.names.iter().zip(row) {
            match value {
                Some(value) => self.variables.set(&format!("{prefix}{name}"), value)?,
                None => {
                    self.variables.unset(&format!("{prefix}{name}"));
                }
            }
        }
        Ok(())
    }
}

/// Begins a statement, on a task of its own: constants that take long to fold must not keep who turns away.
async fn planned(engine: Engine, sql: String) -> Result<QueryResult, QueryError> {
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { engine.sql(&sql).await });
    let failed = |why: String| QueryError::Internal(format!("planning failed: {why}"));
    match tasks.join_next().await {
        Some(planned) => planned.map_err(|e| failed(e.to_string()))?,
        None => Err(failed("it was never begun".to_owned())),
    }
}

/// A file's name, in quotes or not.
fn named(word: &str) -> Result<PathBuf, QueryError> {
    let word = word.trim();
    let inside = word.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(word);
    if inside.is_empty() {
        return Err(QueryError::Sql("the name of a file is missing, such as day.parquet".into()));
    }
    Ok(PathBuf::from(inside))
}

/// The prefix, if an input is `\gset`.
fn gset<'a>(input: &Input<'a>) -> Option<&'a str> {
    let Input::Command(text) = input else { return None };
    commands::parse(text).ok().filter(|(entry, _)| entry.command == Command::GSet).map(|(_, prefix)| prefix)
}

pub(in crate::repl) fn tell(text: &str) -> Result<(), QueryError> {
    writeln!(std::io::stderr(), "{text}")?;
    Ok(())
}

/// An error on stderr, with the line it is in.
pub(in crate::repl) fn tell_error(error: &QueryError) -> Result<(), QueryError> {
    tell(&format!("error: {error}"))?;
    error.excerpt().map_or(Ok(()), tell)
}
