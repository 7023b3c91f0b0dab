//! The meta-commands: what may be typed besides SQL.
//!
//! Owns: their one table, which is also the help of `\?`, and reading one.
//! Does not own: what they do (`session`), where one ends (`input`).
//! Invariant: every command is in the table once, and so in the help.

use crate::QueryError;
use crate::athena::nearest;

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Quit,
    Expanded,
    Setting,
    Timing,
    Include,
    Set,
    Unset,
    GSet,
    Go,
    AsOf,
    Live,
    Athena,
    Volatility,
    File,
    Copy,
    Describe,
    DescribeMore,
    Partitions,
    History,
    Diff,
    Cost,
    Plan,
    PlanMeasured,
    Bench,
    Chart,
    Watch,
    Edit,
}

/// What stands after a command's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing.
    Nothing,
    /// Words up to the end of the line; so with those below.
    Words(&'static str),
    /// A name of the volatility library, and what else is said.
    Volatility(&'static str),
    /// A table, or nothing.
    TableOrNothing,
    /// A table.
    Table,
    /// A file.
    File,
    /// What is said before a statement, and the statement, up to its semicolon.
    Sql(&'static str),
}

impl Takes {
    fn shown(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Words(words) | Self::Volatility(words) => words,
            Self::File => "FILE",
            Self::TableOrNothing => "[TABLE]",
            Self::Table => "TABLE",
            Self::Sql(usage) => usage,
        }
    }
}

/// A command of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) command: Command,
    /// The first is offered.
    pub(crate) names: &'static [&'static str],
    pub(crate) takes: Takes,
    pub(crate) about: &'static str,
}

const fn entry(command: Command, names: &'static [&'static str], takes: Takes, about: &'static str) -> Entry {
    Entry { command, names, takes, about }
}

/// The commands, in the order of the help.
pub(crate) const COMMANDS: &[Entry] = &[
    entry(Command::Help, &["\\?", "\\h"], Takes::Nothing, "this help"),
    entry(Command::Quit, &["\\q"], Takes::Nothing, "leave; so do Ctrl-D, quit and exit"),
    entry(Command::Describe, &["\\d"], Takes::TableOrNothing, "the tables; of one, the columns"),
    entry(Command::DescribeMore, &["\\d+"], Takes::Table, "and its files, rows, bytes, times, and where it is"),
    entry(Command::Partitions, &["\\dp"], Takes::Table, "its partitions: files, rows, bytes, first and last time"),
    entry(Command::History, &["\\history"], Takes::TableOrNothing, "its versions: when, what, rows, offsets"),
    entry(Command::Diff, &["\\diff"], Takes::Words("V1 V2"), "what came and went between two versions, by partition"),
    entry(Command::AsOf, &["\\asof"], Takes::Words("[VERSION|TIME|off]"), "read the lake as it was; off: as it is now"),
    entry(Command::Live, &["\\live"], Takes::Words("[on|off]"), "tell the ticks that Kafka has and the lake has not yet, too"),
    entry(Command::Cost, &["\\cost"], Takes::Sql("SQL;"), "what a statement reads here, and what Athena would ask for it"),
    entry(Command::Athena, &["\\athena"], Takes::Sql("SQL;"), "whether Athena takes a statement, and the text to paste"),
    entry(Command::Plan, &["\\plan"], Takes::Sql("SQL;"), "the steps of a statement"),
    entry(Command::PlanMeasured, &["\\plan+"], Takes::Sql("SQL;"), "run it: rows, bytes and time of each step"),
    entry(Command::Bench, &["\\bench"], Takes::Sql("N SQL;"), "run it N times: median, p95, bytes"),
    entry(Command::Chart, &["\\chart"], Takes::Sql("[line|bar|hist|spark] SQL;"), "draw an answer"),
    entry(Command::Watch, &["\\watch"], Takes::Sql("N SQL;"), "run it every N seconds, until Ctrl-C"),
    entry(
        Command::Volatility,
        &["\\vol"],
        Takes::Volatility("[NAME [PARAMETER=VALUE …]]"),
        "the volatility library; run one of it",
    ),
    entry(Command::Expanded, &["\\x"], Takes::Words("[auto|on|off]"), "a column a line: when too wide, always, never"),
    entry(Command::Setting, &["\\pset"], Takes::Words("[NAME VALUE]"), "how answers are shown; without one: all there is to set"),
    entry(Command::File, &["\\o"], Takes::File, "the next answer goes to a .csv .tsv .json .ndjson .md .parquet .arrow"),
    entry(Command::Copy, &["\\copy"], Takes::Words("TABLE|(SQL) TO FILE"), "write an answer to such a file"),
    entry(Command::Timing, &["\\timing"], Takes::Words("[on|off]"), "tell how long a statement took"),
    entry(Command::Edit, &["\\e"], Takes::Nothing, "the last input in $EDITOR, at the prompt"),
    entry(Command::Include, &["\\i"], Takes::File, "run a file"),
    entry(Command::Set, &["\\set"], Takes::Words("[NAME VALUE]"), "a value that statements take as :NAME; without one: all"),
    entry(Command::Unset, &["\\unset"], Takes::Words("NAME"), "forget a value"),
    entry(
        Command::GSet,
        &["\\gset"],
        Takes::Words("[PREFIX]"),
        "run the statement before it, and set its columns' names to its one row",
    ),
    entry(Command::Go, &["\\g"], Takes::Nothing, "run the statement before it, as ; does"),
];

