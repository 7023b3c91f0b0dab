//! Texts within texts.
//!
//! Owns: strpos, starts_with, replace.
//! Does not own: patterns (`values::like`, `regexp`).
//! Invariant: every text holds the empty one, at its first place.

use arrow::array::ArrayRef;

use super::letters::count;
use crate::athena::functions::scalar::{Call, Compute, Int, Result, Text};

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "strpos" => strpos,
        "starts_with" => |call| call.map2::<Text, Text, _>(|text, start| text.starts_with(start)),
        "replace" => replace,
        _ => return None,
    })
}

/// The code point, counted from 1, of a byte.
fn position(text: &str, byte: Option<usize>) -> i64 {
    byte.and_then(|byte| text.get(..byte)).map_or(0, |before| count(before) + 1)
}

fn strpos(call: &Call<'_>) -> Result<ArrayRef> {
    if call.arguments.len() < 3 {
        return call.map2::<Text, Text, _>(|text, part| position(text, text.find(part)));
    }
    call.try3::<Text, Text, Int, _>(|text, part, instance| {
        // What has no positive counterpart is negated to itself in Java.
        if instance == 0 || instance == i64::MIN {
            return Err(call.invalid("'instance' must be a positive or negative number."));
        }
        if part.is_empty() {
            return Ok(Some(1));
        }
        // They may overlap.
        let mut found = text.char_indices().map(|(byte, _)| byte).filter(|byte| text[*byte..].starts_with(part));
        let skipped = usize::try_from(instance.unsigned_abs() - 1).unwrap_or(usize::MAX);
        let byte = if instance > 0 { found.nth(skipped) } else { found.rev().nth(skipped) };
        Ok(Some(position(text, byte)))
    })
}

fn replace(call: &Call<'_>) -> Result<ArrayRef> {
    if call.arguments.len() < 3 {
        return call.map2::<Text, Text, _>(|text, part| text.replace(part, ""));
    }
    call.try3::<Text, Text, Text, _>(|text, part, by| {
        call.check_room(text.matches(part).count().saturating_mul(by.len()))?;
        Ok(Some(text.replace(part, by)))
    })
}
