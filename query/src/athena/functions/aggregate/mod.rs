//! What aggregates of the catalog compute of the rows of one group.
//!
//! Owns: DISTINCT and ORDER BY of their arguments; which family computes which aggregate.
//! Does not own: grouping and FILTER (`lower`), frames (`functions::window`).
//! Invariant: the value is that of all rows at once, so that nothing is lost or added up wrongly on the way.

use arrow::array::ArrayRef;

use super::scalar::Result;
use crate::athena::analyze::typed::Aggregate;
use crate::athena::eval::Session;
use crate::athena::functions::scalar::{Call, not_here};

/// Computes an aggregate: one value of the call's rows, which may be none.
pub(crate) type Reduce = fn(&Call<'_>) -> Result<ArrayRef>;

/// The aggregate of that name; `None` when it is not computed here.
pub(crate) fn find(_name: &str) -> Option<Reduce> {
    None
}

/// The value of an aggregate of a group's rows: `columns` holds the arguments that are values, then the keys of its ORDER BY.
pub(crate) fn reduce(call: &Aggregate, _columns: &[ArrayRef], _rows: usize, _session: &Session) -> Result<ArrayRef> {
    let _reduce = find(call.name).ok_or_else(|| not_here(call.name))?;
    Err(not_here(call.name))
}
