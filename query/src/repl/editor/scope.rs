//! Which columns can be named at the cursor.
//!
//! Owns: the tables, aliases, subqueries and names of WITH in the queries around the cursor, with their columns.
//! Does not own: the statement's pieces (`sentence`), what is offered (`complete`), what the statement means (`analyze`).
//! Invariant: a FROM counts wherever it stands, also after the cursor; no relation has more than `COLUMNS_MAX` columns and
//! no more than `DEPTH_MAX` queries are read within each other, so that the work is linear in the statement.

use std::rc::Rc;

use super::known::{Column, Known, Table};
use super::sentence::Sentence;
use crate::athena::{TokenKind, Word};

const COLUMNS_MAX: usize = 300;
const RELATIONS_MAX: usize = 30;
const DEPTH_MAX: usize = 32;

/// What a FROM names.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// Its alias, or the table's name.
    pub(super) name: Option<String>,
    pub(super) columns: Rc<Vec<Column>>,
    /// The table it is, if it is one of the lake.
    pub(super) table: Option<usize>,
    /// Where its own query stands, and whether that sees the relations before it.
    body: Option<(usize, bool)>,
}

/// What can be named at the cursor.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Relations by query, the innermost first.
    pub(super) relations: Vec<Vec<Relation>>,
    /// Names of WITH.
    pub(super) named: Vec<Relation>,
    /// Names that the query's own SELECT gives, for its ORDER BY.
    pub(super) given: Vec<Column>,
    /// Whether the cursor is where FROM lists tables, in no parentheses.
    pub(super) is_in_from: bool,
}

/// What can be named at the cursor of a statement.
pub(super) fn scope(sentence: &Sentence<'_>, known: &Known) -> Scope {
    let reader = Reader { sentence, known };
    let mut scope = Scope::default();
    let around = sentence.around();
    for (n, range) in around.iter().enumerate() {
        let place = around.get(n + 1).map_or(sentence.at, |inner| inner.start - 1);
        let level = sentence.level(range.clone());
        // Where the cursor is at this level: in the parentheses around the query within, if there are such.
        let here = level
            .iter()
            .copied()
            .rfind(|at| *at <= place && *at < sentence.at && sentence.closing(*at).is_some_and(|close| close >= sentence.at));
        let here = here.unwrap_or(place);
        let body = reader.with(&level, &mut scope.named, Some(here));
        let Some(block) = body.and_then(|body| reader.block(&level[body..], Some(here))) else {
            continue;
        };
        let relations = block.from.map_or_else(Vec::new, |from| reader.relations(from, &scope.named, 0));
        let derived = relations.iter().any(|relation| relation.body == Some((here, false)));
        if derived {
            scope.relations.clear();
            continue;
        }
        let words = || block.all.iter().filter(|at| **at < here);
        let is_innermost = n + 1 == around.len() && here == sentence.at;
        scope.is_in_from = is_innermost && words().rfind(|at| reader.is_clause(**at)).is_some_and(|at| sentence.is_from(*at));
        if is_innermost && words().any(|at| sentence.is(*at, Word::ORDER)) {
            scope.given = reader.given(&block, &relations);
        }
        scope.relations.insert(0, relations);
    }
    scope
}

/// A SELECT with what belongs to it, as pieces of its level.
struct Block<'l> {
    all: &'l [usize],
    /// What follows FROM.
    from: Option<&'l [usize]>,
    /// What stands between SELECT and FROM.
    items: &'l [usize],
}

struct Reader<'r, 't> {
    sentence: &'r Sentence<'t>,
    known: &'r Known,
}

