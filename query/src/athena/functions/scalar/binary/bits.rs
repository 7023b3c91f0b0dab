//! Functions of numbers' bits.
//!
//! Owns: bitwise_*, bit_count.
//! Does not own: bits of bytes.
//! Invariant: a shift by as many bits as the type has, or more, leaves nothing, or the sign alone.

use arrow::array::ArrayRef;

use crate::athena::functions::scalar::{Call, Compute, Int, Result};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "bitwise_and" => |call| call.map2::<Int, Int, _>(|a, b| a & b),
        "bitwise_or" => |call| call.map2::<Int, Int, _>(|a, b| a | b),
        "bitwise_xor" => |call| call.map2::<Int, Int, _>(|a, b| a ^ b),
        "bitwise_not" => |call| call.map1::<Int, _>(|value| !value),
        "bitwise_left_shift" => |call| shift(call, |value, by, _| value.wrapping_shl(by), |_| 0),
        "bitwise_right_shift" => |call| {
            let unsigned = |value: i64, by, bits| if by == 0 { value } else { low(value, bits).wrapping_shr(by).cast_signed() };
            shift(call, unsigned, |_| 0)
        },
        "bitwise_right_shift_arithmetic" => |call| shift(call, |value, by, _| value.wrapping_shr(by), |value| value >> 63),
        "bit_count" => bit_count,
        _ => return None,
    })
}

/// The lowest bits alone.
fn low(value: i64, bits: u32) -> u64 {
    value.cast_unsigned() & (u64::MAX >> (64 - bits))
}

/// A shift by less than the type's bits, or else what is left; a shift below zero counts from 64 down, as in Java.
fn shift(call: &Call<'_>, f: fn(i64, u32, u32) -> i64, beyond: fn(i64) -> i64) -> Result<ArrayRef> {
    let bits: u32 = match call.returns {
        Type::Tinyint => 8,
        Type::Smallint => 16,
        Type::Integer => 32,
        _ => 64,
    };
    call.map2::<Int, Int, _>(|value, by| {
        if by >= i64::from(bits) {
            return beyond(value);
        }
        let result = f(value, u32::try_from(by & 63).unwrap_or(0), bits);
        // Of the result, what the type has, with its sign.
        result << (64 - bits) >> (64 - bits)
    })
}

fn bit_count(call: &Call<'_>) -> Result<ArrayRef> {
    call.try2::<Int, Int, _>(|value, bits| {
        let width = u32::try_from(bits).ok().filter(|bits| (2..=64).contains(bits));
        let width =
            width.ok_or_else(|| call.invalid(format!("Bits specified in bit_count must be between 2 and 64, got {bits}")))?;
        let top = i64::MAX >> (64 - width);
        if value > top || value < -top - 1 {
            let message = "Number must be representable with the bits specified.";
            return Err(call.invalid(format!("{message} {value} cannot be represented with {bits} bits")));
        }
        Ok(Some(i64::from(low(value, width).count_ones())))
    })
}
