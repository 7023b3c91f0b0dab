//! Reading a statement: Trino 449's grammar for reading statements, as a recursive descent.
//!
//! Owns: the way from text to tree, the cursor over the tokens, the error with its place and what was expected there.
//! Does not own: cutting tokens (`lexer`), the tree (`ast`), and whether what was read makes sense (`analyze`).
//! Invariant: a text is taken if and only if Trino takes it, and an error stands at the token where Trino puts it; nothing a
//! statement says can overflow the stack, neither here nor when its tree is walked or dropped.

mod call;
mod expr;
mod hints;
mod json;
mod literal;
mod primary;
mod query;
mod relation;
mod special;
mod statement;
#[cfg(test)]
mod tests;
mod types;
mod window;
pub(crate) mod words;

use std::collections::BTreeSet;

use self::words::Word;
use super::ast::{Ident, QualifiedName, Span, Statement};
use super::error::{AthenaError, ErrorName};
use super::lexer::{Kind, Token, tokens};
use super::stack;

/// How many levels a tree may have: nested queries and expressions, and the terms of a left-deep chain (`a + b + …`, joins, `UNION`s).
/// Conditions joined by `AND` or `OR` and lists are one level, parentheses leave none. A walk over the tree spends its stack on each
/// level, so all walks have the stack of `stack::planning`, where a level may take 80 KiB: three times what the greediest rule takes
/// in a build without optimisation. (Trino adds up 1,000 terms, and refuses 5,000.)
const DEEPEST: usize = 1200;

/// The levels that a nested query counts for: reading one takes so many more stack frames than reading an expression.
const QUERY_LEVELS: usize = 3;

/// Reads a whole statement.
pub(crate) fn parse(text: &str) -> Result<Statement, AthenaError> {
    stack::planning(|| {
        let tokens = tokens(text);
        let mut parser = Parser::new(text, &tokens, NOWHERE);
        match parser.whole() {
            Ok(statement) => parser.objection.map_or(Ok(statement), Err),
            Err(Stop) => {
                let mismatch = Fault::Mismatch { at: parser.pos, blamed: parser.pos };
                Err(parser.fault.unwrap_or(mismatch).into_error(text, &tokens))
            }
        }
    })
}

fn too_deep(span: Span) -> AthenaError {
    let message = format!("statement is too large (nested or chained more than {DEEPEST} levels deep)");
    AthenaError::at(ErrorName::SyntaxError, span, message)
}

/// The parser has stopped; why is in its `fault`.
#[derive(Debug, Clone, Copy)]
struct Stop;

type Parsed<T> = Result<T, Stop>;

enum Fault {
    /// The token that no rule takes, and the one that is blamed for it.
    Mismatch {
        at: usize,
        blamed: usize,
    },
    Said(AthenaError),
    TooDeep(Span),
}

impl Fault {
    /// With the place, what was expected there and the way out.
    fn into_error(self, text: &str, tokens: &[Token]) -> AthenaError {
        let (at, blamed) = match self {
            Fault::Said(error) => return error,
            Fault::TooDeep(span) => return too_deep(span),
            Fault::Mismatch { at, blamed } => (at, blamed),
        };
        let mut again = Parser::new(text, tokens, blamed);
        // It stops where it stopped before.
        let _ = again.whole();
        let expected: Vec<String> = again.expected.into_iter().collect();
        let span = tokens[blamed].span;
        let input = if tokens[blamed].kind == Kind::End { "<EOF>" } else { &text[span.start..span.end] };
        let message = format!("mismatched input '{input}'. Expecting: {}", expected.join(", "));
        let error = AthenaError::at(ErrorName::SyntaxError, span, message);
        match hints::rewrite(text, tokens, at) {
            Some(how) => error.rewrite(how),
            None => error,
        }
    }
}

