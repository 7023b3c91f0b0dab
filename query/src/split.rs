//! Text with several statements, cut at the semicolons that end one.
//!
//! Owns: where a statement ends (never inside a quote or a comment), and whether input is complete.
//! Does not own: what a statement means (`read_only`, `engine`).
//! Invariant: the pieces are the very text that was given, white space around them aside.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::QueryError;
use crate::error::one_line;

/// Cuts a text into its statements, without their semicolons; pieces of nothing but comments are left out.
///
/// # Errors
/// `Sql` for a quote or comment that is never closed.
pub fn split_statements(sql: &str) -> Result<Vec<String>, QueryError> {
    let tokens = tokens(sql).map_err(QueryError::Sql)?;
    let offsets = LineOffsets::of(sql);
    let mut statements = Vec::new();
    let mut start = 0;
    let mut holds_something = false;
    for token in &tokens {
        match token.token {
            Token::SemiColon => {
                let end = offsets.byte(sql, token.span.start);
                if holds_something {
                    statements.push(sql[start..end].trim().to_owned());
                }
                (start, holds_something) = (end + 1, false);
            }
            Token::Whitespace(_) | Token::EOF => {}
            _ => holds_something = true,
        }
    }
    if holds_something {
        statements.push(sql[start..].trim().to_owned());
    }
    Ok(statements)
}

/// A script up to its `\\q`, which ends it as at the prompt: on a line of its own, or after a semicolon at its very end.
pub fn before_quit(script: &str) -> &str {
    let lines = script.match_indices("\\q").filter(|(at, _)| {
        let (before, after) = (&script[..*at], &script[at + 2..]);
        let begins =
            before.trim_end_matches([' ', '\t']).ends_with('\n') || before.trim().is_empty() || before.trim_end().ends_with(';');
        begins && after.lines().next().unwrap_or_default().trim().trim_end_matches(';').is_empty()
    });
    // Not in a quote or a comment that is still open.
    lines.map(|(at, _)| &script[..at]).find(|before| tokens(before).is_ok()).unwrap_or(script)
}

/// Whether an input may be run: nothing is left open and its last statement is ended by a semicolon.
pub(crate) fn is_complete(input: &str) -> bool {
    match tokens(input) {
        Ok(tokens) => {
            let last = tokens.iter().rev().find(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
            last.is_none_or(|t| t.token == Token::SemiColon)
        }
        // An open quote or comment may still be closed; anything else unreadable is for the parser to report.
        Err(why) => !["Unterminated", "EOF"].iter().any(|open| why.contains(open)) && input.trim_end().ends_with(';'),
    }
}

fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>, String> {
    Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().map_err(|e| one_line(&e.to_string()))
}

/// Where each line begins, to turn the tokenizer's lines and columns (in characters, from 1) into bytes.
struct LineOffsets(Vec<usize>);

impl LineOffsets {
    fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    fn byte(&self, text: &str, at: Location) -> usize {
        let line = usize::try_from(at.line.saturating_sub(1)).unwrap_or(usize::MAX);
        let column = usize::try_from(at.column.saturating_sub(1)).unwrap_or(usize::MAX);
        let start = self.0.get(line).copied().unwrap_or(text.len());
        text[start..].char_indices().nth(column).map_or(text.len(), |(offset, _)| start + offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_quit_is_never_run_nor_a_text_taken_for_one() {
        for (script, run) in [
            ("SELECT 1;\n\\q\nSELECT 2;", "SELECT 1;\n"),
            ("SELECT 1; \\q\n", "SELECT 1; "),
            ("  \\q", "  "),
            ("SELECT 1\n  \\q ;", "SELECT 1\n  "),
        ] {
            assert_eq!(before_quit(script), run, "{script}");
        }
        for script in ["SELECT '\n\\q\n';", "/*\n\\q\n*/ SELECT 1;", "SELECT 'a;\\q'", "SELECT 1;", "SELECT 1;\n\\quit"] {
            assert_eq!(before_quit(script), script);
        }
    }

    #[test]
    fn a_semicolon_in_a_quote_or_comment_never_ends_a_statement() {
        let text = "-- one; two\nSELECT ';' AS \"a;b\", 'it''s; é' /* ; */;\n\n;; select 2 -- last; word\n; -- nothing\n";
        assert_eq!(
            split_statements(text).unwrap(),
            ["-- one; two\nSELECT ';' AS \"a;b\", 'it''s; é' /* ; */", "select 2 -- last; word"]
        );
        assert_eq!(split_statements("select 'é;ü' ; select 'multi\n;line'").unwrap(), ["select 'é;ü'", "select 'multi\n;line'"]);
        assert!(split_statements("  \n-- only a comment").unwrap().is_empty());
        assert!(matches!(split_statements("select 'open"), Err(QueryError::Sql(_))));
    }

    #[test]
    fn input_waits_for_its_semicolon() {
        assert!(is_complete("select 1;"));
        assert!(is_complete("select 1; -- done"));
        assert!(is_complete(""));
        for open in ["select 1", "select ';", "select 1 -- ;", "select 1; select 2", "/* ;"] {
            assert!(!is_complete(open), "{open}");
        }
    }
}
