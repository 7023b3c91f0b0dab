//! Functions of arrays.
//!
//! Owns: which file computes which.
//! Does not own: where elements lie (`lists`), maps (`map`), arrays out of texts.
//! Invariant: no row sees another's elements.

mod access;
mod combine;
mod lambda;
mod order;
mod search;
mod sequence;
mod set;
#[cfg(test)]
mod tests;

pub(crate) use combine::{concat, reverse};
pub(crate) use search::Search;

use super::Compute;

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "$subscript" => access::subscript,
        "element_at" => access::element_at,
        "cardinality" => access::cardinality,
        "slice" => access::slice,
        "trim_array" => access::trim_array,
        "contains" => search::contains,
        "array_position" => search::array_position,
        "array_remove" => search::array_remove,
        "array_distinct" => set::array_distinct,
        "array_except" => set::array_except,
        "array_intersect" => set::array_intersect,
        "array_union" => set::array_union,
        "arrays_overlap" => set::arrays_overlap,
        "array_histogram" => set::array_histogram,
        "contains_sequence" => set::contains_sequence,
        "array_join" => combine::array_join,
        "array_max" => order::array_max,
        "array_min" => order::array_min,
        "array_sort" => order::array_sort,
        "flatten" => combine::flatten,
        "ngrams" => combine::ngrams,
        "combinations" => combine::combinations,
        "repeat" => combine::repeat,
        "shuffle" => combine::shuffle,
        "zip" => combine::zip,
        "sequence" => sequence::sequence,
        "transform" => lambda::transform,
        "filter" => lambda::filter,
        "any_match" => lambda::any_match,
        "all_match" => lambda::all_match,
        "none_match" => lambda::none_match,
        "reduce" => lambda::reduce,
        "zip_with" => lambda::zip_with,
        _ => return None,
    })
}
