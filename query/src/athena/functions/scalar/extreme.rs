//! The greatest and the least of several values.
//!
//! Owns: `greatest`, `least`.
//! Does not own: order (`eval::compare`), `max` and `min`.
//! Invariant: with a NULL among them there is none; NaN is one only where there is nothing else.

use std::cmp::Ordering;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{is_null, nullif, or, or_kleene};
use arrow::datatypes::{Float32Type, Float64Type};

use super::{Call, Compute, Result};
use crate::athena::ast::Comparison;
use crate::athena::error::AthenaError;
use crate::athena::eval::Column;
use crate::athena::eval::compare::{compare, is_nested, order_parts};
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "greatest" => |call| extreme(call, Comparison::Greater),
        "least" => |call| extreme(call, Comparison::Less),
        _ => return None,
    })
}

fn extreme(call: &Call<'_>, op: Comparison) -> Result<ArrayRef> {
    let wrong = |error: arrow::error::ArrowError| AthenaError::internal(&error);
    let mut arguments = call.arguments.iter().map(|argument| argument.clone().into_array());
    let mut best = arguments.next().ok_or_else(|| call.wrong_layout())??;
    let mut nulls = is_null(&best).map_err(wrong)?;
    for next in arguments {
        let next = next?;
        nulls = or(&nulls, &is_null(&next).map_err(wrong)?).map_err(wrong)?;
        let mut better = beyond(op, call.returns, &next, &best)?;
        if let Some(not_a_number) = not_numbers(call.returns, &best) {
            better = or_kleene(&better, &not_a_number).map_err(wrong)?;
        }
        best = zip(&better, &next, &best).map_err(wrong)?;
    }
    nullif(&best, &nulls).map_err(wrong)
}

/// Where `next` is greater than `best`, or less; NaN in an array or a row is below all numbers where the greatest is sought.
fn beyond(op: Comparison, ty: &Type, next: &ArrayRef, best: &ArrayRef) -> Result<BooleanArray> {
    if !is_nested(ty) {
        let beyond = compare(op, ty, &Column::new(next.clone()), &Column::new(best.clone()))?;
        return Ok(beyond.as_boolean().clone());
    }
    let greatest = op == Comparison::Greater;
    let wanted = if greatest { Ordering::Greater } else { Ordering::Less };
    let one = |row: usize| -> Result<Option<bool>> {
        if next.is_null(row) || best.is_null(row) {
            return Ok(None);
        }
        Ok(Some(order_parts(ty, (next, row), (best, row), greatest)? == wanted))
    };
    (0..next.len()).map(one).collect()
}

/// Which of floating numbers are NaN.
fn not_numbers(ty: &Type, values: &ArrayRef) -> Option<BooleanArray> {
    let all = |is: &dyn Fn(usize) -> bool| (0..values.len()).map(|at| Some(!values.is_null(at) && is(at))).collect();
    match ty {
        Type::Double => values.as_primitive_opt::<Float64Type>().map(|values| all(&|at| values.value(at).is_nan())),
        Type::Real => values.as_primitive_opt::<Float32Type>().map(|values| all(&|at| values.value(at).is_nan())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::athena::eval::tests::value_of;

    #[test]
    fn what_is_no_number_never_wins_and_nothing_is_never_left_out() {
        for (expression, expected) in [
            ("greatest(nan(), 1e0, 0e0)", json!(1.0)),
            ("least(2e0, nan())", json!(2.0)),
            ("greatest(nan(), nan())", json!("NaN")),
            ("greatest(1, NULL)", json!(null)),
            ("least('b', 'a', 'B')", json!("B")),
            ("greatest(ARRAY[1, 2], ARRAY[1, 3])", json!([1, 3])),
            ("greatest(ARRAY[nan()], ARRAY[1e0])", json!([1.0])),
            ("least(ARRAY[nan()], ARRAY[1e0])", json!([1.0])),
        ] {
            assert_eq!(value_of(expression), Ok(expected), "{expression}");
        }
    }
}