impl Reader<'_, '_> {
    /// Reads a WITH; gives where in the level the query after it begins, or `None` when the cursor stands before that.
    fn with(&self, level: &[usize], named: &mut Vec<Relation>, here: Option<usize>) -> Option<usize> {
        let with = level.iter().position(|at| self.sentence.begins_query(*at))?;
        if !self.sentence.is(level[with], Word::WITH) {
            return Some(with);
        }
        let mut at = with + 1;
        at += usize::from(self.sentence.is(level.get(at).copied()?, Word::RECURSIVE));
        let is_recursive = at > with + 1;
        let kind = |at: usize| level.get(at).map_or(TokenKind::End, |at| self.sentence.kind(*at));
        while let Some(name) = level.get(at).and_then(|at| self.sentence.name(*at)) {
            at += 1;
            let columns = (kind(at) == TokenKind::Open).then(|| self.names_in(level[at]));
            at += usize::from(columns.is_some());
            at += usize::from(kind(at) == TokenKind::Word(Word::AS));
            if kind(at) != TokenKind::Open {
                break;
            }
            let open = level[at];
            let is_around = here == Some(open);
            if !is_around || is_recursive {
                let given = self.output(open, named, 0);
                named.push(relation(Some(name), renamed(given, columns.as_deref()), None));
            }
            if is_around {
                return None;
            }
            at += 1;
            if kind(at) != TokenKind::Comma || named.len() >= RELATIONS_MAX {
                break;
            }
            at += 1;
        }
        let rest = level.get(at..)?;
        rest.iter().position(|at| self.sentence.is(*at, Word::SELECT)).map(|select| at + select)
    }

