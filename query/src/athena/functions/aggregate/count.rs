//! Counting, and what is true or a bit of all rows.
//!
//! Owns: `count`, `count_if`, `bool_and`, `bool_or`, `every`, the bitwise aggregates.
//! Does not own: approximate counts (`sketch`).
//! Invariant: a NULL counts for nothing; of no value at all a count is 0, everything else NULL.

use arrow::array::{ArrayRef, AsArray as _, Int64Array};
use arrow::compute::{bit_and, bit_or, bit_xor, bool_and, bool_or};
use arrow::datatypes::Int64Type;

use super::Reduce;
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Bool, Call, Result};

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "count" => count,
        "count_if" => |call| length(call, call.each::<Bool>(0)?.filter(|value| *value).count()),
        "bool_and" | "every" => |call| call.one(bool_and(call.values(0)?.as_boolean())),
        "bool_or" => |call| call.one(bool_or(call.values(0)?.as_boolean())),
        "bitwise_and_agg" => |call| call.one(bit_and(bits(call)?)),
        "bitwise_or_agg" => |call| call.one(bit_or(bits(call)?)),
        "bitwise_xor_agg" => |call| call.one(bit_xor(bits(call)?)),
        _ => return None,
    })
}

fn count(call: &Call<'_>) -> Result<ArrayRef> {
    length(call, call.arguments.first().map_or(call.rows, |column| column.rows() - column.values().null_count()))
}

fn bits<'c>(call: &Call<'c>) -> Result<&'c Int64Array> {
    call.values(0)?.as_primitive_opt::<Int64Type>().ok_or_else(|| call.wrong_layout())
}

/// A count as the result.
pub(super) fn length(call: &Call<'_>, rows: usize) -> Result<ArrayRef> {
    call.one(Some(i64::try_from(rows).map_err(|error| AthenaError::internal(&error))?))
}
