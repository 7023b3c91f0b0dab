//! How many different values there are.
//!
//! Owns: `approx_distinct`.
//! Does not own: hashes of values (`hash`), sketches that are values (`approx_set`), which are not there.
//! Invariant: the count is exact up to a number of values, and beyond within the standard error asked for (HyperLogLog, after
//! P. Flajolet and others).

use std::collections::HashSet;

use arrow::array::ArrayRef;

use super::hash::hashes;
use super::states::{Reader, Rows, State, kept, write_bytes};
use super::{States, average};
use crate::athena::functions::scalar::{Call, Double, Produce as _, Result};
use crate::athena::values::float::plain_double;

/// What Trino takes where none is given.
const ERROR: f64 = 0.023;
const ERROR_MIN: f64 = 0.004_062_5;
const ERROR_MAX: f64 = 0.26;

pub(super) fn find(name: &str) -> Option<fn() -> Box<dyn States>> {
    Some(match name {
        "approx_distinct" => || kept(add, approx_distinct),
        _ => return None,
    })
}

/// What was seen: while it is not too much every hash, then how many zeros the hashes of each register begin with.
#[derive(Debug, Clone, Default)]
struct Sketch {
    /// There are 2 to the power of so many registers; 0 while no row told.
    bits: u32,
    seen: HashSet<u64>,
    registers: Vec<u8>,
}

fn add(call: &Call<'_>, rows: &mut Rows<'_, Sketch>) -> Result<()> {
    let hashes = hashes(&call.types[0], call.values(0)?)?;
    call.given().try_for_each(|row| {
        rows.put(row, |sketch| {
            if sketch.bits == 0 {
                sketch.bits = bits(call, row)?;
            }
            sketch.add(hashes[call.place(0, row)]);
            Ok(())
        })
    })
}

/// How many bits number the registers for the error that is asked for.
fn bits(call: &Call<'_>, row: usize) -> Result<u32> {
    let error = if call.arguments.len() == 2 { call.get::<Double>(1, row)? } else { ERROR };
    if !(ERROR_MIN..=ERROR_MAX).contains(&error) {
        let range = format!("[{ERROR_MIN}, {ERROR_MAX}]");
        return Err(call.invalid(format!("Max standard error must be in {range}: {}", plain_double(error))));
    }
    // The error of m registers is 1.04 / sqrt(m).
    let mut bits = 4;
    while f64::from(1_u32 << bits) < (1.04 / error).powi(2) {
        bits += 1;
    }
    Ok(bits)
}

fn approx_distinct(call: &Call<'_>, all: Vec<Sketch>) -> Result<ArrayRef> {
    i64::array(all.iter().map(|sketch| Some(sketch.estimate())).collect(), call.returns)
}

impl Sketch {
    /// Below so many hashes the registers' estimate is off: they are counted.
    fn exact(&self) -> usize {
        (1 << self.bits) * 5
    }

    fn add(&mut self, hash: u64) {
        if !self.registers.is_empty() {
            return self.register(hash);
        }
        self.seen.insert(hash);
        if self.seen.len() > self.exact() {
            self.registers = vec![0; 1 << self.bits];
            for hash in std::mem::take(&mut self.seen) {
                self.register(hash);
            }
        }
    }

    fn register(&mut self, hash: u64) {
        let zeros = (hash << self.bits | 1 << (self.bits - 1)).leading_zeros() + 1;
        if let Some(register) = usize::try_from(hash >> (64 - self.bits)).ok().and_then(|at| self.registers.get_mut(at)) {
            *register = (*register).max(u8::try_from(zeros).unwrap_or(u8::MAX));
        }
    }

    fn estimate(&self) -> i64 {
        if self.registers.is_empty() {
            return i64::try_from(self.seen.len()).unwrap_or(i64::MAX);
        }
        let count = f64::from(1_u32 << self.bits);
        let sum: f64 = self.registers.iter().map(|zeros| (-f64::from(*zeros)).exp2()).sum();
        average::rounded(0.7213 / (1.0 + 1.079 / count) * count * count / sum)
    }
}

impl State for Sketch {
    fn merge(&mut self, later: Self) -> Result<()> {
        if self.bits == 0 {
            *self = later;
            return Ok(());
        }
        if self.registers.is_empty() && !later.registers.is_empty() {
            let seen = std::mem::replace(self, later).seen;
            seen.into_iter().for_each(|hash| self.register(hash));
            return Ok(());
        }
        later.seen.into_iter().for_each(|hash| self.add(hash));
        for (own, later) in self.registers.iter_mut().zip(later.registers) {
            *own = (*own).max(later);
        }
        Ok(())
    }

    fn write(&self, to: &mut Vec<u8>) {
        to.extend(u64::from(self.bits).to_le_bytes());
        write_bytes(&self.registers, to);
        self.seen.iter().for_each(|hash| to.extend(hash.to_le_bytes()));
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let bits = u32::try_from(from.long()?).ok()?;
        let registers = from.bytes()?.to_vec();
        Some(Self { bits, registers, seen: std::iter::from_fn(|| from.long()).collect() })
    }

    fn heap_bytes(&self) -> usize {
        self.registers.len() + self.seen.capacity() * 2 * size_of::<u64>()
    }
}
