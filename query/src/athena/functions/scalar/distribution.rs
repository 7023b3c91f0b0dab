//! Distributions and buckets.
//!
//! Owns: the normal and the beta distribution and their inverses, Wilson's interval, `width_bucket`, `cosine_similarity`.
//! Does not own: aggregates over many values.
//! Invariant: an argument that a distribution does not have is a fault; the error is below a billionth.

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::Float64Type;

use super::{Arg as _, Call, Compute, Double, Int, Result, Text};
use crate::athena::error::AthenaError;
use crate::athena::eval::compare::elements;
use crate::athena::values::float::plain_double;
use crate::athena::values::special::{erf, inverse_erf, inverse_regularized_beta, regularized_beta};

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "normal_cdf" => normal_cdf,
        "inverse_normal_cdf" => inverse_normal_cdf,
        "beta_cdf" => |call| beta(call, "value must be 0 >= v >= 1", regularized_beta),
        "inverse_beta_cdf" => |call| beta(call, "p must be 0 >= p >= 1", inverse_regularized_beta),
        "wilson_interval_lower" => |call| wilson(call, -1.0),
        "wilson_interval_upper" => |call| wilson(call, 1.0),
        "width_bucket" => width_bucket,
        "cosine_similarity" => cosine_similarity,
        _ => return None,
    })
}

fn normal_cdf(call: &Call<'_>) -> Result<ArrayRef> {
    call.try3::<Double, Double, Double, f64>(|mean, deviation, value| {
        if deviation > 0.0 {
            let scaled = (value - mean) / (deviation * 2_f64.sqrt());
            return Ok(Some(0.5 * (1.0 + erf(scaled))));
        }
        Err(call.invalid("standardDeviation must be > 0"))
    })
}

fn inverse_normal_cdf(call: &Call<'_>) -> Result<ArrayRef> {
    call.try3::<Double, Double, Double, f64>(|mean, deviation, p| {
        if !(p > 0.0 && p < 1.0) {
            return Err(call.invalid("p must be 0 > p > 1"));
        }
        if deviation > 0.0 {
            return Ok(Some(mean + deviation * std::f64::consts::SQRT_2 * inverse_erf(2.0 * p - 1.0)));
        }
        Err(call.invalid("sd must be > 0"))
    })
}

fn beta(call: &Call<'_>, beyond: &str, f: fn(f64, f64, f64) -> f64) -> Result<ArrayRef> {
    call.try3::<Double, Double, Double, f64>(|a, b, x| {
        if !(0.0..=1.0).contains(&x) {
            return Err(call.invalid(beyond));
        }
        if a > 0.0 && b > 0.0 { Ok(Some(f(x, a, b))) } else { Err(call.invalid("a, b must be > 0")) }
    })
}

fn wilson(call: &Call<'_>, side: f64) -> Result<ArrayRef> {
    call.try3::<Int, Int, Double, f64>(|successes, trials, z| {
        let fault = match () {
            () if successes < 0 => "number of successes must not be negative",
            () if trials <= 0 => "number of trials must be positive",
            () if successes > trials => "number of successes must not be larger than number of trials",
            () if z >= 0.0 => {
                let n = trials as f64;
                let p = successes as f64 / n;
                let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
                return Ok(Some((p + z * z / (2.0 * n) + side * spread) / (1.0 + z * z / n)));
            }
            () => "z-score must not be negative",
        };
        Err(call.invalid(fault))
    })
}

fn width_bucket(call: &Call<'_>) -> Result<ArrayRef> {
    if call.types.len() == 2 {
        return call.produce(|row| {
            let operand = Double::get(&Double::reader(call.values(0)?)?, call.place(0, row));
            bin(call, operand, &elements(call.values(1)?, call.place(1, row))?).map(Some)
        });
    }
    let (operands, firsts) = (Double::reader(call.values(0)?)?, Double::reader(call.values(1)?)?);
    let (seconds, counts) = (Double::reader(call.values(2)?)?, Int::reader(call.values(3)?)?);
    call.produce(|row| {
        let operand = Double::get(&operands, call.place(0, row));
        let bounds = (Double::get(&firsts, call.place(1, row)), Double::get(&seconds, call.place(2, row)));
        bucket(call, operand, bounds, Int::get(&counts, call.place(3, row))).map(Some)
    })
}

