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
        Type::Char(length) => crate::athena::values::text::padded(text, *length).into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::athena::eval::tests::{row_of, value_of};

    #[test]
    fn a_place_in_a_text_is_never_that_of_a_byte() {
        for (expression, expected) in [
            ("length('a😀b')", json!(3)),
            ("substr('añ😀bc', 2, 2)", json!("ñ😀")),
            ("substr('trade', -2)", json!("de")),
            ("strpos('aéaéa', 'a', -1)", json!(5)),
            ("lpad('é', 4, '😀ü')", json!("😀ü😀é")),
            ("reverse('añ😀b')", json!("b😀ña")),
            ("split_part('aéb', 'é', 2)", json!("b")),
            ("upper('straße')", json!("STRAßE")),
            ("length(CAST('ab' AS char(5)))", json!(5)),
            ("reverse(CAST('ab' AS char(4)))", json!("  ba")),
            ("levenshtein_distance('ab😀', '😀ba')", json!(2)),
        ] {
            assert_eq!(value_of(expression), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn no_row_takes_its_text_from_another() {
        let sql = "SELECT lower(x), split(x, '-'), translate(x, y, 'z'), concat_ws('/', x, y), split_to_map(x, '-', 'B') \
                   FROM (VALUES ('AB-CBD', 'A'), (NULL, 'b'), ('', NULL)) t(x, y)";
        let expected = json!([
            ["ab-cbd", ["AB", "CBD"], "zB-CBD", "AB-CBD/A", {"A": "", "C": "D"}],
            [null, null, null, "b", null],
            ["", [""], null, "", {}]
        ]);
        assert_eq!(row_of(sql), Some(Ok(expected)));
    }

    #[test]
    fn what_is_no_place_is_never_taken_for_one() {
        for (expression, why) in [
            ("split_part('a', ',', 0)", "Index must be greater than zero"),
            ("strpos('a', 'a', 0)", "'instance' must be a positive or negative number."),
            ("rpad('a', -1, 'x')", "Target length must be in the range [0..2147483647]"),
            ("split_to_map('a=1,a=2', ',', '=')", "Duplicate keys (a) are not allowed"),
            ("chr(55296)", "Not a valid Unicode code point: 55296"),
        ] {
            assert_eq!(value_of(expression), Err(format!("INVALID_FUNCTION_ARGUMENT: {why}")), "{expression}");
        }
    }
}
