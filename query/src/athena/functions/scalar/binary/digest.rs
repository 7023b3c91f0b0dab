//! Digests of bytes.
//!
//! Owns: which function is which digest.
//! Does not own: digests that no library here has (`hash`, `spooky`).
//! Invariant: a digest is bytes, but crc32, which is a number.

use arrow::array::ArrayRef;
use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::{hash, spooky};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Bytes, Call, Compute, Result};

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "md5" => |call| call.map1::<Bytes, _>(|bytes| Md5::digest(bytes).to_vec()),
        "sha1" => |call| call.map1::<Bytes, _>(|bytes| Sha1::digest(bytes).to_vec()),
        "sha256" => |call| call.map1::<Bytes, _>(|bytes| Sha256::digest(bytes).to_vec()),
        "sha512" => |call| call.map1::<Bytes, _>(|bytes| Sha512::digest(bytes).to_vec()),
        "hmac_md5" => |call| keyed(call, |key| Hmac::<Md5>::new_from_slice(key).ok()),
        "hmac_sha1" => |call| keyed(call, |key| Hmac::<Sha1>::new_from_slice(key).ok()),
        "hmac_sha256" => |call| keyed(call, |key| Hmac::<Sha256>::new_from_slice(key).ok()),
        "hmac_sha512" => |call| keyed(call, |key| Hmac::<Sha512>::new_from_slice(key).ok()),
        "crc32" => |call| call.map1::<Bytes, _>(|bytes| i64::from(hash::crc32(bytes))),
        "xxhash64" => |call| call.map1::<Bytes, _>(|bytes| hash::xxhash64(bytes).to_be_bytes().to_vec()),
        "murmur3" => |call| call.map1::<Bytes, _>(|bytes| hash::murmur3(bytes).to_vec()),
        "spooky_hash_v2_32" => |call| call.map1::<Bytes, _>(|bytes| spooky::hash(bytes).to_be_bytes()[4..].to_vec()),
        "spooky_hash_v2_64" => |call| call.map1::<Bytes, _>(|bytes| spooky::hash(bytes).to_be_bytes().to_vec()),
        _ => return None,
    })
}

fn keyed<M: Mac>(call: &Call<'_>, with: fn(&[u8]) -> Option<M>) -> Result<ArrayRef> {
    call.try2::<Bytes, Bytes, _>(|bytes, key| {
        let mac = Some(key).filter(|key| !key.is_empty()).and_then(with);
        let mut mac = mac.ok_or_else(|| AthenaError::internal(&"Empty key"))?;
        mac.update(bytes);
        Ok(Some(mac.finalize().into_bytes().to_vec()))
    })
}
