//! What a terminal is shown of a text.
//!
//! Owns: how wide a text is there, which characters never reach it, where a text is cut and how that is told.
//! Does not own: laying texts out (`grid`).
//! Invariant: widths are those of whole texts: characters may be wider or narrower together than apart.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// At the end of what was cut.
const ELLIPSIS: char = '…';

/// How many columns of a terminal a text takes.
pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// A text without characters that act on a terminal, and of no more than so many characters of the original.
pub(super) fn shown(text: String, chars_max: Option<usize>) -> String {
    let cut = chars_max.and_then(|most| text.char_indices().nth(most)).map(|(at, _)| at);
    let kept = &text[..cut.unwrap_or(text.len())];
    if cut.is_none() && !kept.contains(acts) {
        return text;
    }
    let mut shown = String::with_capacity(kept.len());
    for c in kept.chars() {
        if acts(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown.extend(cut.map(|_| ELLIPSIS));
    shown
}

/// Whether a terminal obeys a character instead of showing it: line breaks, escapes, and what turns the direction of others.
fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text in no more than so many columns, with an ellipsis where it was wider.
pub(crate) fn fit(text: &str, most: usize) -> Cow<'_, str> {
    if width(text) <= most {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}{ELLIPSIS}", beginning(text, most.saturating_sub(1))))
}

/// A text in pieces of no more than so many columns; a single character wider than that stands alone.
pub(super) fn pieces(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let one = text.chars().next().map_or(0, char::len_utf8);
        let piece = &text[..beginning(text, most).len().max(one)];
        rest = Some(&text[piece.len()..]).filter(|rest| !rest.is_empty());
        Some(piece)
    })
}

/// As much of a text's beginning as fits.
fn beginning(text: &str, most: usize) -> &str {
    let mut sum = 0;
    let end = text.char_indices().find(|(_, c)| {
        sum += c.width().unwrap_or_default();
        sum > most
    });
    let mut kept = &text[..end.map_or(text.len(), |(at, _)| at)];
    // A sign that asks for the wide form of the one before has no width of its own.
    loop {
        let excess = width(kept).saturating_sub(most);
        if excess == 0 {
            return kept;
        }
        let dropped = kept.char_indices().rev().nth((excess - 1) / 2);
        kept = &kept[..dropped.map_or(0, |(at, _)| at)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_acts_on_a_terminal_is_never_shown_as_itself() {
        assert_eq!(shown("a\nb\t\u{1b}[31m\u{7f}\u{9b}".to_owned(), None), "a\\nb\\t\\u{1b}[31m\\u{7f}\\u{9b}");
        assert_eq!(shown("abc\u{202e}cba\u{2066}\u{2028}".to_owned(), None), "abc\\u{202e}cba\\u{2066}\\u{2028}");
        assert_eq!(shown("日本 e\u{301} 👍".to_owned(), Some(8)), "日本 e\u{301} 👍");
        assert_eq!(shown("ab\ncd".to_owned(), Some(3)), "ab\\n…");
    }

    #[test]
    fn a_cut_text_is_never_wider_than_its_room() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdefg", 6), "abcde…");
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(fit("☺\u{fe0f}☺\u{fe0f}☺\u{fe0f}", 5), "☺\u{fe0f}☺\u{fe0f}…", "each is two wide, and its sign one");
        assert_eq!(fit("anything", 1), "…");
    }

    #[test]
    fn pieces_never_lose_a_character() {
        for text in ["", "abcdefg", "日本語日本語", "☺\u{fe0f}☺\u{fe0f}", "\u{301}\u{301}", "\u{2e3b}\u{2e3b}"] {
            for most in 1..8 {
                let pieces: Vec<_> = pieces(text, most).collect();
                assert_eq!(pieces.concat(), text);
                assert!(pieces.iter().all(|piece| width(piece) <= most || piece.chars().count() == 1), "{most}: {pieces:?}");
            }
        }
        assert_eq!(pieces("abcde", 2).collect::<Vec<_>>(), ["ab", "cd", "e"]);
    }
}
