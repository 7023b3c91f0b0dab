//! Approximate percentiles.
//!
//! Owns: `approx_percentile` of every form.
//! Does not own: the sketches it asks (`digest`, `quantiles`).
//! Invariant: a row with a NULL argument counts for nothing.

use arrow::array::{Array as _, ArrayRef};

use super::Reduce;
use super::average::{rounded, single};
use super::digest::Digest;
use super::quantiles::Quantiles;
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::eval::compare::elements;
use crate::athena::functions::scalar::{Arg as _, Call, Double, Int, Produce, Real, Result};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "approx_percentile" => |call| if call.arguments.len() == 4 { accurate(call) } else { usual(call) },
        _ => return None,
    })
}

/// Of a value, perhaps a weight, and one share or several.
fn usual(call: &Call<'_>) -> Result<ArrayRef> {
    let (last, weighted) = (call.arguments.len() - 1, call.arguments.len() == 3);
    let is_list = matches!(call.returns, Type::Array(_));
    let (mut digest, mut asked): (Digest, Option<usize>) = (Digest::default(), None);
    for row in call.given() {
        if asked.is_none() && is_list {
            shares(call, last, row)?;
        }
        let value = number(call, row)?;
        let weight = if weighted { call.get::<Double>(1, row)? } else { 1.0 };
        if weight.is_nan() || weight < 1.0 {
            let weight = crate::athena::values::float::plain_double(weight);
            return Err(call.invalid(format!("weight must be >= 1, was {weight}")));
        }
        let fault = match (value, weight) {
            (value, _) if value.is_nan() => "value is NaN",
            (value, _) if value.is_infinite() => "value must be finite",
            (_, weight) if weight.is_infinite() => "weight must be finite",
            _ => {
                digest.add(value, weight);
                // Of several lists the first counts, of several shares the last.
                asked = asked.filter(|_| is_list).or(Some(row));
                continue;
            }
        };
        return Err(AthenaError::of_values(ErrorName::GenericInternalError, fault));
    }
    let Some(row) = asked else { return call.null() };
    digest.merge();
    if let Type::Array(element) = call.returns {
        let values: Vec<f64> = shares(call, last, row)?.into_iter().map(|share| digest.value_at(share)).collect();
        return call.array(numbers(values, element)?);
    }
    numbers(vec![digest.value_at(share(call, call.get::<Double>(last, row)?)?)], call.returns)
}

/// Of a value, a weight, a share and how far it may be off.
fn accurate(call: &Call<'_>) -> Result<ArrayRef> {
    let (mut quantiles, mut asked): (Option<Quantiles>, f64) = (None, 0.0);
    for row in call.given() {
        let (weight, accuracy) = (call.get::<Double>(1, row)?, call.get::<Double>(3, row)?);
        if weight.is_nan() || weight <= 0.0 {
            return Err(call.invalid("percentile weight must be > 0"));
        }
        if quantiles.is_none() && !(accuracy > 0.0 && accuracy < 1.0) {
            let message = "Percentile accuracy must be strictly between 0 and 1";
            return Err(AthenaError::of_values(ErrorName::GenericInternalError, message));
        }
        asked = call.get::<Double>(2, row)?;
        quantiles.get_or_insert_with(|| Quantiles::new(accuracy)).add(sortable(call, row)?, weight);
    }
    let Some(quantiles) = quantiles else { return call.null() };
    let value = quantiles.value_at(share(call, asked)?);
    match call.returns {
        Type::Bigint => call.one(Some(value)),
        Type::Real => {
            let bits = i32::try_from(value).map_err(|error| AthenaError::internal(&error))?;
            call.one(Some(f32::from_bits((bits ^ (bits >> 31) & i32::MAX).cast_unsigned())))
        }
        _ => call.one(Some(f64::from_bits((value ^ (value >> 63) & i64::MAX).cast_unsigned()))),
    }
}

fn share(call: &Call<'_>, share: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err(call.invalid("Percentile must be between 0 and 1")) }
}

/// The shares that an array argument asks for.
fn shares(call: &Call<'_>, argument: usize, row: usize) -> Result<Vec<f64>> {
    let shares = elements(call.values(argument)?, call.place(argument, row))?;
    if shares.null_count() > 0 {
        return Err(call.invalid("Percentile cannot be null"));
    }
    let shares = Double::reader(&shares)?;
    shares.values().iter().map(|value| share(call, *value)).collect()
}

/// A row's value as a double.
fn number(call: &Call<'_>, row: usize) -> Result<f64> {
    match call.types[0] {
        Type::Double => call.get::<Double>(0, row),
        Type::Real => call.get::<Real>(0, row).map(f64::from),
        _ => {
            let value = call.get::<Int>(0, row)?;
            let double = value as f64;
            let inexact = || call.invalid(format!("no exact double representation for long: {value}"));
            // The cast back is Java's: what is too great is the greatest.
            if double as i64 == value { Ok(double) } else { Err(inexact()) }
        }
    }
}

/// A row's value as a whole number of the same order.
fn sortable(call: &Call<'_>, row: usize) -> Result<i64> {
    Ok(match call.types[0] {
        Type::Double => {
            let bits = call.get::<Double>(0, row)?.to_bits().cast_signed();
            bits ^ (bits >> 63) & i64::MAX
        }
        Type::Real => {
            let bits = call.get::<Real>(0, row)?.to_bits().cast_signed();
            i64::from(bits ^ (bits >> 31) & i32::MAX)
        }
        _ => call.get::<Int>(0, row)?,
    })
}

/// Doubles as the numbers that were asked of.
fn numbers(values: Vec<f64>, ty: &Type) -> Result<ArrayRef> {
    let values = values.into_iter();
    match ty {
        Type::Bigint => i64::array(values.map(|value| Some(rounded(value))).collect(), ty),
        Type::Real => f32::array(values.map(|value| Some(single(value))).collect(), ty),
        _ => f64::array(values.map(Some).collect(), ty),
    }
}
