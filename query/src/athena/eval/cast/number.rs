//! Casts to numbers and booleans.
//!
//! Owns: what a number, a boolean or a text is as a number of each type: rounded half up, or a fault.
//! Does not own: reading numbers (`values::number`), JSON.
//! Invariant: the faults and their words are Trino's, and so is which of two names a fault has.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use super::{Result, each};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Bool, Double, Int, Real, Text, Wide};
use crate::athena::types::Type;
use crate::athena::values::float::{plain_double, plain_real};
use crate::athena::values::number::{self, NoDecimal};
use crate::athena::values::text::decimal;

/// Digits of a decimal that Trino keeps in 64 bits.
const SHORT_DIGITS: u8 = 18;

pub(super) fn cast(values: &ArrayRef, from: &Type, to: &Type, tries: bool) -> Result<ArrayRef> {
    match to {
        Type::Boolean => boolean(values, from, to, tries),
        Type::Real | Type::Double => floating(values, from, to, tries),
        Type::Decimal { precision, scale } => decimals(values, from, to, (*precision, *scale), tries),
        to => integers(values, from, to, tries),
    }
}

fn no_cast(from: &Type, to: &Type) -> AthenaError {
    AthenaError::internal(&format!("there is no cast of {from} to {to}"))
}

fn boolean(values: &ArrayRef, from: &Type, to: &Type, tries: bool) -> Result<ArrayRef> {
    match from {
        Type::Real => each::<Real, bool>(values, to, tries, |value| Ok(value != 0.0)),
        Type::Double => each::<Double, bool>(values, to, tries, |value| Ok(value != 0.0)),
        Type::Decimal { .. } => each::<Wide, bool>(values, to, tries, |value| Ok(value != 0)),
        Type::Varchar(_) => each::<Text, bool>(values, to, tries, boolean_of_text),
        from if from.is_integer() => each::<Int, bool>(values, to, tries, |value| Ok(value != 0)),
        from => Err(no_cast(from, to)),
    }
}

pub(super) fn boolean_of_text(text: &str) -> Result<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "1" => Ok(true),
        "f" | "false" | "0" => Ok(false),
        _ => Err(no_number(text, "BOOLEAN")),
    }
}

fn no_number(text: &str, name: &str) -> AthenaError {
    AthenaError::invalid_cast(format!("Cannot cast '{text}' to {name}"))
}

fn floating(values: &ArrayRef, from: &Type, to: &Type, tries: bool) -> Result<ArrayRef> {
    let real = *to == Type::Real;
    let converted = |kind: DataType| arrow::compute::cast(values, &kind).map_err(|error| AthenaError::internal(&error));
    match from {
        from if from.is_integer() || from.is_floating() => converted(if real { DataType::Float32 } else { DataType::Float64 }),
        Type::Boolean if real => each::<Bool, f32>(values, to, tries, |value| Ok(f32::from(u8::from(value)))),
        Type::Boolean => each::<Bool, f64>(values, to, tries, |value| Ok(f64::from(u8::from(value)))),
        Type::Decimal { precision, scale } if real => {
            each::<Wide, f32>(values, to, tries, |value| Ok(real_of_decimal(value, *precision, *scale)))
        }
        Type::Decimal { precision, scale } => {
            each::<Wide, f64>(values, to, tries, |value| Ok(double_of_decimal(value, *precision, *scale)))
        }
        Type::Varchar(_) if real => each::<Text, f32>(values, to, tries, real_of_text),
        Type::Varchar(_) => each::<Text, f64>(values, to, tries, double_of_text),
        from => Err(no_cast(from, to)),
    }
}

pub(super) fn double_of_text(text: &str) -> Result<f64> {
    number::double(text).ok_or_else(|| no_number(text, "DOUBLE"))
}

pub(super) fn real_of_text(text: &str) -> Result<f32> {
    number::real(text).ok_or_else(|| no_number(text, "REAL"))
}

/// Trino divides what has 18 digits at most, though both sides may be rounded before; what has more it reads from its text.
fn double_of_decimal(value: i128, precision: u8, scale: u8) -> f64 {
    if precision <= SHORT_DIGITS {
        return value as f64 / 10_i128.pow(u32::from(scale)) as f64;
    }
    decimal(value, scale).parse().unwrap_or(f64::NAN)
}

/// As `double_of_decimal`.
fn real_of_decimal(value: i128, precision: u8, scale: u8) -> f32 {
    if precision <= SHORT_DIGITS {
        return value as f32 / 10_i128.pow(u32::from(scale)) as f32;
    }
    decimal(value, scale).parse().unwrap_or(f32::NAN)
}

fn integers(values: &ArrayRef, from: &Type, to: &Type, tries: bool) -> Result<ArrayRef> {
    let own = |name| Type::base(to).to_uppercase().replace("INTEGER", name);
    match from {
        Type::Boolean => each::<Bool, i64>(values, to, tries, |value| Ok(i64::from(value))),
        Type::Real => each::<Real, i64>(values, to, tries, |value| integer_of_real(value, to)),
        Type::Double => each::<Double, i64>(values, to, tries, |value| integer_of_double(value, to)),
        Type::Varchar(_) => each::<Text, i64>(values, to, tries, |text| integer_of_text(text, to)),
        Type::Decimal { precision, scale } => each::<Wide, i64>(values, to, tries, |value| {
            let rounded = rescaled(value, *scale, 0).unwrap_or(value);
            let fits = i64::try_from(rounded).ok().filter(|rounded| limits(to).contains(rounded));
            fits.ok_or_else(|| {
                let shown = if *precision <= SHORT_DIGITS { rounded.to_string() } else { decimal(value, *scale) };
                no_number(&shown, &own("INTEGER"))
            })
        }),
        from if from.is_integer() && limits(from).start() >= limits(to).start() => {
            arrow::compute::cast(values, &crate::athena::values::layout::arrow_type(to))
                .map_err(|error| AthenaError::internal(&error))
        }
        from if from.is_integer() => each::<Int, i64>(values, to, tries, |value| {
            limits(to).contains(&value).then_some(value).ok_or_else(|| beyond(to, &value.to_string()))
        }),
        from => Err(no_cast(from, to)),
    }
}

