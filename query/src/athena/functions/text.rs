//! The text form of signatures.
//!
//! Owns: reading `catalog.txt`: a signature a line, under the kind of function it is of.
//! Does not own: what signatures mean (`signature`).
//! Invariant: a line that is no signature is a fault of the build: a test reads them all.

use super::signature::{Constraint, Formula, Number, Pattern, Signature};
use crate::athena::types::Type;

/// A line of the catalog: `name(arguments) -> result where …`.
pub(super) fn parse(line: &str) -> Option<Signature> {
    let (head, clauses) = line.split_once(" where ").unwrap_or((line, ""));
    let mut text = Text { rest: head };
    let name = text.until('(')?.to_owned();
    let (mut arguments, mut variadic) = (Vec::new(), false);
    while !text.take(")") {
        arguments.push(text.pattern()?);
        variadic |= text.take("...");
        text.take(",");
    }
    let returns = text.take("->").then(|| text.pattern())??;
    let (mut constraints, mut computed) = (Vec::new(), Vec::new());
    let mut clauses = Text { rest: clauses };
    while !clauses.is_at_end() {
        let variable = clauses.word()?.to_owned();
        if clauses.take("=") {
            computed.push((variable, clauses.formula()?));
        } else if clauses.take("comparable") {
            constraints.push((variable, Constraint::Comparable));
        } else {
            clauses.take("orderable").then(|| constraints.push((variable, Constraint::Orderable)))?;
        }
        clauses.take(",");
    }
    text.is_at_end().then_some(Signature { name, arguments, variadic, returns, constraints, computed })
}

struct Text<'a> {
    rest: &'a str,
}

impl<'a> Text<'a> {
    fn is_at_end(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        self.rest.is_empty()
    }

    fn take(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        let Some(rest) = self.rest.strip_prefix(token) else { return false };
        self.rest = rest;
        true
    }

    fn until(&mut self, end: char) -> Option<&'a str> {
        let (before, after) = self.rest.split_once(end)?;
        self.rest = after;
        Some(before)
    }

    fn word(&mut self) -> Option<&'a str> {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn pattern(&mut self) -> Option<Pattern> {
        for (text, ty) in [("interval day to second", Type::IntervalDay), ("interval year to month", Type::IntervalYear)] {
            if self.take(text) {
                return Some(Pattern::Exact(ty));
            }
        }
        let word = self.word()?;
        if !self.take("(") {
            return Some(simple(word).map_or_else(|| Pattern::Variable(word.to_owned()), Pattern::Exact));
        }
        match word {
            "array" => Some(Pattern::Array(Box::new(self.patterns()?.pop()?))),
            "map" => {
                let mut both = self.patterns()?.into_iter();
                Some(Pattern::Map(Box::new(both.next()?), Box::new(both.next()?)))
            }
            "row" => Some(Pattern::Row(self.patterns()?)),
            "function" => {
                let mut parameters = self.patterns()?;
                let result = parameters.pop()?;
                Some(Pattern::Function(parameters, Box::new(result)))
            }
            _ => self.with_numbers(word),
        }
    }

    fn patterns(&mut self) -> Option<Vec<Pattern>> {
        let mut patterns = Vec::new();
        while !self.take(")") {
            patterns.push(self.pattern()?);
            self.take(",");
        }
        Some(patterns)
    }

    fn with_numbers(&mut self, word: &str) -> Option<Pattern> {
        let mut numbers = Vec::new();
        while !self.take(")") {
            let word = self.word()?;
            numbers.push(word.parse().map_or_else(|_| Number::Variable(word.to_owned()), Number::Literal));
            self.take(",");
        }
        let zoned = self.take("with time zone");
        let last = numbers.pop()?;
        Some(match (word, zoned) {
            ("decimal", _) => Pattern::Decimal(numbers.pop()?, last),
            ("varchar", _) => Pattern::Varchar(last),
            ("char", _) => Pattern::Char(last),
            ("time", false) => Pattern::Time(last),
            ("time", true) => Pattern::TimeZoned(last),
            ("timestamp", false) => Pattern::Timestamp(last),
            ("timestamp", true) => Pattern::TimestampZoned(last),
            _ => return None,
        })
    }

    fn formula(&mut self) -> Option<Formula> {
        let mut left = self.product()?;
        loop {
            left = if self.take("+") {
                Formula::Add(Box::new(left), Box::new(self.product()?))
            } else if self.take("-") {
                Formula::Subtract(Box::new(left), Box::new(self.product()?))
            } else {
                return Some(left);
            };
        }
    }

    fn product(&mut self) -> Option<Formula> {
        let mut left = self.factor()?;
        loop {
            left = if self.take("*") {
                Formula::Multiply(Box::new(left), Box::new(self.factor()?))
            } else if self.take("/") {
                Formula::Divide(Box::new(left), Box::new(self.factor()?))
            } else {
                return Some(left);
            };
        }
    }

    fn factor(&mut self) -> Option<Formula> {
        if self.take("(") {
            let inner = self.formula()?;
            return self.take(")").then_some(inner);
        }
        let word = self.word()?;
        if !self.take("(") {
            return Some(word.parse().map_or_else(|_| Formula::Variable(word.to_owned()), Formula::Number));
        }
        let first = Box::new(self.formula()?);
        let second = self.take(",").then(|| self.formula())??;
        let both = self.take(")").then(|| (first, Box::new(second)));
        match word {
            "min" => both.map(|(a, b)| Formula::Min(a, b)),
            "max" => both.map(|(a, b)| Formula::Max(a, b)),
            _ => None,
        }
    }
}

fn simple(word: &str) -> Option<Type> {
    Some(match word {
        "unknown" => Type::Unknown,
        "boolean" => Type::Boolean,
        "tinyint" => Type::Tinyint,
        "smallint" => Type::Smallint,
        "integer" => Type::Integer,
        "bigint" => Type::Bigint,
        "real" => Type::Real,
        "double" => Type::Double,
        "varchar" => Type::VARCHAR,
        "varbinary" => Type::Varbinary,
        "json" => Type::Json,
        "date" => Type::Date,
        "uuid" => Type::Uuid,
        "ipaddress" => Type::IpAddress,
        "hyperloglog" => Type::HyperLogLog,
        "joniregexp" => Type::JoniRegExp,
        "jsonpath" => Type::JsonPath,
        "codepoints" => Type::CodePoints,
        _ => return None,
    })
}
