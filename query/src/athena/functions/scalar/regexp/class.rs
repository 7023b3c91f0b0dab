//! Sets of letters in regular expressions: `[a-z&&[^q]]`, `\d`, `\p{Lu}`, `[:alpha:]`.
//!
//! Owns: translating them to the syntax of the `regex` crate.
//! Does not own: the rest of the syntax (`syntax`).
//! Invariant: a letter that the other syntax would take for more than itself is escaped.

use super::syntax::{Cursor, wrong};
use crate::athena::functions::scalar::Result;

/// A letter that stands for itself, anywhere.
pub(super) fn letter(c: char) -> String {
    match c {
        '_' => c.to_string(),
        c if c.is_ascii_punctuation() && !matches!(c, '<' | '>') => format!("\\{c}"),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => format!("\\x{:02x}", u32::from(c)),
        c => c.to_string(),
    }
}

/// The set an escape stands for; `None` when it is a letter.
pub(super) fn of_escape(c: char, cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    let set = match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => r"[\t\n\x0b\x0c\r\x20]",
        'S' => r"[^\t\n\x0b\x0c\r\x20]",
        'p' | 'P' => {
            let name = cursor.property()?;
            return property(name, c == 'P').map(Some);
        }
        _ => return Ok(None),
    };
    Ok(Some(set.to_owned()))
}

/// A set by its name, in Unicode.
fn property(name: &str, negated: bool) -> Result<String> {
    let simple: String = name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).collect::<String>().to_lowercase();
    if let Some(set) = posix(&simple) {
        return Ok(format!("[{}{set}]", if negated { "^" } else { "" }));
    }
    let script = simple.strip_prefix("in").filter(|_| simple != "inherited").unwrap_or(&simple);
    let set = format!("\\{}{{{script}}}", if negated { 'P' } else { 'p' });
    let is_one = !name.starts_with('^') && !simple.starts_with("is") && regex::Regex::new(&set).is_ok();
    if is_one { Ok(set) } else { Err(wrong(format!("invalid character property name <{name}>"))) }
}

/// What is in a set that POSIX names.
fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "alpha" => r"\p{Alphabetic}",
        "digit" => r"\p{Nd}",
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "upper" => r"\p{Uppercase}",
        "lower" => r"\p{Lowercase}",
        "space" => r"\s",
        "blank" => r"\t\p{Zs}",
        "cntrl" => r"\p{Cc}",
        "punct" => r"\p{P}",
        "xdigit" => "0-9A-Fa-f",
        "word" => r"\w",
        "ascii" => r"\x00-\x7f",
        "graph" => r"[^\s\p{Cc}\p{Cs}\p{Cn}]",
        "print" => r"[^\p{Cc}\p{Cs}\p{Cn}]",
        _ => return None,
    })
}

/// One member of a set.
enum Member {
    Letter(char),
    Set(String),
}

/// The set after its `[`.
pub(super) fn translate(cursor: &mut Cursor<'_>) -> Result<String> {
    let mut set = String::from("[");
    if cursor.take("^") {
        set.push('^');
    }
    let premature = || wrong("premature end of char-class");
    let mut is_empty = true;
    loop {
        // A bracket at the first place is a letter, if there is another to end the set.
        if cursor.rest.starts_with(']') && !(is_empty && cursor.rest[1..].contains(']')) {
            cursor.next();
            set.push(']');
            return if is_empty { Err(wrong("empty char-class")) } else { Ok(set) };
        }
        is_empty = false;
        if cursor.take("&&") {
            set.push_str("&&");
            continue;
        }
        let from = match member(cursor)?.ok_or_else(premature)? {
            Member::Set(inner) => {
                set.push_str(&inner);
                continue;
            }
            Member::Letter(c) => c,
        };
        set.push_str(&letter(from));
        let is_range = cursor.rest.starts_with('-') && !cursor.rest.starts_with("-]") && !cursor.rest.starts_with("-[");
        if is_range {
            cursor.next();
            match member(cursor)?.ok_or_else(premature)? {
                Member::Set(_) => return Err(wrong("char-class value at end of range")),
                Member::Letter(to) if to < from => return Err(wrong("empty range in char class")),
                Member::Letter(to) => {
                    set.push('-');
                    set.push_str(&letter(to));
                }
            }
        }
    }
}

/// The next member; `None` at the pattern's end.
fn member(cursor: &mut Cursor<'_>) -> Result<Option<Member>> {
    let Some(c) = cursor.next() else { return Ok(None) };
    Ok(Some(match c {
        '[' => {
            let named = cursor.rest.strip_prefix(':').and_then(|rest| rest.split_once(":]")).map(|(name, _)| name);
            let bare = named.map(|name| name.strip_prefix('^').unwrap_or(name));
            match (named, bare.and_then(posix)) {
                (Some(name), Some(set)) => {
                    cursor.until(":]");
                    Member::Set(format!("[{}{set}]", if name.starts_with('^') { "^" } else { "" }))
                }
                _ => Member::Set(translate(cursor)?),
            }
        }
        '\\' => {
            let c = cursor.next().ok_or_else(|| wrong("end pattern at escape"))?;
            match of_escape(c, cursor)? {
                Some(set) => Member::Set(set),
                None if c == 'b' => Member::Letter('\u{8}'),
                None => Member::Letter(cursor.escaped(c)?),
            }
        }
        c => Member::Letter(c),
    }))
}
