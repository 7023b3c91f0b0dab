//! `JSON_OBJECT` and `JSON_ARRAY`.
//!
//! Owns: JSON put together from values.
//! Does not own: which values become JSON (`analyze::json`), how they are written (`item`).
//! Invariant: an object's members stand in the order in which Java's `HashMap` has their names: so they do in Trino.

use arrow::array::ArrayRef;

use super::super::{Arg as _, Call, Result, Text};
use super::item::Item;
use super::{Encoding, argument, encoded, json_argument};
use crate::athena::error::AthenaError;

/// An object of names and values, which take turns.
pub(super) fn object(
    call: &Call<'_>,
    reads: &[Option<Encoding>],
    null_on_null: bool,
    unique_keys: bool,
    encoding: Encoding,
) -> Result<ArrayRef> {
    encoded(call, encoding, |row| {
        let mut members: Vec<(&str, Item)> = Vec::with_capacity(reads.len());
        for (i, reads) in reads.iter().enumerate() {
            if call.argument(2 * i)?.is_null(row) {
                return Err(call.invalid("null value passed for JSON object key to JSON_OBJECT function"));
            }
            let name = Text::get(&Text::reader(call.values(2 * i)?)?, call.place(2 * i, row));
            let Some(value) = element(call, 2 * i + 1, *reads, row, null_on_null)? else { continue };
            if members.iter().any(|(own, _)| *own == name) {
                return Err(match unique_keys {
                    true => call.invalid("duplicate key passed to JSON_OBJECT function"),
                    false => AthenaError::not_supported("cannot construct a JSON object with duplicate key"),
                });
            }
            members.push((name, value));
        }
        let buckets = buckets(members.len());
        members.sort_by_key(|(name, _)| hash(name) & (buckets - 1));
        let members = members.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Ok(Some(Item::Object(std::sync::Arc::new(members))))
    })
}

/// An array of values.
pub(super) fn array(call: &Call<'_>, reads: &[Option<Encoding>], null_on_null: bool, encoding: Encoding) -> Result<ArrayRef> {
    encoded(call, encoding, |row| {
        let mut elements = Vec::with_capacity(reads.len());
        for (i, reads) in reads.iter().enumerate() {
            elements.extend(element(call, i, *reads, row, null_on_null)?);
        }
        Ok(Some(Item::Array(std::sync::Arc::new(elements))))
    })
}

/// A part's value; `None` of a NULL that is left out.
fn element(call: &Call<'_>, at: usize, reads: Option<Encoding>, row: usize, null_on_null: bool) -> Result<Option<Item>> {
    let value = match reads {
        Some(encoding) => json_argument(call, at, encoding, row)?,
        None => argument(call, at, row)?,
    };
    Ok(value.or(null_on_null.then_some(Item::Null)))
}

/// How many buckets a `HashMap` has that so many were put into.
fn buckets(length: usize) -> u32 {
    let mut buckets = 16_u32;
    while length > buckets as usize / 4 * 3 {
        buckets *= 2;
    }
    buckets
}

/// As `HashMap` spreads the hash of a `String`.
fn hash(text: &str) -> u32 {
    let hash = text.encode_utf16().fold(0_u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::athena::eval::tests::value_of;

    #[test]
    fn members_never_stand_otherwise_than_in_a_hash_map() {
        for (expression, expected) in [
            ("json_object('zz' : 1, 'b' : 2, 'é' : 3, 'dddd' : 4)", r#"{"zz":1,"b":2,"é":3,"dddd":4}"#),
            ("json_object('symbol' : 'A', 'price' : 1.50, 'ts' : NULL)", r#"{"symbol":"A","price":1.50,"ts":null}"#),
            ("json_object('a' : json_array(1.50, NULL), 'b' : NULL ABSENT ON NULL)", r#"{"a":[1.5]}"#),
        ] {
            assert_eq!(value_of(expression), Ok(json!(expected)), "{expression}");
        }
    }
}
