//! Bytes as something else.
//!
//! Owns: UTF-8, big-endian integers, IEEE 754 numbers; what is put for bytes that are no UTF-8.
//! Does not own: bytes as texts of digits (`base`).
//! Invariant: of a wrong length is a fault.

use std::borrow::Cow;

use arrow::array::ArrayRef;

use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg as _, Bytes, Call, Compute, Double, Int, Real, Result, Text};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "to_utf8" => to_utf8,
        "from_utf8" => from_utf8,
        "to_big_endian_32" => |call| call.map1::<Int, _>(|value| value.to_be_bytes()[4..].to_vec()),
        "to_big_endian_64" => |call| call.map1::<Int, _>(|value| value.to_be_bytes().to_vec()),
        "from_big_endian_32" => {
            |call| call.try1::<Bytes, _>(|bytes| exact(call, bytes).map(|b| Some(i64::from(i32::from_be_bytes(b)))))
        }
        "from_big_endian_64" => |call| call.try1::<Bytes, _>(|bytes| exact(call, bytes).map(|b| Some(i64::from_be_bytes(b)))),
        "to_ieee754_32" => |call| call.map1::<Real, _>(|value| one_nan(value, value.is_nan(), f32::NAN).to_be_bytes().to_vec()),
        "to_ieee754_64" => |call| call.map1::<Double, _>(|value| one_nan(value, value.is_nan(), f64::NAN).to_be_bytes().to_vec()),
        "from_ieee754_32" => |call| call.try1::<Bytes, _>(|bytes| float(call, bytes).map(|b| Some(f32::from_be_bytes(b)))),
        "from_ieee754_64" => |call| call.try1::<Bytes, _>(|bytes| float(call, bytes).map(|b| Some(f64::from_be_bytes(b)))),
        _ => return None,
    })
}

/// NaN has many forms; one is written.
fn one_nan<F>(value: F, is_nan: bool, nan: F) -> F {
    if is_nan { nan } else { value }
}

fn exact<const N: usize>(call: &Call<'_>, bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| call.invalid(format!("expected {N}-byte input, but got instead: {}", bytes.len())))
}

fn float<const N: usize>(call: &Call<'_>, bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| call.invalid(format!("Input floating-point value must be exactly {N} bytes long")))
}

fn to_utf8(call: &Call<'_>) -> Result<ArrayRef> {
    let width = match call.types.first() {
        Some(Type::Char(length)) => *length as usize,
        _ => 0,
    };
    call.map1::<Text, _>(|text| format!("{text:<width$}").into_bytes())
}

fn from_utf8(call: &Call<'_>) -> Result<ArrayRef> {
    let bytes = Bytes::reader(call.values(0)?)?;
    let bytes = |row| Bytes::get(&bytes, call.place(0, row));
    match call.types.get(1) {
        None => call.produce(|row| Ok(Some(repaired(bytes(row), Some('\u{fffd}')).into_owned()))),
        Some(Type::Bigint) => {
            let points = Int::reader(call.values(1)?)?;
            call.produce(|row| {
                let point = Int::get(&points, call.place(1, row));
                if point > i64::from(u32::from(char::MAX)) || (0xd800..=0xdfff).contains(&point) {
                    return Err(call.invalid("Invalid replacement character"));
                }
                // Trino keeps 32 bits of it, and sees that they are no character only when it needs one.
                let bits = u32::try_from(point & 0xffff_ffff).unwrap_or(u32::MAX);
                let c = match (char::from_u32(bits), std::str::from_utf8(bytes(row))) {
                    (Some(c), _) => c,
                    (None, Ok(text)) => return Ok(Some(text.to_owned())),
                    (None, Err(_)) => return Err(AthenaError::internal(&format!("Invalid code point 0x{bits:X}"))),
                };
                Ok(Some(repaired(bytes(row), Some(c)).into_owned()))
            })
        }
        Some(_) => {
            let texts = Text::reader(call.values(1)?)?;
            call.produce(|row| {
                let mut chars = Text::get(&texts, call.place(1, row)).chars();
                match (chars.next(), chars.next()) {
                    (c, None) => Ok(Some(repaired(bytes(row), c).into_owned())),
                    _ => Err(call.invalid("Replacement character string must empty or a single character")),
                }
            })
        }
    }
}

/// With something else for what is no UTF-8: for as many bytes at once as their first announces, or until one that does not belong.
pub(crate) fn repaired(bytes: &[u8], by: Option<char>) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let (mut text, mut rest) = (String::with_capacity(bytes.len()), bytes);
    while let Some(first) = rest.first() {
        let announced = match first {
            0..0x80 => 1,
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0..0xf8 => 4,
            0xf8..0xfc => 5,
            0xfc..0xfe => 6,
            _ => 1,
        };
        let follow = rest[1..].iter().take(announced - 1).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
        let (own, after) = rest.split_at(1 + follow);
        match std::str::from_utf8(own) {
            Ok(right) => text.push_str(right),
            Err(_) => text.extend(by),
        }
        rest = after;
    }
    text.into()
}
