//! Casts.
//!
//! Owns: what a value of one type is as another, explicitly and where `analyze` put a coercion.
//! Does not own: which casts there are (`types::can_cast`), the texts of values (`values`).
//! Invariant: a value that is none of the other type is a fault, or NULL under TRY_CAST; never something near it.

mod time;

use arrow::array::{Array as _, ArrayRef, new_null_array};

pub(super) use time::{is_of_today, of_today};

use super::Result;
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::Produce as _;
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;
use crate::athena::values::text::text;

/// Values of one type as another; `tries`: a fault is NULL.
pub(crate) fn cast(values: &ArrayRef, from: &Type, to: &Type, tries: bool) -> Result<ArrayRef> {
    if let Some(result) = time::cast_time(values, from, to, tries) {
        return result;
    }
    match (from, to) {
        (from, to) if from == to => Ok(values.clone()),
        (Type::Unknown, to) => Ok(new_null_array(&arrow_type(to), values.len())),
        (from, Type::Varchar(None)) => {
            let texts = (0..values.len()).map(|at| if values.is_null(at) { Ok(None) } else { text(from, values, at).map(Some) });
            String::array(texts.collect::<Result<_>>()?, to)
        }
        (from, to) => Err(AthenaError::not_supported(format!("a cast of {from} to {to} is not computed here yet"))),
    }
}
