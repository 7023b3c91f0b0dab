//! Digits of numbers in a format.
//!
//! Owns: rounding (half up, of the digits a number is written with) and the forms `%f`, `%e`, `%g`.
//! Does not own: specifiers (`spec`).
//! Invariant: digits are decimal throughout: 1.005 is rounded to 1.01, as Java does.

use super::spec::Spec;

/// A decimal number: its sign, its digits, and how many of them stand before the point.
pub(super) struct Number {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
    /// What is no number, as text.
    special: Option<&'static str>,
}

impl Number {
    pub(super) fn of_double(value: f64) -> Self {
        let special = if value.is_nan() { Some("NaN") } else { value.is_infinite().then_some("Infinity") };
        let shortest = format!("{:e}", value.abs());
        let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        let point = exponent.parse::<i64>().unwrap_or(0) + 1;
        Self { negative: value.is_sign_negative() && !value.is_nan(), digits, point, special }.normal()
    }

    pub(super) fn of_decimal(value: i128, scale: u8) -> Self {
        let digits = value.unsigned_abs().to_string().into_bytes();
        let point = i64::try_from(digits.len()).unwrap_or(0) - i64::from(scale);
        Self { negative: value < 0, digits, point, special: None }.normal()
    }

    /// Without leading zeros.
    fn normal(mut self) -> Self {
        let zeros = self.digits.iter().take_while(|digit| **digit == b'0').count();
        self.digits.drain(..zeros);
        self.point = if self.digits.is_empty() { 1 } else { self.point - i64::try_from(zeros).unwrap_or(0) };
        self
    }

    /// The digits kept when there are to be so many, and where their point is.
    fn rounded(&self, count: i64) -> (Vec<u8>, i64) {
        let Ok(count) = usize::try_from(count) else { return (Vec::new(), self.point) };
        let mut digits: Vec<u8> = self.digits.iter().copied().take(count).collect();
        if self.digits.get(count).is_some_and(|digit| *digit >= b'5') {
            let nines = digits.iter().rev().take_while(|digit| **digit == b'9').count();
            digits.truncate(digits.len() - nines);
            match digits.last_mut() {
                Some(last) => *last += 1,
                None => return (vec![b'1'], self.point + 1),
            }
        }
        (digits, self.point)
    }

    /// What a specifier of numbers writes.
    pub(super) fn written(&self, spec: &Spec<'_>) -> String {
        if let Some(special) = self.special {
            let sign = match (self.negative, special) {
                (true, _) if spec.has('(') => return spec.padded(&format!("({special})")),
                (true, _) => "-",
                (false, "NaN") => "",
                _ if spec.has('+') => "+",
                _ if spec.has(' ') => " ",
                _ => "",
            };
            return spec.padded(&format!("{sign}{special}"));
        }
        let precision = spec.precision.unwrap_or(6);
        match spec.conversion.to_ascii_lowercase() {
            'f' => signed(spec, self.negative, self.fixed(precision, spec.has('#')), true),
            'e' => signed(spec, self.negative, self.scientific(precision, spec.has('#')), false),
            _ => {
                let precision = precision.max(1);
                let wide = i64::try_from(precision).unwrap_or(i64::MAX);
                let (digits, point) = self.rounded(wide);
                // From 0.0001 on, and below ten to the precision.
                if digits.is_empty() || (-3..=wide).contains(&point) {
                    let fraction = usize::try_from(wide - point).unwrap_or(0);
                    signed(spec, self.negative, self.fixed(fraction, false), true)
                } else {
                    signed(spec, self.negative, self.scientific(precision - 1, false), false)
                }
            }
        }
    }

    fn fixed(&self, precision: usize, with_point: bool) -> String {
        let kept = self.point.saturating_add(i64::try_from(precision).unwrap_or(i64::MAX));
        let (digits, point) = if self.digits.is_empty() { (Vec::new(), 1) } else { self.rounded(kept) };
        let digit = |place: i64| {
            let digit = usize::try_from(place).ok().and_then(|place| digits.get(place));
            char::from(digit.copied().unwrap_or(b'0'))
        };
        let whole: String = if point > 0 { (0..point).map(digit).collect() } else { "0".to_owned() };
        let fraction: String = (0..i64::try_from(precision).unwrap_or(0)).map(|place| digit(point + place)).collect();
        if precision > 0 || with_point { format!("{whole}.{fraction}") } else { whole }
    }

    fn scientific(&self, precision: usize, with_point: bool) -> String {
        let (digits, point) = self.rounded(i64::try_from(precision).unwrap_or(i64::MAX).saturating_add(1));
        let mut all = digits.iter().map(|digit| char::from(*digit)).chain(std::iter::repeat('0'));
        let first = all.next().unwrap_or('0');
        let fraction: String = all.take(precision).collect();
        let dot = if precision > 0 || with_point { "." } else { "" };
        let exponent = point - 1;
        format!("{first}{dot}{fraction}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
    }
}

/// Digits with their sign, their thousands apart if asked for.
pub(super) fn signed(spec: &Spec<'_>, negative: bool, digits: String, can_group: bool) -> String {
    let digits = if can_group && spec.has(',') { grouped(&digits) } else { digits };
    let (before, after) = match negative {
        true if spec.has('(') => ("(", ")"),
        true => ("-", ""),
        false if spec.has('+') => ("+", ""),
        false if spec.has(' ') => (" ", ""),
        false => ("", ""),
    };
    spec.zeroed(before, &digits, after)
}

fn grouped(digits: &str) -> String {
    let whole = digits.find('.').unwrap_or(digits.len());
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && i < whole && (whole - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}
