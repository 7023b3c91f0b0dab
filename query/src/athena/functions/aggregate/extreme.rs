//! The least and the greatest.
//!
//! Owns: `min`, `max`, `min_by`, `max_by`, all with a number of values too; `arbitrary`.
//! Does not own: the order of a type (`eval::compare`).
//! Invariant: NaN is neither the least nor the greatest while there is another number; of equal ones the first counts.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, ArrowNumericType, ArrowPrimitiveType, AsArray as _, PrimitiveArray};
use arrow::compute::{max, min};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};

use super::Reduce;
use crate::athena::eval;
use crate::athena::eval::rank::Rank;
use crate::athena::functions::scalar::{Call, Int, Result};
use crate::athena::types::Type;

/// Most values that `min`, `max`, `min_by` and `max_by` give.
const VALUES_MAX: i64 = 10_000;
/// Values that are few.
const FEW: usize = 15;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "min" | "max" => |call| match call.arguments.len() {
            1 => number(call).map_or_else(|| first(call, 0), Ok),
            _ => several(call, 0),
        },
        "min_by" | "max_by" => |call| if call.arguments.len() == 2 { first(call, 1) } else { several(call, 1) },
        "arbitrary" | "any_value" => |call| {
            let row = call.given_of(0)?.next();
            row.map_or_else(|| call.null(), |row| call.picked(0, [row]))
        },
        _ => return None,
    })
}

/// How an argument's values rank for a call, the best first.
fn rank<'c>(call: &Call<'c>, argument: usize) -> Result<Rank<'c>> {
    let greatest = call.name.starts_with("max");
    eval::rank::rank(&call.types[argument], call.values(argument)?, greatest, greatest)
}

/// The best of plain numbers, dates and timestamps; `None` of other types.
fn number(call: &Call<'_>) -> Option<ArrayRef> {
    let values = call.values(0).ok()?;
    match (call.returns, values.data_type()) {
        (Type::TimestampZoned(_) | Type::TimeZoned(_), _) => None,
        (_, DataType::Int8) => Some(whole::<Int8Type>(call, values)),
        (_, DataType::Int16) => Some(whole::<Int16Type>(call, values)),
        (_, DataType::Int32) => Some(whole::<Int32Type>(call, values)),
        (_, DataType::Int64) => Some(whole::<Int64Type>(call, values)),
        (_, DataType::Date32) => Some(whole::<Date32Type>(call, values)),
        (_, DataType::Timestamp(..)) => Some(whole::<TimestampMicrosecondType>(call, values)),
        (_, DataType::Decimal128(..)) => Some(whole::<Decimal128Type>(call, values)),
        (_, DataType::Float32) => Some(floating::<Float32Type>(call, values)),
        (_, DataType::Float64) => Some(floating::<Float64Type>(call, values)),
        _ => None,
    }
}

fn whole<T: ArrowNumericType>(call: &Call<'_>, values: &ArrayRef) -> ArrayRef {
    let values = values.as_primitive::<T>();
    one(values, if call.name == "max" { max(values) } else { min(values) })
}

fn floating<T: ArrowPrimitiveType>(call: &Call<'_>, values: &ArrayRef) -> ArrayRef {
    let values = values.as_primitive::<T>();
    let wanted = if call.name == "max" { Ordering::Greater } else { Ordering::Less };
    // What equals not even itself is NaN.
    let is_nan = |x: T::Native| x.partial_cmp(&x).is_none();
    let better = |best: T::Native, x: T::Native| if is_nan(best) || x.partial_cmp(&best) == Some(wanted) { x } else { best };
    one(values, values.iter().flatten().reduce(better))
}

fn one<T: ArrowPrimitiveType>(values: &PrimitiveArray<T>, value: Option<T::Native>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::from_iter([value]).with_data_type(values.data_type().clone()))
}

