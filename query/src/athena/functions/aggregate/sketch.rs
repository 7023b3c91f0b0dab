//! How many different values there are.
//!
//! Owns: `approx_distinct`; `approx_set` and `merge`, whose sketches are values.
//! Does not own: sketches themselves (`values::hyperloglog`), hashes of values (`hash`).
//! Invariant: a NULL counts for nothing.

use arrow::array::ArrayRef;

use super::hash::hashes;
use super::states::{Reader, Rows, State, kept};
use super::{States, average};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg as _, Bytes, Call, Double, Int, Produce as _, Result, Text, murmur3_64};
use crate::athena::types::Type;
use crate::athena::values::float::plain_double;
use crate::athena::values::hyperloglog::HyperLogLog;

/// What Trino takes where none is given.
const ERROR: f64 = 0.023;
const ERROR_MIN: f64 = 0.004_062_5;
const ERROR_MAX: f64 = 0.26;
/// Of a sketch that is a value.
pub(crate) const SET_BITS: u8 = 12;

pub(super) fn find(name: &str) -> Option<fn() -> Box<dyn States>> {
    Some(match name {
        "approx_distinct" => || kept(add_any, counts),
        "approx_set" => || kept(add_value, sketches),
        "merge" => || kept(add_sketch, sketches),
        _ => return None,
    })
}

/// Of no value there is none.
#[derive(Debug, Clone, Default)]
struct Sketch(Option<HyperLogLog>);

impl Sketch {
    fn joined(&mut self, later: HyperLogLog) -> Result<()> {
        match &mut self.0 {
            None => self.0 = Some(later),
            Some(own) => own.merge(&later).map_err(|(ours, theirs)| {
                AthenaError::internal(&format!("Cannot merge HLLs with different number of buckets: {ours} vs {theirs}"))
            })?,
        }
        Ok(())
    }
}

impl State for Sketch {
    fn merge(&mut self, later: Self) -> Result<()> {
        later.0.map_or(Ok(()), |later| self.joined(later))
    }

    fn write(&self, to: &mut Vec<u8>) {
        if let Some(sketch) = &self.0 {
            to.extend(sketch.bytes());
        }
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let bytes = from.rest();
        if bytes.is_empty() { Some(Self(None)) } else { HyperLogLog::read(bytes).map(|sketch| Self(Some(sketch))) }
    }

    fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, HyperLogLog::heap_bytes)
    }
}

fn add_any(call: &Call<'_>, rows: &mut Rows<'_, Sketch>) -> Result<()> {
    let hashes = hashes(&call.types[0], call.values(0)?)?;
    call.given().try_for_each(|row| {
        rows.put(row, |sketch| {
            if sketch.0.is_none() {
                sketch.0 = Some(HyperLogLog::within(error(call, row)?));
            }
            sketch.0.iter_mut().for_each(|sketch| sketch.add(hashes[call.place(0, row)]));
            Ok(())
        })
    })
}

/// The standard error that is asked for.
fn error(call: &Call<'_>, row: usize) -> Result<f64> {
    let error = if call.arguments.len() == 2 { call.get::<Double>(1, row)? } else { ERROR };
    if !(ERROR_MIN..=ERROR_MAX).contains(&error) {
        let range = format!("[{ERROR_MIN}, {ERROR_MAX}]");
        return Err(call.invalid(format!("Max standard error must be in {range}: {}", plain_double(error))));
    }
    Ok(error)
}

fn add_value(call: &Call<'_>, rows: &mut Rows<'_, Sketch>) -> Result<()> {
    call.given().try_for_each(|row| {
        let hash = match &call.types[0] {
            Type::Double => murmur3_64(&call.get::<Double>(0, row)?.to_bits().to_le_bytes()),
            Type::Varchar(_) => murmur3_64(call.get::<Text>(0, row)?.as_bytes()),
            _ => murmur3_64(&call.get::<Int>(0, row)?.to_le_bytes()),
        };
        rows.put(row, |sketch| {
            sketch.0.get_or_insert_with(|| HyperLogLog::new(SET_BITS)).add(hash);
            Ok(())
        })
    })
}

fn add_sketch(call: &Call<'_>, rows: &mut Rows<'_, Sketch>) -> Result<()> {
    let sketches = Bytes::reader(call.values(0)?)?;
    call.given().try_for_each(|row| {
        let bytes = Bytes::get(&sketches, call.place(0, row));
        let sketch = HyperLogLog::read(bytes).ok_or_else(|| AthenaError::internal(&"these bytes are no HyperLogLog"))?;
        rows.put(row, |own| own.joined(sketch))
    })
}

fn counts(call: &Call<'_>, all: Vec<Sketch>) -> Result<ArrayRef> {
    let count = |Sketch(sketch): &Sketch| sketch.as_ref().map_or(0, |sketch| average::rounded(sketch.cardinality()));
    i64::array(all.iter().map(|sketch| Some(count(sketch))).collect(), call.returns)
}

fn sketches(call: &Call<'_>, all: Vec<Sketch>) -> Result<ArrayRef> {
    Vec::<u8>::array(all.iter().map(|Sketch(sketch)| sketch.as_ref().map(HyperLogLog::bytes)).collect(), call.returns)
}
