//! Functions of bytes.
//!
//! Owns: which of them is where.
//! Does not own: substr, lpad, length and their kin, which are also functions of texts (`text`).
//! Invariant: numbers in bytes have their highest byte first.

mod base;
mod bits;
mod codec;
mod digest;
mod hash;
mod spooky;

pub(super) use codec::repaired;
pub(crate) use hash::{murmur3_64, xxhash64};

use super::Compute;

pub(super) fn find(name: &str) -> Option<Compute> {
    let duties = [codec::find, base::find, digest::find, bits::find];
    duties.iter().find_map(|duty| duty(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::athena::eval::tests::value_of;

    #[test]
    fn a_digest_is_never_another() {
        for (expression, expected) in [
            ("to_hex(md5(to_utf8('abc')))", "900150983CD24FB0D6963F7D28E17F72"),
            ("to_hex(sha1(to_utf8('abc')))", "A9993E364706816ABA3E25717850C26C9CD0D89D"),
            ("to_hex(xxhash64(X''))", "EF46DB3751D8E999"),
            ("to_hex(murmur3(to_utf8('a')))", "897859F6655555855A890E51483AB5E6"),
            ("to_hex(spooky_hash_v2_64(to_utf8('abc')))", "8AAB15F77537C967"),
            ("to_hex(hmac_md5(to_utf8('data'), to_utf8('key')))", "9D5C73EF85594D34EC4438B7C97E51D8"),
            ("CAST(crc32(to_utf8('123456789')) AS varchar)", "3421780262"),
        ] {
            assert_eq!(value_of(expression), Ok(json!(expected)), "{expression}");
        }
    }

    #[test]
    fn what_is_no_digit_is_never_read() {
        for (expression, why) in [
            ("from_hex('zz')", "not a hexadecimal digit: \"z\" = 122"),
            ("from_base64('AA=')", "Input byte array has wrong 4-byte ending unit"),
            ("from_base32('M1')", "Unrecognized character: 1"),
            ("from_base('9', 8)", "Not a valid base-8 number: 9"),
            ("from_big_endian_32(X'00')", "expected 4-byte input, but got instead: 1"),
        ] {
            assert_eq!(value_of(expression), Err(format!("INVALID_FUNCTION_ARGUMENT: {why}")), "{expression}");
        }
        assert_eq!(value_of("from_utf8(X'61ff62c3')"), Ok(json!("a\u{fffd}b\u{fffd}")));
    }

    #[test]
    fn a_shift_never_leaves_its_type() {
        for (expression, expected) in [
            ("bitwise_left_shift(TINYINT '1', 7)", -128),
            ("bitwise_left_shift(1, 32)", 0),
            ("bitwise_right_shift(-8, 1)", 2_147_483_644_i64),
            ("bitwise_right_shift_arithmetic(SMALLINT '-8', 20)", -1),
            ("bit_count(-7, 8)", 6),
        ] {
            assert_eq!(value_of(expression), Ok(json!(expected)), "{expression}");
        }
    }
}
