//! Windows.
//!
//! Owns: `OVER`, window specifications, frames, the `WINDOW` clause.
//! Does not own: which frames make sense (`analyze`).
//! Invariant: a row pattern in a window is known but not read.

use super::words::Word;
use super::{Parsed, Parser};
use crate::athena::ast::{Bound, Frame, FrameUnit, Ident, Over, Window};
use crate::athena::lexer::Kind;

/// What a row pattern in a window may begin with, before the frame and after it.
const PATTERN_PARTS: &[Word] = &[Word::AFTER, Word::DEFINE, Word::INITIAL, Word::PATTERN, Word::SEEK, Word::SUBSET];

impl Parser<'_> {
    /// `name AS (window)`
    pub(super) fn named_window(&mut self) -> Parsed<(Ident, Window)> {
        let name = self.name()?;
        self.expect(Word::AS)?;
        self.expect(Kind::Open)?;
        Ok((name, self.window()?))
    }

    pub(super) fn over_ahead(&mut self) -> bool {
        let next = self.ahead(1);
        let certain = next == Kind::Open || (next.is_name() && !self.clause_ahead(1));
        self.at(Word::OVER) && (certain || !self.alias_possible())
    }

    pub(super) fn over(&mut self) -> Parsed<Over> {
        self.expect(Word::OVER)?;
        if self.eat(Kind::Open) {
            return Ok(Over::Window(self.window()?));
        }
        Ok(Over::Named(self.name()?))
    }

    /// What stands in a window's parentheses, and the closing one.
    fn window(&mut self) -> Parsed<Window> {
        self.deeper(1, |parser| {
            let start = parser.start();
            let base = if parser.at_name() && !parser.window_part_ahead() { Some(parser.name()?) } else { None };
            let partition_by =
                if parser.eat_both(Word::PARTITION, Word::BY)? { parser.list(Self::expression)? } else { Vec::new() };
            let order_by = parser.order_by()?;
            let frame = parser.frame()?;
            let span = parser.span_from(start);
            parser.expect(Kind::Close)?;
            Ok(Window { base, partition_by, order_by, frame, span })
        })
    }

    /// Whether the word here begins a part of the window and does not name another window.
    fn window_part_ahead(&self) -> bool {
        match (self.peek(), self.ahead(1)) {
            (Kind::Word(Word::PARTITION), next) => next == Kind::Word(Word::BY),
            (Kind::Word(Word::ROWS | Word::RANGE | Word::GROUPS | Word::MEASURES), next) => !matches!(
                next,
                Kind::Close
                    | Kind::Word(Word::ORDER | Word::PARTITION | Word::ROWS | Word::RANGE | Word::GROUPS | Word::MEASURES)
            ),
            _ => false,
        }
    }

    fn frame(&mut self) -> Parsed<Option<Frame>> {
        let start = self.start();
        let mut pattern = self.eat(Word::MEASURES);
        if pattern {
            self.list(|parser| {
                parser.expression()?;
                parser.expect(Word::AS)?;
                parser.name()
            })?;
        }
        let unit = match self.eat_one_of(&[Word::GROUPS, Word::RANGE, Word::ROWS]) {
            Some(Word::ROWS) => FrameUnit::Rows,
            Some(Word::RANGE) => FrameUnit::Range,
            Some(_) => FrameUnit::Groups,
            None if pattern => return self.mismatch(),
            None => return Ok(None),
        };
        let between = self.eat(Word::BETWEEN);
        let from = self.bound()?;
        let to = if between {
            self.expect(Word::AND)?;
            Some(self.bound()?)
        } else {
            None
        };
        if PATTERN_PARTS.iter().any(|word| self.at(*word)) {
            pattern = true;
            self.skip_pattern();
        }
        Ok(Some(Frame { unit, start: from, end: to, pattern, span: self.span_from(start) }))
    }

    /// Passes over a row pattern, to the end of the window.
    fn skip_pattern(&mut self) {
        while !matches!(self.peek(), Kind::Close | Kind::End) {
            self.pos = if self.peek() == Kind::Open { self.closings[self.pos] } else { self.pos };
            self.advance();
        }
    }

    fn bound(&mut self) -> Parsed<Bound> {
        match (self.peek(), self.ahead(1)) {
            (Kind::Word(Word::UNBOUNDED), Kind::Word(side @ (Word::PRECEDING | Word::FOLLOWING))) => {
                self.advance();
                self.advance();
                Ok(if side == Word::PRECEDING { Bound::UnboundedPreceding } else { Bound::UnboundedFollowing })
            }
            (Kind::Word(Word::CURRENT), Kind::Word(Word::ROW)) => {
                self.advance();
                self.advance();
                Ok(Bound::CurrentRow)
            }
            _ => {
                for word in [Word::BETWEEN, Word::CURRENT, Word::UNBOUNDED] {
                    self.at(word);
                }
                let distance = Box::new(self.expression()?);
                let side = self.expect_one_of(&[Word::FOLLOWING, Word::PRECEDING])?;
                Ok(if side == Word::PRECEDING { Bound::Preceding(distance) } else { Bound::Following(distance) })
            }
        }
    }
}
