//! The places of rows in their partition.
//!
//! Owns: ROW_NUMBER, RANK, DENSE_RANK, PERCENT_RANK, CUME_DIST, NTILE.
//! Does not own: who is whose peer (`peers`).
//! Invariant: peers have the same rank.

use arrow::array::ArrayRef;

use super::frames::Frames;
use super::peers::Peers;
use crate::athena::analyze::typed::WindowCall;
use crate::athena::error::AthenaError;
use crate::athena::eval::{Env, eval};
use crate::athena::functions::scalar::{Arg as _, Int, Produce, Result, not_here};

pub(super) fn compute(call: &WindowCall, partition: &Env<'_>) -> Result<ArrayRef> {
    let rows = partition.rows;
    if call.frame.is_some() {
        // They ask for none, but a fault of its offsets is one.
        Frames::of(call, partition)?;
    }
    match call.name {
        "row_number" => return i64::array((1..).take(rows).map(Some).collect(), &call.returns),
        "ntile" => return ntile(call, partition),
        _ => {}
    }
    let peers = Peers::of(&call.order_by, partition)?;
    let groups = peers.of_rows();
    let first = |group: usize| f64::from(peers.first(group));
    // A partition has fewer rows than a double has digits: `super::number`.
    let (all, others) = (first(peers.count()), (first(peers.count()) - 1.0).max(1.0));
    match call.name {
        "rank" => i64::array(groups.map(|group| Some(i64::from(peers.first(group)) + 1)).collect(), &call.returns),
        "dense_rank" => i64::array(groups.map(|group| i64::try_from(group + 1).ok()).collect(), &call.returns),
        "percent_rank" => f64::array(groups.map(|group| Some(first(group) / others)).collect(), &call.returns),
        "cume_dist" => f64::array(groups.map(|group| Some(first(group + 1) / all)).collect(), &call.returns),
        other => Err(not_here(other)),
    }
}

/// The first buckets have a row more where rows are left over.
fn ntile(call: &WindowCall, partition: &Env<'_>) -> Result<ArrayRef> {
    let [buckets] = call.arguments.as_slice() else { return Err(not_here(call.name)) };
    let column = eval(buckets, partition)?;
    let reader = Int::reader(column.values())?;
    let rows = i64::from(super::number(partition.rows)?);
    let bucket = |row: i64, buckets: i64| {
        let (each, left) = (rows / buckets, rows % buckets);
        let in_larger = left * (each + 1);
        1 + if row < in_larger { row / (each + 1) } else { left + (row - in_larger) / each.max(1) }
    };
    let one = |(at, row): (usize, i64)| -> Result<Option<i64>> {
        if column.is_null(at) {
            return Ok(None);
        }
        match Int::get(&reader, column.at(at)) {
            buckets if buckets <= 0 => Err(AthenaError::invalid_argument("Buckets must be greater than 0")),
            buckets => Ok(Some(bucket(row, buckets))),
        }
    };
    i64::array((0..rows).enumerate().map(|(at, row)| one((at, row))).collect::<Result<_>>()?, &call.returns)
}
