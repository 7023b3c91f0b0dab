//! SpookyHash V2, with the seeds 0: <https://burtleburtle.net/bob/hash/spooky.html>.
//!
//! Owns: its first 64 bits.
//! Does not own: which function gives how many of them (`digest`).
//! Invariant: as its author's description defines it.

use super::hash::word;

const CONST: u64 = 0xdead_beef_dead_beef;
/// Bytes of the state of long inputs.
const BLOCK: usize = 96;

pub(super) fn hash(bytes: &[u8]) -> u64 {
    if bytes.len() < 2 * BLOCK { short(bytes) } else { long(bytes) }
}

fn short(bytes: &[u8]) -> u64 {
    const TURNS: [u32; 12] = [50, 52, 30, 41, 54, 48, 38, 37, 62, 34, 5, 36];
    let mix = |h: &mut [u64; 4]| {
        for (i, by) in TURNS.into_iter().enumerate() {
            let at = (i + 2) % 4;
            h[at] = h[at].rotate_left(by).wrapping_add(h[(at + 1) % 4]);
            h[(at + 2) % 4] ^= h[at];
        }
    };
    let mut h = [0, 0, CONST, CONST];
    let pairs = bytes.chunks_exact(32);
    let mut rest = pairs.remainder();
    for pair in pairs {
        h[2] = h[2].wrapping_add(word(&pair[..8]));
        h[3] = h[3].wrapping_add(word(&pair[8..16]));
        mix(&mut h);
        h[0] = h[0].wrapping_add(word(&pair[16..24]));
        h[1] = h[1].wrapping_add(word(&pair[24..]));
    }
    if let Some((half, after)) = rest.split_first_chunk::<16>() {
        h[2] = h[2].wrapping_add(word(&half[..8]));
        h[3] = h[3].wrapping_add(word(&half[8..]));
        mix(&mut h);
        rest = after;
    }
    h[3] = h[3].wrapping_add((bytes.len() as u64) << 56);
    if rest.is_empty() {
        h[2] = h[2].wrapping_add(CONST);
        h[3] = h[3].wrapping_add(CONST);
    } else {
        let (low, high) = rest.split_at(rest.len().min(8));
        h[2] = h[2].wrapping_add(word(low));
        h[3] = h[3].wrapping_add(word(high));
    }
    short_end(h)
}

fn short_end(mut h: [u64; 4]) -> u64 {
    const TURNS: [u32; 11] = [15, 52, 26, 51, 28, 9, 47, 54, 32, 25, 63];
    for (i, by) in TURNS.into_iter().enumerate() {
        let (at, from) = ((i + 3) % 4, (i + 2) % 4);
        h[at] ^= h[from];
        h[from] = h[from].rotate_left(by);
        h[at] = h[at].wrapping_add(h[from]);
    }
    h[0]
}

fn long(bytes: &[u8]) -> u64 {
    const TURNS: [u32; 12] = [11, 32, 43, 31, 17, 28, 39, 57, 55, 54, 22, 46];
    let mut h = [0_u64; 12];
    for i in 0..4 {
        h[i * 3 + 2] = CONST;
    }
    let blocks = bytes.chunks_exact(BLOCK);
    let rest = blocks.remainder();
    for block in blocks {
        let data: Vec<u64> = block.chunks_exact(8).map(word).collect();
        for (i, by) in TURNS.into_iter().enumerate() {
            h[i] = h[i].wrapping_add(data[i]);
            h[(i + 2) % 12] ^= h[(i + 10) % 12];
            h[(i + 11) % 12] ^= h[i];
            h[i] = h[i].rotate_left(by);
            h[(i + 11) % 12] = h[(i + 11) % 12].wrapping_add(h[(i + 1) % 12]);
        }
    }
    let mut last = [0; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    last[BLOCK - 1] = u8::try_from(rest.len()).unwrap_or(0);
    for (h, data) in h.iter_mut().zip(last.chunks_exact(8)) {
        *h = h.wrapping_add(word(data));
    }
    for _ in 0..3 {
        long_end(&mut h);
    }
    h[0]
}

fn long_end(h: &mut [u64; 12]) {
    const TURNS: [u32; 12] = [44, 15, 34, 21, 38, 33, 10, 13, 38, 53, 42, 54];
    for (i, by) in TURNS.into_iter().enumerate() {
        let (to, own) = ((i + 11) % 12, (i + 1) % 12);
        h[to] = h[to].wrapping_add(h[own]);
        h[(i + 2) % 12] ^= h[to];
        h[own] = h[own].rotate_left(by);
    }
}