    /// The SELECT that the cursor is in, or the first one.
    fn block<'l>(&self, level: &'l [usize], here: Option<usize>) -> Option<Block<'l>> {
        let is_select = |at: &usize| self.sentence.is(*at, Word::SELECT);
        let begin = match here {
            Some(here) => level.iter().rposition(|at| is_select(at) && *at < here)?,
            None => level.iter().position(is_select)?,
        };
        let next = level[begin + 1..].iter().position(is_select).map_or(level.len(), |next| begin + 1 + next);
        let all = &level[begin..next];
        let from = all.iter().position(|at| self.sentence.is_from(*at));
        let end = all.iter().skip(1).position(|at| self.is_clause(*at)).map_or(all.len(), |end| end + 1);
        let is_distinct = all.get(1).is_some_and(|at| self.sentence.is(*at, Word::DISTINCT) || self.sentence.is(*at, Word::ALL));
        let items = all.get(1 + usize::from(is_distinct)..from.unwrap_or(end)).unwrap_or_default();
        Some(Block { all, from: from.map(|from| &all[from + 1..]), items })
    }

    /// The relations that a FROM lists.
    fn relations(&self, level: &[usize], named: &[Relation], depth: usize) -> Vec<Relation> {
        let mut relations = Vec::new();
        let (mut at, mut is_wanted, mut is_lateral) = (0, true, false);
        while let Some(here) = level.get(at).copied() {
            if self.is_clause(here) || relations.len() >= RELATIONS_MAX {
                break;
            }
            at += 1;
            match self.sentence.kind(here) {
                TokenKind::Word(Word::JOIN) | TokenKind::Comma => (is_wanted, is_lateral) = (true, false),
                TokenKind::Word(Word::LATERAL) if is_wanted => is_lateral = true,
                TokenKind::Open if is_wanted && depth < DEPTH_MAX => {
                    is_wanted = false;
                    let Some(close) = self.sentence.closing(here) else { continue };
                    if self.sentence.begins_query(here + 1) {
                        let given = Rc::new(self.output(here, named, depth + 1));
                        let read = Relation { name: None, columns: given, table: None, body: Some((here, is_lateral)) };
                        relations.push(self.aliased(read, level, &mut at));
                    } else {
                        let joined = self.sentence.level(here + 1..close);
                        relations.extend(self.relations(&joined, named, depth + 1));
                    }
                }
                TokenKind::Word(Word::UNNEST | Word::TABLE) if is_wanted => {
                    is_wanted = false;
                    at += 1;
                    while matches!(self.kind_in(level, at), TokenKind::Word(Word::WITH | Word::ORDINALITY)) {
                        at += 1;
                    }
                    relations.push(self.aliased(relation(None, Vec::new(), None), level, &mut at));
                }
                kind if is_wanted && kind.is_name() => {
                    is_wanted = false;
                    while self.kind_in(level, at) == TokenKind::Dot && self.kind_in(level, at + 1).is_name() {
                        at += 2;
                    }
                    let read = self.table(level[at - 1], named);
                    relations.push(self.aliased(read, level, &mut at));
                }
                _ => {}
            }
        }
        relations
    }

    fn kind_in(&self, level: &[usize], at: usize) -> TokenKind {
        level.get(at).map_or(TokenKind::End, |at| self.sentence.kind(*at))
    }

    /// A name of WITH, the last of that name, or a table.
    fn table(&self, at: usize, named: &[Relation]) -> Relation {
        let name = self.sentence.name(at).unwrap_or_default();
        if self.sentence.kind_before(at, 1) != TokenKind::Dot
            && let Some(found) = named.iter().rfind(|relation| relation.name.as_ref() == Some(&name))
        {
            return found.clone();
        }
        let table = self.known.tables.iter().position(|table| table.name == name);
        let columns = table.map_or_else(Vec::new, |table| self.known.tables[table].columns.clone());
        relation(Some(name), columns, table)
    }

    /// A relation under the alias that follows it, with the columns' names that follow that.
    fn aliased(&self, mut relation: Relation, level: &[usize], at: &mut usize) -> Relation {
        if self.kind_in(level, *at) == TokenKind::Word(Word::TABLESAMPLE) {
            *at += 3;
        }
        *at += usize::from(self.kind_in(level, *at) == TokenKind::Word(Word::AS));
        let alias = level.get(*at).filter(|at| !self.is_clause(**at)).and_then(|at| self.sentence.name(*at));
        if let Some(alias) = alias {
            *at += 1;
            relation.name = Some(alias);
            if self.kind_in(level, *at) == TokenKind::Open {
                let names = self.names_in(level[*at]);
                relation.columns = Rc::new(renamed(relation.columns.to_vec(), Some(&names)));
                *at += 1;
            }
        }
        relation
    }

    fn names_in(&self, open: usize) -> Vec<String> {
        let close = self.sentence.closing(open).unwrap_or(open);
        (open..close).filter_map(|at| self.sentence.name(at)).take(COLUMNS_MAX).collect()
    }

    /// What the query in a parenthesis gives, as far as its columns' names are plain.
    fn output(&self, open: usize, named: &[Relation], depth: usize) -> Vec<Column> {
        let Some(close) = self.sentence.closing(open).filter(|_| depth < DEPTH_MAX) else { return Vec::new() };
        let level = self.sentence.level(open + 1..close);
        let mut named = named.to_vec();
        let block = self.with(&level, &mut named, None).and_then(|body| self.block(&level[body..], None));
        let Some(block) = block else { return Vec::new() };
        let relations = block.from.map_or_else(Vec::new, |from| self.relations(from, &named, depth));
        self.given(&block, &relations)
    }

    /// The columns that a SELECT gives.
    fn given(&self, block: &Block<'_>, relations: &[Relation]) -> Vec<Column> {
        let mut given: Vec<Column> = Vec::new();
        for item in block.items.split(|at| self.sentence.kind(*at) == TokenKind::Comma) {
            let Some(last) = item.last().copied() else { continue };
            let before = item.len().checked_sub(3).map(|at| item[at]).filter(|_| {
                let dot = item.len().checked_sub(2).map(|at| item[at]);
                dot.is_some_and(|dot| self.sentence.kind(dot) == TokenKind::Dot)
            });
            let of = before.and_then(|at| self.sentence.name(at));
            let named = |relation: &&Relation| of.is_none() || relation.name == of;
            let columns = relations.iter().filter(named).flat_map(|relation| relation.columns.iter());
            if self.sentence.kind(last) == TokenKind::Star && (item.len() == 1 || of.is_some()) {
                given.extend(columns.filter(|column| !column.name.starts_with('$')).take(COLUMNS_MAX).cloned());
            } else if let Some(name) = self.sentence.name(last).filter(|_| item.len() == 1 || of.is_some() || self.is_alias(last))
            {
                let is_plain = item.len() == 1 || of.is_some() && item.len() == 3;
                let same = columns.filter(|_| is_plain).find(|column| column.name == name).cloned();
                given.push(same.unwrap_or(Column { name, ty: String::new(), doc: String::new() }));
            }
            if given.len() > COLUMNS_MAX {
                break;
            }
        }
        given.truncate(COLUMNS_MAX);
        given
    }

    /// Whether a name stands after AS, or after the end of an expression.
    fn is_alias(&self, at: usize) -> bool {
        let before = self.sentence.kind_before(at, 1);
        before == TokenKind::Word(Word::AS) || ends_operand(before)
    }

    /// Whether a clause begins here, or another query of the same level.
    fn is_clause(&self, at: usize) -> bool {
        let TokenKind::Word(word) = self.sentence.kind(at) else { return false };
        match word {
            Word::FROM => self.sentence.is_from(at),
            Word::WHERE
            | Word::GROUP
            | Word::HAVING
            | Word::ORDER
            | Word::UNION
            | Word::EXCEPT
            | Word::INTERSECT
            | Word::SELECT => true,
            // Free words: a clause where what they are followed by says so.
            Word::LIMIT | Word::OFFSET | Word::FETCH | Word::WINDOW => {
                let next = self.sentence.kind(at + 1);
                !matches!(next, TokenKind::Dot | TokenKind::Comma | TokenKind::Close) && !ends_before(next)
            }
            _ => false,
        }
    }
}

