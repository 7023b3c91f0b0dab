//! What may come at the cursor.
//!
//! Owns: what is being typed there (a word, a name in quotes, a value), and which names can stand in that place.
//! Does not own: the columns in scope (`scope`), choosing by the word begun (`candidates`), meta-commands (`command`).
//! Invariant: nothing is offered in a comment, nor in a literal but the values of a partition; names that need quotes have them.

use std::collections::HashMap;

use super::candidates::{Candidate, Choice, Offer, among};
use super::known::{Column, Known};
use super::marks::{Class, Mark, marks};
use super::scope::{Relation, Scope, ends_operand, scope};
use super::sentence::Sentence;
use super::{command, words};
use crate::athena::{TokenKind, Word};

/// What may come at the cursor of a text, best first.
pub(crate) fn complete(text: &str, cursor: usize, known: &Known) -> Vec<Candidate> {
    let cursor = (0..=cursor.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let mut marks = marks(text);
    let Some(typed) = Typed::at(&marks, cursor) else { return Vec::new() };
    if let Typed::Command { start } = typed {
        return command::candidates(text, start, cursor, known);
    }
    if matches!(marks.last(), Some(Mark { class: Class::Open(_), start, .. }) if *start < cursor) {
        // What stands after an open quote is read as if it were closed here.
        let shifted = |mark: Mark| Mark { start: mark.start + cursor, end: mark.end + cursor, ..mark };
        marks.extend(self::marks(&text[cursor..]).into_iter().map(shifted));
    }
    let sentence = Sentence::of(text, &marks, typed.begun(), cursor);
    let place = Place { sentence: &sentence, scope: scope(&sentence, known), known, rest: &text[cursor..] };
    match typed {
        Typed::Word { begun } => {
            let word = &text[begun..cursor];
            let values = if word.is_empty() { place.values(true) } else { Vec::new() };
            among(values.into_iter().chain(place.offers(word, Quote::None)), word, begun..cursor)
        }
        Typed::Name { begun } => {
            let word = &text[begun + 1..cursor];
            among(place.offers(word, place.quote('"')), word, begun..cursor)
        }
        Typed::Value { begun } => among(place.values(place.quote('\'') == Quote::Open), &text[begun + 1..cursor], begun..cursor),
        Typed::Command { .. } => Vec::new(),
    }
}

/// What is being typed at the cursor, and where it begins.
#[derive(Debug, Clone, Copy)]
enum Typed {
    /// Maybe of no letter yet.
    Word {
        begun: usize,
    },
    Name {
        begun: usize,
    },
    Value {
        begun: usize,
    },
    Command {
        start: usize,
    },
}

impl Typed {
    fn at(marks: &[Mark], cursor: usize) -> Option<Self> {
        let word = Some(Self::Word { begun: cursor });
        let before = marks.partition_point(|mark| mark.start < cursor);
        let Some(mark) = before.checked_sub(1).map(|at| marks[at]).filter(|mark| cursor <= mark.end) else { return word };
        let (begun, is_inside) = (mark.start, cursor < mark.end);
        match mark.class {
            Class::Command => Some(Self::Command { start: begun }),
            Class::LineComment => None,
            Class::BlockComment if is_inside => None,
            Class::Open('"') => Some(Self::Name { begun }),
            Class::Open('\'') => Some(Self::Value { begun }),
            Class::Open(_) => None,
            Class::Token(TokenKind::Word(_) | TokenKind::Name) => Some(Self::Word { begun }),
            Class::Token(TokenKind::Quoted) if is_inside => Some(Self::Name { begun }),
            Class::Token(TokenKind::Text) if is_inside => Some(Self::Value { begun }),
            Class::Token(TokenKind::Quoted | TokenKind::Backquoted | TokenKind::DigitName) => None,
            Class::Token(kind) if kind.is_text() || kind.is_number() || kind == TokenKind::Bytes => None,
            _ => word,
        }
    }

    fn begun(self) -> usize {
        match self {
            Self::Word { begun } | Self::Name { begun } | Self::Value { begun } | Self::Command { start: begun } => begun,
        }
    }
}

/// How a name's quotes stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Open,
    /// The closing one stands after the cursor already.
    Closed,
}

/// The place of what is typed.
struct Place<'p> {
    sentence: &'p Sentence<'p>,
    scope: Scope,
    known: &'p Known,
    /// The text after the cursor.
    rest: &'p str,
}

