//! The message of a simulated tick, written from whole numbers.
//!
//! Owns: decimal digits of integers and of cents.
//! Does not own: the message's shape, which is `Tick::write_json`'s.
//! Invariant: byte for byte what `Tick::write_json` writes for the same tick (tested in `simulate`).

use super::SimulatedTick;

/// Appends the message. Names hold no character that JSON escapes.
pub(super) fn write(tick: &SimulatedTick, symbol: &str, venue: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"symbol\":\"");
    out.extend_from_slice(symbol.as_bytes());
    out.extend_from_slice(b"\",\"time\":");
    push_integer(tick.time_ns.unsigned_abs(), out);
    out.extend_from_slice(b",\"price\":");
    push_cents(tick.price_cents, out);
    out.extend_from_slice(b",\"size\":");
    push_integer(u64::from(tick.size), out);
    out.extend_from_slice(b",\"bid\":");
    push_cents(tick.bid_cents, out);
    out.extend_from_slice(b",\"ask\":");
    push_cents(tick.ask_cents, out);
    out.extend_from_slice(b",\"exchange\":\"");
    out.extend_from_slice(venue.as_bytes());
    out.extend_from_slice(b"\",\"sequence\":");
    push_integer(tick.sequence.unsigned_abs(), out);
    out.push(b'}');
}

/// Appends cents as dollars in the shortest form: `101.37`, `101.3`, `101`.
fn push_cents(cents: i64, out: &mut Vec<u8>) {
    let cents = cents.unsigned_abs();
    push_integer(cents / 100, out);
    let (tenths, hundredths) = ((cents / 10 % 10) as u8, (cents % 10) as u8);
    if tenths != 0 || hundredths != 0 {
        out.extend_from_slice(&[b'.', b'0' + tenths]);
        if hundredths != 0 {
            out.push(b'0' + hundredths);
        }
    }
}

/// Appends an integer's decimal digits, two at a time.
fn push_integer(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut from = digits.len();
    while value >= 10 {
        let pair = (value % 100) as u8;
        value /= 100;
        from -= 2;
        digits[from] = b'0' + pair / 10;
        digits[from + 1] = b'0' + pair % 10;
    }
    if value > 0 || from == digits.len() {
        from -= 1;
        digits[from] = b'0' + value as u8;
    }
    out.extend_from_slice(&digits[from..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_read_as_display_writes_them(value: u64, shift in 0_u32..64) {
            let value = value >> shift;
            let mut out = Vec::new();
            push_integer(value, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }

        #[test]
        fn cents_read_as_the_double_prints(cents in 1_i64..1_000_000_000_000) {
            let mut out = Vec::new();
            push_cents(cents, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), (cents as f64 / 100.0).to_string());
        }
    }
}
