//! Statements around queries.
//!
//! Owns: `EXPLAIN`, `SHOW`, `DESCRIBE`, prepared statements, and telling what writes from what reads.
//! Does not own: queries (`query`).
//! Invariant: a statement that writes is known by its first word; the rest of it is not read, for it is refused anyway.

use super::words::Word;
use super::{Parsed, Parser};
use crate::athena::ast::{Expr, Like, Span, Statement};
use crate::athena::lexer::Kind;

/// The first words of what changes something.
const WRITES: &[Word] = &[
    Word::ALTER,
    Word::ANALYZE,
    Word::CALL,
    Word::COMMENT,
    Word::CREATE,
    Word::DELETE,
    Word::DENY,
    Word::DROP,
    Word::GRANT,
    Word::INSERT,
    Word::MERGE,
    Word::REFRESH,
    Word::REVOKE,
    Word::TRUNCATE,
    Word::UPDATE,
];

/// The same of Athena, which Trino does not know.
const ATHENA_WRITES: &[&str] = &["msck", "optimize", "unload", "vacuum"];

/// The first words of what is read here.
const READS: &[Word] =
    &[Word::DEALLOCATE, Word::DESC, Word::DESCRIBE, Word::EXECUTE, Word::EXPLAIN, Word::PREPARE, Word::SHOW, Word::WITH];

/// What neither reads data nor writes it.
const OTHERS: &[Word] = &[Word::COMMIT, Word::RESET, Word::ROLLBACK, Word::SET, Word::START, Word::USE];

