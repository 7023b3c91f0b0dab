//! All values as an array.
//!
//! Owns: `array_agg`.
//! Does not own: maps (`entries`), texts (`text`).
//! Invariant: a NULL is an element too; of no rows at all there is no array.

use super::Reduce;

pub(super) fn find(name: &str) -> Option<Reduce> {
    Some(match name {
        "array_agg" => |call| if call.rows == 0 { call.null() } else { call.array(call.picked(0, 0..call.rows)?) },
        _ => return None,
    })
}
