//! Values written as text, as `CAST(… AS varchar)` and Trino's client write them.
//!
//! Owns: the text of one value of every type that has one.
//! Does not own: reading texts (the neighbouring files).
//! Invariant: what is written is read back as the same value.

use std::fmt::Write as _;

use arrow::array::{Array as _, ArrayRef, AsArray as _};

use super::address;
use super::float::{double, plain_double, plain_real, real};
use super::layout::{picos_per_unit, zoned};
use super::time::{PICOS_PER_DAY, PICOS_PER_SECOND};
use crate::athena::error::AthenaError;
use crate::athena::eval::compare::elements;
use crate::athena::functions::scalar::{Arg as _, Bool, Bytes, Double, Int, Real, Result, Text, Wide};
use crate::athena::types::Type;

/// A char with the blanks at its end.
pub(crate) fn padded(text: &str, length: u32) -> String {
    // More than a format's width may be.
    let missing = (length as usize).saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(missing))
}

/// The text of a value that is not NULL.
///
/// # Errors
/// `GENERIC_INTERNAL_ERROR` for a type without a text: bytes, arrays, maps, rows.
pub(crate) fn text(ty: &Type, values: &ArrayRef, at: usize) -> Result<String> {
    debug_assert!(!values.is_null(at), "a NULL has no text");
    let int = || Int::reader(values).map(|reader| Int::get(&reader, at));
    let wide = || Wide::reader(values).map(|reader| Wide::get(&reader, at));
    Ok(match ty {
        Type::Boolean => Bool::get(&Bool::reader(values)?, at).to_string(),
        Type::Tinyint | Type::Smallint | Type::Integer | Type::Bigint => int()?.to_string(),
        Type::Real => real(Real::get(&Real::reader(values)?, at)),
        Type::Double => double(Double::get(&Double::reader(values)?, at)),
        Type::Decimal { scale, .. } => decimal(wide()?, *scale),
        Type::Varchar(_) | Type::Json => Text::get(&Text::reader(values)?, at).to_owned(),
        Type::Char(length) => match Text::get(&Text::reader(values)?, at) {
            text if text.ends_with(' ') => {
                return Err(AthenaError::internal(&"Slice representing Char should not have trailing spaces"));
            }
            text => padded(text, *length),
        },
        Type::Date => date(int()?),
        Type::Time(digits) => clock(i128::from(int()?), *digits),
        Type::Timestamp(digits) => match picos_per_unit(ty) {
            1 => timestamp(wide()?, *digits),
            unit => timestamp(i128::from(int()?) * unit, *digits),
        },
        Type::TimestampZoned(digits) => {
            let (picos, zone) = zoned(wide()?);
            format!("{} {}", timestamp(zone.local_of(picos), *digits), zone.name())
        }
        Type::TimeZoned(digits) => {
            let (picos, zone) = zoned(wide()?);
            let name = if zone.offset_at(0) == 0 { "+00:00".to_owned() } else { zone.name() };
            format!("{}{name}", clock(zone.local_of(picos).rem_euclid(PICOS_PER_DAY), *digits))
        }
        Type::IntervalDay => interval_day(int()?),
        Type::IntervalYear => {
            let months = int()?;
            format!("{}{}-{}", if months < 0 { "-" } else { "" }, months.abs() / 12, months.abs() % 12)
        }
        Type::Uuid => address::uuid_text(Bytes::get(&Bytes::reader(values)?, at)),
        Type::IpAddress => address::ip_text(Bytes::get(&Bytes::reader(values)?, at)),
        other => return Err(AthenaError::internal(&format!("a {other} has no text"))),
    })
}

/// A number without its point, with it.
pub(crate) fn decimal(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    if scale == 0 {
        return value.to_string();
    }
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" })
}

/// `2024-01-02`; days since 1970.
pub(crate) fn date(days: i64) -> String {
    let (year, month, day) = super::date::civil(days);
    let sign = if year < 0 { "-" } else { "" };
    format!("{sign}{:04}-{month:02}-{day:02}", year.abs())
}

/// `03:04:05.678`; picoseconds of the day.
pub(crate) fn clock(picos: i128, digits: u8) -> String {
    let per_second = i128::from(PICOS_PER_SECOND);
    let seconds = picos / per_second;
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if digits > 0 {
        let fraction = format!("{:012}", picos % per_second);
        let _ = write!(text, ".{}", &fraction[..usize::from(digits).min(12)]);
    }
    text
}

/// `2024-01-02 03:04:05.678`; picoseconds since 1970.
pub(crate) fn timestamp(picos: i128, digits: u8) -> String {
    let days = i64::try_from(picos.div_euclid(PICOS_PER_DAY)).unwrap_or(0);
    format!("{} {}", iso_date(days), clock(picos.rem_euclid(PICOS_PER_DAY), digits))
}

