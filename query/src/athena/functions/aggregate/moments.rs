//! Variance and its kin.
//!
//! Owns: `var_*`, `stddev_*`, `skewness`, `kurtosis`.
//! Does not own: the second moment itself (`welford`), those of two arguments (`regression`).
//! Invariant: a moment is kept about the mean so far (Welford), never as a difference of great sums.

use arrow::array::ArrayRef;

use super::Reduce;
use super::welford::{Moments, of_one};
use crate::athena::functions::scalar::{Call, Double, Int, Real, Result};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "var_pop" | "var_samp" | "variance" | "stddev_pop" | "stddev_samp" | "stddev" => spread,
        "skewness" => |call| shape(call, 3.0, |n, m2, m3, _| n.sqrt() * m3 / m2.powf(1.5)),
        "kurtosis" => |call| {
            shape(call, 4.0, |n, m2, _, m4| {
                let rest = (n - 2.0) * (n - 3.0);
                (n - 1.0) * n * (n + 1.0) / rest * m4 / (m2 * m2) - 3.0 * ((n - 1.0) * (n - 1.0)) / rest
            })
        },
        _ => return None,
    })
}

/// An argument's values that are not NULL, of whatever numeric type, as the nearest doubles.
pub(super) fn doubles(call: &Call<'_>, argument: usize) -> Result<Vec<f64>> {
    Ok(match call.types.get(argument) {
        Some(Type::Double) => call.each::<Double>(argument)?.collect(),
        Some(Type::Real) => call.each::<Real>(argument)?.map(f64::from).collect(),
        _ => call.each::<Int>(argument)?.map(|value| value as f64).collect(),
    })
}

/// Variance or its root.
fn spread(call: &Call<'_>) -> Result<ArrayRef> {
    let mut moments = Moments::default();
    doubles(call, 0)?.into_iter().for_each(|value| moments.add(value));
    call.one(of_one(call.name).and_then(|of| of(&moments)))
}

/// Of the number of values and their central moments, if there are so many values.
fn shape(call: &Call<'_>, least: f64, of: fn(f64, f64, f64, f64) -> f64) -> Result<ArrayRef> {
    let (mut n, mut m1, mut m2, mut m3, mut m4) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for value in doubles(call, 0)? {
        let before = n;
        n += 1.0;
        let delta = value - m1;
        let part = delta / n;
        let part2 = part * part;
        let square = delta * part * before;
        m1 += part;
        m4 = m4 + square * part2 * (n * n - 3.0 * n + 3.0) + 6.0 * part2 * m2 - 4.0 * part * m3;
        m3 = m3 + square * part * (n - 2.0) - 3.0 * part * m2;
        m2 += square;
    }
    call.one((n >= least).then(|| of(n, m2, m3, m4)))
}
