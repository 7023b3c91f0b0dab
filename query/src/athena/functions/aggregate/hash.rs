//! One number that tells whether two groups hold the same values.
//!
//! Owns: `checksum`; hashes of values of every type, as Trino's `XX_HASH_64` operator gives them.
//! Does not own: the function `xxhash64`.
//! Invariant: values that are not distinct have one hash; the order of the rows changes nothing.

use arrow::array::{Array as _, ArrayRef, AsArray as _};

use super::States;
use super::states::{Reader, Rows, State, kept};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{
    Arg as _, Bool, Bytes, Call, Double, Int, Produce as _, Real, Result, Text, Wide, xxhash64,
};
use crate::athena::types::Type;
use crate::athena::values::layout::{MICROSECOND_DIGITS, zoned};

/// What Trino spreads hashes by.
const PRIMES: [u64; 2] = [0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F];

pub(super) fn find(name: &str) -> Option<fn() -> Box<dyn States>> {
    Some(match name {
        "checksum" => || kept(add, checksum),
        _ => return None,
    })
}

/// The sum of hashes, if there is one.
#[derive(Debug, Clone, Default)]
struct Sum(Option<u64>);

impl State for Sum {
    fn merge(&mut self, later: Self) -> Result<()> {
        self.0 = later.0.map(|sum| self.0.unwrap_or(0).wrapping_add(sum)).or(self.0);
        Ok(())
    }

    fn write(&self, to: &mut Vec<u8>) {
        self.0.iter().for_each(|sum| to.extend(sum.to_le_bytes()));
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self(from.long()))
    }
}

fn add(call: &Call<'_>, rows: &mut Rows<'_, Sum>) -> Result<()> {
    let (column, hashes) = (call.argument(0)?, hashes(&call.types[0], call.values(0)?)?);
    let one = |row: usize| if column.is_null(row) { 1 } else { hashes[column.at(row)] };
    (0..call.rows).try_for_each(|row| rows.put(row, |sum| sum.merge(Sum(Some(one(row).wrapping_mul(PRIMES[0]))))))
}

fn checksum(call: &Call<'_>, all: Vec<Sum>) -> Result<ArrayRef> {
    Vec::<u8>::array(all.iter().map(|sum| sum.0.map(|sum| sum.to_le_bytes().to_vec())).collect(), call.returns)
}

/// The hash of each value; 0 for NULL.
pub(super) fn hashes(ty: &Type, values: &ArrayRef) -> Result<Vec<u64>> {
    hashes_by(long, ty, values)
}

/// As `hashes`, what lies as 64 bits by `long`: a row's fields have a simpler hash.
fn hashes_by(number: fn(i64) -> u64, ty: &Type, values: &ArrayRef) -> Result<Vec<u64>> {
    let all = |one: &dyn Fn(usize) -> Result<u64>| -> Result<Vec<u64>> {
        (0..values.len()).map(|at| if values.is_null(at) { Ok(0) } else { one(at) }).collect()
    };
    match ty {
        Type::Unknown => Ok(vec![0; values.len()]),
        Type::Boolean => {
            let reader = Bool::reader(values)?;
            all(&|at| Ok(long(Bool::get(&reader, at).into())))
        }
        Type::Real => {
            let reader = Real::reader(values)?;
            let bits = |x: f32| if x.is_nan() { f32::NAN.to_bits() } else { (x + 0.0).to_bits() };
            all(&|at| Ok(number(bits(Real::get(&reader, at)).cast_signed().into())))
        }
        Type::Double => {
            let reader = Double::reader(values)?;
            let bits = |x: f64| if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() };
            all(&|at| Ok(number(bits(Double::get(&reader, at)).cast_signed())))
        }
        Type::Varchar(_) | Type::Char(_) | Type::Json => {
            let reader = Text::reader(values)?;
            all(&|at| Ok(xxhash64(Text::get(&reader, at).as_bytes())))
        }
        Type::Varbinary | Type::HyperLogLog => {
            let reader = Bytes::reader(values)?;
            all(&|at| Ok(xxhash64(Bytes::get(&reader, at))))
        }
        Type::Uuid | Type::IpAddress => {
            let reader = Bytes::reader(values)?;
            all(&|at| {
                let (high, low) = Bytes::get(&reader, at).split_at_checked(8).unwrap_or_default();
                Ok(xxhash64(high) ^ xxhash64(low))
            })
        }
        Type::Decimal { .. } | Type::TimestampZoned(_) | Type::TimeZoned(_) => wide(number, ty, values, &all),
        Type::Timestamp(digits) if *digits > MICROSECOND_DIGITS => wide(number, ty, values, &all),
        Type::Array(_) | Type::Map(..) | Type::Row(_) => nested(number, ty, values, &all),
        _ => {
            let reader = Int::reader(values)?;
            all(&|at| Ok(number(Int::get(&reader, at))))
        }
    }
}

