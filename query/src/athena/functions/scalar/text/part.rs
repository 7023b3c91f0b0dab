//! Parts of texts and bytes.
//!
//! Owns: substr, trim and its kin.
//! Does not own: parts between delimiters (`split`).
//! Invariant: a place outside of the text is no fault but an empty part.

use std::ops::Range;

use arrow::array::ArrayRef;

use super::padded;
use crate::athena::functions::scalar::{Arg as _, Bytes, Call, Compute, Int, Result, Text};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "substr" | "substring" => substr,
        "trim" => |call| trim(call, true, true),
        "ltrim" => |call| trim(call, true, false),
        "rtrim" => |call| trim(call, false, true),
        _ => return None,
    })
}

/// Which of so many a part is: from a place counted from 1, or from the end when below zero.
fn range(count: usize, start: i64, length: i64) -> Range<usize> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let from = if start > 0 { start - 1 } else { count.saturating_add(start) };
    if start == 0 || length <= 0 || from < 0 || from >= count {
        return 0..0;
    }
    let place = |at: i64| usize::try_from(at).unwrap_or(0);
    place(from)..place(from.saturating_add(length).min(count))
}

/// The part of a text.
fn part(text: &str, start: i64, length: i64) -> &str {
    if text.is_ascii() {
        return text.get(range(text.len(), start, length)).unwrap_or("");
    }
    let range = range(text.chars().count(), start, length);
    let byte = |place: usize| text.char_indices().nth(place).map_or(text.len(), |(byte, _)| byte);
    text.get(byte(range.start)..byte(range.end)).unwrap_or("")
}

fn substr(call: &Call<'_>) -> Result<ArrayRef> {
    let starts = Int::reader(call.values(1)?)?;
    let lengths = if call.arguments.len() > 2 { Some(Int::reader(call.values(2)?)?) } else { None };
    let start = |row| Int::get(&starts, call.place(1, row));
    let length = |row| lengths.as_ref().map_or(i64::MAX, |lengths| Int::get(lengths, call.place(2, row)));
    match call.types.first() {
        Some(Type::Varbinary) => {
            let all = Bytes::reader(call.values(0)?)?;
            call.produce(|row| {
                let bytes = Bytes::get(&all, call.place(0, row));
                Ok(bytes.get(range(bytes.len(), start(row), length(row))).map(<[u8]>::to_vec))
            })
        }
        Some(ty @ Type::Char(_)) => {
            let texts = Text::reader(call.values(0)?)?;
            call.produce(|row| {
                Ok(Some(part(&padded(Text::get(&texts, call.place(0, row)), ty), start(row), length(row)).to_owned()))
            })
        }
        _ => {
            let texts = Text::reader(call.values(0)?)?;
            call.produce(|row| Ok(Some(part(Text::get(&texts, call.place(0, row)), start(row), length(row)))))
        }
    }
}

/// What Java calls white space: no space that forbids a line's break, but the separators of files, groups, records and units.
fn is_blank(c: char) -> bool {
    match c {
        '\u{1c}'..='\u{1f}' => true,
        '\u{85}' | '\u{a0}' | '\u{2007}' | '\u{202f}' => false,
        c => c.is_whitespace(),
    }
}

fn trimmed(text: &str, left: bool, right: bool, drops: impl Fn(char) -> bool + Copy) -> &str {
    let text = if left { text.trim_start_matches(drops) } else { text };
    if right { text.trim_end_matches(drops) } else { text }
}

fn trim(call: &Call<'_>, left: bool, right: bool) -> Result<ArrayRef> {
    if call.arguments.len() > 1 {
        return call.map2::<Text, Text, _>(|text, set| trimmed(text, left, right, |c| set.contains(c)));
    }
    call.map1::<Text, _>(|text| trimmed(text, left, right, is_blank))
}
