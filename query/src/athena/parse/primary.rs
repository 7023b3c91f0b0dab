//! What expressions are made of.
//!
//! Owns: literals in their places, names, parentheses, `CASE`, casts, arrays, rows, lambdas, and what follows any of them: `.name`, `[index]`.
//! Does not own: calls (`call`, `special`, `json`), what literals say (`literal`).
//! Invariant: where a word could begin two things, the tokens after it decide, as in Trino the first that can be read wins.

use super::words::Word;
use super::{Parsed, Parser};
use crate::athena::ast::{Current, Expr, ExprKind, Ident, Interval, TypeName, TypeNameKind};
use crate::athena::lexer::Kind;

impl Parser<'_> {
    /// A primary with its fields and subscripts.
    pub(super) fn primary(&mut self) -> Parsed<Expr> {
        let is_item = self.pos == self.item;
        let mut base = self.simple()?;
        loop {
            if self.at(Kind::Dot) {
                let next = self.ahead(1);
                let ends = if is_item { next == Kind::Star } else { self.undecided == 0 && !next.is_name() };
                if ends {
                    return Ok(base);
                }
                self.advance();
                let name = self.name()?;
                self.link()?;
                let span = self.span_from(base.span.start);
                base = Expr { kind: ExprKind::Field { base: Box::new(base), name }, span };
            } else if self.eat(Kind::OpenBracket) {
                let index = Box::new(self.index()?);
                self.expect(Kind::CloseBracket)?;
                self.link()?;
                let span = self.span_from(base.span.start);
                base = Expr { kind: ExprKind::Subscript { base: Box::new(base), index }, span };
            } else {
                return Ok(base);
            }
        }
    }

    fn index(&mut self) -> Parsed<Expr> {
        self.deeper(1, Self::value)
    }

    fn simple(&mut self) -> Parsed<Expr> {
        let start = self.start();
        let kind = self.simple_kind()?;
        Ok(Expr { kind, span: self.span_from(start) })
    }

    fn simple_kind(&mut self) -> Parsed<ExprKind> {
        match self.peek() {
            Kind::Open => self.parenthesised(),
            Kind::Text | Kind::UnicodeText => Ok(ExprKind::String(self.string()?)),
            Kind::Bytes => Ok(self.binary()),
            Kind::Integer | Kind::Decimal | Kind::Double => self.number(),
            Kind::Minus if self.ahead(1).is_number() => self.number(),
            Kind::Question => Ok(self.parameter().kind),
            Kind::Word(word) if !word.is_free() => self.reserved(word),
            kind if kind.is_name() => self.named_thing(),
            _ => self.mismatch(),
        }
    }

    /// Whether an expression can begin with such a token.
    pub(super) fn begins_expression(&self, kind: Kind) -> bool {
        match kind {
            Kind::Open | Kind::Plus | Kind::Minus | Kind::Question | Kind::Bytes => true,
            Kind::Word(word) if !word.is_free() => {
                matches!(
                    word,
                    Word::NULL
                        | Word::TRUE
                        | Word::FALSE
                        | Word::CASE
                        | Word::CAST
                        | Word::EXISTS
                        | Word::NOT
                        | Word::EXTRACT
                        | Word::TRIM
                        | Word::NORMALIZE
                        | Word::LISTAGG
                        | Word::GROUPING
                        | Word::JSON_ARRAY
                        | Word::JSON_EXISTS
                        | Word::JSON_OBJECT
                        | Word::JSON_QUERY
                        | Word::JSON_VALUE
                ) || current(word).is_some()
            }
            _ => kind.is_text() || kind.is_number() || kind.is_name(),
        }
    }

    /// What begins with a word that cannot be a name.
    fn reserved(&mut self, word: Word) -> Parsed<ExprKind> {
        match word {
            Word::NULL | Word::TRUE | Word::FALSE => {
                self.advance();
                Ok(if word == Word::NULL { ExprKind::Null } else { ExprKind::Boolean(word == Word::TRUE) })
            }
            Word::CASE => self.case(),
            Word::CAST => self.cast(false),
            Word::EXISTS => {
                self.advance();
                Ok(ExprKind::Exists(Box::new(self.query_in_parentheses()?)))
            }
            Word::EXTRACT => self.extract(),
            Word::TRIM => self.undecided(Self::trim),
            Word::NORMALIZE => self.normalize(),
            Word::LISTAGG => self.listagg(),
            Word::GROUPING => self.grouping_operation(),
            Word::JSON_ARRAY => self.json_array(),
            Word::JSON_EXISTS => self.json_exists(),
            Word::JSON_OBJECT => self.json_object(),
            Word::JSON_QUERY => self.json_query(),
            Word::JSON_VALUE => self.json_value(),
            _ => match current(word) {
                Some(what) => self.current(what),
                None => self.mismatch(),
            },
        }
    }

    /// What begins with a name.
    fn named_thing(&mut self) -> Parsed<ExprKind> {
        let next = self.ahead(1);
        if let Kind::Word(word) = self.peek() {
            match (word, next) {
                (Word::INTERVAL, _) if self.interval_ahead() => return Ok(self.interval()?.kind),
                (Word::DOUBLE, Kind::Word(Word::PRECISION)) if self.ahead(2).is_text() => return self.double_precision(),
                (Word::ARRAY, Kind::OpenBracket) => return self.array(),
                (Word::ROW, Kind::Open) if self.row_ahead() => return self.undecided(Self::row),
                (Word::POSITION, Kind::Open) => return self.undecided(Self::position),
                (Word::SUBSTRING, Kind::Open) => return self.undecided(Self::substring),
                (Word::TRY_CAST, Kind::Open) => return self.undecided(|parser| parser.cast(true)),
                (Word::RUNNING | Word::FINAL, _) if next.is_name() && self.call_ahead(1) => return self.call(),
                _ => {}
            }
        }
        if next.is_text() {
            return self.typed();
        }
        if next == Kind::Arrow {
            let parameter = self.name()?;
            self.advance();
            return self.lambda(vec![parameter]);
        }
        if self.call_ahead(0) {
            return self.call();
        }
        let name = self.name()?;
        if self.over_ahead() {
            let over = self.over()?;
            return Ok(ExprKind::Measure { name, over: Box::new(over) });
        }
        for kind in [Kind::Open, Kind::Arrow] {
            self.at(kind);
        }
        self.note("<string>");
        Ok(ExprKind::Column(name))
    }

    fn lambda(&mut self, parameters: Vec<Ident>) -> Parsed<ExprKind> {
        Ok(ExprKind::Lambda { parameters, body: Box::new(self.expression()?) })
    }

    /// `(query)`, `(expression)`, `(a, b)` or `(a, b) -> body`.
    fn parenthesised(&mut self) -> Parsed<ExprKind> {
        if self.is_query_at(self.pos) {
            return Ok(ExprKind::Subquery(Box::new(self.query_in_parentheses()?)));
        }
        let is_empty = self.ahead(1) == Kind::Close;
        if is_empty || (self.kind_of(self.closings[self.pos] + 1) == Kind::Arrow && self.parameters_ahead()) {
            self.advance();
            let parameters = if is_empty { Vec::new() } else { self.list(Self::name)? };
            self.expect(Kind::Close)?;
            self.expect(Kind::Arrow)?;
            return self.lambda(parameters);
        }
        self.advance();
        self.note("<query>");
        self.undecided(|parser| {
            let first = parser.expression()?;
            if parser.eat(Kind::Comma) {
                let mut items = vec![first];
                items.append(&mut parser.list(Self::expression)?);
                parser.expect(Kind::Close)?;
                return Ok(ExprKind::Row(items));
            }
            parser.expect(Kind::Close)?;
            Ok(first.kind)
        })
    }

    /// Whether the parentheses here hold names alone.
    fn parameters_ahead(&self) -> bool {
        let inside = &self.tokens[self.pos + 1..self.closings[self.pos]];
        inside.len() % 2 == 1
            && inside
                .iter()
                .enumerate()
                .all(|(i, token)| if i % 2 == 0 { token.kind.is_name() } else { token.kind == Kind::Comma })
    }

    /// `ROW(a, b)`; what only a call can hold makes it a call of a function of that name.
    fn row_ahead(&self) -> bool {
        let call = matches!(self.ahead(2), Kind::Close | Kind::Star | Kind::Word(Word::DISTINCT));
        !call
    }

    fn row(&mut self) -> Parsed<ExprKind> {
        self.advance();
        self.advance();
        let items = self.list(Self::expression)?;
        self.expect(Kind::Close)?;
        Ok(ExprKind::Row(items))
    }

    fn array(&mut self) -> Parsed<ExprKind> {
        self.advance();
        self.advance();
        let items = if self.at(Kind::CloseBracket) { Vec::new() } else { self.list(Self::expression)? };
        self.expect(Kind::CloseBracket)?;
        Ok(ExprKind::Array(items))
    }

    fn case(&mut self) -> Parsed<ExprKind> {
        self.advance();
        let operand = if self.at(Word::WHEN) { None } else { Some(Box::new(self.expression()?)) };
        let mut branches = Vec::new();
        self.expect(Word::WHEN)?;
        loop {
            let when = self.expression()?;
            self.expect(Word::THEN)?;
            branches.push((when, self.expression()?));
            if !self.eat(Word::WHEN) {
                break;
            }
        }
        let otherwise = if self.eat(Word::ELSE) { Some(Box::new(self.expression()?)) } else { None };
        self.expect(Word::END)?;
        Ok(ExprKind::Case { operand, branches, otherwise })
    }

    /// `CAST(x AS type)`, `TRY_CAST(x AS type)`; `try_cast` without `AS` is a function's name.
    fn cast(&mut self, tries: bool) -> Parsed<ExprKind> {
        let start = self.pos;
        self.advance();
        self.expect(Kind::Open)?;
        if tries && !self.begins_expression(self.peek()) {
            self.pos = start;
            return self.call();
        }
        let of = self.expression()?;
        if tries && matches!(self.peek(), Kind::Comma | Kind::Close) {
            return self.call_from(start, of);
        }
        self.expect(Word::AS)?;
        let to = self.type_name()?;
        self.expect(Kind::Close)?;
        Ok(ExprKind::Cast { of: Box::new(of), to, tries })
    }

    /// `name 'text'`
    fn typed(&mut self) -> Parsed<ExprKind> {
        let start = self.start();
        let name = self.name()?;
        if name.text == "x" && !name.quoted {
            let fault = "Spaces are not allowed between 'X' and the starting quote of a binary literal";
            self.object(name.span, fault);
        }
        let kind = match name.text.as_str() {
            "time" | "timestamp" => TypeNameKind::Time { name: name.text, precision: None, zoned: false },
            _ => TypeNameKind::Named { name: name.text.to_ascii_lowercase(), parameters: Vec::new() },
        };
        let ty = TypeName { kind, span: self.span_from(start) };
        Ok(ExprKind::Typed { ty, text: self.string()? })
    }

    fn double_precision(&mut self) -> Parsed<ExprKind> {
        let ty = self.type_name()?;
        Ok(ExprKind::Typed { ty, text: self.string()? })
    }

    /// `INTERVAL '1' DAY`; without a unit after the text it is a column or a type of that name.
    fn interval_ahead(&self) -> bool {
        let sign = usize::from(matches!(self.ahead(1), Kind::Plus | Kind::Minus));
        let text = self.ahead(1 + sign);
        let escape = if text == Kind::UnicodeText && self.ahead(2 + sign) == Kind::Word(Word::UESCAPE) { 2 } else { 0 };
        text.is_text() && self.unit_at(self.pos + 2 + sign + escape)
    }

    pub(super) fn interval(&mut self) -> Parsed<Expr> {
        let start = self.start();
        self.expect(Word::INTERVAL)?;
        let negative = self.at(Kind::Minus);
        if negative || self.at(Kind::Plus) {
            self.advance();
        }
        let text = self.string()?;
        let (from, to) = self.units()?;
        Ok(Expr { kind: ExprKind::Interval(Interval { negative, text, from, to }), span: self.span_from(start) })
    }

    /// `CURRENT_TIMESTAMP(3)` and its like.
    fn current(&mut self, what: Current) -> Parsed<ExprKind> {
        self.advance();
        let takes_precision = matches!(what, Current::Time | Current::Timestamp | Current::LocalTime | Current::LocalTimestamp);
        let precedes = self.undecided > 0 || self.ahead(1) == Kind::Integer;
        if !takes_precision || !self.at(Kind::Open) || !precedes {
            return Ok(ExprKind::Current { what, precision: None });
        }
        self.advance();
        let span = self.expect(Kind::Integer)?;
        let precision = self.source(span).parse().ok();
        if precision.is_none() {
            self.object(span, format!("Invalid precision: {}", self.source(span)));
        }
        self.expect(Kind::Close)?;
        Ok(ExprKind::Current { what, precision })
    }
}

/// What a word like `CURRENT_DATE` gives.
fn current(word: Word) -> Option<Current> {
    Some(match word {
        Word::CURRENT_DATE => Current::Date,
        Word::CURRENT_TIME => Current::Time,
        Word::CURRENT_TIMESTAMP => Current::Timestamp,
        Word::LOCALTIME => Current::LocalTime,
        Word::LOCALTIMESTAMP => Current::LocalTimestamp,
        Word::CURRENT_USER => Current::User,
        Word::CURRENT_CATALOG => Current::Catalog,
        Word::CURRENT_SCHEMA => Current::Schema,
        Word::CURRENT_PATH => Current::Path,
        _ => return None,
    })
}
