//! Functions of texts.
//!
//! Owns: which of them is where.
//! Does not own: regular expressions (`regexp`), JSON, URLs, bytes.
//! Invariant: positions and lengths are code points, never bytes. A `char(n)` has its padding wherever Trino counts it.

mod distance;
mod join;
mod letters;
mod pad;
mod part;
mod search;
mod split;

use std::borrow::Cow;

use super::Compute;
use crate::athena::types::Type;

pub(super) fn find(name: &str) -> Option<Compute> {
    let duties = [letters::find, part::find, pad::find, search::find, split::find, join::find, distance::find];
    duties.iter().find_map(|duty| duty(name))
}

/// A text with the padding its type gives it.
fn padded<'t>(text: &'t str, ty: &Type) -> Cow<'t, str> {
    match ty {
        Type::Char(length) => format!("{text:<width$}", width = *length as usize).into(),
        _ => text.into(),
    }
}
