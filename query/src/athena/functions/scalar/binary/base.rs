//! Bytes and numbers as texts of digits.
//!
//! Owns: base 16, 32, 64 of bytes; numbers to any base.
//! Does not own: other forms of bytes (`codec`).
//! Invariant: what is no digit is a fault, told as Java does.

use arrow::array::ArrayRef;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::athena::functions::scalar::{Bytes, Call, Compute, Int, Result, Text};
use crate::athena::types::Type;

const BASE_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE_64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE_64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "to_hex" => |call| call.map1::<Bytes, _>(to_hex),
        "from_hex" => |call| decoded(call, from_hex),
        "to_base64" => |call| call.map1::<Bytes, _>(|bytes| STANDARD.encode(bytes)),
        "to_base64url" => |call| call.map1::<Bytes, _>(|bytes| URL_SAFE.encode(bytes)),
        "from_base64" => |call| decoded(call, |digits| from_base64(digits, BASE_64)),
        "from_base64url" => |call| decoded(call, |digits| from_base64(digits, BASE_64_URL)),
        "to_base32" => |call| call.map1::<Bytes, _>(to_base32),
        "from_base32" => |call| decoded(call, from_base32),
        "to_base" => to_base,
        "from_base" => from_base,
        _ => return None,
    })
}

/// Bytes from their digits, which are a text or bytes themselves.
fn decoded(call: &Call<'_>, f: impl Fn(&[u8]) -> std::result::Result<Vec<u8>, String>) -> Result<ArrayRef> {
    let bytes = |digits: &[u8]| f(digits).map(Some).map_err(|why| call.invalid(why));
    match call.types.first() {
        Some(Type::Varbinary) => call.try1::<Bytes, _>(bytes),
        _ => call.try1::<Text, _>(|text| bytes(text.as_bytes())),
    }
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

fn from_hex(digits: &[u8]) -> std::result::Result<Vec<u8>, String> {
    if !digits.len().is_multiple_of(2) {
        return Err(format!("invalid input length {}", digits.len()));
    }
    let digit = |byte: u8| {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        digit.ok_or_else(|| format!("not a hexadecimal digit: \"{}\" = {byte}", char::from(byte)))
    };
    digits.chunks_exact(2).map(|pair| Ok(digit(pair[0])? * 16 + digit(pair[1])?)).collect()
}

/// With or without padding, as `java.util.Base64`; bits that are left over are not looked at.
fn from_base64(digits: &[u8], alphabet: &[u8; 64]) -> std::result::Result<Vec<u8>, String> {
    if digits.len() == 1 {
        return Err("Input byte[] should at least have 2 bytes for base64 bytes".to_owned());
    }
    let wrong_end = || "Input byte array has wrong 4-byte ending unit".to_owned();
    let end = digits.iter().position(|byte| *byte == b'=').unwrap_or(digits.len());
    let (own, padding) = digits.split_at(end);
    let bytes = joined(own, 6, |byte| {
        let value = alphabet.iter().position(|own| *own == byte);
        value.ok_or_else(|| {
            // Java's bytes have a sign.
            let (sign, size) = if byte < 0x80 { ("", byte) } else { ("-", byte.wrapping_neg()) };
            format!("Illegal base64 character {sign}{size:x}")
        })
    })?;
    let expected = match own.len() % 4 {
        1 => return Err("Last unit does not have enough valid bits".to_owned()),
        2 if !padding.is_empty() => 2,
        3 if !padding.is_empty() => 1,
        _ => 0,
    };
    if padding.len() < expected
        || padding.iter().take(expected).any(|byte| *byte != b'=')
        || (expected == 0 && !padding.is_empty())
    {
        return Err(wrong_end());
    }
    if padding.len() > expected {
        return Err(format!("Input byte array has incorrect ending byte at {}", end + expected));
    }
    Ok(bytes)
}

/// The bytes that digits of so many bits are; what is left over of bits is dropped.
fn joined(
    digits: &[u8],
    bits: u32,
    value: impl Fn(u8) -> std::result::Result<usize, String>,
) -> std::result::Result<Vec<u8>, String> {
    let (mut bytes, mut held, mut count) = (Vec::with_capacity(digits.len()), 0_u32, 0);
    for digit in digits {
        held = (held << bits) | u32::try_from(value(*digit)?).unwrap_or(0);
        count += bits;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(held >> count).unwrap_or(0));
            held &= (1 << count) - 1;
        }
    }
    Ok(bytes)
}

fn to_base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let held = chunk.iter().chain(&[0; 4]).take(5).fold(0_u64, |held, byte| (held << 8) | u64::from(*byte));
        let digits = (chunk.len() * 8).div_ceil(5);
        for i in 0..8 {
            let digit = usize::try_from((held >> (35 - 5 * i)) & 31).unwrap_or(0);
            text.push(if i < digits { char::from(BASE_32[digit]) } else { '=' });
        }
    }
    text
}

fn from_base32(digits: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let end = digits.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let digits = &digits[..end];
    let letters = digits.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    if matches!(letters % 8, 1 | 3 | 6) {
        return Err(format!("Invalid input length {letters}"));
    }
    joined(digits, 5, |byte| {
        BASE_32.iter().position(|own| *own == byte).ok_or_else(|| match byte {
            0x21..0x7f => format!("Unrecognized character: {}", char::from(byte)),
            other => format!("Unrecognized character: 0x{other:x}"),
        })
    })
}

fn radix(call: &Call<'_>, radix: i64) -> Result<u32> {
    let known = u32::try_from(radix).ok().filter(|radix| (2..=36).contains(radix));
    known.ok_or_else(|| call.invalid("Radix must be between 2 and 36"))
}

fn to_base(call: &Call<'_>) -> Result<ArrayRef> {
    call.try2::<Int, Int, _>(|value, base| {
        let base = radix(call, base)?;
        let (mut rest, mut digits) = (value.unsigned_abs(), Vec::new());
        loop {
            let digit = u32::try_from(rest % u64::from(base)).unwrap_or(0);
            digits.extend(char::from_digit(digit, base));
            rest /= u64::from(base);
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            digits.push('-');
        }
        Ok(Some(digits.iter().rev().collect::<String>()))
    })
}

fn from_base(call: &Call<'_>) -> Result<ArrayRef> {
    call.try2::<Text, Int, _>(|text, base| {
        let base = radix(call, base)?;
        let value = i64::from_str_radix(text, base).map(Some);
        value.map_err(|_| call.invalid(format!("Not a valid base-{base} number: {text}")))
    })
}