fn bucket(call: &Call<'_>, operand: f64, (first, second): (f64, f64), count: i64) -> Result<i64> {
    let fault = match () {
        () if count <= 0 => Some("bucketCount must be greater than 0"),
        () if operand.is_nan() => Some("operand must not be NaN"),
        () if !first.is_finite() => Some("first bound must be finite"),
        () if !second.is_finite() => Some("second bound must be finite"),
        () if first == second => Some("bounds cannot equal each other"),
        () => None,
    };
    if let Some(fault) = fault {
        return Err(call.invalid(fault));
    }
    let (lower, upper) = (first.min(second), first.max(second));
    let beyond = || AthenaError::out_of_range(format!("Bucket for value {} is out of range", plain_double(operand)));
    let bucket = if operand < lower {
        0
    } else if operand >= upper {
        count.checked_add(1).ok_or_else(beyond)?
    } else {
        (count as f64 * (operand - lower) / (upper - lower) + 1.0) as i64
    };
    Ok(if first > second { (count - bucket).wrapping_add(1) } else { bucket })
}

/// A search by halves, which looks at no more bins than it needs; a NULL among them is zero, as in Trino.
fn bin(call: &Call<'_>, operand: f64, bins: &ArrayRef) -> Result<i64> {
    let bins = bins.as_primitive_opt::<Float64Type>().ok_or_else(|| call.wrong_layout())?;
    let value = |at: usize| if bins.is_null(at) { 0.0 } else { bins.value(at) };
    if bins.is_empty() {
        return Err(call.invalid("Bins cannot be an empty array"));
    }
    if operand.is_nan() {
        return Err(call.invalid("Operand cannot be NaN"));
    }
    let (mut lower, mut upper) = (0, bins.len());
    while lower < upper {
        if value(lower) > value(upper - 1) {
            return Err(call.invalid("Bin values are not sorted in ascending order"));
        }
        let middle = usize::midpoint(lower, upper);
        let bin = value(middle);
        if !bin.is_finite() {
            return Err(call.invalid(format!("Bin value must be finite, got {}", plain_double(bin))));
        }
        if operand < bin { upper = middle } else { lower = middle + 1 }
    }
    i64::try_from(lower).map_err(|error| AthenaError::internal(&error))
}

/// Of maps from words to weights.
fn cosine_similarity(call: &Call<'_>) -> Result<ArrayRef> {
    call.produce(|row| {
        let weights = |argument: usize| -> Result<Option<std::collections::HashMap<String, f64>>> {
            let entries = elements(call.values(argument)?, call.place(argument, row))?;
            let entries = entries.as_struct_opt().ok_or_else(|| call.wrong_layout())?;
            let (words, values) = (Text::reader(entries.column(0))?, Double::reader(entries.column(1))?);
            let weight = |at: usize| (!values.is_null(at)).then(|| (Text::get(&words, at).to_owned(), Double::get(&values, at)));
            Ok((0..entries.len()).map(weight).collect())
        };
        let (Some(left), Some(right)) = (weights(0)?, weights(1)?) else { return Ok(None) };
        let norm = |weights: &std::collections::HashMap<String, f64>| weights.values().map(|w| w * w).sum::<f64>().sqrt();
        let product: f64 =
            left.iter().filter_map(|(word, weight)| right.get(word).map(|other| weight * other)).fold(0.0, |a, b| a + b);
        Ok(Some(product / (norm(&left) * norm(&right))))
    })
}
