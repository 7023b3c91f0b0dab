//! Sizes written for people.
//!
//! Owns: `format_number`, `parse_data_size` and `parse_presto_data_size`.
//! Does not own: numbers' own texts (`values`).
//! Invariant: a text that is no size is a fault.

use arrow::array::ArrayRef;
use arrow::datatypes::i256;

use super::{Call, Compute, Double, Int, Result, Text};
use crate::athena::error::AthenaError;
use crate::athena::types::Type;

/// Each a thousand of the one before.
const THOUSANDS: [&str; 6] = ["", "K", "M", "B", "T", "Q"];
/// Each 1024 of the one before.
const DATA: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "format_number" => format_number,
        "parse_data_size" | "parse_presto_data_size" => parse_data_size,
        _ => return None,
    })
}

fn format_number(call: &Call<'_>) -> Result<ArrayRef> {
    match call.types.first() {
        // As in Trino: what is after the point is cut off first.
        Some(Type::Double) => call.map1::<Double, String>(|value| short(value as i64)),
        _ => call.map1::<Int, String>(short),
    }
}

/// With three digits or so; of what is below zero, two after the point: as in Trino.
fn short(count: i64) -> String {
    let (mut value, mut unit) = (count as f64, 0);
    while value.abs() >= 1000.0 && unit + 1 < THOUSANDS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = match value {
        value if value < 10.0 => 2,
        value if value < 100.0 => 1,
        _ => 0,
    };
    // Half up: of a value exactly in the middle, the one beyond.
    let exact = format!("{value:.60}");
    let is_middle = exact
        .split_once('.')
        .and_then(|(_, fraction)| fraction.get(digits..))
        .is_some_and(|rest| rest.trim_end_matches('0') == "5");
    let value = if is_middle { value * (1.0 + f64::EPSILON) } else { value };
    let written = format!("{value:.digits$}");
    let written = if digits > 0 { written.trim_end_matches('0').trim_end_matches('.') } else { &written };
    format!("{written}{}", THOUSANDS[unit])
}

fn parse_data_size(call: &Call<'_>) -> Result<ArrayRef> {
    call.try1::<Text, i128>(|text| {
        let wrong = || call.invalid(format!("Invalid data size: '{text}'"));
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, unit) = text.split_at(end);
        let power = DATA.iter().position(|known| *known == unit).ok_or_else(wrong)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || whole.len() + fraction.len() == 0 {
            return Err(wrong());
        }
        let bytes = bytes(&format!("{whole}{fraction}"), fraction.len(), power);
        let fits = bytes.filter(|bytes| *bytes < 10_i128.pow(38));
        fits.map(Some).ok_or_else(|| AthenaError::internal(&"Decimal overflow"))
    })
}

/// Digits, some of them after the point, times a power of 1024; `None` beyond what there is.
fn bytes(digits: &str, after_point: usize, power: usize) -> Option<i128> {
    let digits = i256::from_string(digits)?;
    let factor = i256::from_i128(1024).checked_pow(u32::try_from(power).ok()?)?;
    let unit = i256::from_i128(10).checked_pow(u32::try_from(after_point).ok()?)?;
    digits.checked_mul(factor)?.checked_div(unit)?.to_i128()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::athena::eval::tests::value_of;

    #[test]
    fn a_size_is_never_written_or_read_otherwise_than_in_trino() {
        for (expression, expected) in [
            ("format_number(1000)", json!("1K")),
            ("format_number(100500)", json!("101K")),
            ("format_number(-123456)", json!("-123.46K")),
            ("format_number(1234567890123456789)", json!("1235Q")),
            ("parse_data_size('2.3MB')", json!("2411724")),
        ] {
            assert_eq!(value_of(expression), Ok(expected), "{expression}");
        }
        let fault = value_of("parse_data_size('1KB')");
        assert_eq!(fault, Err("INVALID_FUNCTION_ARGUMENT: Invalid data size: '1KB'".to_owned()));
    }
}
