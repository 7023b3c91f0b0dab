//! Expressions: what binds how tightly.
//!
//! Owns: `OR`, `AND`, `NOT`, predicates, arithmetic, signs and `AT TIME ZONE`, from the loosest to the tightest.
//! Does not own: what they are made of (`primary`).
//! Invariant: a predicate is not an operand: `a = b = c` and `a < b IS NULL` are errors, as in Trino.

use super::words::Word;
use super::{Parsed, Parser};
use crate::athena::ast::{ArithmeticOp, At, Comparison, Expr, ExprKind, UnaryOp};
use crate::athena::lexer::Kind;

/// The comparisons, in the order of messages.
const COMPARISONS: &[(Kind, Comparison)] = &[
    (Kind::Equal, Comparison::Equal),
    (Kind::NotEqual, Comparison::NotEqual),
    (Kind::Less, Comparison::Less),
    (Kind::LessOrEqual, Comparison::LessOrEqual),
    (Kind::Greater, Comparison::Greater),
    (Kind::GreaterOrEqual, Comparison::GreaterOrEqual),
];

/// The arithmetic operators, with their tightness.
const OPERATORS: &[(Kind, ArithmeticOp, u8)] = &[
    (Kind::Star, ArithmeticOp::Multiply, 3),
    (Kind::Slash, ArithmeticOp::Divide, 3),
    (Kind::Percent, ArithmeticOp::Modulus, 3),
    (Kind::Plus, ArithmeticOp::Add, 2),
    (Kind::Minus, ArithmeticOp::Subtract, 2),
    (Kind::Concat, ArithmeticOp::Concat, 1),
];

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.named("<expression>", |parser| parser.deeper(1, |parser| parser.disjunction(None)))
    }

    /// The rest of an expression that begins with this value.
    pub(super) fn expression_from(&mut self, value: Expr) -> Parsed<Expr> {
        self.disjunction(Some(value))
    }

    fn disjunction(&mut self, first: Option<Expr>) -> Parsed<Expr> {
        let start = first.as_ref().map_or(self.start(), |value| value.span.start);
        let left = self.conjunction(start, first)?;
        if !self.eat(Word::OR) {
            return Ok(left);
        }
        let mut terms = vec![left];
        loop {
            terms.push(self.conjunction(self.start(), None)?);
            if !self.eat(Word::OR) {
                return Ok(Expr { kind: ExprKind::Or(terms), span: self.span_from(start) });
            }
        }
    }

    fn conjunction(&mut self, start: usize, first: Option<Expr>) -> Parsed<Expr> {
        let left = self.negation(first)?;
        if !self.eat(Word::AND) {
            return Ok(left);
        }
        let mut terms = vec![left];
        loop {
            terms.push(self.negation(None)?);
            if !self.eat(Word::AND) {
                return Ok(Expr { kind: ExprKind::And(terms), span: self.span_from(start) });
            }
        }
    }

    fn negation(&mut self, first: Option<Expr>) -> Parsed<Expr> {
        let value = match first {
            Some(value) => value,
            None if self.peek() == Kind::Word(Word::NOT) => return self.chain(Self::negations),
            None => self.value()?,
        };
        self.predicate(value)
    }

    fn negations(&mut self) -> Parsed<Expr> {
        let mut starts = Vec::new();
        while self.peek() == Kind::Word(Word::NOT) {
            starts.push(self.advance().start);
        }
        let value = self.value()?;
        let mut expr = self.predicate(value)?;
        for start in starts.into_iter().rev() {
            self.link()?;
            expr = Expr { kind: ExprKind::Not(Box::new(expr)), span: self.span_from(start) };
        }
        Ok(expr)
    }

    /// The predicate that may follow a value: one only.
    fn predicate(&mut self, left: Expr) -> Parsed<Expr> {
        let compares = COMPARISONS.iter().any(|(kind, _)| *kind == self.peek());
        let found = compares || matches!(self.peek(), Kind::Word(Word::NOT | Word::BETWEEN | Word::IN | Word::LIKE | Word::IS));
        self.note("<predicate>");
        if !found {
            return Ok(left);
        }
        let (start, first) = (left.span.start, self.pos);
        if self.peek() == Kind::Word(Word::IN) {
            if self.pos == self.watched {
                self.expected.clear();
                return Ok(left);
            }
            let kind = self.in_predicate(false, Box::new(left)).inspect_err(|_| self.blame(first))?;
            return Ok(Expr { kind, span: self.span_from(start) });
        }
        let kind = self.named("<predicate>", |parser| parser.predicate_on(Box::new(left)))?;
        Ok(Expr { kind, span: self.span_from(start) })
    }

    fn predicate_on(&mut self, of: Box<Expr>) -> Parsed<ExprKind> {
        let at = At(self.peek_span());
        for (kind, op) in COMPARISONS {
            if self.eat(*kind) {
                return self.comparison(*op, at, of);
            }
        }
        if self.eat(Word::IS) {
            return self.is_predicate(of);
        }
        let negated = self.eat(Word::NOT);
        if self.at(Word::IN) {
            return self.in_predicate(negated, of);
        }
        match self.expect_one_of(&[Word::BETWEEN, Word::LIKE])? {
            Word::BETWEEN => {
                let low = Box::new(self.value()?);
                self.expect(Word::AND)?;
                Ok(ExprKind::Between { negated, of, low, high: Box::new(self.value()?) })
            }
            _ => {
                let pattern = Box::new(self.value()?);
                let escape = if self.eat(Word::ESCAPE) { Some(Box::new(self.value()?)) } else { None };
                Ok(ExprKind::Like { negated, of, pattern, escape })
            }
        }
    }

    fn is_predicate(&mut self, left: Box<Expr>) -> Parsed<ExprKind> {
        let negated = self.eat(Word::NOT);
        if self.expect_one_of(&[Word::DISTINCT, Word::NULL])? == Word::NULL {
            return Ok(ExprKind::IsNull { negated, of: left });
        }
        self.expect(Word::FROM)?;
        Ok(ExprKind::Distinct { negated, left, right: Box::new(self.value()?) })
    }

    fn comparison(&mut self, op: Comparison, at: At, left: Box<Expr>) -> Parsed<ExprKind> {
        let quantifier =
            if let Kind::Word(word @ (Word::ALL | Word::ANY | Word::SOME)) = self.peek() { Some(word) } else { None };
        for word in [Word::ALL, Word::ANY, Word::SOME] {
            self.at(word);
        }
        match quantifier {
            // `ALL ((SELECT 1))` reads as a call of a function.
            Some(word) if self.ahead(1) == Kind::Open && self.holds_only_query(self.pos + 1) => {
                self.advance();
                let open = self.pos;
                let query = Box::new(self.query_in_parentheses().inspect_err(|_| self.blame(open))?);
                Ok(ExprKind::Quantified { op, all: word == Word::ALL, left, query })
            }
            _ => Ok(ExprKind::Compare { op, at, left, right: Box::new(self.value()?) }),
        }
    }

    fn in_predicate(&mut self, negated: bool, of: Box<Expr>) -> Parsed<ExprKind> {
        self.advance();
        if self.at(Kind::Open) && self.holds_only_query(self.pos) {
            return Ok(ExprKind::InQuery { negated, of, query: Box::new(self.query_in_parentheses()?) });
        }
        self.expect(Kind::Open)?;
        self.note("<query>");
        let list = self.list(Self::expression)?;
        self.expect(Kind::Close)?;
        Ok(ExprKind::In { negated, of, list })
    }

    /// Whether this `(` opens a query that cannot be read as an expression: `((SELECT 1))` can.
    fn holds_only_query(&self, open: usize) -> bool {
        let doubled = self.kind_of(open + 1) == Kind::Open && self.kind_of(self.closings[open + 1] + 1) == Kind::Close;
        self.is_query_at(open) && !doubled
    }

    /// An operand of a predicate.
    pub(super) fn value(&mut self) -> Parsed<Expr> {
        self.named("<expression>", |parser| parser.arithmetic(1))
    }

    /// Operators that bind at least so tightly.
    fn arithmetic(&mut self, tightness: u8) -> Parsed<Expr> {
        self.chain(|parser| {
            let mut left = parser.signed()?;
            while let (at, Some((op, tight))) = (At(parser.peek_span()), parser.operator(tightness)) {
                let right = parser.named("<expression>", |parser| parser.arithmetic(tight + 1))?;
                parser.link()?;
                let span = parser.span_from(left.span.start);
                let kind = ExprKind::Arithmetic { op, at, left: Box::new(left), right: Box::new(right) };
                left = Expr { kind, span };
            }
            Ok(left)
        })
    }

    fn operator(&mut self, tightness: u8) -> Option<(ArithmeticOp, u8)> {
        for (kind, op, tight) in OPERATORS {
            if *tight >= tightness && self.eat(*kind) {
                return Some((*op, *tight));
            }
        }
        None
    }

    /// A value with its signs; `-1` is a number, not a sign before one.
    fn signed(&mut self) -> Parsed<Expr> {
        if !matches!(self.peek(), Kind::Plus | Kind::Minus) || self.negative_number_ahead() {
            return self.zoned();
        }
        let mut signs = Vec::new();
        while matches!(self.peek(), Kind::Plus | Kind::Minus) && !self.negative_number_ahead() {
            let op = if self.peek() == Kind::Plus { UnaryOp::Plus } else { UnaryOp::Minus };
            signs.push((op, self.advance().start));
        }
        let mut expr = self.named("<expression>", Self::zoned)?;
        for (op, start) in signs.into_iter().rev() {
            self.link()?;
            expr = Expr { kind: ExprKind::Unary { op, of: Box::new(expr) }, span: self.span_from(start) };
        }
        Ok(expr)
    }

    fn negative_number_ahead(&self) -> bool {
        self.peek() == Kind::Minus && self.ahead(1).is_number()
    }

    /// `value AT TIME ZONE zone`
    fn zoned(&mut self) -> Parsed<Expr> {
        let mut of = self.primary()?;
        while self.at(Word::AT) && (self.ahead(1) == Kind::Word(Word::TIME) || !self.alias_possible()) {
            self.advance();
            self.expect(Word::TIME)?;
            self.expect(Word::ZONE)?;
            let zone = if self.at(Word::INTERVAL) {
                self.interval()?
            } else {
                let start = self.start();
                let text = self.string()?;
                Expr { kind: ExprKind::String(text), span: self.span_from(start) }
            };
            self.link()?;
            let span = self.span_from(of.span.start);
            of = Expr { kind: ExprKind::AtTimeZone { of: Box::new(of), zone: Box::new(zone) }, span };
        }
        Ok(of)
    }
}
