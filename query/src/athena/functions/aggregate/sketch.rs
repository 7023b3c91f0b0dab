//! How many different values there are.
//!
//! Owns: `approx_distinct`.
//! Does not own: hashes of values (`hash`), sketches that are values (`approx_set`), which are not there.
//! Invariant: the count is exact up to a number of values, and beyond within the standard error asked for (HyperLogLog, after
//! P. Flajolet and others).

use std::collections::HashSet;

use arrow::array::ArrayRef;

use super::count::length;
use super::hash::hashes;
use super::{Reduce, average};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Call, Double, Result};
use crate::athena::values::float::plain_double;

/// What Trino takes where none is given.
const ERROR: f64 = 0.023;
const ERROR_MIN: f64 = 0.004_062_5;
const ERROR_MAX: f64 = 0.26;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "approx_distinct" => approx_distinct,
        _ => return None,
    })
}

fn approx_distinct(call: &Call<'_>) -> Result<ArrayRef> {
    let mut error = ERROR;
    if call.arguments.len() == 2 {
        let Some(row) = call.given().next() else { return length(call, 0) };
        error = call.get::<Double>(1, row)?;
        if !(ERROR_MIN..=ERROR_MAX).contains(&error) {
            let range = format!("[{ERROR_MIN}, {ERROR_MAX}]");
            return Err(call.invalid(format!("Max standard error must be in {range}: {}", plain_double(error))));
        }
    }
    let hashes = hashes(&call.types[0], call.values(0)?)?;
    call.one(Some(estimate(call.given().map(|row| hashes[call.place(0, row)]), error)?))
}

/// How many different hashes there are, within a standard error.
fn estimate(hashes: impl Iterator<Item = u64>, error: f64) -> Result<i64> {
    // The error of m registers is 1.04 / sqrt(m).
    let mut bits = 4;
    while f64::from(1_u32 << bits) < (1.04 / error).powi(2) {
        bits += 1;
    }
    let registers = 1_usize << bits;
    let mut registers = vec![0_u8; registers];
    // Below so many, the registers' estimate is off: what was seen is counted.
    let exact = registers.len() * 5;
    let mut seen = HashSet::new();
    for hash in hashes {
        let register = usize::try_from(hash >> (64 - bits)).map_err(|error| AthenaError::internal(&error))?;
        let zeros = (hash << bits | 1 << (bits - 1)).leading_zeros() + 1;
        registers[register] = registers[register].max(u8::try_from(zeros).unwrap_or(u8::MAX));
        if seen.len() <= exact {
            seen.insert(hash);
        }
    }
    if seen.len() <= exact {
        return i64::try_from(seen.len()).map_err(|error| AthenaError::internal(&error));
    }
    let count = f64::from(1_u32 << bits);
    let sum: f64 = registers.iter().map(|zeros| (-f64::from(*zeros)).exp2()).sum();
    Ok(average::rounded(0.7213 / (1.0 + 1.079 / count) * count * count / sum))
}
