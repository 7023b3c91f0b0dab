//! What may come in the line of a meta-command.
//!
//! Owns: its own name, and its argument by what the command takes.
//! Does not own: which commands there are (`commands`), SQL (`complete`).
//! Invariant: what is replaced is the last word of the line up to the cursor.

use super::candidates::{Candidate, Choice, Offer, among};
use super::complete::complete;
use super::known::Known;
use crate::repl::commands::{COMMANDS, Takes, entry_of};

/// What may come at the end of a command's line, which begins at `start` and is cut at `cursor`.
pub(super) fn candidates(text: &str, start: usize, cursor: usize, known: &Known) -> Vec<Candidate> {
    let line = &text[start..cursor];
    let Some(head) = line.find(char::is_whitespace) else {
        let names = COMMANDS.iter().flat_map(|entry| entry.names.first().map(|name| (name, entry.about)));
        let names = names.map(|(name, about)| Offer::new(Choice::Command, name, about));
        return among(names, line, start..cursor);
    };
    let takes = entry_of(&line[..head]).map_or(Takes::Nothing, |entry| entry.takes);
    let begun = line.rfind(char::is_whitespace).map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8));
    let (word, span) = (&line[begun..], start + begun..cursor);
    match takes {
        Takes::Nothing | Takes::Words(_) => Vec::new(),
        Takes::Table | Takes::TableOrNothing => {
            let tables = known.tables.iter().filter(|table| !table.name.contains('$'));
            among(tables.map(|table| Offer::new(Choice::Table, &table.name, "")), word, span)
        }
        Takes::Volatility(_) => {
            let statements = known.statements.iter().map(|(name, about)| Offer::new(Choice::Statement, name, about));
            among(statements, word, span)
        }
        Takes::File => {
            let folder = word.rfind('/').map_or("", |at| &word[..=at]);
            let rest = &word[folder.len()..];
            let files = (known.files)(folder).into_iter().filter(|file| !file.starts_with('.') || rest.starts_with('.'));
            let files = files.map(|file| Offer::new(Choice::File, &file, ""));
            among(files, rest, span.start + folder.len()..cursor)
        }
        // A command in place of the statement is no SQL, and a row of them is not to be followed down.
        Takes::Sql(_) if line[head..].trim_start().starts_with('\\') => Vec::new(),
        Takes::Sql(_) => {
            let from = start + head;
            let shift =
                |candidate: Candidate| Candidate { start: candidate.start + from, end: candidate.end + from, ..candidate };
            complete(text.get(from..).unwrap_or_default(), cursor.saturating_sub(from), known).into_iter().map(shift).collect()
        }
    }
}
