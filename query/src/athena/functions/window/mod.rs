//! What is computed over windows.
//!
//! Owns: peers, frames, and the values of calls over them.
//! Does not own: partitioning and sorting rows (`lower`), what aggregates compute of a frame's rows (`functions::aggregate`).
//! Invariant: a frame's value is that of its rows alone: no error of another frame is carried over, but for the last digits of a
//! sum of doubles (`sums::Kept`).

mod aggregates;
mod extremes;
mod fold;
mod frames;
mod moments;
mod peers;
mod range;
mod ranks;
mod sums;
#[cfg(test)]
mod tests;
mod values;

use arrow::array::{ArrayRef, new_empty_array};

use super::scalar::Result;
use crate::athena::analyze::typed::WindowCall;
use crate::athena::error::AthenaError;
use crate::athena::eval::Env;
use crate::athena::values::layout::arrow_type;

/// The value of a call for each row of one whole partition, which `partition` holds sorted by the call's ORDER BY.
///
/// # Errors
/// The fault of an argument, of a frame's offset, or of a value over a frame.
pub(crate) fn compute(call: &WindowCall, partition: &Env<'_>) -> Result<ArrayRef> {
    if partition.rows == 0 {
        return Ok(new_empty_array(&arrow_type(&call.returns)));
    }
    match call.name {
        "row_number" | "rank" | "dense_rank" | "percent_rank" | "cume_dist" | "ntile" => ranks::compute(call, partition),
        "lag" | "lead" | "first_value" | "last_value" | "nth_value" => values::compute(call, partition),
        _ => aggregates::compute(call, partition),
    }
}

/// A number of rows, as Arrow counts places.
fn number(rows: usize) -> Result<u32> {
    u32::try_from(rows).map_err(|_| AthenaError::internal(&format!("a window's partition of {rows} rows is too large")))
}
