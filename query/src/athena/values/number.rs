//! Decimal numbers.
//!
//! Owns: reading them, and the type a literal has.
//! Does not own: arithmetic.
//! Invariant: leading zeros count for nothing, trailing ones do.

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
    let text = text.trim_matches(|c: char| c <= ' ');
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let magnitude = match unsigned {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        _ => {
            let digits = unsigned.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(unsigned);
            let is_number = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
            digits.parse::<f64>().ok().filter(|_| is_number)?
        }
    };
    Some(sign * magnitude)
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
}
