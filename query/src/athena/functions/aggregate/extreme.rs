//! The least and the greatest.
//!
//! Owns: `min`, `max`, `min_by`, `max_by`, all with a number of values too; `arbitrary`.
//! Does not own: the order of a type (`eval::compare`).
//! Invariant: NaN is neither the least nor the greatest while there is another number; of equal ones the first counts.

use std::cmp::Ordering;

use arrow::array::{ArrayRef, new_null_array};

use super::Way;
use super::average::singles;
use super::moments::each_double;
use super::states::{Reader, Rows, State, kept, write_bytes, write_doubles};
use crate::athena::error::AthenaError;
use crate::athena::eval;
use crate::athena::eval::compare::{Keys, converter, is_nested};
use crate::athena::eval::rank::Rank;
use crate::athena::functions::scalar::{Call, Int, Result};
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

/// Most values that `min`, `max`, `min_by` and `max_by` give.
const VALUES_MAX: i64 = 10_000;
/// Values that are few.
const FEW: usize = 15;

pub(super) fn find(name: &str, types: &[Type], _: &Type) -> Option<Way> {
    let of_number = types.first().is_some_and(Type::is_floating);
    Some(match (name, types) {
        ("min", [_]) if of_number => Way::States(|| kept(add_edge::<false>, edge)),
        ("max", [_]) if of_number => Way::States(|| kept(add_edge::<true>, edge)),
        ("min", [ty]) if !is_nested(ty) => Way::States(|| kept(add_best::<0, false>, best)),
        ("max", [ty]) if !is_nested(ty) => Way::States(|| kept(add_best::<0, true>, best)),
        ("min_by", [_, key]) if !is_nested(key) => Way::States(|| kept(add_best::<1, false>, best)),
        ("max_by", [_, key]) if !is_nested(key) => Way::States(|| kept(add_best::<1, true>, best)),
        ("min" | "max", [_]) => Way::Rows(|call| first(call, 0)),
        ("min_by" | "max_by", [_, _]) => Way::Rows(|call| first(call, 1)),
        ("min" | "max", _) => Way::Rows(|call| several(call, 0)),
        ("min_by" | "max_by", _) => Way::Rows(|call| several(call, 1)),
        ("arbitrary" | "any_value", _) => Way::Rows(|call| {
            let row = call.given_of(0)?.next();
            row.map_or_else(|| call.null(), |row| call.picked(0, [row]))
        }),
        _ => return None,
    })
}

/// The least number, or the greatest.
#[derive(Debug, Clone, Default)]
struct Edge<const GREATEST: bool>(Option<f64>);

impl<const GREATEST: bool> Edge<GREATEST> {
    fn add(&mut self, value: f64) {
        let is_better = |best: f64| best.is_nan() || if GREATEST { value > best } else { value < best };
        if self.0.is_none_or(is_better) {
            self.0 = Some(value);
        }
    }
}

impl<const GREATEST: bool> State for Edge<GREATEST> {
    fn merge(&mut self, later: Self) -> Result<()> {
        later.0.into_iter().for_each(|value| self.add(value));
        Ok(())
    }

    fn write(&self, to: &mut Vec<u8>) {
        write_doubles(self.0.as_slice(), to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self(from.double()))
    }
}

fn add_edge<const GREATEST: bool>(call: &Call<'_>, rows: &mut Rows<'_, Edge<GREATEST>>) -> Result<()> {
    each_double(call, 0, |row, value| {
        rows.put(row, |edge| {
            edge.add(value);
            Ok(())
        })
    })
}

fn edge<const GREATEST: bool>(call: &Call<'_>, all: Vec<Edge<GREATEST>>) -> Result<ArrayRef> {
    singles(call, all.iter().map(|edge| edge.0))
}

/// The best row so far: its key and its value, as bytes that order and hold them.
#[derive(Debug, Clone, Default)]
struct Best<const GREATEST: bool> {
    /// Empty while there is none: no key's bytes are.
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<const GREATEST: bool> Best<GREATEST> {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        if self.key.is_empty() || if GREATEST { key > self.key.as_slice() } else { key < self.key.as_slice() } {
            // In the room that the one before has left.
            self.key.clear();
            self.key.extend(key);
            self.value.clear();
            self.value.extend(value);
        }
    }
}

impl<const GREATEST: bool> State for Best<GREATEST> {
    fn merge(&mut self, later: Self) -> Result<()> {
        if !later.key.is_empty() {
            self.add(&later.key, &later.value);
        }
        Ok(())
    }

    fn write(&self, to: &mut Vec<u8>) {
        write_bytes(&self.key, to);
        write_bytes(&self.value, to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self { key: from.bytes()?.to_vec(), value: from.bytes()?.to_vec() })
    }

    fn heap_bytes(&self) -> usize {
        self.key.capacity() + self.value.capacity()
    }
}

/// The first argument's value where the key, the argument of that number, is the best.
fn add_best<const KEY: usize, const GREATEST: bool>(call: &Call<'_>, rows: &mut Rows<'_, Best<GREATEST>>) -> Result<()> {
    let (column, ty) = (call.argument(KEY)?, &call.types[KEY]);
    let keys = Keys::in_order(ty, column.values(), GREATEST)?;
    let values = converter(&call.types[0])?.convert_columns(&[call.values(0)?.clone()]);
    let values = values.map_err(|error| AthenaError::internal(&error))?;
    call.given_of(KEY)?.try_for_each(|row| {
        rows.put(row, |best| {
            best.add(keys.row(column.at(row)).data(), values.row(call.place(0, row)).data());
            Ok(())
        })
    })
}

fn best<const GREATEST: bool>(call: &Call<'_>, all: Vec<Best<GREATEST>>) -> Result<ArrayRef> {
    let internal = |error| AthenaError::internal(&error);
    let bytes = converter(&call.types[0])?;
    let parser = bytes.parser();
    let none = bytes.convert_columns(&[new_null_array(&arrow_type(&call.types[0]), 1)]).map_err(internal)?;
    let rows = all.iter().map(|best| if best.key.is_empty() { none.row(0) } else { parser.parse(&best.value) });
    let column = bytes.convert_rows(rows).map_err(internal)?.pop();
    column.ok_or_else(|| call.wrong_layout())
}

/// How an argument's values rank for a call, the best first.
fn rank<'c>(call: &Call<'c>, argument: usize) -> Result<Rank<'c>> {
    let greatest = call.name.starts_with("max");
    eval::rank::rank(&call.types[argument], call.values(argument)?, greatest, greatest)
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
