//! Functions of doubles, and chance.
//!
//! Owns: roots, powers, logarithms, angles, what is no number, constants, `random`.
//! Does not own: rounding (`round`), arithmetic (`operators`), distributions.
//! Invariant: what has no value is NaN, as in Java; there are no faults but those of `random`'s bounds.

use std::cell::Cell;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use arrow::array::ArrayRef;

use super::{Call, Compute, Double, Int, Real, Result};
use crate::athena::types::Type;

/// Java's factors between degrees and radians.
const DEGREES: f64 = 57.295_779_513_082_32;
const RADIANS: f64 = 0.017_453_292_519_943_295;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "acos" => |call| call.map1::<Double, f64>(f64::acos),
        "asin" => |call| call.map1::<Double, f64>(f64::asin),
        "atan" => |call| call.map1::<Double, f64>(f64::atan),
        "atan2" => |call| call.map2::<Double, Double, f64>(f64::atan2),
        "cbrt" => |call| call.map1::<Double, f64>(f64::cbrt),
        "cos" => |call| call.map1::<Double, f64>(f64::cos),
        "cosh" => |call| call.map1::<Double, f64>(f64::cosh),
        "degrees" => |call| call.map1::<Double, f64>(|x| x * DEGREES),
        "exp" => |call| call.map1::<Double, f64>(f64::exp),
        "is_finite" => |call| call.map1::<Double, bool>(f64::is_finite),
        "is_infinite" => |call| call.map1::<Double, bool>(f64::is_infinite),
        "is_nan" => is_nan,
        "ln" => |call| call.map1::<Double, f64>(f64::ln),
        "log" => |call| call.map2::<Double, Double, f64>(|base, x| x.ln() / base.ln()),
        "log2" => |call| call.map1::<Double, f64>(|x| x.ln() / 2_f64.ln()),
        "log10" => |call| call.map1::<Double, f64>(f64::log10),
        "power" | "pow" => |call| call.map2::<Double, Double, f64>(power),
        "radians" => |call| call.map1::<Double, f64>(|x| x * RADIANS),
        "sin" => |call| call.map1::<Double, f64>(f64::sin),
        "sinh" => |call| call.map1::<Double, f64>(f64::sinh),
        "sqrt" => |call| call.map1::<Double, f64>(f64::sqrt),
        "tan" => |call| call.map1::<Double, f64>(f64::tan),
        "tanh" => |call| call.map1::<Double, f64>(f64::tanh),
        "e" => |call| call.produce(|_| Ok(Some(std::f64::consts::E))),
        "infinity" => |call| call.produce(|_| Ok(Some(f64::INFINITY))),
        "nan" => |call| call.produce(|_| Ok(Some(f64::NAN))),
        "pi" => |call| call.produce(|_| Ok(Some(std::f64::consts::PI))),
        "random" | "rand" => random,
        _ => return None,
    })
}

fn is_nan(call: &Call<'_>) -> Result<ArrayRef> {
    match call.types.first() {
        Some(Type::Real) => call.map1::<Real, bool>(f32::is_nan),
        _ => call.map1::<Double, bool>(f64::is_nan),
    }
}

/// As Java has it: IEEE 754 knows a power of one whatever the exponent.
fn power(base: f64, exponent: f64) -> f64 {
    let is_open = exponent.is_nan() || (exponent.is_infinite() && base.abs() == 1.0);
    if is_open { f64::NAN } else { base.powf(exponent) }
}

fn random(call: &Call<'_>) -> Result<ArrayRef> {
    let state = Cell::new(RandomState::new().build_hasher().finish());
    // Steele, Lea, Flood: "Fast splittable pseudorandom number generators".
    let next = || {
        state.set(state.get().wrapping_add(0x9E37_79B9_7F4A_7C15));
        let mixed = state.get();
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    };
    let between = |from: i64, to: i64| {
        let width = u128::from(to.abs_diff(from));
        let offset = u64::try_from((u128::from(next()) * width) >> 64).unwrap_or(0);
        Ok(Some(from.wrapping_add_unsigned(offset)))
    };
    match call.types.len() {
        0 => call.produce(|_| Ok(Some((next() >> 11) as f64 / (1_u64 << 53) as f64))),
        1 => call.try1::<Int, i64>(|to| if to > 0 { between(0, to) } else { Err(call.invalid("bound must be positive")) }),
        _ => call.try2::<Int, Int, i64>(|from, to| {
            if from < to { between(from, to) } else { Err(call.invalid("start value must be less than stop value")) }
        }),
    }
}
