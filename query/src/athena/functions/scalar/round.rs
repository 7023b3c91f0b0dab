//! Whole numbers near a number, and its size.
//!
//! Owns: `abs`, `ceil`, `floor`, `round`, `sign`, `truncate` of every type of number.
//! Does not own: rounding within casts.
//! Invariant: `round` takes the half away from zero; what the result's type cannot hold is a fault.

use arrow::array::ArrayRef;

use super::{Call, Compute, Double, Int, Produce, Real, Result, Wide};
use crate::athena::error::AthenaError;
use crate::athena::types::Type;

/// Digits of a decimal that Trino keeps in 64 bits.
const SHORT_DIGITS: u8 = 18;
const DIGITS_MAX: u32 = 38;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "abs" => abs,
        "sign" => sign,
        "ceil" | "ceiling" => |call| to_whole(call, f64::ceil, |value, unit| -(-value).div_euclid(unit)),
        "floor" => |call| to_whole(call, f64::floor, |value, unit| value.div_euclid(unit)),
        "truncate" => truncate,
        "round" => round,
        _ => return None,
    })
}

fn abs(call: &Call<'_>) -> Result<ArrayRef> {
    match call.returns {
        Type::Double => call.map1::<Double, f64>(f64::abs),
        Type::Real => call.map1::<Real, f32>(f32::abs),
        Type::Decimal { .. } => call.map1::<Wide, i128>(i128::abs),
        ty => call.try1::<Int, i64>(|value| {
            let least = match ty {
                Type::Tinyint => i64::from(i8::MIN),
                Type::Smallint => i64::from(i16::MIN),
                Type::Integer => i64::from(i32::MIN),
                _ => i64::MIN,
            };
            let fault = || AthenaError::out_of_range(format!("Value {value} is out of range for abs({ty})"));
            value.checked_abs().filter(|_| value != least).map(Some).ok_or_else(fault)
        }),
    }
}

fn sign(call: &Call<'_>) -> Result<ArrayRef> {
    match call.returns {
        // A zero keeps its own sign.
        Type::Double => call.map1::<Double, f64>(|value| if value == 0.0 { value } else { value.signum() }),
        Type::Real => call.map1::<Real, f32>(|value| if value == 0.0 { value } else { value.signum() }),
        Type::Decimal { .. } => call.map1::<Wide, i128>(i128::signum),
        _ => call.map1::<Int, i64>(i64::signum),
    }
}

/// Ten to the digits after the point of a decimal argument.
fn unit(call: &Call<'_>) -> Result<i128> {
    match call.types.first() {
        Some(Type::Decimal { scale, .. }) => Ok(10_i128.pow(u32::from(*scale))),
        _ => Err(call.wrong_layout()),
    }
}

fn to_whole(call: &Call<'_>, of_double: fn(f64) -> f64, of_decimal: fn(i128, i128) -> i128) -> Result<ArrayRef> {
    match call.returns {
        Type::Double => call.map1::<Double, f64>(of_double),
        Type::Real => call.map1::<Real, f32>(|value| narrow(of_double(f64::from(value)))),
        Type::Decimal { .. } => {
            let unit = unit(call)?;
            if call.name != "truncate" && unit == 10_i128.pow(DIGITS_MAX) {
                return call.try1::<Wide, i128>(|value| if value == 0 { Ok(Some(0)) } else { Err(beyond_table()) });
            }
            call.map1::<Wide, i128>(|value| of_decimal(value, unit))
        }
        _ => call.map1::<Int, i64>(|value| value),
    }
}

/// Trino's table of powers of ten has none for 38 digits after the point.
fn beyond_table() -> AthenaError {
    AthenaError::internal(&"Index 38 out of bounds for length 38")
}

fn narrow(value: f64) -> f32 {
    value as f32
}

fn truncate(call: &Call<'_>) -> Result<ArrayRef> {
    let [_, digits] = call.types else { return to_whole(call, f64::trunc, |value, unit| value / unit) };
    debug_assert_eq!(digits, &Type::Integer, "of digits there is only one type");
    let scale = scale(call)?;
    call.map2::<Wide, Int, i128>(|value, digits| match power(scale, digits) {
        Some(None) => value,
        Some(Some(unit)) => value / unit * unit,
        None => 0,
    })
}

fn scale(call: &Call<'_>) -> Result<u8> {
    match call.types.first() {
        Some(Type::Decimal { scale, .. }) => Ok(*scale),
        _ => Err(call.wrong_layout()),
    }
}