/// The first argument's value where the key, the argument of that number, is the best.
fn first(call: &Call<'_>, key: usize) -> Result<ArrayRef> {
    let rank = rank(call, key)?;
    let mut best: Option<usize> = None;
    for row in call.given_of(key)? {
        if best.map_or(Ok(true), |best| rank(call.place(key, row), call.place(key, best)).map(Ordering::is_lt))? {
            best = Some(row);
        }
    }
    best.map_or_else(|| call.null(), |row| call.picked(0, [row]))
}

/// As `first`, of so many keys as the last argument says.
fn several(call: &Call<'_>, key: usize) -> Result<ArrayRef> {
    let rank = rank(call, key)?;
    let rank = |a: usize, b: usize| rank(call.place(key, a), call.place(key, b));
    let mut heap: Option<Heap> = None;
    let number = call.argument(key + 1)?;
    for row in call.given_of(key)?.filter(|row| !number.is_null(*row)) {
        if heap.is_none() {
            heap = Some(Heap { rows: Vec::new(), capacity: capacity(call, key, call.get::<Int>(key + 1, row)?)? });
        }
        if let Some(heap) = &mut heap {
            heap.add(row, &rank)?;
        }
    }
    let Some(Heap { rows, .. }) = heap else { return call.null() };
    call.array(call.picked(0, sorted(rows, &rank)?)?)
}

fn capacity(call: &Call<'_>, key: usize, number: i64) -> Result<usize> {
    let (what, positive) = if key == 0 {
        (format!("second argument of {}_n", call.name), "positive")
    } else {
        (format!("third argument of {}", call.name), "a positive integer")
    };
    if number > VALUES_MAX {
        return Err(call.invalid(format!("{what} must be less than or equal to {VALUES_MAX}; found {number}")));
    }
    usize::try_from(number).ok().filter(|number| *number > 0).ok_or_else(|| call.invalid(format!("{what} must be {positive}")))
}

/// Rows in their order. Few are sorted by selection, so that equal keys come as they do in Trino.
fn sorted(rows: Vec<usize>, rank: &impl Fn(usize, usize) -> Result<Ordering>) -> Result<Vec<usize>> {
    let mut rows = rows;
    if rows.len() > FEW {
        // What cannot be compared was a fault before it came here.
        rows.sort_by(|a, b| rank(*a, *b).unwrap_or(Ordering::Equal));
        return Ok(rows);
    }
    for at in 0..rows.len() {
        let mut best = at;
        for other in at + 1..rows.len() {
            if rank(rows[other], rows[best])?.is_lt() {
                best = other;
            }
        }
        rows.swap(at, best);
    }
    Ok(rows)
}

/// The best rows so far, the worst on top. Among equal keys Trino's result depends on how its heap moves, so this one moves alike
/// (`TypedKeyValueHeap`); but for its fault that a row which takes the place of one with a NULL becomes NULL too.
struct Heap {
    rows: Vec<usize>,
    capacity: usize,
}

impl Heap {
    fn add(&mut self, row: usize, rank: &impl Fn(usize, usize) -> Result<Ordering>) -> Result<()> {
        if self.rows.len() < self.capacity {
            self.rows.push(row);
            return self.up(rank);
        }
        if rank(row, self.rows[0])?.is_lt() {
            self.rows[0] = row;
            self.down(rank)?;
        }
        Ok(())
    }

    fn up(&mut self, rank: &impl Fn(usize, usize) -> Result<Ordering>) -> Result<()> {
        let mut at = self.rows.len() - 1;
        while at > 0 {
            let parent = (at - 1) / 2;
            if rank(self.rows[at], self.rows[parent])?.is_lt() {
                break;
            }
            self.rows.swap(at, parent);
            at = parent;
        }
        Ok(())
    }

    fn down(&mut self, rank: &impl Fn(usize, usize) -> Result<Ordering>) -> Result<()> {
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            if left >= self.rows.len() {
                return Ok(());
            }
            let worse = if right < self.rows.len() && rank(self.rows[left], self.rows[right])?.is_lt() { right } else { left };
            if rank(self.rows[worse], self.rows[at])?.is_lt() {
                return Ok(());
            }
            self.rows.swap(at, worse);
            at = worse;
        }
    }
}
