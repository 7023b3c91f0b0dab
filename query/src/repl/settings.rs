//! How answers are shown, and what changes it: `\x`, `\pset`, `\timing`, and `--set` before the first.
//!
//! Owns: the settings that stay between statements.
//! Does not own: formats themselves (`output`), the commands' table (`commands`).
//! Invariant: a setting is changed to what was asked for or not at all.

use std::io::Write;

use super::editor::Keys;
use crate::QueryError;
use crate::output::Format;

/// What `\pset` takes.
const NAMES: &str = "format, rows, expanded, timing, pager or keys";

/// The settings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) format: Format,
    pub(super) rows_max: Option<usize>,
    pub(super) is_timed: bool,
    /// Whether what is longer than the screen goes through a pager.
    pub(super) is_paged: bool,
    /// Whose keys edit at the prompt.
    pub(super) keys: Keys,
    expanded: Expanded,
}

/// When rows are written a column a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expanded {
    /// When they are wider than the screen.
    Auto,
    Always,
    Never,
}

impl Expanded {
    fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "on",
            Self::Never => "off",
        }
    }
}

impl Settings {
    pub(super) fn new(format: Format, rows_max: Option<usize>) -> Self {
        Self { format, rows_max, is_timed: false, is_paged: true, keys: Keys::Emacs, expanded: Expanded::Auto }
    }

    /// The format of the next answer, on a screen so many columns wide.
    pub(super) fn format(&self, width_max: Option<usize>) -> Format {
        let rows_max = self.rows_max;
        match (self.format, self.expanded) {
            (Format::Table { .. }, Expanded::Always) | (Format::Vertical { .. }, _) => Format::Vertical { width_max, rows_max },
            (Format::Table { .. }, expanded) => Format::Table { width_max, rows_max, may_turn: expanded == Expanded::Auto },
            (other, _) => other,
        }
    }

    pub(super) fn expand(&mut self, rest: &str) -> Result<(), QueryError> {
        self.expanded = match rest {
            "auto" => Expanded::Auto,
            "on" => Expanded::Always,
            "off" => Expanded::Never,
            "" if self.expanded == Expanded::Always => Expanded::Auto,
            "" => Expanded::Always,
            other => return Err(QueryError::Sql(format!("\\x takes auto, on or off, not {other:?}"))),
        };
        Ok(())
    }

    pub(super) fn time(&mut self, rest: &str) -> Result<(), QueryError> {
        self.is_timed = if rest.is_empty() { !self.is_timed } else { is_on("\\timing", rest)? };
        Ok(())
    }

    /// Sets one setting, or writes all.
    pub(super) fn set(&mut self, rest: &str, out: &mut (dyn Write + Send)) -> Result<(), QueryError> {
        let (name, value) = rest.split_once(char::is_whitespace).map_or((rest, ""), |(name, value)| (name, value.trim()));
        match (name, value) {
            ("", _) => {
                let rows = self.rows_max.map_or_else(|| "0 (all)".to_owned(), |rows| rows.to_string());
                let keys = if self.keys == Keys::Vi { "vi" } else { "emacs" };
                let [timing, pager] = [self.is_timed, self.is_paged].map(|is_on| if is_on { "on" } else { "off" });
                let (format, expanded) = (self.format, self.expanded.as_str());
                writeln!(out, "format {format}\nrows {rows}\nexpanded {expanded}\ntiming {timing}\npager {pager}\nkeys {keys}")?;
            }
            ("format", value) => self.format = value.parse().map_err(QueryError::Sql)?,
            ("rows", value) => {
                let rows: usize = value.parse().map_err(|_| {
                    QueryError::Sql(format!("\\pset rows takes a number of rows, or 0 for all of them, not {value:?}"))
                })?;
                self.rows_max = Some(rows).filter(|rows| *rows > 0);
            }
            ("expanded", value) => self.expand(value)?,
            ("timing", value) => self.is_timed = is_on("\\pset timing", value)?,
            ("pager", value) => self.is_paged = is_on("\\pset pager", value)?,
            ("keys", "emacs") => self.keys = Keys::Emacs,
            ("keys", "vi") => self.keys = Keys::Vi,
            ("keys", value) => return Err(QueryError::Sql(format!("\\pset keys takes emacs or vi, not {value:?}"))),
            (other, _) => {
                return Err(QueryError::Sql(format!("there is no setting {other:?}; \\pset takes {NAMES}")));
            }
        }
        Ok(())
    }
}

fn is_on(what: &str, value: &str) -> Result<bool, QueryError> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(QueryError::Sql(format!("{what} takes on or off, not {other:?}"))),
    }
}
