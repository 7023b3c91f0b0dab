//! What is offered, chosen by what is typed.
//!
//! Owns: the match of a word begun with a name, the bound on how many are offered.
//! Does not own: which names may come (`complete`, `command`), showing them (`equip`).
//! Invariant: what begins with the word comes in the order given, and alone; only where nothing does, what is like it.

use std::collections::HashSet;
use std::ops::Range;

use crate::athena::nearest;

/// How many are offered at most.
pub(super) const CANDIDATES_MAX: usize = 100;
/// No name is longer.
const WORD_BYTES_MAX: usize = 128;

/// What something offered is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Column,
    /// A table or an alias of the query, to be followed by a dot.
    Relation,
    Table,
    Keyword,
    Function,
    Value,
    Command,
    Statement,
    File,
}

/// What may be put in place of a part of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// What is put in.
    pub(crate) text: String,
    /// What it is, for the eye.
    pub(crate) about: String,
    /// What it replaces: from here
    pub(crate) start: usize,
    /// up to here.
    pub(crate) end: usize,
    pub(crate) choice: Choice,
}

/// What may be offered if it is like the word begun.
#[derive(Debug)]
pub(super) struct Offer {
    choice: Choice,
    /// What the word is compared with.
    name: String,
    text: String,
    about: String,
}

impl Offer {
    pub(super) fn new(choice: Choice, name: &str, about: &str) -> Self {
        Self::put(choice, name, name.to_owned(), about.to_owned())
    }

    /// One that puts in another text than its name.
    pub(super) fn put(choice: Choice, name: &str, text: String, about: String) -> Self {
        Self { choice, name: name.to_owned(), text, about }
    }

    fn begins_with(&self, word: &str) -> bool {
        self.name.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
    }

    /// Whether the word's letters stand in the name in their order, the first at its beginning.
    fn is_like(&self, word: &str) -> bool {
        let mut letters = self.name.chars().map(|letter| letter.to_ascii_lowercase());
        let mut wanted = word.chars().map(|letter| letter.to_ascii_lowercase());
        wanted.next() == letters.next() && wanted.all(|wanted| letters.any(|letter| letter == wanted))
    }

    fn candidate(self, span: &Range<usize>) -> Candidate {
        Candidate { text: self.text, about: self.about, start: span.start, end: span.end, choice: self.choice }
    }
}

/// Those of the offers that a word begun asks for, to replace `span`.
pub(super) fn among(offers: impl IntoIterator<Item = Offer>, word: &str, span: Range<usize>) -> Vec<Candidate> {
    if word.len() > WORD_BYTES_MAX {
        return Vec::new();
    }
    let (begun, rest): (Vec<Offer>, Vec<Offer>) = offers.into_iter().partition(|offer| offer.begins_with(word));
    let chosen = if begun.is_empty() { alike(rest, word) } else { begun };
    let mut seen = HashSet::new();
    let mut candidates: Vec<Candidate> = chosen.into_iter().map(|offer| offer.candidate(&span)).collect();
    candidates.retain(|candidate| seen.insert(candidate.text.to_lowercase()));
    candidates.truncate(CANDIDATES_MAX);
    candidates
}

/// Those with the word's letters in order, the shorter before the longer; if there are none, the one nearest to it.
fn alike(offers: Vec<Offer>, word: &str) -> Vec<Offer> {
    if word.chars().nth(1).is_none() {
        return Vec::new();
    }
    let near = nearest(word, offers.iter().map(|offer| offer.name.as_str())).map(str::to_owned);
    let (mut alike, rest): (Vec<Offer>, Vec<Offer>) = offers.into_iter().partition(|offer| offer.is_like(word));
    alike.sort_by_key(|offer| offer.name.len());
    if alike.is_empty() {
        return rest.into_iter().filter(|offer| near.as_ref() == Some(&offer.name)).take(1).collect();
    }
    alike
}
