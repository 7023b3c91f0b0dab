//! `lake-sql` and `ticklake sql`: statements from the command line, a file, standard input or the prompt.
//!
//! Owns: choosing where statements come from.
//! Does not own: running and printing them (`query`).

use std::io::{IsTerminal, Read as _, Write as _};
use std::path::Path;

use ticklake_lake::Lake;
use ticklake_query::{Dialect, Engine, EngineOptions, Format, QueryError, before_quit, prompt, run_statements};
use tokio::signal::unix::SignalKind;

use crate::args::{FormatArg, LakeSqlArgs};
use crate::exit::Failure;
use crate::screen;

/// A script larger than this is data that went astray.
const SCRIPT_BYTES_MAX: u64 = 16 << 20;

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Lake(error) => error.into(),
            QueryError::Output(error) => error.into(),
            other => Self::failed(other.to_string()).with_excerpt(other.excerpt()),
        }
    }
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Table => screen::table(),
            FormatArg::Csv => Self::Csv,
            FormatArg::Json => Self::Json,
            FormatArg::Ndjson => Self::Ndjson,
        }
    }
}

pub(crate) async fn run(args: LakeSqlArgs) -> Result<(), Failure> {
    let settings = args.settings.load()?;
    let script = match (args.command, &args.file) {
        (Some(sql), _) => Some(sql),
        (None, Some(file)) => Some(read_script(file)?),
        (None, None) if !std::io::stdin().is_terminal() => Some(read_script(Path::new("-"))?),
        (None, None) => None,
    };
    let lake = Lake::open(&settings.lake_location).await?;
    let options = EngineOptions {
        as_of: args.as_of.unwrap_or_default(),
        memory_max_bytes: args.memory_limit,
        dialect: if args.lenient { Dialect::DataFusion } else { Dialect::Athena },
        ..EngineOptions::default()
    };
    let engine = Engine::open(lake, options).await?;
    let format = args.format.into();
    match script {
        Some(sql) => run_script(&engine, &sql, format).await,
        None => stay(&engine, format).await,
    }
}

/// Runs a text of statements, until it ends or the user interrupts it.
pub(crate) async fn run_script(engine: &Engine, sql: &str, format: Format) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let ran = tokio::select! {
        ran = run_statements(engine, before_quit(sql), format, &mut out) => ran.map(|_| ()).map_err(Failure::from),
        _ = tokio::signal::ctrl_c() => Err(Failure::signalled(SignalKind::interrupt())),
    };
    out.flush()?;
    ran
}

/// The prompt, until the user leaves it.
pub(crate) async fn stay(engine: &Engine, format: Format) -> Result<(), Failure> {
    Ok(prompt(engine, format, &mut std::io::stdout()).await?)
}

fn read_script(file: &Path) -> Result<String, Failure> {
    let from_stdin = file == Path::new("-");
    let name = if from_stdin { "standard input".to_owned() } else { file.display().to_string() };
    let unreadable = |e: std::io::Error| Failure::usage(format!("{name} cannot be read as SQL: {e}"));
    let mut text = String::new();
    let read = if from_stdin {
        std::io::stdin().take(SCRIPT_BYTES_MAX + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).map_err(unreadable)?.take(SCRIPT_BYTES_MAX + 1).read_to_string(&mut text)
    };
    if read.map_err(unreadable)? as u64 > SCRIPT_BYTES_MAX {
        return Err(Failure::usage(format!("{name} is larger than {SCRIPT_BYTES_MAX} bytes, which no script is")));
    }
    Ok(without_mark(text))
}

/// A file's text without what some editors begin it with, a byte order mark, which is no part of its SQL.
pub(crate) fn without_mark(text: String) -> String {
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}
