//! JSON numbers, read exactly: as a double, as an integer, as a time.
//!
//! Owns: the number grammar and the arithmetic on decimal digits.
//! Does not own: which values a column accepts (`row`).
//! Invariant: `to_f64` gives what `str::parse::<f64>` gives; `to_i64` and `to_event_time` never pass through a double.

use ticklake_schemas::{EventTime, EventTimeError, epoch_to_ns};

use super::scan::Malformed;
use super::swar;

/// 10^19 - 1 is the longest run of nines a `u64` holds.
const EXACT_DIGITS_MAX: usize = 19;

/// A number: ±`mantissa` · 10^`exponent`, and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal<'a> {
    /// As it was written: ASCII.
    bytes: &'a [u8],
    mantissa: u64,
    exponent: i32,
    negative: bool,
    /// More than 19 significant digits: `mantissa` is cut towards zero, and has 19 digits of which the first is not 0.
    cut: bool,
}

/// Reads the number that starts at `from` and ends where its grammar ends. `leading_zeros` allows "007", which JSON does not.
#[inline(always)]
pub(super) fn scan(bytes: &[u8], from: usize, leading_zeros: bool) -> Result<Decimal<'_>, Malformed> {
    let negative = bytes.get(from) == Some(&b'-');
    let first = from + usize::from(negative);
    let (mut mantissa, mut at) = swar::digits(bytes, first, 0);
    let mut count = at - first;
    if count == 0 {
        return Err(Malformed::new(first, "a digit must follow the minus sign"));
    }
    if count > 1 && bytes[first] == b'0' && !leading_zeros {
        return Err(Malformed::new(first, "a number must not start with 0"));
    }
    let mut exponent = 0;
    if bytes.get(at) == Some(&b'.') {
        let point = at + 1;
        (mantissa, at) = swar::digits(bytes, point, mantissa);
        if at == point {
            return Err(Malformed::new(at, "a digit must follow the decimal point"));
        }
        count += at - point;
        exponent = -saturating_i32(at - point);
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let (power, end) = scan_power(bytes, at + 1)?;
        exponent = exponent.saturating_add(power);
        at = end;
    }
    let decimal = Decimal { bytes: &bytes[from..at], mantissa, exponent, negative, cut: false };
    Ok(if count <= EXACT_DIGITS_MAX { decimal } else { decimal.reread() })
}

/// Reads a number that fills the whole of a string, white space around it and zeros before it allowed; `None` if it does not.
pub(super) fn from_text(text: &str) -> Option<Decimal<'_>> {
    let text = text.trim();
    scan(text.as_bytes(), 0, true).ok().filter(|number| number.len() == text.len())
}

fn scan_power(bytes: &[u8], at: usize) -> Result<(i32, usize), Malformed> {
    let signed = matches!(bytes.get(at), Some(b'+' | b'-'));
    let negative = bytes.get(at) == Some(&b'-');
    let first = at + usize::from(signed);
    let end = bytes[first..].iter().position(|b| !b.is_ascii_digit()).map_or(bytes.len(), |n| first + n);
    if end == first {
        return Err(Malformed::new(end, "a digit must follow the exponent sign"));
    }
    let power = bytes[first..end].iter().fold(0_i32, |n, b| n.saturating_mul(10).saturating_add(i32::from(b - b'0')));
    Ok((if negative { -power } else { power }, end))
}

