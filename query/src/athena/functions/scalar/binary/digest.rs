//! Digests of bytes.
//!
//! Owns: which function is which digest.
//! Does not own: digests that no library here has (`hash`, `spooky`).
//! Invariant: a digest is bytes, but crc32, which is a number.

use arrow::array::ArrayRef;
use md5::digest::core_api::BlockSizeUser;
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
        "hmac_md5" => keyed::<Md5>,
        "hmac_sha1" => keyed::<Sha1>,
        "hmac_sha256" => keyed::<Sha256>,
        "hmac_sha512" => keyed::<Sha512>,
        "crc32" => |call| call.map1::<Bytes, _>(|bytes| i64::from(hash::crc32(bytes))),
        "xxhash64" => |call| call.map1::<Bytes, _>(|bytes| hash::xxhash64(bytes).to_be_bytes().to_vec()),
        "murmur3" => |call| call.map1::<Bytes, _>(|bytes| hash::murmur3(bytes).to_vec()),
        "spooky_hash_v2_32" => |call| call.map1::<Bytes, _>(|bytes| spooky::hash(bytes).to_be_bytes()[4..].to_vec()),
        "spooky_hash_v2_64" => |call| call.map1::<Bytes, _>(|bytes| spooky::hash(bytes).to_be_bytes().to_vec()),
        _ => return None,
    })
}

fn keyed<D: Digest + BlockSizeUser>(call: &Call<'_>) -> Result<ArrayRef> {
    call.try2::<Bytes, Bytes, _>(|bytes, key| {
        if key.is_empty() {
            return Err(AthenaError::internal(&"Empty key"));
        }
        Ok(Some(hmac::<D>(bytes, key)))
    })
}

/// RFC 2104: the key fills a block, a longer one by its digest; two digests, one within the other.
fn hmac<D: Digest + BlockSizeUser>(bytes: &[u8], key: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > D::block_size() { D::digest(key).to_vec() } else { key.to_vec() };
    block.resize(D::block_size(), 0);
    let padded = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = D::new().chain_update(padded(0x36)).chain_update(bytes).finalize();
    D::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}
