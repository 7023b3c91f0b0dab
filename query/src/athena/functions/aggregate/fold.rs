//! What a lambda makes of all values, one after the other.
//!
//! Owns: `reduce_agg`.
//! Does not own: computing lambdas (`eval`).
//! Invariant: each value is taken in once, in the order of the rows; the second lambda, which joins parts, has no parts to join.

use arrow::array::{Array as _, ArrayRef, UInt32Array};

use super::Reduce;
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::functions::scalar::{Call, Result};
use crate::athena::types::Type;

/// Digits of a decimal that Trino holds in 64 bits.
const SHORT_DECIMAL: u8 = 18;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "reduce_agg" => reduce_agg,
        _ => return None,
    })
}

fn reduce_agg(call: &Call<'_>) -> Result<ArrayRef> {
    if !is_state(call.returns) {
        return Err(AthenaError::not_supported(format!("State type not supported for reduce_agg: {}", call.returns)));
    }
    let lambda = call.lambdas.first().ok_or_else(|| call.wrong_layout())?;
    let mut state: Option<ArrayRef> = None;
    for row in call.given() {
        let before = state.map_or_else(|| call.picked(1, [row]), Ok)?;
        let after = lambda.apply(&UInt32Array::from(vec![0]), vec![before, call.picked(0, [row])?])?;
        if after.is_null(0) {
            let message = "a lambda of reduce_agg gave NULL, which no state can be";
            return Err(AthenaError::of_values(ErrorName::GenericInternalError, message));
        }
        state = Some(after);
    }
    state.map_or_else(|| call.null(), Ok)
}

/// Whether Trino holds a type in one number or one text.
fn is_state(ty: &Type) -> bool {
    match ty {
        Type::Decimal { precision, .. } => *precision <= SHORT_DECIMAL,
        Type::Timestamp(digits) => *digits <= 6,
        Type::TimestampZoned(digits) => *digits <= 3,
        Type::TimeZoned(digits) => *digits <= 9,
        Type::Array(_) | Type::Map(..) | Type::Row(_) => false,
        _ => true,
    }
}
