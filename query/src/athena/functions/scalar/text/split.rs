//! Parts of texts between delimiters.
//!
//! Owns: split, split_part, split_to_map, split_to_multimap.
//! Does not own: regular expressions as delimiters (`regexp`).
//! Invariant: a delimiter is no part.

use arrow::array::ArrayRef;

use crate::athena::functions::scalar::build::{Entries, lists, maps};
use crate::athena::functions::scalar::{Arg as _, Call, Compute, Int, Result, Text};

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "split" => split,
        "split_part" => split_part,
        "split_to_map" => split_to_map,
        "split_to_multimap" => split_to_multimap,
        _ => return None,
    })
}

fn split(call: &Call<'_>) -> Result<ArrayRef> {
    let (texts, delimiters) = (Text::reader(call.values(0)?)?, Text::reader(call.values(1)?)?);
    let limits = if call.arguments.len() > 2 { Some(Int::reader(call.values(2)?)?) } else { None };
    lists(call, |row| {
        let limit = limits.as_ref().map_or(i64::from(i32::MAX), |limits| Int::get(limits, call.place(2, row)));
        if limit <= 0 {
            return Err(call.invalid("Limit must be positive"));
        }
        let limit = i32::try_from(limit).ok().and_then(|limit| usize::try_from(limit).ok());
        let limit = limit.ok_or_else(|| call.invalid("Limit is too large"))?;
        let delimiter = Text::get(&delimiters, call.place(1, row));
        if delimiter.is_empty() {
            return Err(call.invalid("The delimiter may not be the empty string"));
        }
        Ok(Text::get(&texts, call.place(0, row)).splitn(limit, delimiter).map(Some).collect())
    })
}

fn split_part(call: &Call<'_>) -> Result<ArrayRef> {
    call.try3::<Text, Text, Int, _>(|text, delimiter, index| {
        let skipped = usize::try_from(index).ok().and_then(|index| index.checked_sub(1));
        let skipped = skipped.ok_or_else(|| call.invalid("Index must be greater than zero"))?;
        if delimiter.is_empty() {
            return Ok(text.char_indices().nth(skipped).and_then(|(byte, c)| text.get(byte..byte + c.len_utf8())));
        }
        Ok(text.split(delimiter).nth(skipped))
    })
}

/// The keys and values of a row's text; a fault quotes the wrong entry.
fn entries<'c>(call: &Call<'c>, row: usize, quote: &str) -> Result<Vec<(&'c str, &'c str)>> {
    let text = |argument| Ok(Text::get(&Text::reader(call.values(argument)?)?, call.place(argument, row)));
    let (text, between, within) = (text(0)?, text(1)?, text(2)?);
    if between.is_empty() {
        return Err(call.invalid("entryDelimiter is empty"));
    }
    if within.is_empty() {
        return Err(call.invalid("keyValueDelimiter is empty"));
    }
    if between == within {
        return Err(call.invalid("entryDelimiter and keyValueDelimiter must not be the same"));
    }
    if text.is_empty() {
        return Ok(Vec::new());
    }
    // After the last entry a delimiter may stand.
    let text = text.strip_suffix(between).unwrap_or(text);
    let entry = |entry: &'c str| {
        let parts = entry.split_once(within).filter(|(_, value)| !value.contains(within));
        let message = "Key-value delimiter must appear exactly once in each entry. Bad input: ";
        parts.ok_or_else(|| call.invalid(format!("{message}{quote}{entry}{quote}")))
    };
    text.split(between).map(entry).collect()
}

fn split_to_map(call: &Call<'_>) -> Result<ArrayRef> {
    maps(call, |row| {
        let mut result: Entries<'_, &str> = Vec::new();
        for (key, value) in entries(call, row, "'")? {
            if result.iter().any(|(own, _)| *own == key) {
                return Err(call.invalid(format!("Duplicate keys ({key}) are not allowed")));
            }
            result.push((key, value));
        }
        Ok(result)
    })
}

fn split_to_multimap(call: &Call<'_>) -> Result<ArrayRef> {
    maps(call, |row| {
        let mut result: Entries<'_, Vec<&str>> = Vec::new();
        for (key, value) in entries(call, row, "")? {
            match result.iter_mut().find(|(own, _)| *own == key) {
                Some((_, values)) => values.push(value),
                None => result.push((key, vec![value])),
            }
        }
        Ok(result)
    })
}