/// Reads a command; with it, what stands after its name.
///
/// # Errors
/// `Sql` for one that there is not, or words after one that takes none.
pub(crate) fn parse(text: &str) -> Result<(&'static Entry, &str), QueryError> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let Some(entry) = entry_of(name) else {
        let near = nearest(name, COMMANDS.iter().flat_map(|entry| entry.names).copied());
        let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
        return Err(QueryError::Sql(format!("there is no command {name}; {near}\\? lists them")));
    };
    if entry.takes == Takes::Nothing && !rest.is_empty() {
        return Err(QueryError::Sql(format!("{name} takes nothing; {rest:?} stands after it")));
    }
    Ok((entry, rest))
}

/// Whether the text begins with a command that takes SQL.
pub(crate) fn takes_sql(text: &str) -> bool {
    let name = text.split(char::is_whitespace).next().unwrap_or_default();
    entry_of(name).is_some_and(|entry| matches!(entry.takes, Takes::Sql(_)))
}

pub(crate) fn entry_of(name: &str) -> Option<&'static Entry> {
    COMMANDS.iter().find(|entry| entry.names.contains(&name))
}

/// The text of `\?`.
pub(crate) fn help() -> String {
    let usage = |entry: &Entry| format!("{} {}", entry.names.join(", "), entry.takes.shown());
    let width = COMMANDS.iter().map(|entry| usage(entry).chars().count()).max().unwrap_or_default();
    let lines: String = COMMANDS.iter().map(|entry| format!("  {:<width$}  {}\n", usage(entry), entry.about)).collect();
    format!(
        "{lines}  SHOW TABLES; DESCRIBE t; EXPLAIN query;  as everywhere\nCtrl-C drops the input or stops the running statement."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_is_missing_in_the_help_or_there_twice() {
        let help = help();
        let names: Vec<&str> = COMMANDS.iter().flat_map(|entry| entry.names).copied().collect();
        for name in &names {
            assert!(help.contains(name), "{name}");
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
            assert!(parse(name).is_ok());
        }
    }

    #[test]
    fn a_wrong_command_is_never_passed_over() {
        let told = |text| parse(text).unwrap_err().to_string();
        assert_eq!(told("\\timin"), "there is no command \\timin; did you mean \\timing? \\? lists them");
        assert_eq!(told("\\q now"), "\\q takes nothing; \"now\" stands after it");
    }
}
