//! Types as written.
//!
//! Owns: every spelling of a type, and the units of intervals.
//! Does not own: which types there are (`types`).
//! Invariant: names are in lower case, so that one type has one name.

use super::words::Word;
use super::{Parsed, Parser};
use crate::athena::ast::{Ident, IntervalUnit, TypeName, TypeNameKind, TypeParameter};
use crate::athena::lexer::Kind;

const UNITS: &[Word] = &[Word::DAY, Word::HOUR, Word::MINUTE, Word::MONTH, Word::SECOND, Word::YEAR];

/// The unit that a word names.
fn unit(word: Word) -> IntervalUnit {
    match word {
        Word::YEAR => IntervalUnit::Year,
        Word::MONTH => IntervalUnit::Month,
        Word::DAY => IntervalUnit::Day,
        Word::HOUR => IntervalUnit::Hour,
        Word::MINUTE => IntervalUnit::Minute,
        _ => IntervalUnit::Second,
    }
}

impl Parser<'_> {
    pub(super) fn type_name(&mut self) -> Parsed<TypeName> {
        self.named("<type>", |parser| parser.deeper(1, |parser| parser.chain(Self::type_and_arrays)))
    }

    fn type_and_arrays(&mut self) -> Parsed<TypeName> {
        let start = self.start();
        let kind = self.simple_type()?;
        let mut ty = TypeName { kind, span: self.span_from(start) };
        // `bigint array`
        while self.eat(Word::ARRAY) {
            self.link()?;
            if self.eat(Kind::OpenBracket) {
                self.expect(Kind::Integer)?;
                self.expect(Kind::CloseBracket)?;
                self.object(self.span_from(start), "Explicit array size not supported");
            }
            let kind = TypeNameKind::Named { name: "array".to_owned(), parameters: vec![TypeParameter::Type(ty)] };
            ty = TypeName { kind, span: self.span_from(start) };
        }
        Ok(ty)
    }

    fn simple_type(&mut self) -> Parsed<TypeNameKind> {
        match (self.peek(), self.ahead(1)) {
            (Kind::Word(Word::ROW), Kind::Open) => {
                self.advance();
                self.advance();
                let fields = self.list(Self::row_field)?;
                self.expect(Kind::Close)?;
                Ok(TypeNameKind::Row(fields))
            }
            (Kind::Word(Word::INTERVAL), Kind::Word(word)) if UNITS.contains(&word) => {
                self.advance();
                let (from, to) = self.units()?;
                Ok(TypeNameKind::Interval { from, to })
            }
            (Kind::Word(Word::TIME | Word::TIMESTAMP), _) => self.time_type(),
            (Kind::Word(Word::DOUBLE), Kind::Word(Word::PRECISION)) => {
                self.advance();
                self.advance();
                Ok(TypeNameKind::Named { name: "double".to_owned(), parameters: Vec::new() })
            }
            (Kind::Word(Word::ARRAY | Word::MAP), Kind::Less) => self.angled_type(),
            _ => {
                let name = self.name()?.text.to_ascii_lowercase();
                Ok(TypeNameKind::Named { name, parameters: self.type_parameters()? })
            }
        }
    }

    fn type_parameters(&mut self) -> Parsed<Vec<TypeParameter>> {
        if !self.eat(Kind::Open) {
            return Ok(Vec::new());
        }
        let parameters = self.list(Self::type_parameter)?;
        self.expect(Kind::Close)?;
        Ok(parameters)
    }

    fn type_parameter(&mut self) -> Parsed<TypeParameter> {
        if !self.at(Kind::Integer) {
            return Ok(TypeParameter::Type(self.type_name()?));
        }
        let span = self.advance();
        Ok(TypeParameter::Number(self.source(span).replace('_', "").parse().unwrap_or(u64::MAX)))
    }

    /// `array<bigint>`, `map<varchar, bigint>`
    fn angled_type(&mut self) -> Parsed<TypeNameKind> {
        let span = self.advance();
        let name = self.source(span).to_ascii_lowercase();
        self.expect(Kind::Less)?;
        let mut parameters = vec![TypeParameter::Type(self.type_name()?)];
        if name == "map" {
            self.expect(Kind::Comma)?;
            parameters.push(TypeParameter::Type(self.type_name()?));
        }
        self.expect(Kind::Greater)?;
        Ok(TypeNameKind::Named { name, parameters })
    }

    fn time_type(&mut self) -> Parsed<TypeNameKind> {
        let span = self.advance();
        let name = self.source(span).to_ascii_lowercase();
        let parameters = if self.eat(Kind::Open) {
            let parameter = self.type_parameter()?;
            self.expect(Kind::Close)?;
            vec![parameter]
        } else {
            Vec::new()
        };
        // After the type of a JSON form its wrapper may follow: `WITH ARRAY WRAPPER`.
        let wraps = [Word::ARRAY, Word::CONDITIONAL, Word::UNCONDITIONAL, Word::WRAPPER].map(Kind::Word).contains(&self.ahead(1));
        let with = self.at(Word::WITH) && !wraps;
        let without = self.at(Word::WITHOUT) && !wraps;
        if with || without {
            self.advance();
            self.expect(Word::TIME)?;
            self.expect(Word::ZONE)?;
        }
        match parameters.as_slice() {
            [] => Ok(TypeNameKind::Time { name, precision: None, zoned: with }),
            [TypeParameter::Number(precision)] if u32::try_from(*precision).is_ok() => {
                Ok(TypeNameKind::Time { name, precision: u32::try_from(*precision).ok(), zoned: with })
            }
            // A precision that is none: no type has that name and that parameter.
            _ => Ok(TypeNameKind::Named { name, parameters }),
        }
    }

    /// `name type` or `type`; what reads as a type alone is one.
    fn row_field(&mut self) -> Parsed<(Option<Ident>, TypeName)> {
        let (start, objection) = (self.pos, self.objection.clone());
        if let Ok(ty) = self.type_name()
            && (self.at(Kind::Comma) | self.at(Kind::Close))
        {
            return Ok((None, ty));
        }
        if matches!(self.fault, Some(super::Fault::Said(_) | super::Fault::TooDeep(_))) {
            return Err(super::Stop);
        }
        let reached = self.pos;
        self.pos = start;
        self.objection = objection;
        if !self.at_name() || !self.type_begins_at(start + 1) {
            self.pos = reached;
            return self.mismatch();
        }
        let name = self.name()?;
        Ok((Some(name), self.type_name()?))
    }

    fn type_begins_at(&self, index: usize) -> bool {
        self.kind_of(index).is_name()
    }

    /// `DAY`, `DAY TO SECOND`
    pub(super) fn units(&mut self) -> Parsed<(IntervalUnit, Option<IntervalUnit>)> {
        let from = unit(self.expect_one_of(UNITS)?);
        let has_end = matches!(self.ahead(1), Kind::Word(word) if UNITS.contains(&word));
        if !(self.at(Word::TO) && has_end) {
            return Ok((from, None));
        }
        self.advance();
        Ok((from, Some(unit(self.expect_one_of(UNITS)?))))
    }

    pub(super) fn unit_at(&self, index: usize) -> bool {
        matches!(self.kind_of(index), Kind::Word(word) if UNITS.contains(&word))
    }
}
