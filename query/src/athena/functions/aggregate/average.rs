//! Sums and averages.
//!
//! Owns: `sum`, `avg`, `geometric_mean`.
//! Does not own: other moments (`moments`).
//! Invariant: whole numbers and decimals are added exactly or not at all; floating numbers in the order of the rows, as Trino does.

use arrow::array::{ArrayRef, AsArray as _};
use arrow::compute::sum_checked;
use arrow::datatypes::{Int64Type, i256};

use super::Reduce;
use super::moments::doubles;
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::functions::scalar::{Call, Int, Result, Wide};
use crate::athena::types::{DECIMAL_PRECISION_MAX, Type};

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "sum" => sum,
        "avg" => average,
        "geometric_mean" => geometric_mean,
        _ => return None,
    })
}

fn sum(call: &Call<'_>) -> Result<ArrayRef> {
    match call.returns {
        Type::Bigint => match sum_checked(call.values(0)?.as_primitive::<Int64Type>()) {
            Ok(sum) => call.one(sum),
            Err(_) => call.one(whole(call)?),
        },
        Type::IntervalDay => call.one(whole(call)?),
        Type::IntervalYear => {
            let months = whole(call)?;
            if let Some(sum) = months.filter(|sum| i32::try_from(*sum).is_err()) {
                let message = format!("Value {sum} {}", if sum > 0 { "exceeds MAX_INT" } else { "is less than MIN_INT" });
                return Err(AthenaError::of_values(ErrorName::GenericInternalError, message));
            }
            call.one(months)
        }
        Type::Decimal { .. } => call.one(decimals(call)?.map(|(sum, _)| decimal(sum)).transpose()?),
        Type::Real => call.one(floats(call)?.map(|(sum, _)| single(sum))),
        _ => call.one(floats(call)?.map(|(sum, _)| sum)),
    }
}

fn average(call: &Call<'_>) -> Result<ArrayRef> {
    match call.returns {
        Type::Decimal { .. } => call.one(decimals(call)?.map(|(sum, count)| decimal(half_up(sum, count))).transpose()?),
        Type::Real => call.one(floats(call)?.map(|(sum, count)| single(sum / count))),
        Type::IntervalDay | Type::IntervalYear => call.one(floats(call)?.map(|(sum, count)| rounded(sum / count))),
        _ => call.one(floats(call)?.map(|(sum, count)| sum / count)),
    }
}

fn geometric_mean(call: &Call<'_>) -> Result<ArrayRef> {
    let logarithms: Vec<f64> = doubles(call, 0)?.into_iter().map(f64::ln).collect();
    let mean = added(&logarithms).map(|(sum, count)| (sum / count).exp());
    if *call.returns == Type::Real { call.one(mean.map(single)) } else { call.one(mean) }
}

/// The sum of whole numbers.
fn whole(call: &Call<'_>) -> Result<Option<i64>> {
    let overflow = |a: i64, b: i64| AthenaError::out_of_range(format!("bigint addition overflow: {a} + {b}"));
    let add = |sum: Option<i64>, value: i64| {
        sum.unwrap_or(0).checked_add(value).map(Some).ok_or_else(|| overflow(sum.unwrap_or(0), value))
    };
    call.each::<Int>(0)?.try_fold(None, add)
}

/// The sum of decimals, whatever its size, and how many there are.
fn decimals(call: &Call<'_>) -> Result<Option<(i256, i256)>> {
    let (mut sum, mut count) = (i256::ZERO, 0_i128);
    for value in call.each::<Wide>(0)? {
        sum = sum.wrapping_add(i256::from_i128(value));
        count += 1;
    }
    Ok((count > 0).then_some((sum, i256::from_i128(count))))
}

fn decimal(sum: i256) -> Result<i128> {
    let fits = |sum: &i128| sum.unsigned_abs() < 10_u128.pow(DECIMAL_PRECISION_MAX.into());
    sum.to_i128().filter(fits).ok_or_else(|| AthenaError::out_of_range("Decimal overflow"))
}

fn half_up(sum: i256, count: i256) -> i256 {
    let (quotient, rest) = (sum.wrapping_div(count), sum.wrapping_rem(count));
    let twice = rest.wrapping_abs().wrapping_mul(i256::from_i128(2));
    let away = if sum.is_negative() { i256::MINUS_ONE } else { i256::ONE };
    if twice >= count { quotient.wrapping_add(away) } else { quotient }
}

/// The sum of numbers as doubles, and how many there are.
fn floats(call: &Call<'_>) -> Result<Option<(f64, f64)>> {
    Ok(added(&doubles(call, 0)?))
}

fn added(values: &[f64]) -> Option<(f64, f64)> {
    (!values.is_empty()).then(|| (values.iter().fold(0.0, |sum, value| sum + value), values.len() as f64))
}

/// As Java's `Math.round`: half up, and within what 64 bits hold.
pub(super) fn rounded(value: f64) -> i64 {
    let down = value.floor();
    // The cast is the one of Java: NaN is 0, what is too great is the greatest.
    (if value - down >= 0.5 { down + 1.0 } else { down }) as i64
}

/// The nearest number of 32 bits.
pub(super) fn single(value: f64) -> f32 {
    value as f32
}
