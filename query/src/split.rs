//! Text with several statements, cut at the semicolons that end one.
//!
//! Owns: where a statement ends (never inside a quote or a comment), and whether input is complete.
//! Does not own: tokens, which are Athena's in either dialect (`athena::lexer`); what a statement means (`read_only`, `engine`).
//! Invariant: the pieces are the very text that was given, white space around them aside.

use crate::athena::{goes_on, is_open, statements};

/// Cuts a text into its statements, without their semicolons; pieces of nothing but comments are left out.
pub fn split_statements(sql: &str) -> Vec<&str> {
    statements(sql).into_iter().map(|piece| sql[piece.whole.start..piece.whole.end].trim()).collect()
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
    lines.map(|(at, _)| &script[..at]).find(|before| !is_open(before)).unwrap_or(script)
}

/// Whether an input may be run: nothing is left open and its last statement is ended by a semicolon.
pub(crate) fn is_complete(input: &str) -> bool {
    !goes_on(input)
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
        assert_eq!(split_statements(text), ["-- one; two\nSELECT ';' AS \"a;b\", 'it''s; é' /* ; */", "select 2 -- last; word"]);
        assert_eq!(split_statements("select 'é;ü' ; select 'multi\n;line'"), ["select 'é;ü'", "select 'multi\n;line'"]);
        assert!(split_statements("  \n-- only a comment").is_empty());
        // Comments do not nest, as in Trino; what is never closed is for the parser to report.
        assert_eq!(split_statements("/* /* ; */ select 1; select 'open"), ["/* /* ; */ select 1", "select 'open"]);
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