fn limits(ty: &Type) -> std::ops::RangeInclusive<i64> {
    match ty {
        Type::Tinyint => i64::from(i8::MIN)..=i64::from(i8::MAX),
        Type::Smallint => i64::from(i16::MIN)..=i64::from(i16::MAX),
        Type::Integer => i64::from(i32::MIN)..=i64::from(i32::MAX),
        _ => i64::MIN..=i64::MAX,
    }
}

fn beyond(ty: &Type, value: &str) -> AthenaError {
    AthenaError::out_of_range(format!("Out of range for {ty}: {value}"))
}

pub(super) fn integer_of_text(text: &str, to: &Type) -> Result<i64> {
    let name = if *to == Type::Integer { "INT".to_owned() } else { to.base().to_uppercase() };
    number::integer(text).filter(|value| limits(to).contains(value)).ok_or_else(|| no_number(text, &name))
}

/// The nearest whole number, of two the one further from zero.
pub(super) fn integer_of_double(value: f64, to: &Type) -> Result<i64> {
    let rounded = value.round();
    if *to == Type::Bigint {
        let fits = rounded >= i64::MIN as f64 && rounded < -(i64::MIN as f64);
        let message = || format!("Unable to cast {} to bigint", plain_double(value));
        return if fits { Ok(rounded as i64) } else { Err(AthenaError::invalid_cast(message())) };
    }
    if value.is_nan() {
        return Err(AthenaError::invalid_cast(format!("Cannot cast double NaN to {to}")));
    }
    let whole = rounded as i64;
    limits(to).contains(&whole).then_some(whole).ok_or_else(|| beyond(to, &plain_double(value)))
}

/// As `integer_of_double`; what is beyond 64 bits is the last of them.
fn integer_of_real(value: f32, to: &Type) -> Result<i64> {
    if value.is_nan() {
        return Err(AthenaError::invalid_cast(format!("Cannot cast real NaN to {to}")));
    }
    let whole = value.round() as i64;
    limits(to).contains(&whole).then_some(whole).ok_or_else(|| beyond(to, &plain_real(value)))
}

fn decimals(values: &ArrayRef, from: &Type, to: &Type, size: (u8, u8), tries: bool) -> Result<ArrayRef> {
    let (precision, scale) = size;
    let none = |shown: String| AthenaError::invalid_cast(format!("Cannot cast {shown} to DECIMAL({precision}, {scale})"));
    let fitting = |value: Option<i128>| value.filter(|value| value.unsigned_abs() < 10_u128.pow(u32::from(precision)));
    let of_floating =
        |text: String, name: &str| number::rounded(&text, precision, scale).map_err(|_| none(format!("{name} '{text}'")));
    match from {
        // Trino does not look whether there is a digit left for the one.
        Type::Boolean => each::<Bool, i128>(values, to, tries, |value| Ok(i128::from(value) * 10_i128.pow(scale.into()))),
        Type::Real => each::<Real, i128>(values, to, tries, |value| of_floating(plain_real(value), "REAL")),
        Type::Double => each::<Double, i128>(values, to, tries, |value| of_floating(plain_double(value), "DOUBLE")),
        Type::Varchar(_) => each::<Text, i128>(values, to, tries, |text| decimal_of_text(text, size)),
        Type::Decimal { precision: own, scale: own_scale } => each::<Wide, i128>(values, to, tries, |value| {
            let shown = || none(format!("DECIMAL({own}, {own_scale}) '{}'", decimal(value, *own_scale)));
            fitting(rescaled(value, *own_scale, scale)).ok_or_else(shown)
        }),
        from if from.is_integer() => each::<Int, i128>(values, to, tries, |value| {
            let shown = || none(format!("{} '{value}'", from.base().to_uppercase()));
            fitting(rescaled(i128::from(value), 0, scale)).ok_or_else(shown)
        }),
        from => Err(no_cast(from, to)),
    }
}

pub(super) fn decimal_of_text(text: &str, (precision, scale): (u8, u8)) -> Result<i128> {
    number::rounded(text, precision, scale).map_err(|why| {
        let why = match why {
            NoDecimal::NotANumber => "Value is not a number.",
            NoDecimal::TooLarge => "Value too large.",
        };
        AthenaError::invalid_cast(format!("Cannot cast VARCHAR '{text}' to DECIMAL({precision}, {scale}). {why}"))
    })
}

/// The same number with other digits after the point, rounded half up; `None` beyond 128 bits.
pub(super) fn rescaled(value: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        return value.checked_mul(10_i128.pow(u32::from(to - from)));
    }
    let unit = 10_i128.pow(u32::from(from - to));
    Some(value / unit + if (value % unit).abs() >= unit / 2 { value.signum() } else { 0 })
}
