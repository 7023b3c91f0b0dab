//! The `lake-sql` prompt: statements typed by a person, answered one by one.
//!
//! Owns: reading input until it is complete, what Ctrl-C and Ctrl-D do.
//! Does not own: what is done with input (`session`), whether there is a terminal at all (`cli`).
//! Invariant: an error or an interrupted statement never ends the session.

use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::DisableBracketedPaste;
use reedline::{
    EditCommand, Prompt, PromptEditMode, PromptHistorySearch, PromptViMode, Reedline, Signal, ValidationResult, Validator,
};
use tokio::signal::unix::{SignalKind, signal};

use super::editor::{edited, equip, with_history, with_keys};
use super::input::is_complete;
use super::script::read_script;
use super::session::{Flow, Session, tell, tell_error};
use crate::QueryError;

const EDIT: &str = "\\e";
/// How long the first prompt waits for the lake.
const OPEN_AT_ONCE: Duration = Duration::from_millis(20);
/// What a process ends with that SIGTERM ended.
const TERMINATED: i32 = 143;

/// Reads and answers statements until the person leaves. Needs a terminal.
///
/// Ctrl-C drops the input, or stops the running statement; Ctrl-D on an empty line leaves.
/// While a statement runs the process's SIGINT is taken here.
///
/// # Errors
/// `Output` when the terminal or `out` fails; a failing statement is told on stderr and does not end the session.
pub async fn prompt(mut session: Session, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
    // From here on an interrupt is ours: the first must not end the process before the first statement listens.
    let _listening = signal(SignalKind::interrupt())?;
    let is_coloured =
        std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()) && std::env::var("TERM").is_ok_and(|term| term != "dumb");
    let editor = Reedline::create().with_validator(Box::new(UntilComplete));
    let (editor, unkept) = with_history(equip(editor, session.first_engine(), is_coloured));
    if let Some(why) = unkept {
        tell(&why)?;
    }
    // A lake that is there at once is told of at once, and so is one that cannot be read; another opens while somebody types.
    let mut is_configured = match tokio::time::timeout(OPEN_AT_ONCE, session.opened()).await {
        Ok(opened) => opened.map(|()| true)?,
        Err(_) => false,
    };
    if is_configured && run_rc(&mut session, out).await? == Flow::Quit {
        return Ok(());
    }
    tell(&format!("{}. Statements end with ; and \\? helps.", session.told_version()))?;
    let (mut editor, mut last) = (editor, String::new());
    loop {
        let (mut returned, signal) = read(with_keys(editor, session.keys())).await?;
        // Another session may fill the disk; what was typed is known to this one still.
        let _ = returned.sync_history();
        editor = returned;
        match signal {
            Signal::Success(input) if is_farewell(&input) => return Ok(()),
            Signal::Success(input) if input.trim() == EDIT => match edited(&last) {
                Ok(text) => editor.run_edit_commands(&[EditCommand::InsertString(text)]),
                Err(error) => tell_error(&error)?,
            },
            Signal::Success(input) => {
                if !is_configured && run_rc(&mut session, out).await? == Flow::Quit {
                    return Ok(());
                }
                is_configured = true;
                if answer(&mut session, last_command(&input).unwrap_or(&input), out).await? == Flow::Quit {
                    return Ok(());
                }
                last = input;
            }
            Signal::CtrlD => return Ok(()),
            _ => {}
        }
    }
}

/// Runs what the user has for every prompt: `$XDG_CONFIG_HOME/ticklake/lake-sqlrc`, else `~/.config/ticklake/lake-sqlrc`.
async fn run_rc(session: &mut Session, out: &mut (dyn Write + Send)) -> Result<Flow, QueryError> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = named("XDG_CONFIG_HOME").or_else(|| Some(named("HOME")?.join(".config")));
    let Some(file) = config.map(|config| config.join("ticklake/lake-sqlrc")).filter(|file| file.exists()) else {
        return Ok(Flow::On);
    };
    let ran = match read_script(&file) {
        Ok(text) => answer(session, &text, out).await,
        Err(error) => tell_error(&error).map(|()| Flow::On),
    };
    out.flush()?;
    ran
}

/// Reads one input. The editor blocks, so it works on a thread that may.
async fn read(mut editor: Reedline) -> Result<(Reedline, Signal), QueryError> {
    let read = tokio::task::spawn_blocking(move || {
        let signal = editor.read_line(&LakePrompt);
        (editor, signal)
    });
    let mut terminated = signal(SignalKind::terminate())?;
    let read = tokio::select! {
        read = read => read,
        _ = terminated.recv() => {
            // The thread that reads cannot be stopped; what it made of the terminal must not stay.
            let _ = crossterm::terminal::disable_raw_mode();
            let _ = crossterm::execute!(std::io::stdout(), DisableBracketedPaste);
            std::process::exit(TERMINATED);
        }
    };
    let (editor, signal) = read.map_err(|e| QueryError::Internal(format!("the line editor failed: {e}")))?;
    Ok((editor, signal?))
}

/// Does what one input says; only a failure to write ends the session.
async fn answer(session: &mut Session, input: &str, out: &mut (dyn Write + Send)) -> Result<Flow, QueryError> {
    let ran = tokio::select! {
        ran = session.run(input, out) => ran,
        _ = tokio::signal::ctrl_c() => {
            tell("cancelled")?;
            return Ok(Flow::On);
        }
    };
    match ran {
        Err(QueryError::Output(e)) => Err(QueryError::Output(e)),
        Err(e) => tell_error(&e).map(|()| Flow::On),
        Ok(flow) => Ok(flow),
    }
}

/// Words of other prompts that mean to leave.
fn is_farewell(input: &str) -> bool {
    matches!(input.trim().trim_end_matches(';').trim_end(), "quit" | "exit")
}

/// The last line, if it begins with a backslash: it works in the middle of a statement, too, and drops it, for who forgot the ;
/// must get out.
fn last_command(input: &str) -> Option<&str> {
    let (before, last) = input.trim_end().rsplit_once('\n')?;
    let last = last.trim_start();
    (last.starts_with('\\') && !last.starts_with("\\g") && !is_complete(before)).then_some(last)
}

struct UntilComplete;

impl Validator for UntilComplete {
    fn validate(&self, input: &str) -> ValidationResult {
        let done = last_command(input).is_some() || is_farewell(input) || is_complete(input);
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

    fn render_prompt_indicator(&self, mode: PromptEditMode) -> Cow<'_, str> {
        if matches!(mode, PromptEditMode::Vi(PromptViMode::Normal)) { ": ".into() } else { "> ".into() }
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
        let complete = |input| matches!(UntilComplete.validate(input), ValidationResult::Complete);
        assert!(complete("SELECT 1;") && complete("\\q") && complete("exit") && complete("quit;") && complete(""));
        assert!(!complete("SELECT 1") && !complete("SELECT ';") && !complete("\\athena SELECT"));
    }

    #[test]
    fn a_command_always_gets_out_of_a_statement_that_is_not_ended() {
        assert_eq!(last_command("SELECT 'open\n  \\q"), Some("\\q"));
        assert_eq!(last_command("SELECT 1\n\\gset"), None);
        assert_eq!(last_command("SELECT 1;\n\\x"), None);
    }
}
