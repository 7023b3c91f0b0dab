//! The statement around the cursor, half-written as it is.
//!
//! Owns: its tokens without the word being typed, which parentheses belong together, which of them enclose the cursor.
//! Does not own: what tables and columns it names (`scope`), what may come at the cursor (`complete`).
//! Invariant: a parenthesis that is never closed encloses nothing unless a query begins in it: the FROM after
//! `SELECT sum(` is the query's. Finding this takes time linear in the tokens, whatever stands in them.

use std::ops::Range;

use super::marks::{Class, Mark};
use crate::athena::{TokenKind, Word};

/// How many queries around the cursor are looked at, the innermost ones.
const AROUND_MAX: usize = 16;

/// A token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A statement and the place in it.
#[derive(Debug)]
pub(super) struct Sentence<'t> {
    text: &'t str,
    pieces: Vec<Piece>,
    /// Of an opening parenthesis, where it is closed: the piece, or the end for a query; itself when it encloses nothing.
    closed: Vec<usize>,
    /// Before which piece the cursor is.
    pub(super) at: usize,
}

impl<'t> Sentence<'t> {
    /// The statement of a text around what is being typed, which begins at `begun` and goes on to `cursor`.
    pub(super) fn of(text: &'t str, marks: &[Mark], begun: usize, cursor: usize) -> Self {
        let before = pieces(marks.iter().take_while(|mark| mark.end <= begun));
        let from = before.iter().rposition(|piece| piece.kind == TokenKind::Semicolon).map_or(0, |at| at + 1);
        let mut pieces_here = before[from..].to_vec();
        let at = pieces_here.len();
        let after = pieces(marks.iter().skip_while(|mark| mark.start < cursor));
        pieces_here.extend(after.into_iter().take_while(|piece| piece.kind != TokenKind::Semicolon));
        let mut sentence = Self { text, closed: (0..pieces_here.len()).collect(), pieces: pieces_here, at };
        sentence.close();
        sentence
    }

    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// What a piece is; `End` beyond the last.
    pub(super) fn kind(&self, at: usize) -> TokenKind {
        #[cfg(test)]
        steps::STEPS.with(|steps| steps.set(steps.get() + 1));
        self.pieces.get(at).map_or(TokenKind::End, |piece| piece.kind)
    }

    pub(super) fn is(&self, at: usize, word: Word) -> bool {
        self.kind(at) == TokenKind::Word(word)
    }

    /// What the piece so many before this one is.
    pub(super) fn kind_before(&self, at: usize, back: usize) -> TokenKind {
        at.checked_sub(back).map_or(TokenKind::End, |at| self.kind(at))
    }

    /// A name, without its quotes, in lower case; `None` for what is no name.
    pub(super) fn name(&self, at: usize) -> Option<String> {
        let piece = self.pieces.get(at).filter(|piece| piece.kind.is_name())?;
        let written = &self.text[piece.start..piece.end];
        let inside = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Some(inside.map_or_else(|| written.to_owned(), |inside| inside.replace("\"\"", "\"")).to_lowercase())
    }

    /// Where the parenthesis here is closed; `None` when none that encloses something opens here.
    pub(super) fn closing(&self, at: usize) -> Option<usize> {
        (self.kind(at) == TokenKind::Open && self.closed[at] != at).then(|| self.closed[at])
    }

    /// Whether a query begins here.
    pub(super) fn begins_query(&self, at: usize) -> bool {
        self.is(at, Word::SELECT) || self.is(at, Word::WITH)
    }

    /// Whether a FROM names tables: not that of `EXTRACT(x FROM y)` and its like, nor of `IS DISTINCT FROM`.
    pub(super) fn is_from(&self, at: usize) -> bool {
        let distinct = self.kind_before(at, 1) == TokenKind::Word(Word::DISTINCT)
            && matches!(self.kind_before(at, 2), TokenKind::Word(Word::IS | Word::NOT));
        self.is(at, Word::FROM) && !distinct
    }

    /// The pieces of a range that stand in no parentheses of their own, each of these by its opening one.
    pub(super) fn level(&self, range: Range<usize>) -> Vec<usize> {
        let mut level = Vec::new();
        let mut at = range.start;
        while at < range.end.min(self.len()) {
            level.push(at);
            at = self.closing(at).map_or(at, |close| close.max(at)) + 1;
        }
        level
    }

    /// The insides of the queries around the cursor, the innermost last.
    pub(super) fn around(&self) -> Vec<Range<usize>> {
        let inner = self.enclosing().filter(|open| self.begins_query(open + 1)).map(|open| open + 1..self.closed[open]);
        let mut around: Vec<Range<usize>> = std::iter::once(0..self.len()).chain(inner).collect();
        around.split_off(around.len().saturating_sub(AROUND_MAX))
    }

    /// The innermost parenthesis around the cursor, closed or not.
    pub(super) fn innermost_open(&self) -> Option<usize> {
        let mut open = Vec::new();
        for at in 0..self.at {
            match self.kind(at) {
                TokenKind::Open => open.push(at),
                TokenKind::Close => drop(open.pop()),
                _ => {}
            }
        }
        open.pop()
    }

    fn enclosing(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.at).filter(|open| self.closing(*open).is_some_and(|close| close >= self.at))
    }

    fn close(&mut self) {
        let mut open: Vec<usize> = Vec::new();
        for at in 0..self.len() {
            match self.kind(at) {
                TokenKind::Open => open.push(at),
                TokenKind::Close => {
                    if let Some(last) = open.pop() {
                        self.closed[last] = at;
                    }
                }
                // What is open before the FROM of a query was forgotten, or is not yet closed.
                _ if self.is_from(at) && !open.last().is_some_and(|last| self.takes_from(*last)) => {
                    while open.last().is_some_and(|last| !self.begins_query(last + 1)) {
                        open.pop();
                    }
                }
                _ => {}
            }
        }
        for at in open.into_iter().filter(|at| self.begins_query(at + 1)).collect::<Vec<_>>() {
            self.closed[at] = self.len();
        }
    }

    /// Whether the arguments in a parenthesis are set apart by FROM.
    pub(super) fn takes_from(&self, open: usize) -> bool {
        matches!(self.kind_before(open, 1), TokenKind::Word(Word::EXTRACT | Word::TRIM | Word::SUBSTRING))
    }
}

fn pieces<'m>(marks: impl Iterator<Item = &'m Mark>) -> Vec<Piece> {
    let piece = |mark: &Mark| match mark.class {
        Class::Token(kind) => Some(Piece { kind, start: mark.start, end: mark.end }),
        _ => None,
    };
    marks.filter_map(piece).collect()
}

/// How often a piece is looked at.
#[cfg(test)]
pub(super) mod steps {
    use std::cell::Cell;

    thread_local! {
        pub(super) static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn counted(work: impl FnOnce()) -> usize {
        STEPS.with(|steps| steps.set(0));
        work();
        STEPS.with(Cell::get)
    }
}
