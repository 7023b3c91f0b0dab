//! Eight bytes at a time in one machine word ("SIMD within a register"), in safe code.
//!
//! Owns: loading words, finding where a string or a run of digits ends, short names as one number, eight digits at once.
//! Does not own: grammar (`scan`, `number`).
//! Invariant: bytes past the end of the slice read as 0, which is neither a digit nor allowed inside a string.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;
const POWERS_OF_TEN: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/// The eight bytes from `at`, the first one lowest; bytes past the end are 0.
#[inline(always)]
fn load(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        Some(eight) => u64::from_le_bytes(*eight),
        None => load_tail(bytes, at),
    }
}

fn load_tail(bytes: &[u8], at: usize) -> u64 {
    let left = bytes.len().saturating_sub(at);
    match bytes.last_chunk::<8>() {
        _ if left == 0 => 0,
        Some(last) => u64::from_le_bytes(*last) >> (64 - 8 * left),
        None => bytes[at..].iter().rev().fold(0, |word, &b| (word << 8) | u64::from(b)),
    }
}

/// The first position from `at` on that holds a quote, a backslash or a byte below 0x20; the slice's length if none does.
#[inline(always)]
pub(super) fn string_stop(bytes: &[u8], mut at: usize) -> usize {
    loop {
        let stop = stops(load(bytes, at));
        at += lowest_flagged(stop);
        if stop != 0 {
            return at.min(bytes.len());
        }
    }
}

/// Flags the bytes at which a string stops; exact for the lowest byte flagged, which is the one to use.
#[inline(always)]
fn stops(word: u64) -> u64 {
    let zero = |x: u64| x.wrapping_sub(ONES) & !x; // the classic "has a zero byte"
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGHS
}

/// A name of at most 15 bytes as one number: its bytes, the first one lowest, and its length in the highest byte
/// (so "a" is not "a\0"). `None` for longer names.
pub(super) fn pack(name: &[u8]) -> Option<u128> {
    let bytes = name.iter().rev().fold(0, |word, &b| (word << 8) | u128::from(b));
    (name.len() <= PACKED_BYTES_MAX).then_some(bytes | ((name.len() as u128) << 120))
}

/// Longest name that packs.
pub(super) const PACKED_BYTES_MAX: usize = 15;

/// The name that starts at `at` and ends before a quote, packed, and its length; `None` if it is long, escaped or not ended.
#[inline(always)]
pub(super) fn quoted_name(bytes: &[u8], at: usize) -> Option<(u128, usize)> {
    let sixteen = bytes.get(at..)?.first_chunk::<16>()?;
    let word = u128::from_le_bytes(*sixteen);
    let (low, high) = (stops(word as u64), stops((word >> 64) as u64));
    let length = if low != 0 { lowest_flagged(low) } else { 8 + lowest_flagged(high) };
    if length > PACKED_BYTES_MAX || sixteen[length] != b'"' {
        return None;
    }
    let name = word & ((1 << (8 * length)) - 1);
    Some((name | ((length as u128) << 120), length))
}

/// Appends the digits from `at` on to `value` (wrapping; the caller counts them) and returns it with the position after them.
#[inline(always)]
pub(super) fn digits(bytes: &[u8], mut at: usize, mut value: u64) -> (u64, usize) {
    loop {
        let word = load(bytes, at) ^ (ONES * b'0' as u64);
        let other = (word.wrapping_add(ONES * (0x80 - 10)) | word) & HIGHS;
        let count = lowest_flagged(other);
        if count == 0 {
            return (value, at);
        }
        // Shifting the digits up fills in leading zeros, so any count costs the same and nothing is predicted wrongly.
        let eight = read_eight(word << (64 - 8 * count));
        value = value.wrapping_mul(POWERS_OF_TEN[count]).wrapping_add(eight);
        at += count;
        if count < 8 {
            return (value, at);
        }
    }
}

#[inline(always)]
fn lowest_flagged(flags: u64) -> usize {
    flags.trailing_zeros() as usize / 8
}

/// Eight digit values (0 to 9, not their characters), most significant in the lowest byte.
/// Source: D. Lemire, "Quickly parsing eight digits"; also in the `fast_float` library.
#[inline(always)]
fn read_eight(digits: u64) -> u64 {
    const PAIR: u64 = 0x0000_00ff_0000_00ff;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & PAIR).wrapping_mul(100 + (1_000_000 << 32));
    let low = ((pairs >> 16) & PAIR).wrapping_mul(1 + (10_000 << 32));
    high.wrapping_add(low) >> 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_string_never_ends_anywhere_but_at_its_first_special_byte(bytes in prop::collection::vec(any::<u8>(), 0..40), at in 0_usize..40) {
            let at = at.min(bytes.len());
            let slow = bytes[at..].iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20).map_or(bytes.len(), |n| at + n);
            prop_assert_eq!(string_stop(&bytes, at), slow);
        }

        #[test]
        fn a_name_never_packs_otherwise_in_place_than_alone(bytes in "[a-c]{0,18}[\"\\\\\n]?[a-z:,\"]{0,20}", at in 0_usize..8) {
            let at = at.min(bytes.len());
            let name = bytes[at..].split(['"', '\\', '\n']).next().unwrap();
            let quoted = bytes[at + name.len()..].starts_with('"');
            match quoted_name(bytes.as_bytes(), at) {
                Some((packed, length)) => prop_assert!(quoted && length == name.len() && Some(packed) == pack(name.as_bytes())),
                None => prop_assert!(!quoted || name.len() > PACKED_BYTES_MAX || at + 16 > bytes.len()),
            }
        }

        #[test]
        fn digits_are_never_read_otherwise_than_one_by_one(prefix in "[0-9]{0,19}", rest in prop::collection::vec(any::<u8>(), 0..20)) {
            let bytes = [prefix.as_bytes(), &rest].concat();
            let end = bytes.iter().position(|b| !b.is_ascii_digit()).unwrap_or(bytes.len());
            let slow = bytes[..end].iter().fold(7_u64, |n, b| n.wrapping_mul(10).wrapping_add(u64::from(b - b'0')));
            prop_assert_eq!(digits(&bytes, 0, 7), (slow, end));
        }
    }
}
