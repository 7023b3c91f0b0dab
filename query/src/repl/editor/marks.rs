//! The pieces of a text at the prompt, finished or not.
//!
//! Owns: comments, which the lexer passes over; quotes and comments that are open; the line of a meta-command.
//! Does not own: tokens (`athena::lexer`), what is done with the pieces (`complete`, `highlight`).
//! Invariant: pieces stand in order, do not overlap, and begin and end between characters.

use crate::athena::{TokenKind, each_token};
use crate::repl::commands;

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Token(TokenKind),
    LineComment,
    BlockComment,
    /// From a quote, or a comment's beginning, that nothing closes, to the end; its first character.
    Open(char),
    /// From the backslash to the end of the line.
    Command,
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) class: Class,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The pieces of a text. Its last line is a meta-command if it begins with a backslash, whatever is open before it: so the
/// prompt takes it, too. The SQL of a meta-command on lines of its own is SQL.
pub(super) fn marks(text: &str) -> Vec<Mark> {
    let start = text.len() - text.trim_start().len();
    let head = text[start..].find(char::is_whitespace).map(|length| start + length);
    if let Some(head) = head.filter(|_| commands::takes_sql(&text[start..]) && text[start..].contains('\n')) {
        let command = Mark { class: Class::Command, start, end: head };
        let shifted = |mark: Mark| Mark { start: mark.start + head, end: mark.end + head, ..mark };
        return [command].into_iter().chain(marks_of_lines(&text[head..]).into_iter().map(shifted)).collect();
    }
    marks_of_lines(text)
}

fn marks_of_lines(text: &str) -> Vec<Mark> {
    let last = text.rfind('\n').map_or(0, |at| at + 1);
    let command = text.len() - text[last..].trim_start().len();
    if !text[command..].starts_with('\\') {
        return of_statements(text);
    }
    let mut marks = of_statements(&text[..last]);
    marks.push(Mark { class: Class::Command, start: command, end: text.len() });
    marks
}

fn of_statements(text: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut from = 0;
    for token in each_token(text) {
        let (start, end) = (token.span.start, token.span.end);
        comments(text, from, start, &mut marks);
        from = end;
        let rest = &text[start..];
        let first = rest.chars().next().unwrap_or_default();
        let opens = match token.kind {
            TokenKind::End => return marks,
            TokenKind::Unknown => matches!(first, '\'' | '"' | '`'),
            TokenKind::Slash => rest.starts_with("/*"),
            _ => false,
        };
        if opens {
            marks.push(Mark { class: Class::Open(first), start, end: text.len() });
            return marks;
        }
        marks.push(Mark { class: Class::Token(token.kind), start, end });
    }
    marks
}

/// The comments between two tokens.
fn comments(text: &str, from: usize, to: usize, marks: &mut Vec<Mark>) {
    let mut at = from;
    while at < to {
        let rest = &text[at..to];
        let (class, length) = if rest.starts_with("--") {
            (Class::LineComment, rest.find(['\n', '\r']))
        } else if let Some(inside) = rest.strip_prefix("/*") {
            (Class::BlockComment, inside.find("*/").map(|length| length + 4))
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let end = length.map_or(to, |length| at + length);
        marks.push(Mark { class, start: at, end });
        at = end;
    }
}
