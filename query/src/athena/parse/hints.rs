//! The way out of widely made mistakes.
//!
//! Owns: recognising, at the token where a text stopped being Trino's SQL, what was meant, and writing it in Trino's words.
//! Does not own: finding that token.
//! Invariant: a hint only ever adds to an error.

use super::words::Word;
use crate::athena::lexer::{Kind, Token};

/// How to write what fails at this token.
pub(super) fn rewrite(text: &str, tokens: &[Token], at: usize) -> Option<String> {
    let place = Place { text, tokens, at };
    place.by_mark().or_else(|| place.by_word()).or_else(|| place.by_word_before())
}

struct Place<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Place<'a> {
    fn kind(&self, distance: isize) -> Kind {
        let index = self.at.checked_add_signed(distance);
        index.and_then(|index| self.tokens.get(index)).map_or(Kind::End, |token| token.kind)
    }

    fn source(&self, distance: isize) -> &'a str {
        let index = self.at.checked_add_signed(distance);
        index.and_then(|index| self.tokens.get(index)).map_or("", |token| &self.text[token.span.start..token.span.end])
    }

    fn is(&self, distance: isize, word: &str) -> bool {
        self.source(distance).eq_ignore_ascii_case(word)
    }

    /// By the mark that does not fit.
    fn by_mark(&self) -> Option<String> {
        let rest = &self.text[self.tokens[self.at].span.start..];
        Some(match self.kind(0) {
            Kind::Semicolon => "one statement at a time, without `;`".to_owned(),
            Kind::Colon if self.kind(1) == Kind::Colon => self.cast(),
            Kind::Colon if self.kind(1).is_name() => "`?` for a parameter, with EXECUTE … USING".to_owned(),
            Kind::Greater if self.kind(-1) == Kind::Arrow => "json_extract_scalar(value, '$.key')".to_owned(),
            Kind::Arrow if self.kind(1) == Kind::Greater => "json_extract_scalar(value, '$.key')".to_owned(),
            Kind::Arrow => "json_extract(value, '$.key')".to_owned(),
            Kind::Equal if self.kind(-1) == Kind::Equal => "`=` compares; there is no `==`".to_owned(),
            Kind::Greater if self.kind(-1) == Kind::LessOrEqual => "a IS NOT DISTINCT FROM b".to_owned(),
            Kind::OpenBrace => "MAP(ARRAY[keys], ARRAY[values])".to_owned(),
            Kind::OpenBracket => format!("\"{}\" for a name, ARRAY[…] for an array", self.source(1)),
            Kind::Unknown if rest.starts_with('~') => "regexp_like(text, pattern)".to_owned(),
            Kind::Unknown if rest.starts_with('"') => "a `\"` to close the name that begins here".to_owned(),
            Kind::Unknown if rest.starts_with('\'') => "a `'` to close the text that begins here".to_owned(),
            Kind::Slash | Kind::Star if self.opens_comment() => "a `*/` to close the comment that begins here".to_owned(),
            _ => return None,
        })
    }

    /// `x::int` as a cast, if what is cast is one token.
    fn cast(&self) -> String {
        let ty = match self.source(2).to_ascii_lowercase().as_str() {
            "int" | "int4" => "integer".to_owned(),
            "int8" => "bigint".to_owned(),
            "float8" => "double".to_owned(),
            "float4" => "real".to_owned(),
            "text" | "string" => "varchar".to_owned(),
            "bool" => "boolean".to_owned(),
            other => other.to_owned(),
        };
        let is_whole = self.kind(-1) != Kind::Close && self.kind(-1) != Kind::CloseBracket && self.kind(-2) != Kind::Dot;
        let value = if is_whole { self.source(-1) } else { "…" };
        format!("CAST({value} AS {ty})")
    }

    fn opens_comment(&self) -> bool {
        let start = self.tokens[self.at].span.start;
        let before = if self.kind(0) == Kind::Star { start.saturating_sub(1) } else { start };
        self.text.get(before..).is_some_and(|rest| rest.starts_with("/*"))
    }

    /// By the word that does not fit.
    fn by_word(&self) -> Option<String> {
        Some(match self.kind(0) {
            Kind::Word(Word::OFFSET) if self.is(-2, "LIMIT") => {
                format!("OFFSET {} LIMIT {}", self.source(1), self.source(-1))
            }
            Kind::Word(side @ (Word::LEFT | Word::RIGHT)) if self.kind(1) == Kind::Open => {
                if side == Word::LEFT { "substr(text, 1, n)" } else { "substr(text, -n)" }.to_owned()
            }
            Kind::Word(Word::ON) if self.is(-1, "DISTINCT") => {
                "row_number() OVER (PARTITION BY … ORDER BY …) in a subquery, and WHERE it is 1 around it".to_owned()
            }
            Kind::Word(Word::UNION | Word::EXCEPT | Word::INTERSECT) => {
                "the query before it in parentheses, for it has its own ORDER BY or LIMIT".to_owned()
            }
            Kind::Word(Word::REPLACE) if self.kind(-1) == Kind::Star => LIST_COLUMNS.to_owned(),
            Kind::Word(Word::USING) if self.is(1, "SAMPLE") => "TABLESAMPLE BERNOULLI (10)".to_owned(),
            Kind::Name if self.kind(-1) == Kind::Star && (self.is(0, "EXCLUDE") || self.is(0, "RENAME")) => {
                LIST_COLUMNS.to_owned()
            }
            Kind::Name if self.is(0, "SEMI") => "WHERE EXISTS (SELECT 1 FROM … WHERE …)".to_owned(),
            Kind::Name if self.is(0, "ANTI") => "WHERE NOT EXISTS (SELECT 1 FROM … WHERE …)".to_owned(),
            Kind::Name if self.is(0, "DATABASES") && self.is(-1, "SHOW") => "SHOW SCHEMAS".to_owned(),
            Kind::Name if self.is(0, "QUALIFY") => QUALIFY.to_owned(),
            Kind::Word(Word::UNKNOWN | Word::TRUE | Word::FALSE) if self.is(-1, "IS") || self.is(-2, "IS") => {
                "IS NULL, or `=`, for truth values".to_owned()
            }
            _ => return None,
        })
    }

    /// By the word before, which was read as a name.
    fn by_word_before(&self) -> Option<String> {
        let before = self.source(-1).to_ascii_uppercase();
        Some(match before.as_str() {
            "QUALIFY" => QUALIFY.to_owned(),
            "TOP" if self.kind(0) == Kind::Integer => format!("LIMIT {} at the end", self.source(0)),
            "MINUS" => "EXCEPT".to_owned(),
            "EXCEPT" | "EXCLUDE" | "(" if self.star_exception() => LIST_COLUMNS.to_owned(),
            "DIV" => "a / b of integers".to_owned(),
            "ILIKE" => "lower(text) LIKE lower(pattern)".to_owned(),
            "SIMILAR" | "REGEXP" | "RLIKE" => "regexp_like(text, pattern)".to_owned(),
            "PIVOT" | "UNPIVOT" => "sum(x) FILTER (WHERE key = …) for each column".to_owned(),
            "LIMIT" | "OFFSET" if self.kind(0) == Kind::Minus || self.kind(0).is_name() => "a number of rows, or `?`".to_owned(),
            "WITHIN" => "approx_percentile(x, 0.5)".to_owned(),
            "SELECT" | "," if self.kind(0) == Kind::Word(Word::FROM) => "no comma before FROM".to_owned(),
            _ if self.is(-2, "WITHIN") => "approx_percentile(x, 0.5)".to_owned(),
            _ if self.kind(0) == Kind::Open && self.is(-2, "FROM") => {
                format!("UNNEST({}(…)), or TABLE({}(…)) for a table function", self.source(-1), self.source(-1))
            }
            _ => return None,
        })
    }

    /// `* EXCEPT (column)`
    fn star_exception(&self) -> bool {
        self.kind(-2) == Kind::Star || (self.kind(-3) == Kind::Star && self.kind(-1) == Kind::Open)
    }
}

const LIST_COLUMNS: &str = "the columns that are wanted, one by one";
const QUALIFY: &str = "SELECT … FROM (SELECT …, row_number() OVER (…) AS n FROM …) WHERE n = 1";
