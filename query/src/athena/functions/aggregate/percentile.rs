//! Approximate percentiles.
//!
//! Owns: `approx_percentile` of every form.
//! Does not own: the sketches it asks (`digest`, `quantiles`).
//! Invariant: a row with a NULL argument counts for nothing.

use arrow::array::{Array as _, ArrayRef};

use super::Way;
use super::average::{rounded, single};
use super::digest::Digest;
use super::quantiles::Quantiles;
use super::states::{Reader, Rows, State, kept, write_doubles};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::eval::compare::elements;
use crate::athena::functions::scalar::{Arg as _, Call, Double, Int, Produce, Real, Result, Shape};
use crate::athena::types::Type;

pub(super) fn find(name: &str, types: &[Type], _: &Type) -> Option<Way> {
    Some(match (name, types.len()) {
        ("approx_percentile", 4) => Way::Rows(accurate),
        ("approx_percentile", _) => Way::States(|| kept(add, usual)),
        _ => return None,
    })
}

/// Numbers, and the shares that are asked for.
#[derive(Debug, Clone, Default)]
struct Asked {
    digest: Digest,
    shares: Vec<f64>,
    /// Of several lists the first counts, of several shares the last.
    is_list: bool,
}

impl State for Asked {
    fn merge(&mut self, later: Self) -> Result<()> {
        self.digest.add_all(&later.digest);
        if self.shares.is_empty() || !self.is_list && !later.shares.is_empty() {
            (self.shares, self.is_list) = (later.shares, later.is_list);
        }
        Ok(())
    }

    fn write(&self, to: &mut Vec<u8>) {
        to.push(u8::from(self.is_list));
        to.extend((self.shares.len() as u64).to_le_bytes());
        write_doubles(&self.shares, to);
        self.digest.write(to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let (is_list, count) = (from.flag()?, from.long()?);
        let shares = (0..count).map(|_| from.double()).collect::<Option<_>>()?;
        Some(Self { is_list, shares, digest: Digest::read(from)? })
    }

    fn heap_bytes(&self) -> usize {
        self.digest.heap_bytes() + self.shares.capacity() * size_of::<f64>()
    }
}

/// Of a value, perhaps a weight, and one share or several.
fn add(call: &Call<'_>, rows: &mut Rows<'_, Asked>) -> Result<()> {
    let (last, weighted) = (call.arguments.len() - 1, call.arguments.len() == 3);
    let is_list = matches!(call.returns, Type::Array(_));
    call.given().try_for_each(|row| {
        rows.put(row, |asked| {
            let given = match is_list {
                true if asked.shares.is_empty() => Some(shares(call, last, row)?),
                true => None,
                false => Some(vec![call.get::<Double>(last, row)?]),
            };
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
                    asked.digest.add(value, weight);
                    (asked.shares, asked.is_list) = (given.unwrap_or(std::mem::take(&mut asked.shares)), is_list);
                    return Ok(());
                }
            };
            Err(AthenaError::of_values(ErrorName::GenericInternalError, fault))
        })
    })
}

fn usual(call: &Call<'_>, all: Vec<Asked>) -> Result<ArrayRef> {
    let (mut values, mut shape) = (Vec::new(), Shape::default());
    for Asked { mut digest, shares, is_list } in all {
        digest.merge();
        for asked in &shares {
            values.push(Some(digest.value_at(if is_list { *asked } else { share(call, *asked)? })));
        }
        if shares.is_empty() && !matches!(call.returns, Type::Array(_)) {
            values.push(None);
        }
        shape.end_row(values.len(), !shares.is_empty());
    }
    match call.returns {
        Type::Array(element) => shape.list(numbers(values, element)?),
        ty => numbers(values, ty),
    }
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
fn numbers(values: Vec<Option<f64>>, ty: &Type) -> Result<ArrayRef> {
    let each = values.iter().copied();
    match ty {
        Type::Bigint => i64::array(each.map(|value| value.map(rounded)).collect(), ty),
        Type::Real => f32::array(each.map(|value| value.map(single)).collect(), ty),
        _ => f64::array(values, ty),
    }
}