/// As `date`; years beyond 9999 have a sign.
pub(crate) fn iso_date(days: i64) -> String {
    let text = date(days);
    if text.len() > 10 && !text.starts_with('-') { format!("+{text}") } else { text }
}

fn interval_day(milliseconds: i64) -> String {
    let sign = if milliseconds < 0 { "-" } else { "" };
    let all = milliseconds.unsigned_abs();
    let (days, rest) = (all / 86_400_000, all % 86_400_000);
    format!("{sign}{days} {:02}:{:02}:{:02}.{:03}", rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000)
}

/// A value as Trino writes it in messages and as the key of a JSON object: as Java writes its objects.
pub(crate) fn object(ty: &Type, values: &ArrayRef, at: usize) -> Result<String> {
    if values.is_null(at) {
        return Ok("null".to_owned());
    }
    let all = |ty: &Type, values: &ArrayRef| (0..values.len()).map(|i| object(ty, values, i)).collect::<Result<Vec<_>>>();
    Ok(match ty {
        Type::Double => plain_double(Double::get(&Double::reader(values)?, at)),
        Type::Real => plain_real(Real::get(&Real::reader(values)?, at)),
        Type::Varbinary => dump(Bytes::get(&Bytes::reader(values)?, at)),
        Type::Array(element) => format!("[{}]", all(element, &elements(values, at)?)?.join(", ")),
        Type::Row(fields) => {
            let fields = fields.iter().zip(values.as_struct().columns()).map(|(field, column)| object(&field.ty, column, at));
            format!("[{}]", fields.collect::<Result<Vec<_>>>()?.join(", "))
        }
        Type::Map(key, value) => {
            let entries = elements(values, at)?;
            let (keys, values) = (all(key, entries.as_struct().column(0))?, all(value, entries.as_struct().column(1))?);
            let pairs: Vec<String> = keys.iter().zip(values).map(|(key, value)| format!("{key}={value}")).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => text(other, values, at)?,
    })
}

/// Bytes in hexadecimal: 8 to a group, 4 groups to a line.
fn dump(bytes: &[u8]) -> String {
    let group = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let line = |bytes: &[u8]| bytes.chunks(8).map(group).collect::<Vec<_>>().join("   ");
    bytes.chunks(32).map(line).collect::<Vec<_>>().join("\n")
}

/// A value as Trino's client gives it in JSON: numbers as numbers, what JSON has no form for as text, bytes in base 64, a row as an
/// array of its fields.
pub(crate) fn json(ty: &Type, values: &ArrayRef, at: usize) -> Result<serde_json::Value> {
    use serde_json::Value;
    if values.is_null(at) {
        return Ok(Value::Null);
    }
    let all = |ty: &Type, values: &ArrayRef| (0..values.len()).map(|i| json(ty, values, i)).collect::<Result<Vec<_>>>();
    Ok(match ty {
        Type::Boolean => Bool::get(&Bool::reader(values)?, at).into(),
        Type::Tinyint | Type::Smallint | Type::Integer | Type::Bigint => Int::get(&Int::reader(values)?, at).into(),
        Type::Double | Type::Real => {
            let (value, written) = match ty {
                Type::Real => {
                    let value = Real::get(&Real::reader(values)?, at);
                    // The shortest digits of 32 bits, not those of 64.
                    (plain_real(value).parse().unwrap_or(f64::NAN), real(value))
                }
                _ => {
                    let value = Double::get(&Double::reader(values)?, at);
                    (value, double(value))
                }
            };
            serde_json::Number::from_f64(value).map_or(Value::String(written), Value::Number)
        }
        Type::Varbinary | Type::HyperLogLog => {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.encode(Bytes::get(&Bytes::reader(values)?, at)).into()
        }
        Type::Array(element) => all(element, &elements(values, at)?)?.into(),
        Type::Row(fields) => {
            let rows = values.as_struct();
            let fields = fields.iter().zip(rows.columns()).map(|(field, column)| json(&field.ty, column, at));
            fields.collect::<Result<Vec<_>>>()?.into()
        }
        Type::Map(key, value) => {
            let entries = elements(values, at)?;
            let entries = entries.as_struct();
            let mut named = serde_json::Map::new();
            for i in 0..entries.len() {
                let name = match (&**key, json(key, entries.column(0), i)?) {
                    (Type::Varbinary, Value::String(name)) => name,
                    _ => object(key, entries.column(0), i)?,
                };
                named.insert(name, json(value, entries.column(1), i)?);
            }
            named.into()
        }
        Type::Date => iso_date(Int::get(&Int::reader(values)?, at)).into(),
        other => text(other, values, at)?.into(),
    })
}