/// No token: nothing is watched.
const NOWHERE: usize = usize::MAX;

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    /// For each `(` the `)` that closes it, or the end.
    closings: Vec<usize>,
    pos: usize,
    /// Where a select item began: only there `x.*` may stand.
    item: usize,
    /// How deep the expression of the innermost select item stands: there a word after an expression may be its alias.
    item_depth: usize,
    /// How many forms around this place Trino can tell only by reading them to their end: in them it blames the very token.
    undecided: usize,
    parameters: usize,
    depth: usize,
    /// How deep the part of the tree that is being read reaches.
    deepest: usize,
    /// What the grammar allows and Trino then refuses: it counts only if the whole text can be read. The first one.
    objection: Option<AthenaError>,
    fault: Option<Fault>,
    /// The token at which what could have stood there is collected; the text is read a second time for it, so that reading a
    /// good statement costs nothing for it.
    watched: usize,
    expected: BTreeSet<String>,
    /// Inside a rule that was collected under its own name.
    hushed: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, tokens: &'a [Token], watched: usize) -> Self {
        Self {
            text,
            tokens,
            closings: closings(tokens),
            pos: 0,
            item: NOWHERE,
            item_depth: NOWHERE,
            undecided: 0,
            parameters: 0,
            depth: 0,
            deepest: 0,
            objection: None,
            fault: None,
            watched,
            expected: BTreeSet::new(),
            hushed: false,
        }
    }

    fn whole(&mut self) -> Parsed<Statement> {
        let statement = self.statement()?;
        self.expect(Kind::End)?;
        Ok(statement)
    }

    /// The kind of the token that is so far ahead.
    fn ahead(&self, distance: usize) -> Kind {
        self.kind_of(self.pos + distance)
    }

    fn kind_of(&self, index: usize) -> Kind {
        self.tokens.get(index).map_or(Kind::End, |token| token.kind)
    }

    fn peek(&self) -> Kind {
        self.ahead(0)
    }

    fn peek_span(&self) -> Span {
        self.tokens[self.pos.min(self.tokens.len() - 1)].span
    }

    fn start(&self) -> usize {
        self.peek_span().start
    }

    /// From there to the end of the last token taken.
    fn span_from(&self, start: usize) -> Span {
        let end = self.pos.checked_sub(1).map_or(start, |last| self.tokens[last].span.end);
        Span { start, end: end.max(start) }
    }

    fn source(&self, span: Span) -> &'a str {
        &self.text[span.start..span.end]
    }

    fn advance(&mut self) -> Span {
        let span = self.peek_span();
        if self.pos + 1 < self.tokens.len() {
            self.pos += 1;
        }
        span
    }

    fn at(&mut self, kind: impl Into<Kind>) -> bool {
        let kind = kind.into();
        let found = self.peek() == kind;
        if self.pos == self.watched && !self.hushed {
            self.expected.insert(kind.shown());
        }
        found
    }

    fn eat(&mut self, kind: impl Into<Kind>) -> bool {
        let found = self.at(kind);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, kind: impl Into<Kind>) -> Parsed<Span> {
        if self.at(kind) { Ok(self.advance()) } else { self.mismatch() }
    }

    /// One of these words, which is taken.
    fn eat_one_of(&mut self, words: &[Word]) -> Option<Word> {
        words.iter().copied().find(|word| self.at(*word)).inspect(|_| {
            self.advance();
        })
    }

    fn expect_one_of(&mut self, words: &[Word]) -> Parsed<Word> {
        match self.eat_one_of(words) {
            Some(word) => Ok(word),
            None => self.mismatch(),
        }
    }

    /// Which of two words stands here.
    fn either_at(&mut self, one: Word, other: Word) -> Option<Word> {
        let (one_found, other_found) = (self.at(one), self.at(other));
        if one_found { Some(one) } else { other_found.then_some(other) }
    }

    /// Two words or none.
    fn eat_both(&mut self, first: Word, second: Word) -> Parsed<bool> {
        let found = self.eat(first);
        if found {
            self.expect(second)?;
        }
        Ok(found)
    }

    /// That a rule could have stood here.
    fn note(&mut self, rule: &str) {
        if self.pos == self.watched && !self.hushed {
            self.expected.insert(rule.to_owned());
        }
    }

    /// Reads a rule that messages call by its name instead of listing what it may begin with.
    fn named<T>(&mut self, rule: &str, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.note(rule);
        let before = self.hushed;
        self.hushed = before || self.pos == self.watched;
        let result = read(self);
        self.hushed = before;
        result
    }

    fn mismatch<T>(&mut self) -> Parsed<T> {
        // Of two ways that both fail, the one that got further says where.
        let before = if let Some(Fault::Mismatch { at, .. }) = self.fault { at } else { 0 };
        let at = self.pos.max(before);
        self.fault = Some(Fault::Mismatch { at, blamed: at });
        Err(Stop)
    }

    /// Puts a mismatch at this token. Trino decides at some tokens by reading on to the end of what they begin, and blames them
    /// for whatever does not fit there.
    fn blame(&mut self, token: usize) {
        if self.undecided == 0
            && let Some(Fault::Mismatch { blamed, .. }) = &mut self.fault
        {
            *blamed = token;
        }
    }

    /// Reads what Trino can tell only by reading it to its end.
    fn undecided<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.undecided += 1;
        // After an error it stays: the error is Trino's within this form.
        let result = read(self)?;
        self.undecided -= 1;
        Ok(result)
    }

    /// Whether a word after the expression being read could be its alias.
    fn alias_possible(&self) -> bool {
        self.depth == self.item_depth
    }

    fn say<T>(&mut self, span: Span, message: impl Into<String>) -> Parsed<T> {
        self.fault = Some(Fault::Said(AthenaError::at(ErrorName::SyntaxError, span, message)));
        Err(Stop)
    }

    fn object(&mut self, span: Span, message: impl Into<String>) {
        self.objection.get_or_insert_with(|| AthenaError::at(ErrorName::SyntaxError, span, message));
    }

    /// Reads one level deeper, by so many levels.
    fn deeper<T>(&mut self, levels: usize, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let around = self.deepest;
        self.depth += levels;
        self.deepest = self.depth;
        self.check_depth()?;
        let result = read(self);
        self.depth -= levels;
        self.deepest = self.deepest.max(around);
        result
    }

    /// Reads a left-deep chain, whose first term each `link` puts one level deeper.
    fn chain<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        let around = std::mem::replace(&mut self.deepest, self.depth);
        let result = read(self);
        self.deepest = self.deepest.max(around);
        result
    }

    fn link(&mut self) -> Parsed<()> {
        self.deepest += 1;
        self.check_depth()
    }

    fn check_depth(&mut self) -> Parsed<()> {
        if self.deepest <= DEEPEST {
            return Ok(());
        }
        self.fault = Some(Fault::TooDeep(self.peek_span()));
        Err(Stop)
    }

    /// `item, item, …`
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat(Kind::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn at_name(&mut self) -> bool {
        self.note("<identifier>");
        self.peek().is_name()
    }

    fn name(&mut self) -> Parsed<Ident> {
        if !self.at_name() {
            return self.mismatch();
        }
        let kind = self.peek();
        let span = self.peek_span();
        let source = self.source(span);
        match kind {
            Kind::Backquoted => {
                let fault = "backquoted identifiers are not supported; use double quotes to quote identifiers";
                let how = format!("\"{}\"", source.trim_matches('`').replace("``", "`"));
                self.fault = Some(Fault::Said(AthenaError::at(ErrorName::SyntaxError, span, fault).rewrite(how)));
                Err(Stop)
            }
            Kind::DigitName => {
                let fault = "identifiers must not start with a digit; surround the identifier with double quotes";
                self.fault =
                    Some(Fault::Said(AthenaError::at(ErrorName::SyntaxError, span, fault).rewrite(format!("\"{source}\""))));
                Err(Stop)
            }
            Kind::Quoted if source.len() == 2 => self.say(span, "Zero-length delimited identifier not allowed"),
            Kind::Quoted => {
                self.advance();
                let text = literal::unquoted(source, "\"");
                Ok(Ident { written: text.clone(), text, quoted: true, span })
            }
            _ => {
                self.advance();
                Ok(Ident { text: source.to_ascii_lowercase(), written: source.to_owned(), quoted: false, span })
            }
        }
    }

    fn qualified_name(&mut self) -> Parsed<QualifiedName> {
        let mut parts = vec![self.name()?];
        while self.eat(Kind::Dot) {
            parts.push(self.name()?);
        }
        Ok(QualifiedName(parts))
    }

    /// The name of a table: of a catalog, a schema and a table at most.
    fn table_name(&mut self) -> Parsed<QualifiedName> {
        let start = self.start();
        let name = self.qualified_name()?;
        if name.0.len() > 3 {
            self.object(self.span_from(start), format!("Too many dots in table name: {name}"));
        }
        Ok(name)
    }

    /// `(name, …)`
    fn names_in_parentheses(&mut self) -> Parsed<Vec<Ident>> {
        self.expect(Kind::Open)?;
        let names = self.list(Self::name)?;
        self.expect(Kind::Close)?;
        Ok(names)
    }

    /// Whether a clause begins so far ahead with a word that could also be a name.
    fn clause_ahead(&self, distance: usize) -> bool {
        let next = self.ahead(distance + 1);
        match self.ahead(distance) {
            Kind::Word(Word::LIMIT) => matches!(next, Kind::Integer | Kind::Question | Kind::Word(Word::ALL)),
            Kind::Word(Word::OFFSET) => matches!(next, Kind::Integer | Kind::Question),
            Kind::Word(Word::FETCH) => matches!(next, Kind::Word(Word::FIRST | Word::NEXT)),
            Kind::Word(Word::WINDOW) => {
                next.is_name() && (self.ahead(distance + 2) == Kind::Word(Word::AS) || !self.clause_ahead(distance + 1))
            }
            _ => false,
        }
    }

    /// `[AS] name`
    fn alias(&mut self) -> Parsed<Option<Ident>> {
        if self.eat(Word::AS) {
            return Ok(Some(self.name()?));
        }
        let found = self.at_name() && !self.clause_ahead(0);
        if found { Ok(Some(self.name()?)) } else { Ok(None) }
    }
}

/// For each `(` the index of its `)`; what is never closed ends with the text.
fn closings(tokens: &[Token]) -> Vec<usize> {
    let mut closings = vec![tokens.len() - 1; tokens.len()];
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open => open.push(index),
            Kind::Close => {
                if let Some(start) = open.pop() {
                    closings[start] = index;
                }
            }
            _ => {}
        }
    }
    closings
}
