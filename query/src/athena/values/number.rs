//! Numbers as text.
//!
//! Owns: reading them, and the type a decimal literal has.
//! Does not own: arithmetic, writing them (`float`, `text`).
//! Invariant: leading zeros count for nothing, trailing ones do.

use std::str::FromStr;

use crate::athena::types::{DECIMAL_PRECISION_MAX, Type};

/// Reads `[+-]digits[.digits]`: the number without its point, and its type; `None` when it is none or has over 38 digits.
pub(crate) fn decimal(text: &str) -> Option<(i128, Type)> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let are_digits = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !are_digits || whole.len() + fraction.len() == 0 {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let precision = u8::try_from((whole.len() + fraction.len()).max(1)).ok()?;
    let scale = u8::try_from(fraction.len()).ok()?;
    if precision > DECIMAL_PRECISION_MAX {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let value: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    Some((if negative { -value } else { value }, Type::Decimal { precision, scale }))
}

/// Reads a double as Java does: blanks around it, a sign, an exponent, a trailing `d` or `f`, `NaN` and `Infinity` so spelled.
pub(crate) fn double(text: &str) -> Option<f64> {
    floating(text)
}

/// As `double`: the nearest of 32 bits.
pub(crate) fn real(text: &str) -> Option<f32> {
    floating(text)
}

fn floating<F: FromStr>(text: &str) -> Option<F> {
    let text = text.trim_matches(|c: char| c <= ' ');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, "NaN" | "Infinity") {
        return text.parse().ok();
    }
    let digits = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let is_number = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    digits.parse().ok().filter(|_| is_number)
}

/// Reads a whole number as Java does: a sign, digits of any script.
pub(crate) fn integer(text: &str) -> Option<i64> {
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let (sign, unsigned) = signed(text);
    let digits: String = unsigned.chars().map(digit).collect::<Option<_>>()?;
    (!digits.is_empty()).then(|| format!("{sign}{digits}").parse().ok())?
}

/// Why a text is no decimal of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoDecimal {
    NotANumber,
    TooLarge,
}

/// Reads a number as Java's `BigDecimal` does, and rounds it to so many digits after the point: half up.
pub(crate) fn rounded(text: &str, precision: u8, scale: u8) -> Result<i128, NoDecimal> {
    let none = NoDecimal::NotANumber;
    let (sign, unsigned) = signed(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, i64::from(exponent.parse::<i32>().map_err(|_| none)?)),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = whole.chars().chain(fraction.chars()).map(digit).collect::<Option<_>>().ok_or(none)?;
    if digits.is_empty() {
        return Err(none);
    }
    let after_point = i64::try_from(fraction.chars().count()).map_err(|_| none)?;
    let digits = digits.trim_start_matches('0');
    let shift = exponent - after_point + i64::from(scale);
    let value = if digits.is_empty() { 0 } else { shifted(digits, shift).ok_or(NoDecimal::TooLarge)? };
    if value >= 10_i128.pow(u32::from(precision)) {
        return Err(NoDecimal::TooLarge);
    }
    Ok(if sign == "-" { -value } else { value })
}

/// A number of digits times a power of ten, rounded half up; `None` beyond 38 digits.
fn shifted(digits: &str, shift: i64) -> Option<i128> {
    let max = usize::from(DECIMAL_PRECISION_MAX);
    match usize::try_from(shift) {
        Ok(zeros) => {
            let fits = digits.len().checked_add(zeros).is_some_and(|length| length <= max);
            fits.then(|| format!("{digits}{}", "0".repeat(zeros)).parse().ok())?
        }
        Err(_) => {
            let cut = usize::try_from(shift.unsigned_abs()).ok()?;
            let Some(kept) = digits.len().checked_sub(cut) else { return Some(0) };
            let (kept, rest) = digits.split_at(kept);
            let value: i128 = if kept.is_empty() { 0 } else { kept.parse().ok().filter(|_| kept.len() <= max)? };
            Some(value + i128::from(rest.as_bytes().first().is_some_and(|digit| *digit >= b'5')))
        }
    }
}

fn signed(text: &str) -> (&str, &str) {
    text.split_at(usize::from(text.starts_with(['-', '+'])))
}

/// The zeros of the scripts that have digits of their own.
const ZEROS: [u32; 37] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20, 0x1040,
    0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0,
    0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0,
];

/// A digit of any script as that of ASCII.
fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let value = ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(*zero).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_never_has_another_type_than_in_trino() {
        let cases =
            [("001.10", 110, 3, 2), ("00.50", 50, 2, 2), (".5", 5, 1, 1), ("1.", 1, 1, 0), ("-.5", -5, 1, 1), ("0", 0, 1, 0)];
        for (text, value, precision, scale) in cases {
            assert_eq!(decimal(text), Some((value, Type::Decimal { precision, scale })), "{text}");
        }
        for wrong in ["1e2", "", ".", "1.2.3", "123456789012345678901234567890123456789.0", "x", " 1"] {
            assert_eq!(decimal(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_text_is_never_another_number_than_in_trino() {
        let cases = [("7.545", Ok(755)), ("-.5", Ok(-50)), ("1.", Ok(100)), ("1e1", Ok(1000)), ("1.5e-3", Ok(0)), ("٣", Ok(300))];
        for (text, value) in cases {
            assert_eq!(rounded(text, 5, 2), value, "{text}");
        }
        for (text, why) in [("999.995", NoDecimal::TooLarge), ("1e400", NoDecimal::TooLarge), (" 7", NoDecimal::NotANumber)] {
            assert_eq!(rounded(text, 5, 2), Err(why), "{text}");
        }
        assert_eq!((integer("+7"), integer("-٣"), integer(" 7"), integer("-")), (Some(7), Some(-3), None, None));
        assert_eq!((double(" 1.5d "), double("infinity"), real("0.1")), (Some(1.5), None, Some(0.1)));
    }
}
