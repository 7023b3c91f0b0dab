//! The rows around each row that a value is of.
//!
//! Owns: frames by rows and by groups of peers, and what offsets are allowed.
//! Does not own: frames by distances between sort keys (`range`).
//! Invariant: a frame is one run of rows of its partition; one without rows begins where it ends.

use arrow::datatypes::DataType;

use super::number;
use super::peers::Peers;
use super::range;
use crate::athena::analyze::typed::{Bound, Frame, Offset, WindowCall};
use crate::athena::ast::FrameUnit;
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::eval::{Column, Env, eval};
use crate::athena::functions::scalar::{Arg as _, Double, Int, Real, Result, Wide};

/// The frame of each row of a partition.
pub(super) struct Frames {
    /// Its first row and the one after its last.
    bounds: Vec<(u32, u32)>,
}

impl Frames {
    pub(super) fn of(call: &WindowCall, partition: &Env<'_>) -> Result<Self> {
        let until_peers = Frame { unit: FrameUnit::Range, start: Bound::UnboundedPreceding, end: Bound::CurrentRow };
        let frame = call.frame.as_ref().unwrap_or(&until_peers);
        let peers = match frame.unit {
            FrameUnit::Rows => Peers::alone(number(partition.rows)?),
            FrameUnit::Range | FrameUnit::Groups => Peers::of(&call.order_by, partition)?,
        };
        let starts = edges(&frame.start, false, call, &peers, partition)?;
        let ends = edges(&frame.end, true, call, &peers, partition)?;
        let bounds = starts.into_iter().zip(ends).map(|(start, end)| (start, end.max(start)));
        Ok(Self { bounds: bounds.collect() })
    }

    /// How many rows the partition has.
    pub(super) fn rows(&self) -> usize {
        self.bounds.len()
    }

    /// Each row's frame: its first row and the one after its last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, usize)> {
        self.bounds.iter().map(|(start, end)| (*start as usize, *end as usize))
    }
}

/// Where each row's frame begins, or ends when `is_end`.
fn edges(bound: &Bound, is_end: bool, call: &WindowCall, peers: &Peers, partition: &Env<'_>) -> Result<Vec<u32>> {
    let (own, last) = (usize::from(is_end), peers.count());
    let (offset, follows) = match bound {
        Bound::UnboundedPreceding => return Ok(vec![0; partition.rows]),
        Bound::UnboundedFollowing => return Ok(vec![peers.first(last); partition.rows]),
        Bound::CurrentRow => return Ok(peers.of_rows().map(|group| peers.first(group + own)).collect()),
        Bound::Preceding(offset) => (offset, false),
        Bound::Following(offset) => (offset, true),
    };
    let by = eval(&offset.by, partition)?;
    refuse_negative(&by, partition.rows)?;
    if let (Offset { edge: Some(edge), .. }, [sort]) = (offset, call.order_by.as_slice()) {
        return range::edges(sort, edge, is_end, peers, partition);
    }
    let counts = counts(&by)?;
    let group = |(row, group): (usize, usize)| {
        let by = counts[by.at(row)];
        if follows { (group + own).saturating_add(by).min(last) } else { (group + own).saturating_sub(by) }
    };
    Ok(peers.of_rows().enumerate().map(|at| peers.first(group(at))).collect())
}

/// An offset counts rows or groups: what is beyond all counting is beyond the partition.
fn counts(by: &Column) -> Result<Vec<usize>> {
    let values = by.values();
    let places = 0..values.len();
    if matches!(values.data_type(), DataType::Decimal128(..)) {
        let reader = Wide::reader(values)?;
        return Ok(places.map(|at| usize::try_from(Wide::get(&reader, at)).unwrap_or(usize::MAX)).collect());
    }
    let reader = Int::reader(values)?;
    Ok(places.map(|at| usize::try_from(Int::get(&reader, at)).unwrap_or(usize::MAX)).collect())
}

fn refuse_negative(by: &Column, rows: usize) -> Result<()> {
    let values = by.values();
    let fits: Box<dyn Fn(usize) -> bool> = match values.data_type() {
        DataType::Float64 => {
            let reader = Double::reader(values)?;
            Box::new(move |at| Double::get(&reader, at) >= 0.0)
        }
        DataType::Float32 => {
            let reader = Real::reader(values)?;
            Box::new(move |at| Real::get(&reader, at) >= 0.0)
        }
        DataType::Decimal128(..) => {
            let reader = Wide::reader(values)?;
            Box::new(move |at| Wide::get(&reader, at) >= 0)
        }
        _ => {
            let reader = Int::reader(values)?;
            Box::new(move |at| Int::get(&reader, at) >= 0)
        }
    };
    let rows = if by.is_constant() { 1 } else { rows };
    if (0..rows).all(|row| !by.is_null(row) && fits(row)) {
        return Ok(());
    }
    let message = "Window frame offset value must not be negative or null";
    Err(AthenaError::of_values(ErrorName::InvalidWindowFrame, message))
}