type All<'a> = dyn Fn(&dyn Fn(usize) -> Result<u64>) -> Result<Vec<u64>> + 'a;

/// The hashes of how often a unit is in a number and of the rest.
fn split(number: i128, unit: i128) -> Result<u64> {
    let parts = [number.div_euclid(unit), number.rem_euclid(unit)].map(i64::try_from);
    let [Ok(whole), Ok(rest)] = parts else { return Err(AthenaError::internal(&"a time is out of range")) };
    Ok(long(whole) ^ long(rest))
}

/// Of what lies as 128 bits.
fn wide(number: fn(i64) -> u64, ty: &Type, values: &ArrayRef, all: &All<'_>) -> Result<Vec<u64>> {
    let reader = Wide::reader(values)?;
    let short = |value: i128| i64::try_from(value).map(number).map_err(|error| AthenaError::internal(&error));
    all(&|at| {
        let value = Wide::get(&reader, at);
        match ty {
            Type::Decimal { precision: ..=18, .. } => short(value),
            Type::Decimal { .. } => {
                let bytes = value.to_le_bytes();
                Ok(xxhash64(&bytes[..8]) ^ xxhash64(&bytes[8..]))
            }
            Type::Timestamp(_) => split(value, 1_000_000),
            Type::TimestampZoned(..=3) => short(zoned(value).0.div_euclid(1_000_000_000)),
            Type::TimestampZoned(_) => split(zoned(value).0, 1_000_000_000),
            Type::TimeZoned(..=9) => short(zoned(value).0.div_euclid(1000)),
            _ => short(zoned(value).0),
        }
    })
}

/// Of what has parts.
fn nested(number: fn(i64) -> u64, ty: &Type, values: &ArrayRef, all: &All<'_>) -> Result<Vec<u64>> {
    let wrong = || AthenaError::internal(&format!("a {ty} lies in memory as {}", values.data_type()));
    let joined = |sum: u64, hash: u64| sum.wrapping_mul(31).wrapping_add(hash);
    if let Type::Row(fields) = ty {
        let row = values.as_struct_opt().ok_or_else(wrong)?;
        let parts = fields.iter().zip(row.columns()).map(|(field, column)| hashes_by(code, &field.ty, column));
        let parts = parts.collect::<Result<Vec<_>>>()?;
        return all(&|at| Ok(parts.iter().fold(1, |sum, part| joined(sum, part[at]))));
    }
    let lists = values.as_list_opt::<i32>().ok_or_else(wrong)?;
    let places = |at: usize| {
        let bound = |at: usize| usize::try_from(lists.value_offsets()[at]).unwrap_or(0);
        bound(at)..bound(at + 1)
    };
    match ty {
        Type::Array(element) => {
            let elements = hashes_by(number, element, lists.values())?;
            all(&|at| Ok(elements[places(at)].iter().fold(0, |sum, hash| joined(sum, *hash))))
        }
        Type::Map(key, value) => {
            let entries = lists.values().as_struct_opt().ok_or_else(wrong)?;
            let [keys, values] = [(key, 0), (value, 1)].map(|(ty, i)| hashes_by(number, ty, entries.column(i)));
            let (keys, values) = (keys?, values?);
            all(&|at| Ok(places(at).fold(0, |sum: u64, i| sum.wrapping_add(keys[i] ^ values[i]))))
        }
        _ => Err(wrong()),
    }
}

fn long(value: i64) -> u64 {
    xxhash64(&value.to_le_bytes())
}

/// The simpler hash of a row's fields.
fn code(value: i64) -> u64 {
    value.cast_unsigned().wrapping_mul(PRIMES[1]).rotate_left(31).wrapping_mul(PRIMES[0])
}