impl Place<'_> {
    /// Whether the quote that was begun is closed after the cursor: only if nothing but a name's or a value's rest is between.
    fn quote(&self, quote: char) -> Quote {
        let is_of_it = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '$');
        if self.rest.trim_start_matches(is_of_it).starts_with(quote) { Quote::Closed } else { Quote::Open }
    }

    /// Names that can stand here.
    fn offers(&self, word: &str, quote: Quote) -> Vec<Offer> {
        let (sentence, at) = (self.sentence, self.sentence.at);
        let with = |mut offers: Vec<Offer>, words: Vec<Offer>| {
            offers.extend(words.into_iter().filter(|_| quote == Quote::None));
            offers
        };
        if sentence.kind_before(at, 1) == TokenKind::Dot {
            return self.after_dot(quote);
        }
        if self.is_for_table(at) {
            return with(self.tables(quote), words::in_from(word));
        }
        if sentence.is(0, Word::SHOW) && at == 1 {
            return words::shown(word);
        }
        let begins = at == 0
            || sentence.is(0, Word::EXPLAIN) && matches!(at, 1 | 2) && !sentence.begins_query(1)
            || sentence.is(0, Word::PREPARE) && at == 3;
        if begins {
            return with(Vec::new(), words::starts(word));
        }
        if self.is_after_operand(at) {
            let usual = with(Vec::new(), words::usual(word));
            return if word.is_empty() { usual } else { with(usual, self.expression(word, quote)) };
        }
        self.expression(word, quote)
    }

    /// Columns, then keywords and functions: without a letter, not all that there are.
    fn expression(&self, word: &str, quote: Quote) -> Vec<Offer> {
        let mut offers = self.columns(quote);
        if quote != Quote::None {
            return offers;
        }
        offers.extend(words::usual(word));
        if !word.is_empty() {
            let is_called = self.rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_').starts_with('(');
            offers.extend(words::functions(is_called));
            offers.extend(words::unusual(word));
        }
        offers
    }

    /// Whether a table's name is wanted before this piece.
    fn is_for_table(&self, at: usize) -> bool {
        let sentence = self.sentence;
        let opened = (0..at).rev().take_while(|at| sentence.kind(*at) == TokenKind::Open).count();
        let at = at - opened;
        let Some(before) = at.checked_sub(1) else { return false };
        match sentence.kind(before) {
            TokenKind::Word(Word::FROM) => {
                let extracts = sentence.innermost_open().is_some_and(|open| sentence.takes_from(open));
                sentence.is_from(before) && !extracts && !(sentence.is(0, Word::PREPARE) && before == 2)
            }
            TokenKind::Word(Word::JOIN | Word::INTO) => true,
            TokenKind::Word(Word::DESCRIBE | Word::DESC | Word::TABLE) => before == 0 || !self.is_after_operand(before),
            TokenKind::Word(Word::PARTITIONS) => sentence.is(0, Word::SHOW),
            TokenKind::Word(Word::IN) => sentence.is(0, Word::SHOW) && before == 2,
            TokenKind::Comma => self.scope.is_in_from && opened == 0,
            _ => false,
        }
    }

    /// Whether an expression ends before this piece, so that only what goes on with it may come.
    fn is_after_operand(&self, at: usize) -> bool {
        match self.sentence.kind_before(at, 1) {
            TokenKind::Star => matches!(
                self.sentence.kind_before(at, 2),
                TokenKind::Word(Word::SELECT) | TokenKind::Comma | TokenKind::Dot | TokenKind::Open
            ),
            TokenKind::Word(word) if word.is_free() => !words::is_usual(word.text()),
            kind => ends_operand(kind),
        }
    }

    /// Tables of the lake and of WITH.
    fn tables(&self, quote: Quote) -> Vec<Offer> {
        let named = self.scope.named.iter().rev().filter_map(|relation| relation.name.as_deref());
        let named = named.map(|name| Offer::put(Choice::Table, name, identifier(name, quote), "of WITH".to_owned()));
        named.chain(self.lake_tables(quote)).collect()
    }

    fn lake_tables(&self, quote: Quote) -> impl Iterator<Item = Offer> + '_ {
        let about = |count: usize| format!("{count} columns");
        let table = move |name: &str, count| Offer::put(Choice::Table, name, identifier(name, quote), about(count));
        self.known.tables.iter().map(move |known| table(&known.name, known.columns.len()))
    }

    /// What a name with a dot after it can go on with: the columns of what it names, or the tables of a schema.
    fn after_dot(&self, quote: Quote) -> Vec<Offer> {
        let mut first = self.sentence.at - 1;
        while let Some(name) = first.checked_sub(1).filter(|at| self.sentence.kind(*at).is_name()) {
            first = name;
            match first.checked_sub(1).filter(|at| self.sentence.kind(*at) == TokenKind::Dot) {
                Some(dot) => first = dot,
                None => break,
            }
        }
        if self.is_for_table(first) {
            return self.lake_tables(quote).collect();
        }
        let Some(name) = self.sentence.at.checked_sub(2).and_then(|at| self.sentence.name(at)) else { return Vec::new() };
        let is_named = |relation: &&Relation| relation.name.as_ref() == Some(&name);
        if let Some(relation) = self.scope.relations.iter().flatten().find(is_named) {
            return relation.columns.iter().map(|column| offer(column, "", quote)).collect();
        }
        let table = self.known.tables.iter().find(|table| table.name == name);
        table.into_iter().flat_map(|table| &table.columns).map(|column| offer(column, "", quote)).collect()
    }

    /// Columns that can be named, with what their query calls its tables; before there is a FROM, those of all tables.
    fn columns(&self, quote: Quote) -> Vec<Offer> {
        let mut offers: Vec<Offer> = self.scope.given.iter().map(|column| offer(column, "", quote)).collect();
        let open = self.sentence.innermost_open().and_then(|open| open.checked_sub(1));
        let is_using = open.is_some_and(|at| self.sentence.is(at, Word::USING));
        for relations in &self.scope.relations {
            let mut counts: HashMap<&str, usize> = HashMap::new();
            for column in relations.iter().flat_map(|relation| relation.columns.iter()) {
                *counts.entry(column.name.as_str()).or_default() += 1;
            }
            let is_shared = |column: &Column| !is_using && counts.get(column.name.as_str()).is_some_and(|count| *count > 1);
            for relation in relations {
                let column = |column: &Column| match relation.name.as_deref().filter(|_| is_shared(column)) {
                    Some(of) => offer(column, of, quote),
                    None => offer(column, "", quote),
                };
                offers.extend(relation.columns.iter().filter(|column| !column.name.starts_with('$')).map(column));
            }
            let named = relations.iter().filter_map(|relation| relation.name.as_deref());
            offers.extend(named.map(|name| Offer::put(Choice::Relation, name, identifier(name, quote), String::new())));
        }
        let hidden = self.scope.relations.iter().flatten().flat_map(|relation| relation.columns.iter());
        offers.extend(hidden.filter(|column| column.name.starts_with('$')).map(|column| offer(column, "", quote)));
        if self.scope.relations.iter().all(Vec::is_empty) {
            let tables = self.known.tables.iter().filter(|table| !table.name.contains('$'));
            let columns = tables.flat_map(|table| table.columns.iter().filter(|column| !column.name.starts_with('$')));
            offers.extend(columns.map(|column| offer(column, "", quote)));
        }
        offers
    }

    /// Values of the partition column that is compared with here; `closes` when they are to end with a quote.
    fn values(&self, closes: bool) -> Vec<Offer> {
        let Some(column) = self.compared().and_then(|at| self.sentence.name(at)) else { return Vec::new() };
        let end = if closes { "'" } else { "" };
        let tables = self.scope.tables_with(self.known, &column);
        let values = tables.iter().filter_map(|table| table.values.get(&column)).flatten();
        values
            .map(|value| Offer::put(Choice::Value, value, format!("'{}{end}", value.replace('\'', "''")), String::new()))
            .collect()
    }

    /// The name that the literal here is compared with: `x =`, `x IN (…,`, `x BETWEEN … AND`, and the like.
    fn compared(&self) -> Option<usize> {
        use TokenKind::{Comma, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual, Open};
        let (sentence, at) = (self.sentence, self.sentence.at);
        let mut operator = at.checked_sub(1)?;
        match sentence.kind(operator) {
            Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual => {}
            TokenKind::Word(Word::BETWEEN | Word::LIKE) => {}
            TokenKind::Word(Word::AND) if sentence.kind_before(at, 3) == TokenKind::Word(Word::BETWEEN) => operator = at - 3,
            Open | Comma => {
                let is_listed = |at: &usize| sentence.kind(*at).is_text() || sentence.kind(*at) == Comma;
                let open = (0..at).rev().find(|at| !is_listed(at)).filter(|at| sentence.kind(*at) == Open)?;
                operator = open.checked_sub(1).filter(|at| sentence.is(*at, Word::IN))?;
            }
            _ => return None,
        }
        let name = operator.checked_sub(1)?;
        if sentence.is(name, Word::NOT) { name.checked_sub(1) } else { Some(name) }
    }
}

/// A column; with what stands before its dot, if that is needed.
fn offer(column: &Column, of: &str, quote: Quote) -> Offer {
    let of = if of.is_empty() || quote != Quote::None { String::new() } else { format!("{}.", identifier(of, quote)) };
    let about = [column.ty.as_str(), column.doc.as_str()].join("  ").trim().to_owned();
    Offer::put(Choice::Column, &column.name, format!("{of}{}", identifier(&column.name, quote)), about)
}

/// A name as it is to be written.
fn identifier(name: &str, quote: Quote) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && Word::of(name).is_none_or(Word::is_free);
    match quote {
        Quote::None if is_plain => name.to_owned(),
        Quote::Closed => format!("\"{}", name.replace('"', "\"\"")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}
