//! What literals say.
//!
//! Owns: strings with their doubled quotes and their Unicode escapes, binary literals, numbers.
//! Does not own: where a literal ends (`lexer`), the type of a number (`analyze`).
//! Invariant: a literal that is cut well and says nothing is an objection: it counts if the rest of the text can be read.

use super::words::Word;
use super::{Parsed, Parser};
use crate::athena::ast::{ExprKind, Span};
use crate::athena::lexer::Kind;

/// The text between two quotes; a doubled quote in it is one.
pub(super) fn unquoted(source: &str, quote: &str) -> String {
    source[1..source.len() - 1].replace(&quote.repeat(2), quote)
}

impl Parser<'_> {
    /// `'text'`, `U&'text' UESCAPE '!'`
    pub(super) fn string(&mut self) -> Parsed<String> {
        self.note("<string>");
        let span = self.peek_span();
        match self.peek() {
            Kind::Text => {
                self.advance();
                Ok(unquoted(self.source(span), "'"))
            }
            Kind::UnicodeText => {
                self.advance();
                let mut escape = "\\".to_owned();
                if self.eat(Word::UESCAPE) {
                    let span = self.expect(Kind::Text)?;
                    escape = unquoted(self.source(span), "'");
                }
                match unescaped(&unquoted(&self.source(span)[2..], "'"), &escape) {
                    Ok(text) => Ok(text),
                    Err(fault) => {
                        self.object(self.span_from(span.start), fault);
                        Ok(String::new())
                    }
                }
            }
            _ => self.mismatch(),
        }
    }

    /// `X'00 ff'`: blanks may stand anywhere.
    pub(super) fn binary(&mut self) -> ExprKind {
        let span = self.advance();
        let source = self.source(span);
        let digits: String = source[2..source.len() - 1].chars().filter(|c| !matches!(c, ' ' | '\n' | '\r' | '\t')).collect();
        match bytes(&digits) {
            Ok(bytes) => ExprKind::Binary(bytes),
            Err(fault) => {
                self.object(span, fault);
                ExprKind::Binary(Vec::new())
            }
        }
    }

    /// A number, the minus before it included.
    pub(super) fn number(&mut self) -> Parsed<ExprKind> {
        let minus = if self.peek() == Kind::Minus { "-" } else { "" };
        if !minus.is_empty() {
            self.advance();
        }
        let kind = self.peek();
        let span = self.advance();
        let digits = self.source(span).replace('_', "");
        Ok(match kind {
            Kind::Decimal => ExprKind::Decimal(format!("{minus}{digits}")),
            Kind::Double => ExprKind::Double(format!("{minus}{digits}")),
            _ => {
                let value = integer(minus, &digits);
                if value.is_none() {
                    // Trino gives this error no place but the beginning.
                    self.object(Span::default(), format!("Invalid numeric literal: {minus}{}", self.source(span)));
                }
                ExprKind::Integer(value.unwrap_or_default().to_string())
            }
        })
    }
}

fn integer(minus: &str, digits: &str) -> Option<i64> {
    let radix = match digits.get(..2) {
        Some("0x" | "0X") => 16,
        Some("0b" | "0B") => 2,
        Some("0o" | "0O") => 8,
        _ => return format!("{minus}{digits}").parse().ok(),
    };
    // A minus belongs to decimal digits only.
    if minus.is_empty() { i64::from_str_radix(&digits[2..], radix).ok() } else { None }
}

fn bytes(digits: &str) -> Result<Vec<u8>, String> {
    let values: Option<Vec<u32>> = digits.chars().map(|c| c.to_digit(16)).collect();
    let Some(values) = values else {
        return Err("Binary literal can only contain hexadecimal digits".to_owned());
    };
    if values.len() % 2 == 1 {
        return Err("Binary literal must contain an even number of digits".to_owned());
    }
    Ok(values.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect())
}

/// The text that a Unicode literal says: `\00e9` and `\+0000e9` are `é`, a doubled escape is itself.
fn unescaped(text: &str, escape: &str) -> Result<String, String> {
    let mut characters = escape.chars();
    let (escape, rest) = (characters.next(), characters.next());
    let Some(escape) = escape else { return Err("Empty Unicode escape character".to_owned()) };
    let is_special = matches!(escape, '+' | '\'' | '"' | ' ') || escape.is_ascii_hexdigit();
    if rest.is_some() || !(' '..='~').contains(&escape) || is_special {
        let mut whole = escape.to_string();
        whole.extend(rest);
        whole.extend(characters);
        return Err(format!("Invalid Unicode escape character: {whole}"));
    }
    let mut result = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != escape {
            result.push(c);
        } else if rest.as_str().starts_with(escape) {
            rest.next();
            result.push(escape);
        } else {
            result.push(escaped(&mut rest)?);
        }
    }
    Ok(result)
}

/// The character behind an escape: four digits, or six after a `+`.
fn escaped(rest: &mut std::str::Chars<'_>) -> Result<char, String> {
    let length = if rest.as_str().starts_with('+') { 6 } else { 4 };
    if length == 6 {
        rest.next();
    }
    let mut digits = String::new();
    for _ in 0..length {
        match rest.next() {
            Some(c) if c.is_ascii_hexdigit() => digits.push(c),
            Some(c) if digits.is_empty() && length == 4 => return Err(format!("Invalid hexadecimal digit: {c}")),
            _ => return Err(format!("Incomplete escape sequence: {digits}")),
        }
    }
    let code = u32::from_str_radix(&digits, 16).unwrap_or(u32::MAX);
    if (0xD800..=0xDFFF).contains(&code) {
        return Err(format!("Invalid escaped character: {digits}. Escaped character is a surrogate. Use '\\+123456' instead."));
    }
    char::from_u32(code).ok_or_else(|| format!("Invalid escaped character: {digits}"))
}