fn saturating_i32(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn power_of_ten(exponent: u32) -> Option<u64> {
    10_u64.checked_pow(exponent)
}

impl<'a> Decimal<'a> {
    /// Bytes it is written in.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// As it was written.
    pub(super) fn text(self) -> &'a str {
        std::str::from_utf8(self.bytes).expect("the number grammar is of ASCII characters")
    }

    /// Reads the digits again, without the zeros before and after them, so that only significant ones are counted.
    #[cold]
    fn reread(self) -> Self {
        let coefficient = self.bytes.split(|b| matches!(b, b'e' | b'E')).next().unwrap_or_default();
        let digits = || coefficient.iter().copied().filter(u8::is_ascii_digit).skip_while(|&b| b == b'0');
        let written = digits().count();
        let trailing_zeros =
            coefficient.iter().rev().copied().filter(u8::is_ascii_digit).take_while(|&b| b == b'0').count().min(written);
        let significant = written - trailing_zeros;
        let kept = significant.min(EXACT_DIGITS_MAX);
        let mantissa = digits().take(kept).fold(0_u64, |n, b| n * 10 + u64::from(b - b'0'));
        let exponent = self.exponent.saturating_add(saturating_i32(written - kept));
        Self { mantissa, exponent, cut: significant > kept, ..self }
    }

    /// The nearest double; infinite when beyond its range.
    #[inline]
    pub(super) fn to_f64(self) -> f64 {
        /// Both are doubles without rounding, so the one operation rounds once. Source: W. Clinger, PLDI 1990.
        const EXACT_POWERS: [f64; 23] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
            1e21, 1e22,
        ];
        const EXACT_MANTISSA_MAX: u64 = 1 << f64::MANTISSA_DIGITS;
        if !self.cut
            && self.mantissa <= EXACT_MANTISSA_MAX
            && let Some(power) = EXACT_POWERS.get(self.exponent.unsigned_abs() as usize)
        {
            let mantissa = self.mantissa as f64;
            let value = if self.exponent < 0 { mantissa / power } else { mantissa * power };
            return if self.negative { -value } else { value };
        }
        // The grammar of JSON numbers is a part of Rust's: this never fails.
        self.text().parse().unwrap_or(f64::NAN)
    }

    /// The integer it is exactly; `None` if it is none or beyond 64 bits. "5.0" and "1e3" are integers.
    #[inline]
    pub(super) fn to_i64(self) -> Option<i64> {
        let magnitude = match self.exponent {
            _ if self.cut => return None, // 20 digits or more with the last not 0: too large, or not whole
            _ if self.mantissa == 0 => 0,
            0 => self.mantissa,
            1.. => self.mantissa.checked_mul(power_of_ten(self.exponent.unsigned_abs())?)?,
            _ => {
                let divisor = power_of_ten(self.exponent.unsigned_abs())?;
                self.mantissa.is_multiple_of(divisor).then_some(self.mantissa / divisor)?
            }
        };
        if self.negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
    }

    /// The instant, its unit told by magnitude as `epoch_to_ns` says. Digits finer than a nanosecond are cut off;
    /// 19 significant digits suffice for every time a nanosecond count can hold.
    ///
    /// # Errors
    /// `Beyond` when 64-bit nanoseconds cannot hold it.
    #[inline]
    pub(super) fn to_event_time(self) -> Result<EventTime, EventTimeError> {
        let (whole, billionths) = match self.exponent {
            0 => (self.mantissa, 0),
            1.. if self.mantissa == 0 => (0, 0),
            1.. => {
                let power = power_of_ten(self.exponent.unsigned_abs()).ok_or(EventTimeError::Beyond)?;
                (self.mantissa.checked_mul(power).ok_or(EventTimeError::Beyond)?, 0)
            }
            _ => split_fraction(self.mantissa, self.exponent.unsigned_abs()),
        };
        let whole = i64::try_from(whole).map_err(|_| EventTimeError::Beyond)?;
        if self.negative { epoch_to_ns(-whole, -billionths) } else { epoch_to_ns(whole, billionths) }
    }
}

