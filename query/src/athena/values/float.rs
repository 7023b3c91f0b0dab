//! Floating numbers as text.
//!
//! Owns: the digits that `CAST(… AS varchar)` shows (Java's `DecimalFormat`) and those of JSON and of messages (Java's
//! `Double.toString`).
//! Does not own: reading them (`number`).
//! Invariant: what is written of a double is read back as the same double; a real shows seven digits at most, as in Trino.

use std::fmt::LowerExp;
use std::str::FromStr;

use arrow::datatypes::i256;

/// From here on Java does not write whole numbers digit by digit.
const INTEGERS: f64 = 9_223_372_036_854_775_808.0;
/// Digits after the point that tell a double from the middle between two.
const DIGITS: usize = 37;
const MANTISSA: u64 = 1 << 52;

/// `1.0E2`: as `CAST(… AS varchar)`.
pub(crate) fn double(value: f64) -> String {
    special(value).unwrap_or_else(|| scientific(&digits(value)))
}

/// As `double`, with seven digits at most.
pub(crate) fn real(value: f32) -> String {
    special(f64::from(value)).unwrap_or_else(|| {
        let text = shortest(value, f32::DIGITS);
        let wide: f64 = text.parse().unwrap_or(f64::NAN);
        // Of whole numbers in the middle between two Java takes the one further from zero, else the even one.
        let is_middle = wide.fract() == 0.0
            && wide.abs() < INTEGERS
            && text.split_once("5e").is_some_and(|(digits, _)| digits.trim_start_matches('-').len() == 8);
        let wide = if is_middle { wide * (1.0 + f64::EPSILON) } else { wide };
        scientific(&format!("{wide:.6e}"))
    })
}

/// `100.0`, `1.0E7`: as Java's `Double.toString`.
pub(crate) fn plain_double(value: f64) -> String {
    if value.is_finite() && value != 0.0 { plain(&shortest(value, f64::DIGITS)) } else { plain_special(value) }
}

/// As Java's `Float.toString`.
pub(crate) fn plain_real(value: f32) -> String {
    if value.is_finite() && value != 0.0 { plain(&shortest(value, f32::DIGITS)) } else { plain_special(f64::from(value)) }
}

fn special(value: f64) -> Option<String> {
    let text = match value {
        value if value.is_nan() => "NaN",
        value if value.is_infinite() => return Some(plain_special(value)),
        value if value == 0.0 && value.is_sign_negative() => "-0E0",
        0.0 => "0E0",
        _ => return None,
    };
    Some(text.to_owned())
}

fn plain_special(value: f64) -> String {
    let sign = if value.is_sign_negative() && !value.is_nan() { "-" } else { "" };
    let text = if value.is_nan() {
        "NaN"
    } else if value.is_infinite() {
        "Infinity"
    } else {
        "0.0"
    };
    format!("{sign}{text}")
}

/// The fewest digits that are read back as the same, but two at least: of the smallest double Java writes 4.9E-324, though 5E-324
/// is nearest to it too. Of two such the nearer one, or the even one; up to
/// `unique` digits there are no two.
fn shortest<F: LowerExp + FromStr + PartialEq>(value: F, unique: u32) -> String {
    let text = format!("{value:e}");
    let digits = text.bytes().take_while(|b| *b != b'e').filter(u8::is_ascii_digit).count();
    if (2..=unique as usize).contains(&digits) {
        return text;
    }
    let even = format!("{value:.*e}", digits.max(2) - 1);
    if even.parse().is_ok_and(|read: F| read == value) { even } else { text }
}

/// `d.ddde±x`: the digits that `DecimalFormat` finds.
fn digits(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude.fract() == 0.0 && (1.0..INTEGERS).contains(&magnitude) {
        return integer(value);
    }
    let is_power = value.is_normal() && value.to_bits().is_multiple_of(MANTISSA);
    if is_power || magnitude >= INTEGERS {
        return (1..17)
            .map(|count| format!("{value:.count$e}"))
            .find(|text| is_own(magnitude, text))
            .unwrap_or_else(|| format!("{value:.16e}"));
    }
    shortest(value, f64::DIGITS)
}

