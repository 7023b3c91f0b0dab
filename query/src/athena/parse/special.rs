//! The forms that look like calls and have words inside.
//!
//! Owns: `EXTRACT`, `TRIM`, `SUBSTRING`, `POSITION`, `NORMALIZE`, `LISTAGG`, `GROUPING`.
//! Does not own: the JSON forms (`json`), plain calls (`call`).
//! Invariant: a form becomes the call that Trino makes of it.

use super::call::call_named;
use super::words::Word;
use super::{Parsed, Parser};
use crate::athena::ast::{Expr, ExprKind, Overflow};
use crate::athena::lexer::Kind;

/// What `EXTRACT` can take out.
const FIELDS: &[&str] = &[
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "day_of_month",
    "day_of_week",
    "dow",
    "day_of_year",
    "doy",
    "year_of_week",
    "yow",
    "hour",
    "minute",
    "second",
    "timezone_minute",
    "timezone_hour",
];

impl Parser<'_> {
    /// The name of a form and its `(`.
    fn open_form(&mut self) -> Parsed<()> {
        self.advance();
        self.expect(Kind::Open)?;
        Ok(())
    }

    /// `)`, and the call that the form stands for.
    fn close_form(&mut self, start: usize, name: &str, arguments: Vec<Expr>) -> Parsed<ExprKind> {
        self.expect(Kind::Close)?;
        Ok(ExprKind::Call(Box::new(call_named(name, arguments, self.span_from(start)))))
    }

    pub(super) fn extract(&mut self) -> Parsed<ExprKind> {
        let start = self.start();
        self.open_form()?;
        let field = self.name()?;
        if field.quoted || !FIELDS.contains(&field.text.as_str()) {
            self.object(self.span_from(start), format!("Invalid EXTRACT field: {}", self.source(field.span)));
        }
        self.expect(Word::FROM)?;
        let of = Box::new(self.inner_value()?);
        self.expect(Kind::Close)?;
        Ok(ExprKind::Extract { field, of })
    }

    /// An operand inside a form: one level deeper.
    fn inner_value(&mut self) -> Parsed<Expr> {
        self.deeper(1, Self::value)
    }

    pub(super) fn trim(&mut self) -> Parsed<ExprKind> {
        let start = self.start();
        self.open_form()?;
        let side = self.trim_side();
        let has_from = side.is_some();
        let mut characters = None;
        if self.eat(Word::FROM) {
            if !has_from {
                let fault = "The 'trim' function must have specification, char or both arguments when it takes FROM";
                self.object(self.span_from(start), fault);
            }
        } else {
            characters = Some(self.inner_value()?);
            if has_from {
                self.expect(Word::FROM)?;
            } else if !self.eat(Word::FROM) {
                let mut arguments: Vec<Expr> = characters.into_iter().collect();
                if self.eat(Kind::Comma) {
                    arguments.push(self.inner_value()?);
                }
                return self.close_form(start, "trim", arguments);
            }
        }
        let mut arguments = vec![self.inner_value()?];
        arguments.extend(characters);
        let name = match side {
            Some(Word::LEADING) => "ltrim",
            Some(Word::TRAILING) => "rtrim",
            _ => "trim",
        };
        self.close_form(start, name, arguments)
    }

    /// `LEADING`, `TRAILING`, `BOTH`: names as well, if nothing follows that they could be the side of.
    fn trim_side(&mut self) -> Option<Word> {
        let next = self.ahead(1);
        // `both + a`, `both(a)` and `both 'a'` are values as well, unless the form has a `FROM`.
        let is_value = matches!(next, Kind::Plus | Kind::Minus | Kind::Open) || next.is_text();
        let takes_side = self.begins_expression(next) && (!is_value || self.trim_takes_from());
        let is_side = next == Kind::Word(Word::FROM) || takes_side;
        let side = [Word::BOTH, Word::LEADING, Word::TRAILING].into_iter().find(|word| self.at(*word)).filter(|_| is_side);
        if side.is_some() {
            self.advance();
        }
        side
    }

    /// Whether the parentheses of the `TRIM` just opened hold a `FROM` of their own.
    fn trim_takes_from(&self) -> bool {
        let Some(open) = self.pos.checked_sub(1) else { return false };
        let mut index = self.pos;
        while index < self.closings[open] {
            match self.kind_of(index) {
                Kind::Word(Word::FROM) => return true,
                Kind::Open => index = self.closings[index],
                _ => {}
            }
            index += 1;
        }
        false
    }

    /// `SUBSTRING(text FROM start FOR length)` or a plain call.
    pub(super) fn substring(&mut self) -> Parsed<ExprKind> {
        let (start, first) = (self.start(), self.pos);
        if !self.value_begins_at(first + 2) {
            return self.call();
        }
        self.open_form()?;
        let text = self.inner_value()?;
        if !self.eat(Word::FROM) {
            let text = self.expression_from(text)?;
            return self.call_from(first, text);
        }
        let mut arguments = vec![text, self.inner_value()?];
        if self.eat(Word::FOR) {
            arguments.push(self.inner_value()?);
        }
        self.close_form(start, "substr", arguments)
    }

    /// `POSITION(part IN text)` or a plain call.
    pub(super) fn position(&mut self) -> Parsed<ExprKind> {
        let (start, first) = (self.start(), self.pos);
        if !self.value_begins_at(first + 2) {
            return self.call();
        }
        self.open_form()?;
        let part = self.inner_value()?;
        if !self.eat(Word::IN) {
            let part = self.expression_from(part)?;
            return self.call_from(first, part);
        }
        let text = self.inner_value()?;
        self.close_form(start, "strpos", vec![text, part])
    }

    /// Whether a value begins at this token, and not what only a call can hold.
    fn value_begins_at(&self, index: usize) -> bool {
        let kind = self.kind_of(index);
        let quantified = kind == Kind::Word(Word::ALL) && self.begins_expression(self.kind_of(index + 1));
        self.begins_expression(kind) && kind != Kind::Word(Word::NOT) && !quantified
    }

    pub(super) fn normalize(&mut self) -> Parsed<ExprKind> {
        let start = self.start();
        self.open_form()?;
        let text = self.inner_value()?;
        let mut form = "NFC".to_owned();
        if self.eat(Kind::Comma) {
            form = self.expect_one_of(&[Word::NFC, Word::NFD, Word::NFKC, Word::NFKD])?.text().to_owned();
        }
        let form = Expr { kind: ExprKind::String(form), span: self.span_from(start) };
        self.close_form(start, "normalize", vec![text, form])
    }

    pub(super) fn listagg(&mut self) -> Parsed<ExprKind> {
        let start = self.start();
        self.open_form()?;
        let distinct = self.set_quantifier(&[]);
        let mut arguments = vec![self.expression()?];
        if self.eat(Kind::Comma) {
            let separator = self.start();
            let text = self.string()?;
            arguments.push(Expr { kind: ExprKind::String(text), span: self.span_from(separator) });
        }
        let overflow = if self.eat_both(Word::ON, Word::OVERFLOW)? { Some(self.overflow()?) } else { None };
        self.expect(Kind::Close)?;
        self.expect(Word::WITHIN)?;
        self.expect(Word::GROUP)?;
        self.expect(Kind::Open)?;
        self.expect(Word::ORDER)?;
        self.expect(Word::BY)?;
        let order_by = self.list(Self::sort_item)?;
        self.expect(Kind::Close)?;
        let filter = self.filter()?;
        let mut call = call_named("listagg", arguments, self.span_from(start));
        call.distinct = distinct;
        call.order_by = order_by;
        call.filter = filter;
        call.overflow = overflow;
        Ok(ExprKind::Call(Box::new(call)))
    }

    fn overflow(&mut self) -> Parsed<Overflow> {
        if self.expect_one_of(&[Word::ERROR, Word::TRUNCATE])? == Word::ERROR {
            return Ok(Overflow::Error);
        }
        self.note("<string>");
        let filler = if self.peek().is_text() { Some(self.string()?) } else { None };
        let with_count = self.expect_one_of(&[Word::WITH, Word::WITHOUT])? == Word::WITH;
        self.expect(Word::COUNT)?;
        Ok(Overflow::Truncate { filler, with_count })
    }

    /// `GROUPING(a, t.b)`: columns only.
    pub(super) fn grouping_operation(&mut self) -> Parsed<ExprKind> {
        self.open_form()?;
        let columns = if self.at(Kind::Close) { Vec::new() } else { self.list(Self::column)? };
        self.expect(Kind::Close)?;
        Ok(ExprKind::Grouping(columns))
    }

    fn column(&mut self) -> Parsed<Expr> {
        self.chain(|parser| {
            let start = parser.start();
            let first = parser.name()?;
            let mut column = Expr { kind: ExprKind::Column(first), span: parser.span_from(start) };
            while parser.eat(Kind::Dot) {
                let name = parser.name()?;
                parser.link()?;
                column = Expr { kind: ExprKind::Field { base: Box::new(column), name }, span: parser.span_from(start) };
            }
            Ok(column)
        })
    }
}
