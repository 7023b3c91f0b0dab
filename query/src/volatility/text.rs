//! A statement's text with its parameters put in.
//!
//! Owns: where a parameter stands: outside quotes and comments.
//! Does not own: what is put in (`value`).
//! Invariant: nothing but parameters and their lines in the head is changed.

use std::collections::BTreeMap;

use super::head;

/// The file with these lines for its parameters in the head, and these literals for them below it.
pub(super) fn put_in(file: &str, parameters: &[String], literals: &BTreeMap<&str, String>) -> Result<String, String> {
    let mut text = String::with_capacity(file.len() * 2);
    let mut parameters = parameters.iter();
    for line in head::lines(file) {
        let said = if line.starts_with("-- :") { parameters.next().map(String::as_str) } else { None };
        text.push_str(said.unwrap_or(line));
        text.push('\n');
    }
    let mut rest = &file[head::lines(file).map(|line| line.len() + 1).sum::<usize>().min(file.len())..];
    while let Some(c) = rest.chars().next() {
        let end = piece_end(rest, c);
        let (piece, after) = rest.split_at(end);
        match piece.strip_prefix(':') {
            Some(name) => text.push_str(literals.get(name).ok_or_else(|| format!("the head has no parameter {piece}"))?),
            None => text.push_str(piece),
        }
        rest = after;
    }
    Ok(text)
}

/// Where the piece that begins with this character ends: a comment, a quote, a parameter, or one character.
fn piece_end(rest: &str, first: char) -> usize {
    let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match first {
        '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
        // A doubled quote within is two texts side by side, which changes nothing here.
        '\'' | '"' => rest[1..].find(first).map_or(rest.len(), |at| at + 2),
        ':' => match rest[1..].find(|c| !name(c)).unwrap_or(rest.len() - 1) {
            0 => 1,
            length => 1 + length,
        },
        other => other.len_utf8(),
    }
}
