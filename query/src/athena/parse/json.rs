//! The JSON forms of the SQL standard.
//!
//! Owns: `JSON_EXISTS`, `JSON_VALUE`, `JSON_QUERY`, `JSON_OBJECT`, `JSON_ARRAY` and their clauses.
//! Does not own: JSON paths, which are texts here.
//! Invariant: a clause that is not written has Trino's default.

use super::words::Word;
use super::{Parsed, Parser};
use crate::athena::ast::{
    Expr, ExprKind, JsonArgument, JsonCall, JsonFormat, JsonOn, JsonOnError, JsonOutput, JsonPath, JsonWrapper,
};
use crate::athena::lexer::Kind;

impl Parser<'_> {
    fn json_call(&mut self, read: impl FnOnce(&mut Self) -> Parsed<JsonCall>) -> Parsed<ExprKind> {
        self.advance();
        self.expect(Kind::Open)?;
        let call = read(self)?;
        self.expect(Kind::Close)?;
        Ok(ExprKind::Json(Box::new(call)))
    }

    pub(super) fn json_exists(&mut self) -> Parsed<ExprKind> {
        self.json_call(|parser| {
            let input = parser.json_path()?;
            let on_error = parser.eat_one_of(&[Word::ERROR, Word::FALSE, Word::TRUE, Word::UNKNOWN]).map(|word| match word {
                Word::ERROR => JsonOnError::Error,
                Word::FALSE => JsonOnError::False,
                Word::TRUE => JsonOnError::True,
                _ => JsonOnError::Unknown,
            });
            if on_error.is_some() {
                parser.expect(Word::ON)?;
                parser.expect(Word::ERROR)?;
            }
            Ok(JsonCall::Exists { input, on_error })
        })
    }

    pub(super) fn json_value(&mut self) -> Parsed<ExprKind> {
        self.json_call(|parser| {
            let input = parser.json_path()?;
            let returning = if parser.eat(Word::RETURNING) { Some(parser.type_name()?) } else { None };
            let (on_empty, on_error) = parser.json_behaviours(Self::json_value_behaviour)?;
            Ok(JsonCall::Value { input, returning, on_empty, on_error })
        })
    }

    pub(super) fn json_query(&mut self) -> Parsed<ExprKind> {
        self.json_call(|parser| {
            let input = parser.json_path()?;
            let returning = parser.json_returning()?;
            let wrapper = parser.json_wrapper()?;
            let keep_quotes = parser.json_quotes()?;
            let (on_empty, on_error) = parser.json_behaviours(Self::json_query_behaviour)?;
            Ok(JsonCall::Query { input, returning, wrapper, keep_quotes, on_empty, on_error })
        })
    }

    pub(super) fn json_object(&mut self) -> Parsed<ExprKind> {
        self.json_call(|parser| {
            let (mut members, mut null_on_null, mut unique_keys) = (Vec::new(), true, false);
            if !parser.json_constructor_ends() {
                members = parser.list(Self::json_member)?;
                null_on_null = parser.json_nulls(true)?;
                let keys = parser.eat_one_of(&[Word::WITH, Word::WITHOUT]);
                if keys.is_some() {
                    parser.expect(Word::UNIQUE)?;
                    parser.eat(Word::KEYS);
                }
                unique_keys = keys == Some(Word::WITH);
            }
            Ok(JsonCall::Object { members, null_on_null, unique_keys, returning: parser.json_returning()? })
        })
    }

    pub(super) fn json_array(&mut self) -> Parsed<ExprKind> {
        self.json_call(|parser| {
            let (mut elements, mut null_on_null) = (Vec::new(), false);
            if !parser.json_constructor_ends() {
                elements = parser.list(Self::json_argument)?;
                null_on_null = parser.json_nulls(false)?;
            }
            Ok(JsonCall::Array { elements, null_on_null, returning: parser.json_returning()? })
        })
    }

    /// Whether an object or an array is empty: at once its end or its type.
    fn json_constructor_ends(&mut self) -> bool {
        let next = self.ahead(1);
        let goes_on = matches!(next, Kind::Comma | Kind::Close | Kind::Colon | Kind::Dot | Kind::Open | Kind::Word(Word::VALUE));
        self.at(Kind::Close) || (self.at(Word::RETURNING) && next.is_name() && !goes_on)
    }

    /// `KEY key VALUE value`, `key VALUE value`, `key : value`
    fn json_member(&mut self) -> Parsed<(Expr, JsonArgument)> {
        let next = self.ahead(1);
        let mut keyed = self.at(Word::KEY) && self.begins_expression(next) && !matches!(next, Kind::Word(Word::VALUE));
        if keyed {
            self.advance();
        }
        let key = self.expression()?;
        keyed |= self.peek() == Kind::Word(Word::VALUE);
        if keyed {
            self.expect(Word::VALUE)?;
        } else {
            self.at(Word::VALUE);
            self.expect(Kind::Colon)?;
        }
        Ok((key, self.json_argument()?))
    }

    /// `NULL ON NULL`, `ABSENT ON NULL`
    fn json_nulls(&mut self, default: bool) -> Parsed<bool> {
        let Some(word) = self.eat_one_of(&[Word::ABSENT, Word::NULL]) else { return Ok(default) };
        self.expect(Word::ON)?;
        self.expect(Word::NULL)?;
        Ok(word == Word::NULL)
    }

    /// An expression, `FORMAT JSON` after it or not.
    fn json_argument(&mut self) -> Parsed<JsonArgument> {
        let value = self.expression()?;
        Ok(JsonArgument { value, format: self.json_format()? })
    }

    /// `FORMAT JSON`, `FORMAT JSON ENCODING UTF16`
    fn json_format(&mut self) -> Parsed<Option<JsonFormat>> {
        if !self.eat(Word::FORMAT) {
            return Ok(None);
        }
        self.expect(Word::JSON)?;
        if !self.eat(Word::ENCODING) {
            return Ok(Some(JsonFormat::Plain));
        }
        Ok(Some(match self.expect_one_of(&[Word::UTF16, Word::UTF32, Word::UTF8])? {
            Word::UTF16 => JsonFormat::Utf16,
            Word::UTF32 => JsonFormat::Utf32,
            _ => JsonFormat::Utf8,
        }))
    }

    fn json_returning(&mut self) -> Parsed<Option<JsonOutput>> {
        if !self.eat(Word::RETURNING) {
            return Ok(None);
        }
        Ok(Some(JsonOutput { ty: self.type_name()?, format: self.json_format()? }))
    }

    fn json_path(&mut self) -> Parsed<JsonPath> {
        let input = self.json_argument()?;
        self.expect(Kind::Comma)?;
        let start = self.start();
        let path = self.string()?;
        let path_span = self.span_from(start);
        let name = if self.eat(Word::AS) { Some(self.name()?) } else { None };
        let mut passing = Vec::new();
        if self.eat(Word::PASSING) {
            passing = self.list(|parser| {
                let argument = parser.json_argument()?;
                parser.expect(Word::AS)?;
                Ok((argument, parser.name()?))
            })?;
        }
        Ok(JsonPath { input, path, path_span, name, passing })
    }

    /// `… ON EMPTY`, `… ON ERROR`, in this order.
    fn json_behaviours(&mut self, read: fn(&mut Self) -> Parsed<Option<JsonOn>>) -> Parsed<(Option<JsonOn>, Option<JsonOn>)> {
        let Some(first) = read(self)? else { return Ok((None, None)) };
        self.expect(Word::ON)?;
        if self.expect_one_of(&[Word::EMPTY, Word::ERROR])? == Word::ERROR {
            return Ok((None, Some(first)));
        }
        let second = read(self)?;
        if second.is_some() {
            self.expect(Word::ON)?;
            self.expect(Word::ERROR)?;
        }
        Ok((Some(first), second))
    }

    fn json_value_behaviour(&mut self) -> Parsed<Option<JsonOn>> {
        Ok(match self.eat_one_of(&[Word::DEFAULT, Word::ERROR, Word::NULL]) {
            Some(Word::DEFAULT) => Some(JsonOn::Default(Box::new(self.expression()?))),
            Some(Word::ERROR) => Some(JsonOn::Error),
            Some(_) => Some(JsonOn::Null),
            None => None,
        })
    }

    fn json_query_behaviour(&mut self) -> Parsed<Option<JsonOn>> {
        Ok(match self.eat_one_of(&[Word::EMPTY, Word::ERROR, Word::NULL]) {
            Some(Word::EMPTY) => match self.expect_one_of(&[Word::ARRAY, Word::OBJECT])? {
                Word::ARRAY => Some(JsonOn::EmptyArray),
                _ => Some(JsonOn::EmptyObject),
            },
            Some(Word::ERROR) => Some(JsonOn::Error),
            Some(_) => Some(JsonOn::Null),
            None => None,
        })
    }

    fn json_wrapper(&mut self) -> Parsed<JsonWrapper> {
        let Some(word) = self.eat_one_of(&[Word::WITH, Word::WITHOUT]) else { return Ok(JsonWrapper::Without) };
        let mut wrapper = JsonWrapper::Without;
        if word == Word::WITH {
            let condition = self.eat_one_of(&[Word::CONDITIONAL, Word::UNCONDITIONAL]);
            wrapper = if condition == Some(Word::CONDITIONAL) { JsonWrapper::Conditional } else { JsonWrapper::Always };
        }
        self.eat(Word::ARRAY);
        self.expect(Word::WRAPPER)?;
        Ok(wrapper)
    }

    /// `KEEP QUOTES`, `OMIT QUOTES ON SCALAR STRING`
    fn json_quotes(&mut self) -> Parsed<Option<bool>> {
        let Some(word) = self.eat_one_of(&[Word::KEEP, Word::OMIT]) else { return Ok(None) };
        self.expect(Word::QUOTES)?;
        if self.eat_both(Word::ON, Word::SCALAR)? {
            self.expect(Word::STRING)?;
        }
        Ok(Some(word == Word::KEEP))
    }
}