/// The same after `SHOW`.
const OTHERS_SHOWN: &[Word] = &[Word::CATALOGS, Word::CURRENT, Word::GRANTS, Word::ROLE, Word::ROLES, Word::SESSION, Word::STATS];

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Parsed<Statement> {
        self.deeper(1, Self::statement_here)
    }

    fn statement_here(&mut self) -> Parsed<Statement> {
        let start = self.pos;
        if let Kind::Name = self.peek() {
            let word = self.source(self.peek_span()).to_ascii_lowercase();
            if ATHENA_WRITES.contains(&word.as_str()) {
                self.advance();
                return Ok(self.writes(start));
            }
        }
        if self.eat_one_of(WRITES).is_some() {
            return Ok(self.writes(start));
        }
        if self.eat_one_of(OTHERS).is_some() {
            return Ok(self.other(start));
        }
        match self.peek() {
            Kind::Word(Word::EXPLAIN) => self.explain(),
            Kind::Word(Word::SHOW) => self.show(),
            Kind::Word(Word::DESCRIBE | Word::DESC) => self.describe(),
            Kind::Word(Word::PREPARE) => self.prepare(),
            Kind::Word(Word::EXECUTE) => self.execute(),
            Kind::Word(Word::DEALLOCATE) => {
                self.advance();
                self.expect(Word::PREPARE)?;
                Ok(Statement::Deallocate { name: self.name()? })
            }
            Kind::Word(Word::WITH) if self.ahead(1) == Kind::Word(Word::FUNCTION) && self.ahead(2).is_name() => {
                self.advance();
                self.advance();
                Ok(self.other(start))
            }
            _ => {
                for word in READS {
                    self.at(*word);
                }
                Ok(Statement::Query(Box::new(self.query()?)))
            }
        }
    }

    fn writes(&mut self, start: usize) -> Statement {
        let (words, span) = self.first_words(start);
        Statement::Writes { words, span }
    }

    fn other(&mut self, start: usize) -> Statement {
        let (words, span) = self.first_words(start);
        Statement::Other { words, span }
    }

    /// The first words of a statement, two of them if there are; what follows is passed over.
    fn first_words(&mut self, start: usize) -> (String, Span) {
        if matches!(self.peek(), Kind::Word(_) | Kind::Name) && self.pos == start + 1 {
            self.advance();
        }
        let span = self.span_from(self.tokens[start].span.start);
        // The statement's own words in capitals, a table's name as it is written.
        let words = self.tokens[start..self.pos].iter().enumerate().map(|(at, token)| {
            let source = self.source(token.span);
            if at > 0 && token.kind == Kind::Name { source.to_owned() } else { source.to_ascii_uppercase() }
        });
        let words: Vec<String> = words.collect();
        self.pos = self.tokens.len() - 1;
        (words.join(" "), span)
    }

    fn explain(&mut self) -> Parsed<Statement> {
        self.advance();
        let mut options = Vec::new();
        let analyze = self.eat(Word::ANALYZE);
        if analyze {
            self.eat(Word::VERBOSE);
        } else if self.at(Kind::Open) && matches!(self.ahead(1), Kind::Word(Word::FORMAT | Word::TYPE)) {
            self.advance();
            options = self.list(Self::explain_option)?;
            self.expect(Kind::Close)?;
        }
        Ok(Statement::Explain { analyze, options, statement: Box::new(self.statement()?) })
    }

    fn explain_option(&mut self) -> Parsed<(String, String)> {
        let option = self.expect_one_of(&[Word::FORMAT, Word::TYPE])?;
        let value = if option == Word::FORMAT {
            self.expect_one_of(&[Word::GRAPHVIZ, Word::JSON, Word::TEXT])?
        } else {
            self.expect_one_of(&[Word::DISTRIBUTED, Word::IO, Word::LOGICAL, Word::VALIDATE])?
        };
        Ok((option.text().to_owned(), value.text().to_owned()))
    }

    fn show(&mut self) -> Parsed<Statement> {
        let start = self.pos;
        self.advance();
        if self.eat_one_of(OTHERS_SHOWN).is_some() {
            return Ok(self.other(start));
        }
        let what = [Word::COLUMNS, Word::CREATE, Word::FUNCTIONS, Word::PARTITIONS, Word::SCHEMAS, Word::TABLES];
        match self.expect_one_of(&what)? {
            Word::COLUMNS => {
                self.expect_one_of(&[Word::FROM, Word::IN])?;
                Ok(Statement::ShowColumns { table: self.table_name()?, like: self.like()? })
            }
            Word::CREATE => self.show_create(start),
            Word::FUNCTIONS => {
                let from = if self.eat_from() { Some(self.qualified_name()?) } else { None };
                Ok(Statement::ShowFunctions { from, like: self.like()? })
            }
            // Athena's own.
            Word::PARTITIONS => Ok(Statement::ShowPartitions { table: self.table_name()? }),
            Word::SCHEMAS => {
                let from = if self.eat_from() { Some(self.name()?) } else { None };
                Ok(Statement::ShowSchemas { from, like: self.like()? })
            }
            _ => {
                let from = if self.eat_from() { Some(self.qualified_name()?) } else { None };
                Ok(Statement::ShowTables { from, like: self.like()? })
            }
        }
    }

    fn show_create(&mut self, start: usize) -> Parsed<Statement> {
        match self.expect_one_of(&[Word::MATERIALIZED, Word::SCHEMA, Word::TABLE, Word::VIEW])? {
            Word::TABLE => Ok(Statement::ShowCreateTable { table: self.table_name()? }),
            Word::VIEW => Ok(Statement::ShowCreateView { view: self.table_name()? }),
            _ => Ok(self.other(start)),
        }
    }

    fn eat_from(&mut self) -> bool {
        self.eat_one_of(&[Word::FROM, Word::IN]).is_some()
    }

    /// `LIKE 'pattern' ESCAPE 'c'`
    fn like(&mut self) -> Parsed<Option<Like>> {
        if !self.eat(Word::LIKE) {
            return Ok(None);
        }
        let pattern = self.string()?;
        let escape = if self.eat(Word::ESCAPE) { Some(self.string()?) } else { None };
        Ok(Some(Like { pattern, escape }))
    }

    fn describe(&mut self) -> Parsed<Statement> {
        let start = self.pos;
        let is_long = self.peek() == Kind::Word(Word::DESCRIBE);
        self.advance();
        if is_long && self.ahead(1).is_name() && self.eat_one_of(&[Word::INPUT, Word::OUTPUT]).is_some() {
            return Ok(self.other(start));
        }
        Ok(Statement::ShowColumns { table: self.table_name()?, like: None })
    }

    fn prepare(&mut self) -> Parsed<Statement> {
        self.advance();
        let name = self.name()?;
        self.expect(Word::FROM)?;
        let start = self.start();
        let statement = Box::new(self.statement()?);
        Ok(Statement::Prepare { name, statement, text: self.span_from(start) })
    }

    fn execute(&mut self) -> Parsed<Statement> {
        self.advance();
        if self.peek() == Kind::Word(Word::IMMEDIATE) && self.ahead(1).is_text() {
            self.advance();
            let span = self.peek_span();
            let text = self.string()?;
            return Ok(Statement::ExecuteImmediate { text, span, using: self.using()? });
        }
        let name = self.name()?;
        Ok(Statement::Execute { name, using: self.using()? })
    }

    fn using(&mut self) -> Parsed<Vec<Expr>> {
        if self.eat(Word::USING) { self.list(Self::expression) } else { Ok(Vec::new()) }
    }
}
