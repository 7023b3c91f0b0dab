//! Floating numbers as text.
//!
//! Owns: the digits that `CAST(… AS varchar)` shows (Java's `DecimalFormat`) and those of JSON and of messages (Java's
//! `Double.toString`).
//! Does not own: reading them (`number`).
//! Invariant: what is written of a double is read back as the same double; a real shows seven digits at most, as in Trino.

/// From here on a double is written by the digits that no other double shares, in `DecimalFormat`'s sense: not even at the edge.
const INTEGERS: f64 = 9_223_372_036_854_775_808.0;

/// `1.0E2`: as `CAST(… AS varchar)`.
pub(crate) fn double(value: f64) -> String {
    special(value).unwrap_or_else(|| scientific(&digits(value)))
}

/// As `double`, with seven digits at most.
pub(crate) fn real(value: f32) -> String {
    special(f64::from(value)).unwrap_or_else(|| {
        let wide: f64 = shortest(value).parse().unwrap_or(f64::NAN);
        scientific(&format!("{wide:.6e}"))
    })
}

/// `100.0`, `1.0E7`: as Java's `Double.toString`.
pub(crate) fn plain_double(value: f64) -> String {
    if value.is_finite() && value != 0.0 {
        plain(&two_digits(format!("{value:e}"), || format!("{value:.1e}")))
    } else {
        plain_special(value)
    }
}

/// As Java's `Float.toString`.
pub(crate) fn plain_real(value: f32) -> String {
    if value.is_finite() && value != 0.0 { plain(&shortest(value)) } else { plain_special(f64::from(value)) }
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

fn shortest(value: f32) -> String {
    two_digits(format!("{value:e}"), || format!("{value:.1e}"))
}

/// Java looks at two digits at least: of the smallest double it writes 4.9E-324, though 5E-324 is nearest to it too.
fn two_digits(shortest: String, of_two: impl FnOnce() -> String) -> String {
    if shortest.contains('.') { shortest } else { of_two() }
}

/// `d.ddde±x`: the digits that `DecimalFormat` finds.
fn digits(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= INTEGERS {
        // The fewest digits between the neighbours, where the middle between two doubles belongs to none.
        let own = |text: &String| {
            let Some((mantissa, exponent)) = text.split_once('e') else { return true };
            let beyond = |tail: &str| format!("{mantissa}{tail}e{exponent}").parse() == Ok(value);
            let mut below = mantissa.replace('.', "").parse::<i64>().unwrap_or(0);
            below -= below.signum();
            let places = mantissa.trim_start_matches('-').len().saturating_sub(2);
            let exponent: i64 = exponent.parse().unwrap_or(0);
            let before = format!("{below}.{}e{}", "9".repeat(20), exponent - i64::try_from(places).unwrap_or(0));
            beyond("00000000000000000001") && before.parse() == Ok(value)
        };
        return (1..17).map(|count| format!("{value:.count$e}")).find(own).unwrap_or_else(|| format!("{value:.16e}"));
    }
    if magnitude.fract() == 0.0 && magnitude >= 1.0 {
        return integer(value);
    }
    two_digits(format!("{value:e}"), || format!("{value:.1e}"))
}

/// Every digit of a whole number, but for those below the precision of its binary form.
fn integer(value: f64) -> String {
    let bits = i32::try_from(value.to_bits() >> 52 & 0x7FF).unwrap_or(0) - 1023;
    let spare = (bits - 54).max(0);
    // As in Java's table: the digits of that power of two but for one.
    let dropped = if spare > 1 { u32::try_from(spare).map_or(0, |spare| 2_u64.pow(spare).ilog10()) } else { 0 };
    #[expect(clippy::cast_possible_truncation, reason = "below 2^63 and whole")]
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
        for (value, text) in [(16_777_216.0, "1.677722E7"), (f32::MAX, "3.402823E38"), (1.4E-45, "1.4E-45"), (0.1, "1.0E-1")] {
            assert_eq!(real(value), text);
        }
        assert_eq!(plain_real(16_777_216.0), "1.6777216E7");
    }
}
