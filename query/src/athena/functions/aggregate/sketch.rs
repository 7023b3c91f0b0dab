//! How many different values there are.
//!
//! Owns: `approx_distinct`; `approx_set` and `merge`, whose sketches are values.
//! Does not own: sketches themselves (`values::hyperloglog`), hashes of values (`hash`).
//! Invariant: a NULL counts for nothing.

use arrow::array::ArrayRef;

use super::count::length;
use super::hash::hashes;
use super::{Reduce, average};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg as _, Bytes, Call, Double, Int, Result, Text, murmur3_64};
use crate::athena::types::Type;
use crate::athena::values::float::plain_double;
use crate::athena::values::hyperloglog::HyperLogLog;

/// What Trino takes where none is given.
const ERROR: f64 = 0.023;
const ERROR_MIN: f64 = 0.004_062_5;
const ERROR_MAX: f64 = 0.26;
/// Of a sketch that is a value.
pub(crate) const SET_BITS: u8 = 12;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "approx_distinct" => approx_distinct,
        "approx_set" => approx_set,
        "merge" => merge,
        _ => return None,
    })
}

fn approx_distinct(call: &Call<'_>) -> Result<ArrayRef> {
    let mut error = ERROR;
    if call.arguments.len() == 2 {
        let Some(row) = call.given().next() else { return length(call, 0) };
        error = call.get::<Double>(1, row)?;
        if !(ERROR_MIN..=ERROR_MAX).contains(&error) {
            let range = format!("[{ERROR_MIN}, {ERROR_MAX}]");
            return Err(call.invalid(format!("Max standard error must be in {range}: {}", plain_double(error))));
        }
    }
    let hashes = hashes(&call.types[0], call.values(0)?)?;
    let mut sketch = HyperLogLog::within(error);
    call.given().for_each(|row| sketch.add(hashes[call.place(0, row)]));
    call.one(Some(average::rounded(sketch.cardinality())))
}

fn approx_set(call: &Call<'_>) -> Result<ArrayRef> {
    let mut sketch: Option<HyperLogLog> = None;
    for row in call.given() {
        let hash = match &call.types[0] {
            Type::Double => murmur3_64(&call.get::<Double>(0, row)?.to_bits().to_le_bytes()),
            Type::Varchar(_) => murmur3_64(call.get::<Text>(0, row)?.as_bytes()),
            _ => murmur3_64(&call.get::<Int>(0, row)?.to_le_bytes()),
        };
        sketch.get_or_insert_with(|| HyperLogLog::new(SET_BITS)).add(hash);
    }
    call.one(sketch.map(|sketch| sketch.bytes()))
}

fn merge(call: &Call<'_>) -> Result<ArrayRef> {
    let (mut merged, sketches): (Option<HyperLogLog>, _) = (None, Bytes::reader(call.values(0)?)?);
    for row in call.given() {
        let bytes = Bytes::get(&sketches, call.place(0, row));
        let sketch = HyperLogLog::read(bytes).ok_or_else(|| AthenaError::internal(&"these bytes are no HyperLogLog"))?;
        match &mut merged {
            None => merged = Some(sketch),
            Some(merged) => merged.merge(&sketch).map_err(|(ours, theirs)| {
                AthenaError::internal(&format!("Cannot merge HLLs with different number of buckets: {ours} vs {theirs}"))
            })?,
        }
    }
    call.one(merged.map(|sketch| sketch.bytes()))
}