/// Whether a piece can end an expression, so that another cannot begin after it.
pub(super) fn ends_operand(kind: TokenKind) -> bool {
    match kind {
        TokenKind::Name | TokenKind::Quoted | TokenKind::Bytes | TokenKind::Close | TokenKind::CloseBracket => true,
        TokenKind::Word(Word::END | Word::NULL | Word::TRUE | Word::FALSE) => true,
        kind => kind.is_text() || kind.is_number(),
    }
}

/// Whether a piece compares or computes with what stands before it.
fn ends_before(kind: TokenKind) -> bool {
    use TokenKind::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Minus, NotEqual, Plus, Slash, Star};
    matches!(kind, Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual | Plus | Minus | Star | Slash)
}

fn relation(name: Option<String>, columns: Vec<Column>, table: Option<usize>) -> Relation {
    Relation { name, columns: Rc::new(columns), table, body: None }
}

/// Columns under other names; those beyond them keep theirs.
fn renamed(columns: Vec<Column>, names: Option<&[String]>) -> Vec<Column> {
    let Some(names) = names else { return columns };
    let mut columns = columns.into_iter();
    let of = |name: &String| {
        let column = columns.next().unwrap_or(Column { name: String::new(), ty: String::new(), doc: String::new() });
        Column { name: name.clone(), ..column }
    };
    let mut all: Vec<Column> = names.iter().map(of).collect();
    all.extend(columns);
    all
}

impl Scope {
    /// The tables of the lake of which a column may be, by the relations that can be named; all tables, if by none.
    pub(super) fn tables_with<'k>(&self, known: &'k Known, column: &str) -> Vec<&'k Table> {
        let of = |table: &&Table| table.values.contains_key(column);
        let named = self.relations.iter().flatten().filter_map(|relation| relation.table);
        let tables: Vec<&Table> = named.map(|table| &known.tables[table]).filter(of).collect();
        if tables.is_empty() { known.tables.iter().filter(of).collect() } else { tables }
    }
}
