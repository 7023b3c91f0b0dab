//! `uuid` and `ipaddress`.
//!
//! Owns: their text and their bytes, 16 each.
//! Does not own: casts of them.
//! Invariant: an address of IPv4 is one of IPv6 within `::ffff:0:0/96`, and is written as IPv4.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const BYTES: usize = 16;
/// Of a UUID with its hyphens.
const UUID_LENGTH: usize = 36;

/// `12151fd2-7586-11e9-8f9e-2a86e4085a59`.
pub(crate) fn uuid_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(UUID_LENGTH);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes of a UUID, or what is wrong with the text.
pub(crate) fn uuid(text: &str) -> Result<Vec<u8>, String> {
    let none = || format!("Cannot cast value to UUID: {text}");
    let groups: Vec<&str> = text.split('-').collect();
    let well_formed = groups.len() == 5 && groups.iter().all(|group| !group.is_empty());
    if !well_formed || !text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()) || text.len() > UUID_LENGTH {
        return Err(none());
    }
    if text.len() != UUID_LENGTH {
        return Err(format!("Invalid UUID string length: {}", text.len()));
    }
    if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
        return Err(none());
    }
    let number = u128::from_str_radix(&groups.concat(), 16).map_err(|_| none())?;
    Ok(number.to_be_bytes().to_vec())
}

/// `10.0.0.1`, `2001:db8::1`.
pub(crate) fn ip_text(bytes: &[u8]) -> String {
    let Ok(bytes) = <[u8; BYTES]>::try_from(bytes) else { return String::new() };
    let address = Ipv6Addr::from(bytes);
    match address.to_ipv4_mapped() {
        Some(v4) => v4.to_string(),
        // Rust writes `::1.2.3.4` where Trino writes `::102:304`.
        None if bytes[..12] == [0; 12] && bytes[12..] > [0, 0, 255, 255][..] => {
            let [.., high, low] = address.segments();
            format!("::{high:x}:{low:x}")
        }
        None => address.to_string(),
    }
}

/// The bytes of an address; `None` when the text is none.
pub(crate) fn ip(text: &str) -> Option<Vec<u8>> {
    // A zone of the address's machine says nothing elsewhere.
    let text = match text.split_once('%') {
        Some((address, zone)) if address.contains(':') && !zone.is_empty() => address,
        _ => text,
    };
    Some(match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(address) => mapped(address),
        IpAddr::V6(address) => address.octets().to_vec(),
    })
}

/// The bytes of an address of 4 or 16 bytes.
pub(crate) fn ip_of_bytes(bytes: &[u8]) -> Option<Vec<u8>> {
    match <[u8; 4]>::try_from(bytes) {
        Ok(four) => Some(mapped(Ipv4Addr::from(four))),
        Err(_) => (bytes.len() == BYTES).then(|| bytes.to_vec()),
    }
}

fn mapped(address: Ipv4Addr) -> Vec<u8> {
    address.to_ipv6_mapped().octets().to_vec()
}
