//! Texts and bytes filled up to a length.
//!
//! Owns: lpad, rpad.
//! Does not own: the padding of `char(n)` (`types`).
//! Invariant: a text that is longer is cut off at its end, by both.

use std::borrow::Cow;

use arrow::array::ArrayRef;

use super::padded;
use crate::athena::functions::scalar::{Arg as _, Bytes, Call, Compute, Int, Result, Text};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "lpad" => |call| pad(call, true),
        "rpad" => |call| pad(call, false),
        _ => return None,
    })
}

fn pad(call: &Call<'_>, left: bool) -> Result<ArrayRef> {
    let lengths = Int::reader(call.values(1)?)?;
    let length = |row| {
        let length = Int::get(&lengths, call.place(1, row));
        let length = i32::try_from(length).ok().and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or_else(|| call.invalid(format!("Target length must be in the range [0..{}]", i32::MAX)))?;
        call.check_room(length).map(|()| length)
    };
    if call.types.first() == Some(&Type::Varbinary) {
        let (all, fills) = (Bytes::reader(call.values(0)?)?, Bytes::reader(call.values(2)?)?);
        return call.produce(|row| {
            let (bytes, fill) = (Bytes::get(&all, call.place(0, row)), Bytes::get(&fills, call.place(2, row)));
            let (length, missing) = filled(length(row)?, bytes.len(), fill.is_empty(), "bytes", call)?;
            let bytes = &bytes[..length.min(bytes.len())];
            let fill = fill.iter().copied().cycle().take(missing);
            let result: Vec<u8> =
                if left { fill.chain(bytes.iter().copied()).collect() } else { bytes.iter().copied().chain(fill).collect() };
            Ok(Some(result))
        });
    }
    let (all, fills) = (Text::reader(call.values(0)?)?, Text::reader(call.values(2)?)?);
    let ty = &call.types[0];
    call.produce(|row| {
        let text: Cow<'_, str> = padded(Text::get(&all, call.place(0, row)), ty);
        let fill = Text::get(&fills, call.place(2, row));
        let (length, missing) = filled(length(row)?, text.chars().count(), fill.is_empty(), "string", call)?;
        let (kept, fill) = (text.chars().take(length), fill.chars().cycle().take(missing));
        Ok(Some(if left { fill.chain(kept).collect::<String>() } else { kept.chain(fill).collect() }))
    })
}

/// The length wanted and what is missing of it.
fn filled(length: usize, own: usize, no_fill: bool, what: &str, call: &Call<'_>) -> Result<(usize, usize)> {
    if no_fill {
        return Err(call.invalid(format!("Padding {what} must not be empty")));
    }
    Ok((length, length.saturating_sub(own)))
}
