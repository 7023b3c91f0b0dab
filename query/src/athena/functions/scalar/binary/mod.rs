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
pub(crate) use hash::xxhash64;

use super::Compute;

pub(super) fn find(name: &str) -> Option<Compute> {
    let duties = [codec::find, base::find, digest::find, bits::find];
    duties.iter().find_map(|duty| duty(name))
}
