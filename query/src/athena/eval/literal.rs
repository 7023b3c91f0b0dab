//! Constants as columns.
//!
//! Owns: how a literal of a type lies in memory.
//! Does not own: what a literal's text means (`analyze::literal`).
//! Invariant: one value.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, new_null_array};

use super::{Result, cast};
use crate::athena::analyze::typed::Literal;
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::Produce;
use crate::athena::types::Type;
use crate::athena::values::layout::{arrow_type, picos_per_unit, with_zone};
use crate::athena::values::time::PICOS_PER_DAY;
use crate::athena::values::zone::{self, Zone};

/// The one value of a literal.
pub(super) fn array(value: &Literal, ty: &Type) -> Result<ArrayRef> {
    match value {
        Literal::Null => Ok(new_null_array(&arrow_type(ty), 1)),
        Literal::Boolean(value) => bool::array(vec![Some(*value)], ty),
        Literal::Integer(value) => i64::array(vec![Some(*value)], ty),
        Literal::Double(value) => f64::array(vec![Some(*value)], ty),
        Literal::Decimal(value) => i128::array(vec![Some(*value)], ty),
        Literal::String(text) => String::array(vec![Some(text.clone())], ty),
        Literal::Binary(bytes) => Vec::<u8>::array(vec![Some(bytes.clone())], ty),
        Literal::Date(days) => i64::array(vec![Some(i64::from(*days))], ty),
        Literal::Time(picos) => i64::array(vec![Some(*picos)], ty),
        Literal::Timestamp(picos) => instant(*picos, ty),
        Literal::TimestampZoned(picos, name) => {
            let zone = zone::parse(name).map_err(|_| AthenaError::internal(&format!("no zone {name}")))?;
            i128::array(vec![Some(with_zone(zone.utc_of(*picos), zone))], ty)
        }
        Literal::IntervalDay(value) => i64::array(vec![Some(*value)], ty),
        Literal::IntervalYear(months) => i64::array(vec![Some(i64::from(*months))], ty),
        Literal::Text(written) => cast(&text(written), &Type::VARCHAR, ty, false),
    }
}

/// The one value of a text.
pub(super) fn text(text: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![text]))
}

/// A timestamp without a zone.
fn instant(picos: i128, ty: &Type) -> Result<ArrayRef> {
    match picos_per_unit(ty) {
        1 => i128::array(vec![Some(picos)], ty),
        unit => i64::array(vec![Some(i64::try_from(picos / unit).map_err(|error| AthenaError::internal(&error))?)], ty),
    }
}

/// What a clock of UTC shows at a time, as the type asked for.
pub(super) fn now(picos: i128, ty: &Type) -> Result<ArrayRef> {
    let zoned = |picos: i128, ty: &Type| i128::array(vec![Some(with_zone(picos, Zone::UTC))], ty);
    match ty {
        Type::TimestampZoned(digits) => zoned(rounded(picos, *digits), ty),
        Type::Timestamp(digits) => instant(rounded(picos, *digits), ty),
        Type::Date => i64::array(vec![i64::try_from(picos.div_euclid(PICOS_PER_DAY)).ok()], ty),
        Type::Time(digits) => i64::array(vec![i64::try_from(rounded(picos.rem_euclid(PICOS_PER_DAY), *digits)).ok()], ty),
        Type::TimeZoned(digits) => zoned(rounded(picos.rem_euclid(PICOS_PER_DAY), *digits), ty),
        other => Err(AthenaError::internal(&format!("no time is a {other}"))),
    }
}

/// Without digits beyond these.
fn rounded(picos: i128, digits: u8) -> i128 {
    let unit = 10_i128.pow(12 - u32::from(digits.min(12)));
    picos.div_euclid(unit) * unit
}
