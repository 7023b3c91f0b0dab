//! What is kept of the rows of each group, where that is less than the rows.
//!
//! Owns: the states of many groups: taking rows in, joining those of several parts of a plan, carrying them as bytes.
//! Does not own: what a state is and what becomes of it (the families), grouping (`lower`).
//! Invariant: a group's states, joined in whatever parts its rows came, give what its rows give at once, but for the last digits
//! of doubles and within what an approximation promises.

use arrow::array::{Array as _, ArrayRef, BinaryArray, BinaryBuilder, BooleanArray};

use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Call, Result};

/// Of one group; the default is that of no rows.
pub(crate) trait State: Clone + Default + Send + Sync + 'static {
    /// Takes in what was kept of later rows.
    fn merge(&mut self, later: Self) -> Result<()>;

    /// Adds what `read` reads.
    fn write(&self, to: &mut Vec<u8>);

    fn read(from: &mut Reader<'_>) -> Option<Self>;

    /// What it holds beyond its own size.
    fn heap_bytes(&self) -> usize {
        0
    }
}

/// Of all groups.
pub(crate) trait States: Send + Sync {
    fn add(&mut self, call: &Call<'_>, groups: &Groups<'_>) -> Result<()>;

    /// Takes in what `written` gave elsewhere.
    fn merge(&mut self, written: &BinaryArray, groups: &Groups<'_>) -> Result<()>;

    /// The values of the first groups, which are then forgotten; of `call` nothing counts but its name and types.
    fn finish(&mut self, first: usize, call: &Call<'_>) -> Result<ArrayRef>;

    /// The states of the first groups, which are then forgotten.
    fn written(&mut self, first: usize) -> BinaryArray;

    fn len(&self) -> usize;

    /// What it holds in memory.
    fn bytes(&self) -> usize;
}

/// Which group each row belongs to.
pub(crate) struct Groups<'g> {
    pub(crate) of: &'g [usize],
    /// Rows that count; all when there is none.
    pub(crate) chosen: Option<&'g BooleanArray>,
    pub(crate) count: usize,
}

/// The states of one batch's rows.
pub(crate) struct Rows<'s, S> {
    states: &'s mut [S],
    groups: &'s Groups<'s>,
    heap: usize,
}

/// How rows are taken in.
pub(super) type Add<S> = fn(&Call<'_>, &mut Rows<'_, S>) -> Result<()>;
/// What becomes of states.
pub(super) type Finish<S> = fn(&Call<'_>, Vec<S>) -> Result<ArrayRef>;

struct Kept<S> {
    states: Vec<S>,
    heap: usize,
    add: Add<S>,
    finish: Finish<S>,
}

/// No groups yet.
pub(super) fn kept<S: State>(add: Add<S>, finish: Finish<S>) -> Box<dyn States> {
    Box::new(Kept { states: Vec::new(), heap: 0, add, finish })
}

impl<S: State> Rows<'_, S> {
    /// The row's state, to be changed; left alone if the row does not count.
    pub(super) fn put(&mut self, row: usize, change: impl FnOnce(&mut S) -> Result<()>) -> Result<()> {
        if self.groups.chosen.is_some_and(|chosen| chosen.is_null(row) || !chosen.value(row)) {
            return Ok(());
        }
        let state = &mut self.states[self.groups.of[row]];
        self.heap -= state.heap_bytes();
        change(state)?;
        self.heap += state.heap_bytes();
        Ok(())
    }
}

impl<S: State> Kept<S> {
    /// Changes states by row.
    fn change(&mut self, groups: &Groups<'_>, change: impl FnOnce(&mut Rows<'_, S>) -> Result<()>) -> Result<()> {
        self.states.resize(groups.count.max(self.states.len()), S::default());
        let mut rows = Rows { states: &mut self.states, groups, heap: self.heap };
        change(&mut rows)?;
        self.heap = rows.heap;
        Ok(())
    }

    fn take(&mut self, first: usize) -> Vec<S> {
        let later = self.states.split_off(first.min(self.states.len()));
        let taken = std::mem::replace(&mut self.states, later);
        self.heap -= taken.iter().map(S::heap_bytes).sum::<usize>();
        taken
    }
}

impl<S: State> States for Kept<S> {
    fn add(&mut self, call: &Call<'_>, groups: &Groups<'_>) -> Result<()> {
        let add = self.add;
        self.change(groups, |rows| add(call, rows))
    }

    fn merge(&mut self, written: &BinaryArray, groups: &Groups<'_>) -> Result<()> {
        let unreadable = || AthenaError::internal(&"a state of an aggregate cannot be read");
        self.change(groups, |rows| {
            for row in (0..written.len()).filter(|row| written.is_valid(*row)) {
                let state = S::read(&mut Reader(written.value(row))).ok_or_else(unreadable)?;
                rows.put(row, |own| own.merge(state))?;
            }
            Ok(())
        })
    }

    fn finish(&mut self, first: usize, call: &Call<'_>) -> Result<ArrayRef> {
        let states = self.take(first);
        (self.finish)(call, states)
    }

    fn written(&mut self, first: usize) -> BinaryArray {
        let (mut all, mut one) = (BinaryBuilder::new(), Vec::new());
        for state in self.take(first) {
            one.clear();
            state.write(&mut one);
            all.append_value(&one);
        }
        all.finish()
    }

    fn len(&self) -> usize {
        self.states.len()
    }

    fn bytes(&self) -> usize {
        self.states.capacity() * size_of::<S>() + self.heap
    }
}

/// Reads what a state has written.
pub(crate) struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn fixed<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn double(&mut self) -> Option<f64> {
        self.fixed().map(f64::from_le_bytes)
    }

    pub(super) fn doubles<const N: usize>(&mut self) -> Option<[f64; N]> {
        let mut all = [0.0; N];
        for one in &mut all {
            *one = self.double()?;
        }
        Some(all)
    }

    pub(super) fn long(&mut self) -> Option<u64> {
        self.fixed().map(u64::from_le_bytes)
    }

    pub(super) fn wide(&mut self) -> Option<[u8; 32]> {
        self.fixed()
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        self.fixed().map(|[byte]| byte != 0)
    }

    /// Whatever is left.
    pub(super) fn rest(&mut self) -> &'b [u8] {
        std::mem::take(&mut self.0)
    }

    /// As many bytes as were written with their number.
    pub(super) fn bytes(&mut self) -> Option<&'b [u8]> {
        let count = usize::try_from(self.long()?).ok()?;
        let (first, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(first)
    }
}

pub(super) fn write_doubles(all: &[f64], to: &mut Vec<u8>) {
    all.iter().for_each(|x| to.extend(x.to_le_bytes()));
}

pub(super) fn write_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    to.extend((bytes.len() as u64).to_le_bytes());
    to.extend(bytes);
}
