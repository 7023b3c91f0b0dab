//! Counting, and what is true or a bit of all rows.
//!
//! Owns: `count`, `count_if`, `bool_and`, `bool_or`, `every`, the bitwise aggregates.
//! Does not own: approximate counts (`sketch`).
//! Invariant: a NULL counts for nothing; of no value at all a count is 0, everything else NULL.

use arrow::array::{ArrayRef, AsArray as _, Int64Array};
use arrow::compute::{bit_and, bit_or, bit_xor, bool_and, bool_or};
use arrow::datatypes::Int64Type;

use super::states::{Reader, Rows, State, kept};
use super::{Reduce, States};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg as _, Bool, Call, Produce as _, Result};

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "count" => count,
        "bool_and" | "every" => |call| call.one(bool_and(call.values(0)?.as_boolean())),
        "bool_or" => |call| call.one(bool_or(call.values(0)?.as_boolean())),
        "bitwise_and_agg" => |call| call.one(bit_and(bits(call)?)),
        "bitwise_or_agg" => |call| call.one(bit_or(bits(call)?)),
        "bitwise_xor_agg" => |call| call.one(bit_xor(bits(call)?)),
        _ => return None,
    })
}

pub(super) fn states(name: &str) -> Option<fn() -> Box<dyn States>> {
    Some(match name {
        "count_if" => || kept(add_true, counts),
        _ => return None,
    })
}

#[derive(Debug, Clone, Default)]
struct Count(u64);

impl State for Count {
    fn merge(&mut self, later: Self) -> Result<()> {
        self.0 += later.0;
        Ok(())
    }

    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.0.to_le_bytes());
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        from.long().map(Self)
    }
}

fn add_true(call: &Call<'_>, rows: &mut Rows<'_, Count>) -> Result<()> {
    let (column, truths) = (call.argument(0)?, Bool::reader(call.values(0)?)?);
    let is_true = |row: &usize| !column.is_null(*row) && truths.value(column.at(*row));
    (0..call.rows).filter(is_true).try_for_each(|row| rows.put(row, |count| count.merge(Count(1))))
}

fn counts(call: &Call<'_>, all: Vec<Count>) -> Result<ArrayRef> {
    i64::array(all.iter().map(|count| i64::try_from(count.0).ok()).collect(), call.returns)
}

fn count(call: &Call<'_>) -> Result<ArrayRef> {
    length(call, call.arguments.first().map_or(call.rows, |column| column.rows() - column.values().null_count()))
}

fn bits<'c>(call: &Call<'c>) -> Result<&'c Int64Array> {
    call.values(0)?.as_primitive_opt::<Int64Type>().ok_or_else(|| call.wrong_layout())
}

/// A count as the result.
pub(super) fn length(call: &Call<'_>, rows: usize) -> Result<ArrayRef> {
    call.one(Some(i64::try_from(rows).map_err(|error| AthenaError::internal(&error))?))
}
