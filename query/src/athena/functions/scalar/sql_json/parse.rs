//! Reading paths.
//!
//! Owns: their grammar, Trino's: words are reserved nowhere, letters' case counts.
//! Does not own: tokens (`lexer`), whether the types along a path fit (`analyze::json`).
//! Invariant: a path of any length is read or refused without overflowing the stack.

use super::lexer::{Token, tokens};
use super::path::{Method, Node, Path, Predicate, Step};
use super::scalar::Scalar;
use crate::athena::ast::Comparison;
use crate::athena::types::Type;
use crate::athena::values::number;

/// How many signs, brackets and operators a path may have.
const NESTED_MAX: usize = 200;

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoPath {
    /// At a byte of the text.
    Syntax(usize, String),
    /// What Trino reads and does not compute.
    NotSupported(&'static str),
}

type Read<T> = Result<T, NoPath>;

/// The path of a text.
pub(crate) fn parse(text: &str) -> Read<Path> {
    let mut parser = Parser { tokens: tokens(text), at: 0, nested: 0, refused: None };
    let lax = parser.eat(&Token::Word("lax"));
    if !lax && !parser.eat(&Token::Word("strict")) {
        return parser.expected("lax or strict, which every path begins with");
    }
    let root = parser.sum()?;
    if *parser.peek() != Token::End {
        return parser.expected("the end of the path");
    }
    match parser.refused {
        Some(what) => Err(NoPath::NotSupported(what)),
        None => Ok(Path { lax, root }),
    }
}

struct Parser<'p> {
    tokens: Vec<(usize, Token<'p>)>,
    at: usize,
    nested: usize,
    refused: Option<&'static str>,
}

impl<'p> Parser<'p> {
    fn peek(&self) -> &Token<'p> {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> &Token<'p> {
        self.tokens.get(self.at + by).map_or(&Token::End, |(_, token)| token)
    }

    fn eat(&mut self, token: &Token<'_>) -> bool {
        let found = self.peek() == token;
        self.at += usize::from(found);
        found
    }

    fn eat_sign(&mut self, sign: &str) -> bool {
        self.eat(&Token::Sign(sign))
    }

    fn expect_sign(&mut self, sign: &str) -> Read<()> {
        if self.eat_sign(sign) { Ok(()) } else { self.expected(&format!("'{sign}'")) }
    }

    fn expected<T>(&self, what: &str) -> Read<T> {
        let place = self.tokens.get(self.at).or(self.tokens.last()).map_or(0, |(place, _)| *place);
        let found = match self.peek() {
            Token::Word(found) | Token::Integer(found) | Token::Decimal(found) | Token::Double(found) | Token::Sign(found) => {
                found
            }
            Token::Variable(name) => name,
            Token::Text(text) => &**text,
            Token::End => "<EOF>",
        };
        Err(NoPath::Syntax(place, format!("mismatched input '{found}' in a JSON path. Expecting: {what}")))
    }

    /// One level deeper, or one operator more.
    fn nest(&mut self) -> Read<()> {
        self.nested += 1;
        if self.nested > NESTED_MAX { self.expected("no more: stack overflow while parsing JSON path") } else { Ok(()) }
    }

    fn sum(&mut self) -> Read<Node> {
        self.operators(&[("+", "$add"), ("-", "$subtract")], |parser| {
            parser.operators(&[("*", "$multiply"), ("/", "$divide"), ("%", "$modulus")], Self::signed)
        })
    }

    fn operators(&mut self, signs: &[(&str, &'static str)], operand: impl Fn(&mut Self) -> Read<Node>) -> Read<Node> {
        let mut left = operand(self)?;
        while let Some((_, operator)) = signs.iter().find(|(sign, _)| self.eat_sign(sign)) {
            self.nest()?;
            let right = operand(self)?;
            left = Node::Arithmetic { operator, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    fn signed(&mut self) -> Read<Node> {
        let is_number = matches!(self.ahead(1), Token::Integer(_) | Token::Decimal(_) | Token::Double(_));
        // A sign before a number is the number's.
        let sign = ["-", "+"].into_iter().find(|sign| !(*sign == "-" && is_number) && self.eat_sign(sign));
        let Some(sign) = sign else { return self.steps() };
        self.nest()?;
        Ok(Node::Sign { negative: sign == "-", of: Box::new(self.signed()?) })
    }

    fn steps(&mut self) -> Read<Node> {
        let from = self.primary()?;
        let mut steps = Vec::new();
        loop {
            if self.eat_sign(".") {
                steps.push(self.member()?);
            } else if self.eat_sign("..") {
                steps.push(Step::Descendants(self.name()?));
            } else if self.eat_sign("[") {
                steps.push(self.places()?);
            } else if self.eat_sign("?") {
                self.nest()?;
                self.expect_sign("(")?;
                steps.push(Step::Filter(self.predicate()?));
                self.expect_sign(")")?;
            } else if steps.is_empty() {
                return Ok(from);
            } else {
                return Ok(Node::Steps { from: Box::new(from), steps });
            }
        }
    }

    fn primary(&mut self) -> Read<Node> {
        let negative = self.eat_sign("-");
        let node = match self.peek() {
            Token::Integer(digits) => self.integer(digits, negative)?,
            Token::Decimal(written) => match number::decimal(written) {
                Some((value, ty)) => Node::Literal(Scalar::decimal(if negative { -value } else { value }, ty)),
                None => return self.expected("a number of up to 38 digits"),
            },
            Token::Double(written) => {
                let value: f64 = written.parse().unwrap_or(f64::NAN);
                Node::Literal(Scalar::Double(if negative { -value } else { value }))
            }
            _ if negative => return self.expected("a number"),
            Token::Text(text) => Node::Literal(Scalar::literal(text)),
            Token::Variable(name) => Node::Variable((*name).to_owned()),
            Token::Word("null") => Node::Null,
            Token::Word(word @ ("true" | "false")) => Node::Literal(Scalar::Boolean(*word == "true")),
            Token::Word("last") => Node::Last,
            Token::Sign("$") => Node::Context,
            Token::Sign("@") => Node::Current,
            Token::Sign("(") => {
                self.nest()?;
                self.at += 1;
                let node = self.sum()?;
                self.expect_sign(")")?;
                return Ok(node);
            }
            _ => return self.expected("a value, a variable or '('"),
        };
        self.at += 1;
        Ok(node)
    }

    fn integer(&self, digits: &str, negative: bool) -> Read<Node> {
        let sign = if negative { "-" } else { "" };
        match format!("{sign}{digits}").parse() {
            Ok(value) => Ok(Node::Literal(Scalar::integer(value))),
            Err(_) => self.expected("a number of up to 64 bits"),
        }
    }

    /// What stands after a point.
    fn member(&mut self) -> Read<Step> {
        if self.eat_sign("*") {
            return Ok(Step::Members);
        }
        let method = match self.peek() {
            Token::Word("type") => Some(Method::Type),
            Token::Word("size") => Some(Method::Size),
            Token::Word("double") => Some(Method::Double),
            Token::Word("ceiling") => Some(Method::Number("ceiling")),
            Token::Word("floor") => Some(Method::Number("floor")),
            Token::Word("abs") => Some(Method::Number("abs")),
            Token::Word("keyvalue") => Some(Method::KeyValue),
            Token::Word("datetime") => None,
            _ => return self.name().map(Step::Member),
        };
        if *self.ahead(1) != Token::Sign("(") {
            return self.name().map(Step::Member);
        }
        self.at += 2;
        if method.is_none() {
            self.refused = self.refused.or(Some("datetime method in JSON path is not yet supported"));
            self.at += usize::from(matches!(self.peek(), Token::Text(_)));
        }
        self.expect_sign(")")?;
        Ok(Step::Method(method.unwrap_or(Method::Type)))
    }

    fn name(&mut self) -> Read<String> {
        let name = match self.peek() {
            Token::Word(name) | Token::Sign(name @ "-") => (*name).to_owned(),
            Token::Text(text) => text.clone().into_owned(),
            _ => return self.expected("a name"),
        };
        self.at += 1;
        Ok(name)
    }

    /// What stands between brackets.
    fn places(&mut self) -> Read<Step> {
        self.nest()?;
        if self.eat_sign("*") {
            self.expect_sign("]")?;
            return Ok(Step::Elements);
        }
        let mut places = Vec::new();
        loop {
            let from = self.sum()?;
            let to = if self.eat(&Token::Word("to")) { Some(self.sum()?) } else { None };
            places.push((from, to));
            if !self.eat_sign(",") {
                self.expect_sign("]")?;
                return Ok(Step::Places(places));
            }
        }
    }

    fn predicate(&mut self) -> Read<Predicate> {
        let mut left = self.conjunction()?;
        while self.eat_sign("||") {
            self.nest()?;
            left = Predicate::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Read<Predicate> {
        let mut left = self.condition()?;
        while self.eat_sign("&&") {
            self.nest()?;
            left = Predicate::And(Box::new(left), Box::new(self.condition()?));
        }
        Ok(left)
    }

    fn condition(&mut self) -> Read<Predicate> {
        if self.eat_sign("!") {
            return Ok(Predicate::Not(Box::new(self.delimited()?)));
        }
        if *self.peek() == Token::Word("exists") {
            return self.delimited();
        }
        if *self.peek() == Token::Sign("(") && self.holds_predicate() {
            let inside = self.delimited()?;
            if !self.eat(&Token::Word("is")) {
                return Ok(inside);
            }
            if !self.eat(&Token::Word("unknown")) {
                return self.expected("unknown");
            }
            return Ok(Predicate::IsUnknown(Box::new(inside)));
        }
        self.comparison()
    }

    /// Whether what stands between the parentheses that begin here is a predicate, and not a part of a path: after a path more
    /// must come.
    fn holds_predicate(&self) -> bool {
        let (mut depth, mut by) = (0_usize, 0);
        loop {
            match self.ahead(by) {
                Token::Sign("(") => depth += 1,
                Token::Sign(")") => depth -= 1,
                Token::End => return false,
                _ => {}
            }
            by += 1;
            if depth == 0 {
                break;
            }
        }
        matches!(self.ahead(by), Token::Sign(")" | "&&" | "||") | Token::Word("is") | Token::End)
    }

    /// `exists(…)` or a predicate between parentheses.
    fn delimited(&mut self) -> Read<Predicate> {
        self.nest()?;
        let exists = self.eat(&Token::Word("exists"));
        self.expect_sign("(")?;
        let inside = if exists { Predicate::Exists(self.sum()?) } else { self.predicate()? };
        self.expect_sign(")")?;
        Ok(inside)
    }

    fn comparison(&mut self) -> Read<Predicate> {
        let left = self.sum()?;
        let op = match self.peek() {
            Token::Sign("==") => Comparison::Equal,
            Token::Sign("<>" | "!=") => Comparison::NotEqual,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            Token::Word("starts") => return self.starts_with(left),
            Token::Word("like_regex") => return self.like_regex(left),
            _ => return self.expected("a comparison"),
        };
        self.at += 1;
        Ok(Predicate::Compare { op, left, right: self.sum()? })
    }

    fn starts_with(&mut self, of: Node) -> Read<Predicate> {
        self.at += 1;
        if !self.eat(&Token::Word("with")) {
            return self.expected("with");
        }
        match self.peek() {
            Token::Text(_) | Token::Variable(_) => Ok(Predicate::StartsWith { of, prefix: self.primary()? }),
            _ => self.expected("a text or a variable"),
        }
    }

    fn like_regex(&mut self, of: Node) -> Read<Predicate> {
        self.refused = self.refused.or(Some("like_regex predicate in JSON path is not yet supported"));
        self.at += 1;
        loop {
            if !matches!(self.peek(), Token::Text(_)) {
                return self.expected("a text");
            }
            self.at += 1;
            if !self.eat(&Token::Word("flag")) {
                return Ok(Predicate::Exists(of));
            }
        }
    }
}

impl Scalar {
    /// A text of a path.
    fn literal(text: &str) -> Self {
        Self::Text(text.into(), Type::Varchar(u32::try_from(text.chars().count()).ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_never_reserved_and_their_case_always_counts() {
        for path in
            ["lax $.lax.strict.to.last.is", "lax$.type.size ? (exists(@.exists))", "strict $.\"a\"\"b\"[last,0 to 1]", "lax -.5"]
        {
            assert!(parse(path).is_ok(), "{path}");
        }
        for path in ["", "$", "LAX $", "lax", "lax $.", "lax $[", "lax $ ? (@ > 1", "lax $ == 1", "lax $.keyValue()", "lax \"a"] {
            assert!(matches!(parse(path), Err(NoPath::Syntax(..))), "{path}");
        }
    }

    #[test]
    fn a_parenthesis_is_never_taken_for_a_predicate_where_a_path_goes_on() {
        let is_path = |path: &str| parse(path).is_ok();
        assert!(is_path("lax $ ? ((@.a + 1) * 2 > 5)") && is_path("lax $ ? (((@.a)) == (2) && (@ > 1) || !(@ < 3))"));
        assert!(is_path("lax $ ? ((@ > 1) is unknown)") && !is_path("lax $ ? (exists(@) is unknown)"));
    }

    #[test]
    fn no_path_ever_overflows_the_stack() {
        let many = 100_000;
        assert!(parse(&format!("lax ${}", ".a[0]?(@>1)".repeat(50))).is_ok());
        assert!(parse(&format!("lax ${}", ".a".repeat(many))).is_ok());
        for deep in ["(", "-", "1+", "$[", "$?(!(", "$?(@>1&&", "$?(exists("] {
            assert!(parse(&format!("lax {}", deep.repeat(many))).is_err(), "{deep}");
        }
    }
}