/// Whether the digits are within half the way to the next double, of powers of two a quarter; its end belongs to none.
fn is_own(magnitude: f64, text: &str) -> bool {
    let number = |text: &str| {
        let (mantissa, exponent) = text.trim_start_matches('-').split_once('e')?;
        let digits = format!("{:0<width$}", mantissa.replace('.', ""), width = DIGITS + 1);
        Some((digits.parse::<i128>().ok()?, exponent.parse::<i32>().ok()?))
    };
    let Some((exact, exponent)) = number(&format!("{magnitude:.DIGITS$e}")) else { return true };
    let Some((digits, own_exponent)) = number(text) else { return true };
    let digits = if own_exponent > exponent { digits * 10 } else { digits };
    let mantissa = magnitude.to_bits() % MANTISSA + MANTISSA;
    let parts = i128::from(mantissa) * if mantissa == MANTISSA { 4 } else { 2 };
    let apart = i256::from_i128((digits - exact).abs()).wrapping_mul(i256::from_i128(parts));
    apart < i256::from_i128(exact)
}

/// Every digit of a whole number, but for those below the precision of its binary form.
fn integer(value: f64) -> String {
    let bits = i32::try_from(value.to_bits() >> 52 & 0x7FF).unwrap_or(0) - 1023;
    let spare = (bits - 54).max(0);
    // As in Java's table: the digits of that power of two but for one.
    let dropped = if spare > 1 { u32::try_from(spare).map_or(0, |spare| 2_u64.pow(spare).ilog10()) } else { 0 };
    let whole = value.abs() as i64;
    let unit = 10_i64.pow(dropped);
    let rounded = whole / unit + i64::from(dropped > 0 && whole % unit >= unit / 2);
    let digits = rounded.to_string();
    let exponent = digits.len() - 1 + dropped as usize;
    let (first, rest) = digits.split_at(1);
    format!("{}{first}.{rest}e{exponent}", if value < 0.0 { "-" } else { "" })
}

fn scientific(digits: &str) -> String {
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    format!("{whole}.{}E{exponent}", if fraction.is_empty() { "0" } else { fraction })
}

/// Without an exponent from a thousandth to ten million.
fn plain(digits: &str) -> String {
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((digits, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-3..7).contains(&exponent) {
        return scientific(digits);
    }
    let (sign, unsigned) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let all = unsigned.replace('.', "");
    let (whole, fraction) = match usize::try_from(exponent) {
        Ok(places) => {
            let padded = format!("{all:0<width$}", width = places + 1);
            let (whole, fraction) = padded.split_at(places + 1);
            (whole.to_owned(), fraction.to_owned())
        }
        Err(_) => ("0".to_owned(), format!("{}{all}", "0".repeat(exponent.unsigned_abs() as usize - 1))),
    };
    let fraction = fraction.trim_end_matches('0');
    format!("{sign}{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_double_is_never_written_otherwise_than_in_trino() {
        for (value, text) in [
            (0.0, "0E0"),
            (-0.0, "-0E0"),
            (100.0, "1.0E2"),
            (-2.5, "-2.5E0"),
            (123.45, "1.2345E2"),
            (2e23, "1.9999999999999998E23"),
            (9.223_372_036_854_775E18, "9.2233720368547748E18"),
            (1e18, "1.0E18"),
            (5.902_958_103_587_057E20, "5.9029581035870565E20"),
            (2_f64.powi(-44), "5.6843418860808015E-14"),
            (751_452_743_123_461.3, "7.514527431234612E14"),
            (4.9E-324, "4.9E-324"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), text);
        }
        for (value, text) in [(100.0, "100.0"), (1e7, "1.0E7"), (0.001, "0.001"), (-1e-4, "-1.0E-4"), (1_234_567.1, "1234567.1")]
        {
            assert_eq!(plain_double(value), text);
        }
    }

    #[test]
    fn a_real_never_shows_more_than_seven_digits() {
        for (value, text) in [
            (16_777_216.0, "1.677722E7"),
            (f32::MAX, "3.402823E38"),
            (1.4E-45, "1.4E-45"),
            (0.1, "1.0E-1"),
            (8_773_232_521_904_128.0, "8.773233E15"),
        ] {
            assert_eq!(real(value), text);
        }
        assert_eq!(plain_real(16_777_216.0), "1.6777216E7");
    }
}
