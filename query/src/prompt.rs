//! The `lake-sql` prompt: statements typed by a person, answered one by one.
//!
//! Owns: reading input until its semicolon, the backslash commands, what Ctrl-C and Ctrl-D do.
//! Does not own: running and printing (`run`), whether there is a terminal at all (`cli`).
//! Invariant: an error or an interrupted statement never ends the session.

use std::borrow::Cow;
use std::io::Write;

use reedline::{Prompt, PromptEditMode, PromptHistorySearch, Reedline, Signal, ValidationResult, Validator};

use crate::output::Format;
use crate::run::run_statements;
use crate::split::is_complete;
use crate::{Engine, QueryError};

/// What may be typed besides SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Help,
    Quit,
}

/// The commands, their spellings and help: one table for the parser and for `\?`.
const COMMANDS: [(Command, &[&str], &str); 2] =
    [(Command::Help, &["\\?", "help"], "this help"), (Command::Quit, &["\\q", "quit", "exit"], "leave; so does Ctrl-D")];

impl Command {
    fn parse(input: &str) -> Option<Self> {
        let input = input.trim().trim_end_matches(';').trim_end();
        COMMANDS.iter().find(|(_, names, _)| names.contains(&input)).map(|(command, ..)| *command)
    }
}

/// Reads and answers statements until the person leaves. Needs a terminal.
///
/// Ctrl-C drops the input, or stops the running statement; Ctrl-D on an empty line leaves.
/// While a statement runs the process's SIGINT is taken here.
///
/// # Errors
/// `Output` when the terminal or `out` fails; a failing statement is told on stderr and does not end the session.
pub async fn prompt(engine: &Engine, format: Format, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
    let mut editor = Reedline::create().with_validator(Box::new(UntilSemicolon));
    tell(&greeting(engine))?;
    loop {
        let (returned, signal) = read(editor).await?;
        editor = returned;
        match signal {
            // A command works in the middle of a statement, too, and drops it: who forgot the ; must get out.
            Signal::Success(input) => match Command::parse(last_command(&input).unwrap_or(&input)) {
                Some(Command::Quit) => return Ok(()),
                Some(Command::Help) => tell(&help())?,
                None if last_command(&input).is_some() => tell("there is no such command; \\? lists them")?,
                None => answer(engine, &input, format, out).await?,
            },
            Signal::CtrlD => return Ok(()),
            _ => {}
        }
    }
}

/// Reads one input. The editor blocks, so it works on a thread that may.
async fn read(mut editor: Reedline) -> Result<(Reedline, Signal), QueryError> {
    let read = tokio::task::spawn_blocking(move || {
        let signal = editor.read_line(&LakePrompt);
        (editor, signal)
    });
    let (editor, signal) = read.await.map_err(|e| QueryError::Internal(format!("the line editor failed: {e}")))?;
    Ok((editor, signal?))
}

/// Runs one input; only a failure to write ends the session.
async fn answer(engine: &Engine, input: &str, format: Format, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
    let ran = tokio::select! {
        ran = run_statements(engine, input, format, out) => Some(ran),
        _ = tokio::signal::ctrl_c() => None,
    };
    match ran {
        Some(Err(QueryError::Output(e))) => Err(QueryError::Output(e)),
        Some(Err(e)) => {
            tell(&format!("error: {e}"))?;
            e.excerpt().map_or(Ok(()), tell)
        }
        Some(Ok(_)) => Ok(()),
        None => tell("cancelled"),
    }
}

fn tell(text: &str) -> Result<(), QueryError> {
    writeln!(std::io::stderr(), "{text}")?;
    Ok(())
}

fn greeting(engine: &Engine) -> String {
    let version = engine.version().map_or_else(|| "no data yet".to_owned(), |v| format!("version {v}"));
    format!("{} ({version}). Statements end with ; and \\? helps.", engine.lake().display())
}

fn help() -> String {
    let line = |(_, names, about): &(Command, &[&str], &str)| format!("  {:<18}{about}\n", names.join(", "));
    let commands: String = COMMANDS.iter().map(line).collect();
    format!(
        "{commands}  SHOW TABLES;      the tables\n  DESCRIBE table;   its columns\n  EXPLAIN query;    how it is run\nCtrl-C drops the input or stops the running statement."
    )
}

/// The last line, if it begins with a backslash.
fn last_command(input: &str) -> Option<&str> {
    input.lines().last().map(str::trim).filter(|line| line.starts_with('\\'))
}

struct UntilSemicolon;

impl Validator for UntilSemicolon {
    fn validate(&self, input: &str) -> ValidationResult {
        let done = last_command(input).is_some() || Command::parse(input).is_some() || is_complete(input);
        if done { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}

struct LakePrompt;

impl Prompt for LakePrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "lake-sql".into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        "> ".into()
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "      -> ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!("(search: {}) ", search.term).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_never_run_before_it_is_complete() {
        let complete = |input| matches!(UntilSemicolon.validate(input), ValidationResult::Complete);
        assert!(complete("SELECT 1;") && complete("\\q") && complete("exit") && complete(""));
        assert!(!complete("SELECT 1") && !complete("SELECT ';"));
    }

    #[test]
    fn every_command_is_in_the_help() {
        for (command, names, _) in COMMANDS {
            for name in names {
                assert_eq!(Command::parse(name), Some(command));
                assert!(help().contains(name), "{name}");
            }
        }
        assert_eq!(Command::parse("quit;"), Some(Command::Quit));
        assert_eq!(Command::parse("SELECT 1;"), None);
    }
}
