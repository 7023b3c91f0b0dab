//! Texts letter by letter.
//!
//! Owns: upper, lower, reverse, length, chr, codepoint, translate, normalize.
//! Does not own: texts of several letters within texts (`search`).
//! Invariant: a letter's case is one letter: ß stays ß.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

use super::padded;
use crate::athena::functions::scalar::{Arg as _, Bytes, Call, Compute, Int, Result, Text, array};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "upper" => |call| call.map1::<Text, _>(|text| text.chars().map(upper).collect::<String>()),
        "lower" => |call| call.map1::<Text, _>(|text| text.chars().map(lower).collect::<String>()),
        "length" => length,
        "reverse" => reverse,
        "chr" => chr,
        "codepoint" => codepoint,
        "translate" => translate,
        "normalize" => normalize,
        _ => return None,
    })
}

fn upper(c: char) -> char {
    let mut all = c.to_uppercase();
    match (all.next(), all.next()) {
        (Some(upper), None) => upper,
        // The Greek letters whose iota below becomes one beside: their one-letter form is the next eight's.
        _ => match c {
            '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => shifted(c, 8),
            '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => shifted(c, 9),
            _ => c,
        },
    }
}

fn shifted(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).unwrap_or(c)
}

/// Only `İ` has a lower case of two letters.
fn lower(c: char) -> char {
    if c == 'İ' { 'i' } else { c.to_lowercase().next().unwrap_or(c) }
}

fn normalize(call: &Call<'_>) -> Result<ArrayRef> {
    call.map2::<Text, Text, _>(|text, form| {
        match form {
            "NFD" => DecomposingNormalizerBorrowed::new_nfd().normalize(text),
            "NFKC" => ComposingNormalizerBorrowed::new_nfkc().normalize(text),
            "NFKD" => DecomposingNormalizerBorrowed::new_nfkd().normalize(text),
            _ => ComposingNormalizerBorrowed::new_nfc().normalize(text),
        }
        .into_owned()
    })
}

/// Code points of a text; as many as its type says of a `char(n)`.
pub(super) fn count(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX)
}

fn length(call: &Call<'_>) -> Result<ArrayRef> {
    match call.types.first() {
        Some(Type::Char(length)) => call.map1::<Text, _>(|_| i64::from(*length)),
        Some(Type::Varbinary) => call.map1::<Bytes, _>(|bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX)),
        _ => call.map1::<Text, _>(count),
    }
}

fn reverse(call: &Call<'_>) -> Result<ArrayRef> {
    match call.types {
        [Type::Array(_)] => array::reverse(call),
        [Type::Varbinary] => call.map1::<Bytes, _>(|bytes| bytes.iter().rev().copied().collect::<Vec<u8>>()),
        [ty @ Type::Char(_)] => {
            // Blanks that come last stay, as they do there: such a value is equal to none and cannot be shown.
            call.map1::<Text, _>(|text| padded(text, ty).chars().rev().collect::<String>())
        }
        _ => call.map1::<Text, _>(|text| text.chars().rev().collect::<String>()),
    }
}

fn chr(call: &Call<'_>) -> Result<ArrayRef> {
    call.try1::<Int, _>(|point| {
        let c = u32::try_from(point).ok().and_then(char::from_u32);
        c.map(|c| Some(c.to_string())).ok_or_else(|| call.invalid(format!("Not a valid Unicode code point: {point}")))
    })
}

fn codepoint(call: &Call<'_>) -> Result<ArrayRef> {
    call.try1::<Text, _>(|text| {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(Some(i64::from(u32::from(c)))),
            _ => Err(call.invalid("Input string must be a single character string")),
        }
    })
}

/// Letters of the second text become those of the third at the same place, or nothing where it has none.
fn translate(call: &Call<'_>) -> Result<ArrayRef> {
    let constant = call.arguments.iter().skip(1).all(crate::athena::eval::Column::is_constant);
    let (from, to) = (call.first::<Text>(1)?, call.first::<Text>(2)?);
    let known = from.zip(to).filter(|_| constant).map(|(from, to)| table(from, to));
    let text = Text::reader(call.values(0)?)?;
    let (from, to) = (Text::reader(call.values(1)?)?, Text::reader(call.values(2)?)?);
    call.produce(|row| {
        let own;
        let table = match &known {
            Some(table) => table,
            None => {
                own = table(Text::get(&from, call.place(1, row)), Text::get(&to, call.place(2, row)));
                &own
            }
        };
        let text = Text::get(&text, call.place(0, row));
        Ok(Some(text.chars().filter_map(|c| table.get(&c).copied().unwrap_or(Some(c))).collect::<String>()))
    })
}

fn table(from: &str, to: &str) -> HashMap<char, Option<char>> {
    let (mut table, mut to) = (HashMap::new(), to.chars());
    for c in from.chars() {
        let into = to.next();
        table.entry(c).or_insert(into);
    }
    table
}
