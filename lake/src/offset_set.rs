//! A set of Kafka offsets, as bits.
//!
//! Owns: pages of 65,536 offsets, made where an offset falls.
//! Does not own: what the offsets mean (`audit`).
//! Invariant: memory follows the pages touched: dense offsets cost a bit each (12.5 MB for 100 million), a stray one 8 KiB.

use std::collections::BTreeMap;

const WORDS: usize = 1024;
const WORD_BITS: i64 = 64;
const PAGE_OFFSETS: i64 = 65_536;

/// A set of offsets.
#[derive(Debug, Default)]
pub(crate) struct OffsetSet {
    pages: BTreeMap<i64, Box<[u64; WORDS]>>,
}

impl OffsetSet {
    /// Adds an offset; `false` when it was there.
    pub(crate) fn insert(&mut self, offset: i64) -> bool {
        let (page, word, bit) = place(offset);
        let word = &mut self.pages.entry(page).or_insert_with(|| Box::new([0; WORDS]))[word];
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// Whether it holds an offset.
    pub(crate) fn contains(&self, offset: i64) -> bool {
        let (page, word, bit) = place(offset);
        self.pages.get(&page).is_some_and(|words| words[word] & bit != 0)
    }

    /// The offsets, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        let words = self.pages.iter().flat_map(|(page, words)| {
            let first = (0..PAGE_OFFSETS).step_by(64).map(move |inside| page * PAGE_OFFSETS + inside);
            first.zip(words.iter()).filter(|(_, word)| **word != 0)
        });
        words.flat_map(|(first, word)| (0..WORD_BITS).filter(move |bit| word >> bit & 1 == 1).map(move |bit| first + bit))
    }
}

/// Page, word in it and bit in that of an offset.
fn place(offset: i64) -> (i64, usize, u64) {
    let inside = offset.rem_euclid(PAGE_OFFSETS);
    (offset.div_euclid(PAGE_OFFSETS), usize::try_from(inside / WORD_BITS).unwrap_or_default(), 1 << (inside % WORD_BITS))
}

/// Neighbouring offsets as half-open ranges.
pub(crate) fn ranges(offsets: impl Iterator<Item = i64>) -> impl Iterator<Item = (i64, i64)> {
    let mut offsets = offsets.peekable();
    std::iter::from_fn(move || {
        let from = offsets.next()?;
        let mut to = from.saturating_add(1);
        while offsets.next_if_eq(&to).is_some() {
            to = to.saturating_add(1);
        }
        Some((from, to))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_are_told_as_one_range() {
        assert_eq!(ranges([1, 2, 3, 7, 9, 10].into_iter()).collect::<Vec<_>>(), [(1, 4), (7, 8), (9, 11)]);
    }

    proptest! {
        /// Whatever offsets come, in whatever order, around the edges of pages and far apart: what is in is in, once.
        #[test]
        fn it_never_differs_from_a_plain_set(offsets in prop::collection::vec(
            prop_oneof![0_i64..300, 65_400_i64..65_700, any::<u32>().prop_map(i64::from), Just(i64::MAX - 70_000)], 0..200)) {
            let (mut bits, mut plain) = (OffsetSet::default(), BTreeSet::new());
            for offset in offsets {
                prop_assert_eq!(bits.insert(offset), plain.insert(offset));
            }
            prop_assert_eq!(bits.iter().collect::<Vec<_>>(), plain.iter().copied().collect::<Vec<_>>());
            for offset in [0, 299, 65_535, 65_536, -1] {
                prop_assert_eq!(bits.contains(offset), plain.contains(&offset));
            }
        }
    }
}
