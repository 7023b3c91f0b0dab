//! What stands after `FROM`.
//!
//! Owns: joins, aliases, samples, and the relations that are no plain table.
//! Does not own: queries (`query`), expressions (`expr`).
//! Invariant: row patterns and `JSON_TABLE` are known but not read: only their parentheses are.

use super::words::Word;
use super::{Parsed, Parser};
use crate::athena::ast::{
    Ident, JoinKind, JoinOn, Relation, RelationKind, SampleMethod, TableArgument, TableArgumentValue, TableCall,
};
use crate::athena::lexer::Kind;

impl Parser<'_> {
    pub(super) fn relation(&mut self) -> Parsed<Relation> {
        self.deeper(1, |parser| parser.chain(Self::joins))
    }

    fn joins(&mut self) -> Parsed<Relation> {
        let start = self.start();
        let mut left = self.sampled_relation()?;
        while let Some((kind, right, on)) = self.join()? {
            self.link()?;
            let kind = RelationKind::Join { kind, left: Box::new(left), right: Box::new(right), on };
            left = Relation { kind, span: self.span_from(start) };
        }
        Ok(left)
    }

    fn join(&mut self) -> Parsed<Option<(JoinKind, Relation, JoinOn)>> {
        if self.eat(Word::CROSS) {
            self.expect(Word::JOIN)?;
            return Ok(Some((JoinKind::Cross, self.sampled_relation()?, JoinOn::Nothing)));
        }
        let natural = self.eat(Word::NATURAL);
        let Some(kind) = self.join_kind(natural)? else { return Ok(None) };
        if natural {
            return Ok(Some((kind, self.sampled_relation()?, JoinOn::Natural)));
        }
        let right = self.relation()?;
        if self.eat(Word::ON) {
            return Ok(Some((kind, right, JoinOn::Condition(Box::new(self.expression()?)))));
        }
        self.expect(Word::USING)?;
        Ok(Some((kind, right, JoinOn::Using(self.names_in_parentheses()?))))
    }

    /// `INNER JOIN`, `LEFT OUTER JOIN`, …
    fn join_kind(&mut self, must_be: bool) -> Parsed<Option<JoinKind>> {
        let kind = match self.eat_one_of(&[Word::JOIN, Word::INNER, Word::LEFT, Word::RIGHT, Word::FULL]) {
            Some(Word::JOIN) => return Ok(Some(JoinKind::Inner)),
            Some(Word::INNER) => JoinKind::Inner,
            Some(word) => {
                self.eat(Word::OUTER);
                match word {
                    Word::LEFT => JoinKind::Left,
                    Word::RIGHT => JoinKind::Right,
                    _ => JoinKind::Full,
                }
            }
            None if must_be => return self.mismatch(),
            None => return Ok(None),
        };
        self.expect(Word::JOIN)?;
        Ok(Some(kind))
    }

    fn sampled_relation(&mut self) -> Parsed<Relation> {
        let start = self.start();
        let mut relation = self.aliased_relation()?;
        if self.at(Word::MATCH_RECOGNIZE) && self.pattern_ahead() {
            self.advance();
            self.skip_parentheses()?;
            let _ = self.relation_alias()?;
            relation = Relation { kind: RelationKind::MatchRecognize, span: self.span_from(start) };
        }
        if self.eat(Word::TABLESAMPLE) {
            let method = match self.expect_one_of(&[Word::BERNOULLI, Word::SYSTEM])? {
                Word::BERNOULLI => SampleMethod::Bernoulli,
                _ => SampleMethod::System,
            };
            self.expect(Kind::Open)?;
            let percentage = Box::new(self.expression()?);
            self.expect(Kind::Close)?;
            let kind = RelationKind::Sample { of: Box::new(relation), method, percentage };
            relation = Relation { kind, span: self.span_from(start) };
        }
        Ok(relation)
    }

    /// `MATCH_RECOGNIZE (` begins a row pattern unless it reads as an alias with its columns.
    fn pattern_ahead(&self) -> bool {
        let is_alias = self.ahead(2).is_name() && matches!(self.ahead(3), Kind::Comma | Kind::Close);
        self.ahead(1) == Kind::Open && !is_alias
    }

    fn aliased_relation(&mut self) -> Parsed<Relation> {
        let start = self.start();
        let of = self.simple_relation()?;
        Ok(match self.relation_alias()? {
            Some((name, columns)) => {
                Relation { kind: RelationKind::Alias { of: Box::new(of), name, columns }, span: self.span_from(start) }
            }
            None => of,
        })
    }

    /// `[AS] name [(columns)]`
    fn relation_alias(&mut self) -> Parsed<Option<(Ident, Option<Vec<Ident>>)>> {
        let samples =
            self.peek() == Kind::Word(Word::TABLESAMPLE) && matches!(self.ahead(1), Kind::Word(Word::BERNOULLI | Word::SYSTEM));
        let matches = self.peek() == Kind::Word(Word::MATCH_RECOGNIZE) && self.pattern_ahead();
        if samples || matches {
            return Ok(None);
        }
        let Some(name) = self.alias()? else { return Ok(None) };
        let columns = if self.at(Kind::Open) { Some(self.names_in_parentheses()?) } else { None };
        Ok(Some((name, columns)))
    }

    fn simple_relation(&mut self) -> Parsed<Relation> {
        let start = self.start();
        let kind = match self.peek() {
            Kind::Open if self.is_query_at(self.pos) => {
                RelationKind::Subquery { query: Box::new(self.query_in_parentheses()?), lateral: false }
            }
            Kind::Open => {
                self.advance();
                let relation = self.relation()?;
                self.expect(Kind::Close)?;
                return Ok(relation);
            }
            Kind::Word(Word::UNNEST) => self.unnest()?,
            Kind::Word(Word::LATERAL) if self.ahead(1) == Kind::Open => {
                self.advance();
                RelationKind::Subquery { query: Box::new(self.query_in_parentheses()?), lateral: true }
            }
            Kind::Word(Word::TABLE) => {
                self.advance();
                self.expect(Kind::Open)?;
                let call = Box::new(self.table_call()?);
                self.expect(Kind::Close)?;
                RelationKind::Function { call }
            }
            Kind::Word(Word::JSON_TABLE) => {
                self.advance();
                self.skip_parentheses()?;
                RelationKind::JsonTable
            }
            _ => self.table()?,
        };
        Ok(Relation { kind, span: self.span_from(start) })
    }

    fn table(&mut self) -> Parsed<RelationKind> {
        let begins = [Kind::Open, Word::JSON_TABLE.into(), Word::LATERAL.into(), Word::TABLE.into(), Word::UNNEST.into()];
        for kind in begins {
            self.at(kind);
        }
        let name = self.table_name()?;
        let version = if self.eat(Word::FOR) {
            self.expect_one_of(&[Word::TIMESTAMP, Word::VERSION])?;
            self.expect(Word::AS)?;
            self.expect(Word::OF)?;
            Some(Box::new(self.value()?))
        } else {
            None
        };
        Ok(RelationKind::Table { name, version })
    }

    fn unnest(&mut self) -> Parsed<RelationKind> {
        self.advance();
        self.expect(Kind::Open)?;
        let arrays = self.list(Self::expression)?;
        self.expect(Kind::Close)?;
        let ordinality = self.eat_both(Word::WITH, Word::ORDINALITY)?;
        Ok(RelationKind::Unnest { arrays, ordinality })
    }

    fn table_call(&mut self) -> Parsed<TableCall> {
        let start = self.start();
        let name = self.qualified_name()?;
        self.expect(Kind::Open)?;
        let mut arguments = Vec::new();
        if !self.at(Kind::Close) && !self.copartition_ahead() {
            arguments = self.list(Self::table_argument)?;
        }
        if self.eat(Word::COPARTITION) {
            self.list(Self::skip_parentheses)?;
        }
        self.expect(Kind::Close)?;
        Ok(TableCall { name, arguments, span: self.span_from(start) })
    }

    fn copartition_ahead(&self) -> bool {
        self.peek() == Kind::Word(Word::COPARTITION) && self.ahead(1) == Kind::Open
    }

    fn table_argument(&mut self) -> Parsed<TableArgument> {
        let mut name = None;
        if self.peek().is_name() && self.ahead(1) == Kind::FatArrow {
            name = Some(self.name()?);
            self.advance();
        }
        let value = match self.peek() {
            Kind::Word(Word::TABLE) => self.table_as_argument()?,
            Kind::Word(Word::DESCRIPTOR) if self.ahead(1) == Kind::Open => {
                self.advance();
                self.skip_parentheses()?;
                TableArgumentValue::Descriptor
            }
            _ => TableArgumentValue::Expr(self.expression()?),
        };
        Ok(TableArgument { name, value })
    }

    /// `TABLE(t) PARTITION BY … PRUNE WHEN EMPTY ORDER BY …`
    fn table_as_argument(&mut self) -> Parsed<TableArgumentValue> {
        self.advance();
        self.skip_parentheses()?;
        if !self.copartition_ahead() && !matches!(self.peek(), Kind::Word(Word::PARTITION | Word::PRUNE | Word::KEEP)) {
            let _ = self.relation_alias()?;
        }
        if self.eat_both(Word::PARTITION, Word::BY)? {
            let empty = self.peek() == Kind::Open && self.ahead(1) == Kind::Close;
            if empty {
                self.skip_parentheses()?;
            } else {
                let _ = self.expression()?;
            }
        }
        if self.eat_one_of(&[Word::PRUNE, Word::KEEP]).is_some() {
            self.expect(Word::WHEN)?;
            self.expect(Word::EMPTY)?;
        }
        if self.eat_both(Word::ORDER, Word::BY)? {
            if self.at(Kind::Open) {
                self.skip_parentheses()?;
            } else {
                let _ = self.sort_item()?;
            }
        }
        Ok(TableArgumentValue::Table)
    }

    /// Passes over `( … )`, whatever it holds.
    pub(super) fn skip_parentheses(&mut self) -> Parsed<()> {
        let open = self.pos;
        self.expect(Kind::Open)?;
        self.pos = self.closings[open];
        self.expect(Kind::Close)?;
        Ok(())
    }
}
