//! Numbers in as many buckets as asked for.
//!
//! Owns: `numeric_histogram`. After Y. Ben-Haim and E. Tom-Tov, "A streaming parallel decision tree algorithm", with the penalty
//! of Trino's `NumericHistogram`.
//! Does not own: exact counts of values (`entries`).
//! Invariant: the buckets' weights add up to those of all numbers.

use arrow::array::ArrayRef;

use super::Reduce;
use super::average::single;
use super::entries::map;
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::functions::scalar::{Call, Double, Int, Produce, Real, Result};
use crate::athena::types::Type;

/// Numbers taken in before buckets are joined.
const BUFFER: usize = 100;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "numeric_histogram" => numeric_histogram,
        _ => return None,
    })
}

/// Of a number of buckets, a value and perhaps a weight.
fn numeric_histogram(call: &Call<'_>) -> Result<ArrayRef> {
    let mut histogram: Option<Histogram> = None;
    for row in call.given() {
        if histogram.is_none() {
            let buckets = call.get::<Int>(0, row)?;
            let buckets = usize::try_from(buckets).ok().filter(|buckets| *buckets >= 2);
            let few = || call.invalid("numeric_histogram bucket count must be greater than one");
            histogram = Some(Histogram { most: buckets.ok_or_else(few)?, buckets: Vec::new() });
        }
        let value = if call.types[1] == Type::Real { call.get::<Real>(1, row)?.into() } else { call.get::<Double>(1, row)? };
        let weight = if call.arguments.len() == 3 { call.get::<Double>(2, row)? } else { 1.0 };
        if let Some(histogram) = &mut histogram {
            histogram.add(value, weight)?;
        }
    }
    let Some(mut histogram) = histogram else { return call.null() };
    histogram.compact()?;
    // NaN equals no other number, but is one key.
    histogram.buckets.dedup_by(|next, last| {
        let is_same = next.0.is_nan() && last.0.is_nan();
        last.1 = if is_same { next.1 } else { last.1 };
        is_same
    });
    let (values, weights) = histogram.buckets.into_iter().unzip();
    let Type::Map(ty, _) = call.returns else { return Err(AthenaError::internal(&"a histogram is no map")) };
    map(call, column(values, ty)?, column(weights, ty)?)
}

fn column(values: Vec<f64>, ty: &Type) -> Result<ArrayRef> {
    let values = values.into_iter();
    match ty {
        Type::Real => f32::array(values.map(|value| Some(single(value))).collect(), ty),
        _ => f64::array(values.map(Some).collect(), ty),
    }
}

/// Values and their weights.
struct Histogram {
    most: usize,
    buckets: Vec<(f64, f64)>,
}

impl Histogram {
    fn add(&mut self, value: f64, weight: f64) -> Result<()> {
        if self.buckets.len() == self.most + BUFFER {
            self.compact()?;
        }
        self.buckets.push((value, weight));
        Ok(())
    }

    /// Joins buckets of one value, then neighbours while there are too many.
    fn compact(&mut self) -> Result<()> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|next, last| {
            let is_same = next.0 == last.0;
            last.1 += if is_same { next.1 } else { 0.0 };
            is_same
        });
        while self.buckets.len() > self.most {
            let penalties = self.buckets.windows(2).map(|pair| penalty(pair[0], pair[1]));
            let least = penalties.enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, penalty)| !penalty.is_nan());
            let Some((at, _)) = least else {
                return Err(AthenaError::of_values(ErrorName::GenericInternalError, "buckets of NaN cannot be joined"));
            };
            let (left, right) = (self.buckets[at], self.buckets.remove(at + 1));
            let weight = left.1 + right.1;
            self.buckets[at] = ((left.0 * left.1 + right.0 * right.1) / weight, weight);
        }
        Ok(())
    }
}

/// What joining two buckets costs.
fn penalty(left: (f64, f64), right: (f64, f64)) -> f64 {
    let (weight, distance) = (left.1 + right.1, left.0 - right.0);
    weight * (distance * distance) * (left.1 * right.1 / (weight * weight))
}
