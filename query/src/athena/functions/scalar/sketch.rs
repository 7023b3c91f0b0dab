//! Functions of sketches.
//!
//! Owns: `empty_approx_set`, `cardinality` of a sketch.
//! Does not own: sketches themselves (`values::hyperloglog`), taking values in (`functions::aggregate`).
//! Invariant: bytes that are no sketch are a fault.

use arrow::array::ArrayRef;

use super::{Bytes, Call, Compute, Result};
use crate::athena::error::AthenaError;
use crate::athena::functions::aggregate::SET_BITS;
use crate::athena::values::hyperloglog::HyperLogLog;

pub(super) fn find(name: &str) -> Option<Compute> {
    (name == "empty_approx_set").then_some(|call| call.produce(|_| Ok(Some(HyperLogLog::new(SET_BITS).bytes()))))
}

/// About how many different values are in a sketch.
pub(super) fn cardinality(call: &Call<'_>) -> Result<ArrayRef> {
    call.try1::<Bytes, _>(|bytes| {
        let sketch = HyperLogLog::read(bytes).ok_or_else(|| AthenaError::internal(&"these bytes are no HyperLogLog"))?;
        Ok(Some(sketch.cardinality().round() as i64))
    })
}
