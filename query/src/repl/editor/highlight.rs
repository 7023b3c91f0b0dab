//! Colours of the text being typed.
//!
//! Owns: which pieces have one, and which.
//! Does not own: the pieces (`marks`), whether there are colours at all (`equip`).
//! Invariant: what is painted is the text itself; its time is linear in the text, and beyond `BYTES_MAX` nothing is coloured.

use std::ops::Range;

use reedline::{Color, Highlighter, StyledText};

use super::marks::{Class, Mark, marks};
use super::words;
use crate::athena::TokenKind;

/// Texts pasted may be large, and each key paints all of it anew.
const BYTES_MAX: usize = 64 << 10;

/// What a piece is painted as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    Keyword,
    Function,
    Text,
    Number,
    Comment,
    Command,
    /// A quote or a comment that is not closed.
    Open,
}

/// The pieces that have a colour, in order.
fn paints(text: &str) -> Vec<(Paint, Range<usize>)> {
    if text.len() > BYTES_MAX {
        return Vec::new();
    }
    let marks = marks(text);
    let class = |at: Option<usize>| at.and_then(|at| marks.get(at)).map(|mark| mark.class);
    let paint = |(at, mark): (usize, &Mark)| {
        let is_called = class(Some(at + 1)) == Some(Class::Token(TokenKind::Open));
        let is_part = class(at.checked_sub(1)) == Some(Class::Token(TokenKind::Dot));
        let paint = match mark.class {
            Class::LineComment | Class::BlockComment => Paint::Comment,
            Class::Open(_) => Paint::Open,
            Class::Command => Paint::Command,
            Class::Token(kind) => of_token(kind, is_called).filter(|paint| !is_part || *paint != Paint::Keyword)?,
        };
        Some((paint, mark.start..mark.end))
    };
    marks.iter().enumerate().filter_map(paint).collect()
}

fn of_token(kind: TokenKind, is_called: bool) -> Option<Paint> {
    match kind {
        TokenKind::Name if is_called => Some(Paint::Function),
        TokenKind::Word(word) if is_called && words::is_function(&word.text().to_lowercase()) => Some(Paint::Function),
        TokenKind::Word(word) => words::is_keyword(word).then_some(Paint::Keyword),
        TokenKind::Bytes => Some(Paint::Text),
        kind if kind.is_text() => Some(Paint::Text),
        kind if kind.is_number() => Some(Paint::Number),
        _ => None,
    }
}

/// Paints what is typed at the prompt.
pub(super) struct SqlHighlighter;

impl Highlighter for SqlHighlighter {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        let plain = |text: &str| (Color::Default.normal(), text.to_owned());
        let mut from = 0;
        for (paint, range) in paints(line) {
            if from < range.start {
                styled.push(plain(&line[from..range.start]));
            }
            let style = match paint {
                Paint::Keyword => Color::Blue.bold(),
                Paint::Function => Color::Cyan.normal(),
                Paint::Text => Color::Green.normal(),
                Paint::Number => Color::Magenta.normal(),
                Paint::Comment => Color::DarkGray.normal(),
                Paint::Command => Color::Yellow.normal(),
                Paint::Open => Color::Red.normal(),
            };
            from = range.end;
            styled.push((style, line[range].to_owned()));
        }
        if from < line.len() || line.is_empty() {
            styled.push(plain(&line[from..]));
        }
        styled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_piece_has_another_ones_colour() {
        use Paint::*;
        let cases: [(&str, &[(Paint, &str)]); 9] = [
            ("SELECT sum(price) FROM t", &[(Keyword, "SELECT"), (Function, "sum"), (Keyword, "FROM")]),
            ("count(*) + 1.5e3", &[(Function, "count"), (Number, "1.5e3")]),
            ("t.first, time, \"sum\"", &[]),
            ("x IN ('a', U&'b')", &[(Keyword, "IN"), (Text, "'a'"), (Text, "U&'b'")]),
            ("a -- é\n/* b */ c", &[(Comment, "-- é"), (Comment, "/* b */")]),
            ("a = 'open; SELECT", &[(Open, "'open; SELECT")]),
            ("a /* open", &[(Open, "/* open")]),
            ("SELECT '\n \\d stock", &[(Keyword, "SELECT"), (Open, "'\n"), (Command, "\\d stock")]),
            ("\\? é", &[(Command, "\\? é")]),
        ];
        for (text, expected) in cases {
            let painted: Vec<(Paint, &str)> = paints(text).into_iter().map(|(paint, range)| (paint, &text[range])).collect();
            assert_eq!(painted, expected, "{text}");
        }
    }

    #[test]
    fn the_painted_text_is_never_another() {
        let large = "SELECT 'a' -- é\n".repeat(100_000);
        for text in ["", "SELECT", "a'é\"", "/*", "\\", "🦀 SELECT 🦀 '🦀", "`x", "U&'", "x'1", large.as_str()] {
            let styled = SqlHighlighter.highlight(text, 0);
            assert_eq!(styled.buffer.iter().map(|(_, piece)| piece.as_str()).collect::<String>(), text);
            assert!(text.len() <= BYTES_MAX || styled.buffer.len() == 1);
        }
    }
}
