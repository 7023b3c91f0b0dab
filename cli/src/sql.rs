//! `lake-sql` and `ticklake sql`: statements from the command line, a file, standard input or the prompt.
//!
//! Owns: choosing where statements come from.
//! Does not own: running and printing them (`query`).

use std::io::{IsTerminal, Write as _};
use std::path::Path;

use ticklake_lake::Lake;
use ticklake_query::told;
use ticklake_query::{Dialect, Engine, EngineOptions, Flow, Format, QueryError, Session, SessionOptions, prompt, read_script};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{FormatArg, LakeSqlArgs};
use crate::exit::Failure;
use crate::{live, screen};

/// Rows of an answer that are shown at the prompt; `\pset rows` says otherwise.
const ROWS_AT_PROMPT: usize = 1000;

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Lake(error) => error.into(),
            QueryError::Unavailable(why) => Self::unavailable(why),
            QueryError::Output(error) => error.into(),
            other => Self::failed(other.to_string()).with_excerpt(other.excerpt()),
        }
    }
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Table => screen::table(),
            FormatArg::Vertical => screen::vertical(),
            FormatArg::Csv => Self::Csv,
            FormatArg::Tsv => Self::Tsv,
            FormatArg::Json => Self::Json,
            FormatArg::Ndjson => Self::Ndjson,
            FormatArg::Markdown => Self::Markdown,
        }
    }
}

pub(crate) async fn run(args: LakeSqlArgs) -> Result<(), Failure> {
    let settings = args.settings.load()?;
    let script = |file: &Path| read_script(file).map(|text| vec![text]).map_err(|e| Failure::usage(e.to_string()));
    let scripts = match &args.file {
        Some(file) => script(file)?,
        None if args.commands.is_empty() && !std::io::stdin().is_terminal() => script(Path::new("-"))?,
        None => args.commands,
    };
    let lake = Lake::open(&settings.lake_location).await?;
    let options = EngineOptions {
        as_of: args.as_of.unwrap_or_default(),
        memory_max_bytes: args.memory_limit,
        dialect: if args.lenient { Dialect::DataFusion } else { Dialect::Athena },
        ..EngineOptions::default()
    };
    let at_prompt = scripts.is_empty();
    let options_of_session = SessionOptions {
        keeps_going: args.keep_going,
        echoes: args.echo,
        follows: at_prompt && args.as_of.is_none(),
        rows_max: at_prompt.then_some(ROWS_AT_PROMPT),
        height: if at_prompt { screen::height } else { || None },
        ..self::options(args.format.into())
    };
    let mut session = Session::opening(lake, options, options_of_session);
    match live::of(&settings, args.live_rows_max) {
        Some(live) => session = session.with_live(live, args.live),
        None if args.live => return Err(Failure::usage("--live needs --brokers, or [kafka] brokers in ticklake.toml")),
        None => {}
    }
    let usage = |e: QueryError| Failure::usage(e.to_string());
    args.parameters.iter().try_for_each(|(name, value)| session.set(name, value)).map_err(usage)?;
    args.shown.iter().try_for_each(|(name, value)| session.pset(name, value)).map_err(usage)?;
    if at_prompt {
        return Ok(prompt(session, &mut std::io::stdout()).await?);
    }
    session.opened().await?;
    run_scripts(session, &scripts).await
}

/// Runs texts of statements and meta-commands, until they end or the user interrupts them.
async fn run_scripts(mut session: Session, scripts: &[String]) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let run = async {
        for script in scripts {
            if session.run(script, &mut out).await? == Flow::Quit {
                break;
            }
        }
        match session.errors() {
            0 => Ok(()),
            errors => Err(Failure::failed(format!("{} passed over", told::counted(errors, "error")))),
        }
    };
    // Listening begins before anything is run: a signal must never find nobody.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let ran = tokio::select! {
        ran = run => ran,
        _ = interrupt.recv() => Err(Failure::signalled(SignalKind::interrupt())),
    };
    out.flush()?;
    ran
}

/// Runs one text over a lake, as a script of its own.
pub(crate) async fn run_script(engine: Engine, sql: &str, format: Format) -> Result<(), Failure> {
    run_scripts(Session::new(engine, options(format)), &[sql.to_owned()]).await
}

/// The prompt, until the user leaves it.
pub(crate) async fn stay(engine: Engine, format: Format) -> Result<(), Failure> {
    let session = SessionOptions { follows: true, rows_max: Some(ROWS_AT_PROMPT), height: screen::height, ..options(format) };
    let session = Session::new(engine, session);
    Ok(prompt(session, &mut std::io::stdout()).await?)
}

/// A session that nobody set anything of.
fn options(format: Format) -> SessionOptions {
    SessionOptions {
        format,
        width: screen::width,
        height: || None,
        rows_max: None,
        keeps_going: false,
        echoes: false,
        watching: Some(screen::watching),
        follows: false,
    }
}
