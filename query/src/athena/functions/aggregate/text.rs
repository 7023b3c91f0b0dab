//! All texts as one.
//!
//! Owns: `listagg`.
//! Does not own: its clauses as arguments (`analyze::call`).
//! Invariant: no text is longer than Trino's; what is left out is told if it was asked for.

use arrow::array::ArrayRef;

use super::Reduce;
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::functions::scalar::{Bool, Call, Result, Text};

/// Longest result, bytes.
const LENGTH_MAX: usize = 1024 * 1024;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "listagg" => listagg,
        _ => return None,
    })
}

/// Of a text, a separator, whether too long is a fault, and if not: what stands for the rest, and whether its number does.
fn listagg(call: &Call<'_>) -> Result<ArrayRef> {
    let (texts, mut all) = (call.given_of(0)?.count(), String::new());
    if texts == 0 {
        return call.null();
    }
    let separator = call.first::<Text>(1)?.unwrap_or_default();
    for (written, text) in call.each::<Text>(0)?.enumerate() {
        let separator = if written == 0 { "" } else { separator };
        if all.len() + separator.len() + text.len() > LENGTH_MAX {
            if call.first::<Bool>(2)?.unwrap_or(true) {
                let message =
                    format!("Concatenated string has the length in bytes larger than the maximum output length {LENGTH_MAX}");
                return Err(AthenaError::of_values(ErrorName::ExceededFunctionMemoryLimit, message));
            }
            all.push_str(separator);
            all.push_str(call.first::<Text>(3)?.unwrap_or_default());
            if call.first::<Bool>(4)?.unwrap_or(false) {
                all.push_str(&format!("({})", texts - written));
            }
            break;
        }
        all.push_str(separator);
        all.push_str(text);
    }
    call.one(Some(all))
}