/// `mantissa` · 10^-`places` as its whole part and billionths, both cut towards zero.
fn split_fraction(mantissa: u64, places: u32) -> (u64, i64) {
    let Some(divisor) = power_of_ten(places) else {
        // Less than 0.2 (a u64 over 10^20): no whole part.
        let billionths = power_of_ten(places - 9).map_or(0, |divisor| mantissa / divisor);
        return (0, billionths.cast_signed());
    };
    let rest = mantissa % divisor;
    // Below a billion either way, so it fits.
    let billionths = if places <= 9 { rest * 10_u64.pow(9 - places) } else { rest / 10_u64.pow(places - 9) };
    (mantissa / divisor, billionths.cast_signed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Decimal<'_> {
        from_text(text).unwrap()
    }

    #[test]
    fn what_is_not_a_json_number_is_never_read_as_one() {
        for text in ["", "-", "+1", ".5", "1.", "1e", "1e+", "1.e3", "NaN", "inf", "0x10", "1_000", "1 2", "--1", "1.2.3"] {
            assert_eq!(from_text(text), None, "{text:?}");
        }
        assert!(scan(b"007", 0, false).is_err() && scan(b"-00.1", 0, false).is_err());
        assert_eq!(number(" 007 ").to_i64(), Some(7));
    }

    #[test]
    fn integers_are_exact_to_the_last_of_64_bits() {
        for (text, integer) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("0e99", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-9223372036854775809", None),
            ("5.0", Some(5)),
            ("5.000000000000000000000000", Some(5)),
            ("1.5e1", Some(15)),
            ("1e18", Some(1_000_000_000_000_000_000)),
            ("1e19", None),
            ("1e-99999999999", None),
            ("1e99999999999", None),
            ("1.5", None),
            ("0.10000000000000000000001", None),
            ("42000000000000000000000e-21", Some(42)),
            ("00000000000000000000000042", Some(42)),
        ] {
            assert_eq!(number(text).to_i64(), integer, "{text}");
        }
    }

    #[test]
    fn times_are_exact_whatever_the_notation() {
        let ns = 1_582_329_602_111_000_000;
        for text in [
            "1582329602.111",
            "1.582329602111e9",
            "1.582329602111e12",
            "1582329602111000000",
            "1582329602111e6",
            "1582329602.11100000000000001",
        ] {
            assert_eq!(number(text).to_event_time(), Ok(ns), "{text}");
        }
        assert_eq!(number("1582329602111.000001").to_event_time(), Ok(ns + 1));
        assert_eq!(number("0.000000001e18").to_event_time(), Ok(1_000_000_000_000_000_000));
        assert_eq!(number("5e-30").to_event_time(), Ok(0));
        assert_eq!(number("1e-5").to_event_time(), Ok(10_000));
        assert_eq!(number("123456789e-20").to_event_time(), Ok(0));
        assert_eq!(number("-1.5").to_event_time(), Ok(-1_500_000_000));
        for text in ["1e30", "99999999999999999999999", "9223372036854775808", "9223372037"] {
            assert_eq!(number(text).to_event_time(), Err(EventTimeError::Beyond), "{text}");
        }
    }

    fn notation() -> impl Strategy<Value = String> {
        (
            "-?",
            prop_oneof!["0", "[1-9][0-9]{0,24}"],
            prop_oneof!["", "\\.[0-9]{1,24}"],
            prop_oneof![3 => "", 1 => "[eE][+-]?[0-9]{1,3}"],
        )
            .prop_map(|(sign, whole, fraction, power)| format!("{sign}{whole}{fraction}{power}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn no_double_ever_differs_from_the_standard_library(text in notation()) {
            prop_assert_eq!(number(&text).to_f64().to_bits(), text.parse::<f64>().unwrap().to_bits());
        }

        #[test]
        fn every_double_survives_its_shortest_text(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
            prop_assert_eq!(number(&format!("{value}")).to_f64().to_bits(), value.to_bits());
            prop_assert_eq!(number(&format!("{value:e}")).to_f64().to_bits(), value.to_bits());
        }

        #[test]
        fn every_integer_survives_its_text(value in any::<i64>()) {
            prop_assert_eq!(number(&value.to_string()).to_i64(), Some(value));
            prop_assert_eq!(number(&format!("{value}.000e0")).to_i64(), Some(value));
        }

        #[test]
        fn plain_times_agree_with_the_contracts_reading(text in "[0-9]{1,19}(\\.[0-9]{1,12})?") {
            prop_assert_eq!(number(&text).to_event_time(), ticklake_schemas::parse_event_time(&text));
        }

        #[test]
        fn no_notation_makes_integers_or_times_panic(text in notation()) {
            let _ = (number(&text).to_i64(), number(&text).to_event_time());
        }
    }
}
