//! A path's text as tokens.
//!
//! Owns: what a token is.
//! Does not own: what they mean together (`parse`).
//! Invariant: every byte but blanks is in a token.

use std::borrow::Cow;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'p> {
    /// A word: whether it is a keyword, its place tells.
    Word(&'p str),
    /// `$name`, without the sign.
    Variable(&'p str),
    Integer(&'p str),
    Decimal(&'p str),
    Double(&'p str),
    /// Without its quotes.
    Text(Cow<'p, str>),
    Sign(&'p str),
    End,
}

/// The longer come first.
const SIGNS: [&str; 24] = [
    "&&", "||", "==", "<>", "!=", "<=", ">=", "..", "<", ">", "!", ".", "[", "]", "(", ")", "?", "*", ",", "+", "-", "/", "%",
    "@",
];

/// The tokens, each with where it begins, and the end.
pub(super) fn tokens(path: &str) -> Vec<(usize, Token<'_>)> {
    let (mut tokens, mut at) = (Vec::new(), 0);
    loop {
        at += path[at..].len() - path[at..].trim_start_matches([' ', '\t', '\r', '\n']).len();
        let rest = &path[at..];
        if rest.is_empty() {
            tokens.push((at, Token::End));
            return tokens;
        }
        let (token, length) = token(rest);
        tokens.push((at, token));
        at += length;
    }
}

/// The first token of a text, and its length.
fn token(rest: &str) -> (Token<'_>, usize) {
    if let Some(found) = number(rest).or_else(|| text(rest)) {
        return found;
    }
    if let length @ 1.. = word(rest) {
        return (Token::Word(&rest[..length]), length);
    }
    if let Some(name) = rest.strip_prefix('$') {
        let length = word(name);
        let token = if length > 0 { Token::Variable(&name[..length]) } else { Token::Sign(&rest[..1]) };
        return (token, length + 1);
    }
    let one = || rest.chars().next().map_or(0, char::len_utf8);
    let length = SIGNS.iter().find(|sign| rest.starts_with(**sign)).map_or_else(one, |sign| sign.len());
    (Token::Sign(&rest[..length]), length)
}

/// How long the word is that a text begins with.
fn word(text: &str) -> usize {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// Between quotes; two quotes are one.
fn text(rest: &str) -> Option<(Token<'_>, usize)> {
    let inside = rest.strip_prefix('"')?;
    let (mut end, mut doubled) = (inside.find('"')?, false);
    while inside[end + 1..].starts_with('"') {
        doubled = true;
        end += 2 + inside[end + 2..].find('"')?;
    }
    let text = &inside[..end];
    let text = if doubled { Cow::Owned(text.replace("\"\"", "\"")) } else { Cow::Borrowed(text) };
    Some((Token::Text(text), end + 2))
}

/// `1`, `1.5`, `1.`, `.5`, `1e-5`
fn number(rest: &str) -> Option<(Token<'_>, usize)> {
    let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(0);
    let has_point = rest[whole..].starts_with('.');
    let fraction = if has_point { digits(whole + 1) } else { 0 };
    if whole + fraction == 0 {
        return None;
    }
    let end = whole + usize::from(has_point) + fraction;
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            let end = end + 1 + sign + exponent;
            return Some((Token::Double(&rest[..end]), end));
        }
    }
    let written = &rest[..end];
    Some((if has_point { Token::Decimal(written) } else { Token::Integer(written) }, end))
}
