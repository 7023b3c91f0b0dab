//! Queries.
//!
//! Owns: `WITH`, set operations and their binding, `SELECT` and its clauses, `VALUES`, `TABLE`, ordering and limits.
//! Does not own: what stands after `FROM` (`relation`), expressions (`expr`), windows (`window`).
//! Invariant: a word that can be a name begins a clause only where what follows it cannot follow a name.

use super::words::Word;
use super::{Parsed, Parser, QUERY_LEVELS};
use crate::athena::ast::{
    Body, Expr, ExprKind, GroupBy, Grouping, Limit, NamedQuery, Query, Select, SelectItem, SetOp, SortItem, Span,
};
use crate::athena::lexer::Kind;

impl Parser<'_> {
    pub(super) fn query(&mut self) -> Parsed<Query> {
        self.named("<query>", |parser| {
            parser.deeper(QUERY_LEVELS, |parser| {
                let start = parser.start();
                let mut recursive = false;
                let mut with = Vec::new();
                if parser.eat(Word::WITH) {
                    recursive = parser.eat(Word::RECURSIVE);
                    with = parser.list(Self::named_query)?;
                }
                parser.query_after_with(start, recursive, with)
            })
        })
    }

    fn named_query(&mut self) -> Parsed<NamedQuery> {
        let name = self.name()?;
        let columns = if self.at(Kind::Open) { Some(self.names_in_parentheses()?) } else { None };
        self.expect(Word::AS)?;
        Ok(NamedQuery { name, columns, query: self.query_in_parentheses()? })
    }

    pub(super) fn query_in_parentheses(&mut self) -> Parsed<Query> {
        self.expect(Kind::Open)?;
        let query = self.query()?;
        self.expect(Kind::Close)?;
        Ok(query)
    }

    fn query_after_with(&mut self, start: usize, recursive: bool, with: Vec<NamedQuery>) -> Parsed<Query> {
        let body = self.body(1)?;
        let order_by = self.order_by()?;
        let offset = if self.eat(Word::OFFSET) {
            let count = self.row_count()?;
            let _ = self.eat_one_of(&[Word::ROW, Word::ROWS]);
            Some(count)
        } else {
            None
        };
        let limit = self.limit()?;
        Ok(Query { with, recursive, body, order_by, offset, limit, span: self.span_from(start) })
    }

    pub(super) fn order_by(&mut self) -> Parsed<Vec<SortItem>> {
        if !self.eat_both(Word::ORDER, Word::BY)? {
            return Ok(Vec::new());
        }
        self.list(Self::sort_item)
    }

    pub(super) fn sort_item(&mut self) -> Parsed<SortItem> {
        let expr = self.expression()?;
        let descending = self.eat_one_of(&[Word::ASC, Word::DESC]) == Some(Word::DESC);
        let nulls_first =
            if self.eat(Word::NULLS) { Some(self.expect_one_of(&[Word::FIRST, Word::LAST])? == Word::FIRST) } else { None };
        Ok(SortItem { expr, descending, nulls_first })
    }

    fn limit(&mut self) -> Parsed<Option<Limit>> {
        let start = self.start();
        if self.eat(Word::LIMIT) {
            return if self.eat(Word::ALL) { Ok(None) } else { Ok(Some(Limit::Rows(self.row_count()?))) };
        }
        if !self.eat(Word::FETCH) {
            return Ok(None);
        }
        self.expect_one_of(&[Word::FIRST, Word::NEXT])?;
        let has_count = self.at(Kind::Integer) | self.at(Kind::Question);
        let count = if has_count { Some(self.row_count()?) } else { None };
        self.expect_one_of(&[Word::ROW, Word::ROWS])?;
        let with_ties = self.expect_one_of(&[Word::ONLY, Word::WITH])? == Word::WITH;
        if with_ties {
            self.expect(Word::TIES)?;
        }
        Ok(Some(Limit::Fetch { count, with_ties, span: self.span_from(start) }))
    }

    /// A number of rows: digits or a parameter, never an expression.
    fn row_count(&mut self) -> Parsed<Expr> {
        if self.at(Kind::Question) {
            return Ok(self.parameter());
        }
        let span = self.expect(Kind::Integer)?;
        Ok(Expr { kind: ExprKind::Integer(self.source(span).replace('_', "")), span })
    }

    /// Set operations that bind at least so tightly: `INTERSECT` 2, the others 1.
    fn body(&mut self, tightness: u8) -> Parsed<Body> {
        self.chain(|parser| {
            let start = parser.start();
            let mut left = parser.simple_body()?;
            loop {
                let (op, right_tightness) = match parser.set_operator(tightness) {
                    Some(SetOp::Intersect) => (SetOp::Intersect, 3),
                    Some(op) => (op, 2),
                    None => return Ok(left),
                };
                let distinct = parser.eat_one_of(&[Word::ALL, Word::DISTINCT]) != Some(Word::ALL);
                let right = parser.body(right_tightness)?;
                parser.link()?;
                let span = parser.span_from(start);
                left = Body::SetOperation { op, distinct, left: Box::new(left), right: Box::new(right), span };
            }
        })
    }

    fn set_operator(&mut self, tightness: u8) -> Option<SetOp> {
        if tightness <= 2 && self.eat(Word::INTERSECT) {
            return Some(SetOp::Intersect);
        }
        if tightness > 1 {
            return None;
        }
        self.eat_one_of(&[Word::EXCEPT, Word::UNION]).map(|word| if word == Word::UNION { SetOp::Union } else { SetOp::Except })
    }

    fn simple_body(&mut self) -> Parsed<Body> {
        let start = self.start();
        if self.at(Word::SELECT) {
            return Ok(Body::Select(Box::new(self.select()?)));
        }
        if self.eat(Word::TABLE) {
            return Ok(Body::Table { name: self.table_name()?, span: self.span_from(start) });
        }
        if self.eat(Word::VALUES) {
            return Ok(Body::Values { rows: self.list(Self::expression)?, span: self.span_from(start) });
        }
        self.expect(Kind::Open)?;
        let query = self.deeper(QUERY_LEVELS, |parser| {
            let start = parser.start();
            parser.query_after_with(start, false, Vec::new())
        })?;
        self.expect(Kind::Close)?;
        Ok(Body::Nested(Box::new(query)))
    }

    fn select(&mut self) -> Parsed<Select> {
        let start = self.start();
        self.expect(Word::SELECT)?;
        let distinct = self.set_quantifier(&[Kind::Star]);
        let items = self.list(Self::select_item)?;
        let from = if self.eat(Word::FROM) { self.list(Self::relation)? } else { Vec::new() };
        let filter = if self.eat(Word::WHERE) { Some(self.expression()?) } else { None };
        let group_by = if self.eat_both(Word::GROUP, Word::BY)? { Some(self.group_by()?) } else { None };
        let having = if self.eat(Word::HAVING) { Some(self.expression()?) } else { None };
        let windows = if self.eat(Word::WINDOW) { self.list(Self::named_window)? } else { Vec::new() };
        Ok(Select { distinct, items, from, filter, group_by, having, windows, span: self.span_from(start) })
    }

    /// `DISTINCT` or `ALL`; the latter can also be a name, and is one unless something follows that it could quantify.
    pub(super) fn set_quantifier(&mut self, also: &[Kind]) -> bool {
        let next = self.ahead(1);
        let quantifies = (self.begins_expression(next) && !self.clause_ahead(1)) || also.contains(&next);
        if self.at(Word::ALL) && quantifies {
            self.advance();
        }
        self.eat(Word::DISTINCT)
    }

    fn select_item(&mut self) -> Parsed<SelectItem> {
        let start = self.start();
        if self.at(Kind::Star) {
            return Ok(SelectItem::All { span: self.advance() });
        }
        self.item = self.pos;
        let around = std::mem::replace(&mut self.item_depth, self.depth + 1);
        let expr = self.expression()?;
        self.item_depth = around;
        if self.peek() == Kind::Dot && self.ahead(1) == Kind::Star {
            self.advance();
            self.advance();
            let aliases = if self.eat(Word::AS) { self.names_in_parentheses()? } else { Vec::new() };
            return Ok(SelectItem::AllOf { of: expr, aliases, span: self.span_from(start) });
        }
        Ok(SelectItem::Expr { expr, alias: self.alias()? })
    }

    fn group_by(&mut self) -> Parsed<GroupBy> {
        let start = self.start();
        let distinct = self.set_quantifier(&[Kind::Word(Word::ROLLUP), Kind::Word(Word::CUBE)]);
        let elements = self.list(Self::grouping)?;
        Ok(GroupBy { distinct, elements, span: self.span_from(start) })
    }

    fn grouping(&mut self) -> Parsed<Grouping> {
        if self.eat(Word::ROLLUP) {
            return Ok(Grouping::Rollup(self.grouping_sets(true)?));
        }
        if self.eat(Word::CUBE) {
            return Ok(Grouping::Cube(self.grouping_sets(true)?));
        }
        if self.at(Word::GROUPING) && self.ahead(1) == Kind::Word(Word::SETS) {
            self.advance();
            self.advance();
            return Ok(Grouping::Sets(self.grouping_sets(false)?));
        }
        Ok(Grouping::Simple(self.grouping_set()?))
    }

    fn grouping_sets(&mut self, may_be_empty: bool) -> Parsed<Vec<Vec<Expr>>> {
        let start = self.start();
        self.expect(Kind::Open)?;
        if may_be_empty && self.eat(Kind::Close) {
            self.object(self.span_from(start), "grouping sets cannot be empty");
            return Ok(Vec::new());
        }
        let sets = self.list(Self::grouping_set)?;
        self.expect(Kind::Close)?;
        Ok(sets)
    }

    /// `(a, b)`, `()` or an expression, which may itself begin with a parenthesis.
    fn grouping_set(&mut self) -> Parsed<Vec<Expr>> {
        let is_list = self.at(Kind::Open) && !self.is_query_at(self.pos) && !self.expression_goes_on(self.closings[self.pos] + 1);
        if !is_list {
            return Ok(vec![self.expression()?]);
        }
        self.advance();
        self.undecided(|parser| {
            let set = if parser.at(Kind::Close) { Vec::new() } else { parser.list(Self::expression)? };
            parser.expect(Kind::Close)?;
            Ok(set)
        })
    }

    /// Whether an expression that ended before this token goes on with it.
    fn expression_goes_on(&self, index: usize) -> bool {
        match self.kind_of(index) {
            Kind::Word(Word::AT) => self.kind_of(index + 1) == Kind::Word(Word::TIME),
            Kind::Word(Word::AND | Word::OR | Word::IN | Word::IS | Word::NOT | Word::BETWEEN | Word::LIKE) => true,
            Kind::Dot | Kind::OpenBracket | Kind::Arrow => true,
            Kind::Plus | Kind::Minus | Kind::Star | Kind::Slash | Kind::Percent | Kind::Concat => true,
            Kind::Equal | Kind::NotEqual | Kind::Less | Kind::LessOrEqual | Kind::Greater | Kind::GreaterOrEqual => true,
            _ => false,
        }
    }

    /// Whether this `(` opens a query, and not an expression or a relation that only begins with one.
    pub(super) fn is_query_at(&self, open: usize) -> bool {
        self.kind_of(open + 1) == Kind::Word(Word::WITH) || self.is_plain_query_at(open)
    }

    fn is_plain_query_at(&self, open: usize) -> bool {
        let mut open = open;
        loop {
            match self.kind_of(open + 1) {
                Kind::Word(Word::SELECT | Word::VALUES | Word::TABLE) => return true,
                Kind::Open => {
                    let after = self.closings[open + 1] + 1;
                    let goes_on = match self.kind_of(after) {
                        Kind::Close => true,
                        Kind::Word(Word::UNION | Word::EXCEPT | Word::INTERSECT | Word::ORDER) => true,
                        _ => after > self.pos && self.clause_ahead(after - self.pos),
                    };
                    if !goes_on {
                        return false;
                    }
                    open += 1;
                }
                _ => return false,
            }
        }
    }

    /// `?`
    pub(super) fn parameter(&mut self) -> Expr {
        let span: Span = self.advance();
        self.parameters += 1;
        Expr { kind: ExprKind::Parameter(self.parameters - 1), span }
    }
}