/// What to round a decimal to so that so many digits are left after its point: `Some(None)`: to nothing, it has no more;
/// `None`: to more than a decimal holds.
fn power(scale: u8, digits: i64) -> Option<Option<i128>> {
    match u32::try_from(i64::from(scale) - digits) {
        Ok(0) => Some(None),
        Err(_) if digits > i64::from(scale) => Some(None),
        Ok(zeros) if zeros <= DIGITS_MAX => Some(Some(10_i128.pow(zeros))),
        _ => None,
    }
}

fn round(call: &Call<'_>) -> Result<ArrayRef> {
    match (call.returns, call.types.len()) {
        (Type::Double, 1) => call.map1::<Double, f64>(|value| rounded(value, 0)),
        (Type::Double, _) => call.map2::<Double, Int, f64>(rounded),
        (Type::Real, 1) => call.map1::<Real, f32>(|value| narrow(rounded(f64::from(value), 0))),
        (Type::Real, _) => call.map2::<Real, Int, f32>(|value, digits| narrow(rounded(f64::from(value), digits))),
        (Type::Decimal { .. }, 1) => {
            let unit = unit(call)?;
            call.map1::<Wide, i128>(|value| half_up(value, unit))
        }
        (Type::Decimal { precision, .. }, _) => {
            let (scale, is_short) = (scale(call)?, *precision <= SHORT_DIGITS);
            call.try2::<Wide, Int, i128>(|value, digits| decimal(value, power(scale, digits), is_short).map(Some))
        }
        (_, 1) => call.map1::<Int, i64>(|value| value),
        (ty, _) => call.try2::<Int, Int, i64>(|value, digits| integer(value, digits, ty).map(Some)),
    }
}

/// As Trino: by way of the number times the power of ten, rounded in binary.
fn rounded(value: f64, digits: i64) -> f64 {
    if !value.is_finite() {
        return value;
    }
    let factor = 10_f64.powi(i32::try_from(digits).unwrap_or(if digits < 0 { i32::MIN } else { i32::MAX }));
    let sign = if value < 0.0 { -1.0 } else { 1.0 };
    let scaled = sign * value * factor;
    let whole = scaled.round() as i64;
    if whole != i64::MAX {
        return sign * (whole as f64 / factor);
    }
    if scaled.is_infinite() { value } else { sign * (scaled / factor) }
}

fn half_up(value: i128, unit: i128) -> i128 {
    let away = if (value % unit).abs() >= unit - unit / 2 { value.signum() } else { 0 };
    value / unit + away
}

fn decimal(value: i128, unit: Option<Option<i128>>, is_short: bool) -> Result<i128> {
    let fault = || AthenaError::out_of_range(format!("decimal overflow: {value}"));
    match unit {
        Some(None) => Ok(value),
        Some(Some(unit)) => {
            let rounded = half_up(value, unit).checked_mul(unit);
            rounded.filter(|rounded| rounded.unsigned_abs() < 10_u128.pow(DIGITS_MAX)).ok_or_else(fault)
        }
        None if is_short => Ok(0),
        None => Err(fault()),
    }
}

fn integer(value: i64, digits: i64, ty: &Type) -> Result<i64> {
    let fault = || AthenaError::out_of_range(format!("numerical overflow: {value}"));
    let Ok(zeros) = u32::try_from(-digits) else { return Ok(value) };
    let unit = 10_i64.checked_pow(zeros).ok_or_else(fault)?;
    let whole = half_up(i128::from(value), i128::from(unit)) * i128::from(unit);
    let rounded = i64::try_from(whole).map_err(|_| fault())?;
    match ty {
        Type::Integer if i32::try_from(rounded).is_err() => Err(AthenaError::internal(&"integer overflow")),
        ty => i64::array(vec![Some(rounded)], ty).map(|_| rounded),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::athena::eval::tests::value_of;

    #[test]
    fn a_number_is_never_rounded_otherwise_than_in_trino() {
        for (expression, expected) in [
            ("round(2.5e0)", json!(3.0)),
            ("round(-2.5e0)", json!(-3.0)),
            ("round(1.005e0, 2)", json!(1.0)),
            ("round(2.5e0, 400)", json!(2.5)),
            ("round(DECIMAL '-1299.99', -3)", json!("-1000.00")),
            ("round(BIGINT '9223372036854775807', -18)", json!(9_000_000_000_000_000_000_i64)),
            ("ceil(DECIMAL '-0.5')", json!("0")),
            ("floor(DECIMAL '-9.99')", json!("-10")),
            ("truncate(DECIMAL '-1299.99', -1)", json!("-1290.00")),
            ("sign(-0e0)", json!(-0.0)),
        ] {
            assert_eq!(value_of(expression), Ok(expected), "{expression}");
        }
        let fault = value_of("round(TINYINT '127', -1)");
        assert_eq!(fault, Err("NUMERIC_VALUE_OUT_OF_RANGE: Out of range for tinyint: 130".to_owned()));
    }
}
