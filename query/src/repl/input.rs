//! What is typed or read from a script, cut into statements and meta-commands.
//!
//! Owns: where a statement ends (never inside a quote or a comment), what is a meta-command, whether input is complete.
//! Does not own: tokens, which are Athena's in either dialect (`athena::lexer`); what commands there are (`commands`).
//! Invariant: the pieces are the very text that was given, white space and semicolons around them aside.

use crate::athena::{Token, TokenKind, each_token, goes_on, statements};
use crate::repl::commands;

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input<'a> {
    /// A statement without its semicolon.
    Statement(&'a str),
    /// A meta-command from its backslash on, without a semicolon at its end.
    Command(&'a str),
}

/// Cuts a text into its statements, without their semicolons; pieces of nothing but comments are left out.
pub fn split_statements(sql: &str) -> Vec<&str> {
    statements(sql).into_iter().map(|piece| sql[piece.whole.start..piece.whole.end].trim()).collect()
}

/// Cuts a text into statements and meta-commands. A backslash that begins a line outside of quotes begins a command, which goes to
/// the end of that line, or to its semicolon where it takes SQL; it ends a statement that no semicolon has. So does `\g…` anywhere.
pub(crate) fn inputs(text: &str) -> Vec<Input<'_>> {
    let (mut inputs, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        rest = if let Some(command) = rest.trim_start().strip_prefix('\\').map(|_| rest.trim_start()) {
            let end = end_of_command(command);
            inputs.push(Input::Command(command[..end].trim_end().trim_end_matches(';').trim_end()));
            command.get(end..).unwrap_or_default()
        } else {
            let mut is_empty = true;
            let end = each_token(rest).find(|token| {
                let ends = ends_statement(rest, token);
                is_empty &= ends;
                ends
            });
            let (end, next) = match end {
                Some(token) if token.kind == TokenKind::Semicolon => (token.span.start, token.span.end),
                Some(token) => (token.span.start, token.span.start),
                None => (rest.len(), rest.len()),
            };
            if !is_empty {
                inputs.push(Input::Statement(rest[..end].trim()));
            }
            &rest[next..]
        };
    }
    inputs
}

/// Whether an input may be run: nothing is left open, and its last statement is ended by a semicolon or by a command.
pub(crate) fn is_complete(text: &str) -> bool {
    match inputs(text).last() {
        Some(Input::Command(command)) => !commands::takes_sql(command) || text.trim_end().ends_with(';'),
        _ => !goes_on(text),
    }
}

fn ends_statement(text: &str, token: &Token) -> bool {
    let begins_command = || {
        let (before, after) = text.split_at(token.span.start);
        let begins_line = before.trim_end_matches([' ', '\t']).ends_with('\n') || before.trim().is_empty();
        after.starts_with("\\g") || begins_line && after.starts_with('\\')
    };
    match token.kind {
        TokenKind::Semicolon | TokenKind::End => true,
        TokenKind::Unknown => begins_command(),
        _ => false,
    }
}

/// Where the command that a text begins with ends.
fn end_of_command(text: &str) -> usize {
    let line = text.find('\n').unwrap_or(text.len());
    if !commands::takes_sql(text) {
        return line;
    }
    let name = text.find(char::is_whitespace).unwrap_or(text.len());
    let end = each_token(&text[name..]).find(|token| matches!(token.kind, TokenKind::Semicolon | TokenKind::End));
    end.map_or(text.len(), |token| name + token.span.end)
}

#[cfg(test)]
mod tests {
    use super::Input::{Command, Statement};
    use super::*;

    #[test]
    fn a_command_is_never_taken_for_sql_nor_sql_for_a_command() {
        for (script, cut) in [
            ("SELECT 1;\n\\q\nSELECT 2;", &[Statement("SELECT 1"), Command("\\q"), Statement("SELECT 2")][..]),
            ("SELECT 1; \\q\n", &[Statement("SELECT 1"), Command("\\q")]),
            ("  \\q", &[Command("\\q")]),
            ("SELECT 1\n  \\q ;", &[Statement("SELECT 1"), Command("\\q")]),
            ("SELECT 1 \\gset p_", &[Statement("SELECT 1"), Command("\\gset p_")]),
            ("SELECT 'a\n\\q\n' ;", &[Statement("SELECT 'a\n\\q\n'")]),
            ("/*\n\\q\n*/ SELECT 1;", &[Statement("/*\n\\q\n*/ SELECT 1")]),
            ("SELECT 'a;\\q'", &[Statement("SELECT 'a;\\q'")]),
            ("SELECT a \\ b", &[Statement("SELECT a \\ b")]),
            ("\\set it it's\nSELECT 1", &[Command("\\set it it's"), Statement("SELECT 1")]),
            ("\\athena SELECT ';'\nFROM t; SELECT 2", &[Command("\\athena SELECT ';'\nFROM t"), Statement("SELECT 2")]),
            ("-- nothing\n ; ;", &[]),
        ] {
            assert_eq!(inputs(script), cut, "{script}");
        }
    }

    #[test]
    fn a_semicolon_in_a_quote_or_comment_never_ends_a_statement() {
        let text = "-- one; two\nSELECT ';' AS \"a;b\", 'it''s; é' /* ; */;\n\n;; select 2 -- last; word\n; -- nothing\n";
        assert_eq!(split_statements(text), ["-- one; two\nSELECT ';' AS \"a;b\", 'it''s; é' /* ; */", "select 2 -- last; word"]);
        assert_eq!(split_statements("select 'é;ü' ; select 'multi\n;line'"), ["select 'é;ü'", "select 'multi\n;line'"]);
        assert!(split_statements("  \n-- only a comment").is_empty());
        // Comments do not nest, as in Trino; what is never closed is for the parser to report.
        assert_eq!(split_statements("/* /* ; */ select 1; select 'open"), ["/* /* ; */ select 1", "select 'open"]);
    }

    #[test]
    fn input_waits_for_its_semicolon() {
        for complete in ["select 1;", "select 1; -- done", "", "\\q", "select 1\n\\x", "\\vol parkinson", "\\athena select 1;"] {
            assert!(is_complete(complete), "{complete}");
        }
        for open in ["select 1", "select ';", "select 1 -- ;", "select 1; select 2", "/* ;", "\\athena select 1"] {
            assert!(!is_complete(open), "{open}");
        }
    }
}
