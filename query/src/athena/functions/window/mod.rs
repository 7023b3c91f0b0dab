//! What is computed over windows.
//!
//! Owns: peers, frames, and the values of calls over them.
//! Does not own: partitioning and sorting rows (`lower`), aggregates themselves (`functions::aggregate`).
//! Invariant: a frame's value is that of its rows alone: no error of another frame is carried over.

use arrow::array::ArrayRef;

use super::scalar::{Result, not_here};
use crate::athena::analyze::typed::WindowCall;
use crate::athena::eval::Env;

/// The value of a call for each row of one whole partition, which `partition` holds sorted by the call's ORDER BY.
pub(crate) fn compute(call: &WindowCall, _partition: &Env<'_>) -> Result<ArrayRef> {
    Err(not_here(call.name))
}
