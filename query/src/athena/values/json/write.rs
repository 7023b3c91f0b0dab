//! Writing JSON texts.
//!
//! Owns: their canonical form, as values of type `json` have it: no blanks, members in the order of their names (of UTF-16), each
//! once, decimal numbers as doubles.
//! Does not own: values of other types as JSON (`eval::cast`).
//! Invariant: what is canonical stays as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::read::{Malformed, Read, Reader, Token, units};
use crate::athena::values::float::plain_double;

/// The canonical text of a whole JSON text.
pub(crate) fn canonical(text: &str) -> Read<String> {
    let mut reader = Reader::new(text);
    let mut out = String::with_capacity(text.len());
    let first = reader.value()?;
    reader.write(first, true, &mut out)?;
    if reader.is_at_end() { Ok(out) } else { Err(Malformed) }
}

impl<'t> Reader<'t> {
    /// Writes a value that has begun, its keys in order when `sorted`, else as they stand.
    pub(crate) fn write(&mut self, begun: Token<'t>, sorted: bool, out: &mut String) -> Read<()> {
        match begun {
            Token::Object if sorted => self.write_sorted(out)?,
            Token::Object | Token::Array => {
                let (open, close) = if begun == Token::Object { ('{', '}') } else { ('[', ']') };
                out.push(open);
                let from = out.len();
                self.parts(begun, |reader, key, value| {
                    if out.len() > from {
                        out.push(',');
                    }
                    if let Some(key) = key {
                        write_written(key, out);
                        out.push(':');
                    }
                    reader.write(value, sorted, out)
                })?;
                out.push(close);
            }
            Token::Text(text) => write_written(text, out),
            Token::Number(written) => write_number(written, out),
            Token::Bool(value) => out.push_str(if value { "true" } else { "false" }),
            Token::Null => out.push_str("null"),
        }
        Ok(())
    }

    /// Of a key that is there twice, the last.
    fn write_sorted(&mut self, out: &mut String) -> Read<()> {
        let mut fields: BTreeMap<Vec<u16>, String> = BTreeMap::new();
        self.parts(Token::Object, |reader, key, value| {
            let mut field = String::new();
            let key = key.unwrap_or_default();
            write_written(key, &mut field);
            field.push(':');
            reader.write(value, true, &mut field)?;
            fields.insert(units(key).collect(), field);
            Ok(())
        })?;
        out.push('{');
        for (i, field) in fields.values().enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            out.push_str(field);
        }
        out.push('}');
        Ok(())
    }
}

/// Whether a number's text is that of a floating one.
pub(crate) fn is_floating(number: &str) -> bool {
    number.contains(['.', 'e', 'E'])
}

pub(super) fn write_number(number: &str, out: &mut String) {
    if !is_floating(number) {
        out.push_str(if number == "-0" { "0" } else { number });
        return;
    }
    let value: f64 = number.parse().unwrap_or(f64::NAN);
    let text = plain_double(value);
    if value.is_finite() { out.push_str(&text) } else { write_text(&text, out) }
}

/// A text between quotes.
pub(crate) fn write_text(text: &str, out: &mut String) {
    write_units(text.encode_utf16(), out);
}

/// As `write_text`, of one with escapes.
fn write_written(written: &str, out: &mut String) {
    if written.bytes().any(|byte| byte == b'\\' || byte >= 0xf0) {
        write_units(units(written), out);
    } else {
        out.push('"');
        out.push_str(written);
        out.push('"');
    }
}

/// Letters beyond the basic plane as two escapes.
fn write_units(units: impl Iterator<Item = u16>, out: &mut String) {
    out.push('"');
    for unit in units {
        match char::from_u32(u32::from(unit)) {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c) if c >= ' ' => out.push(c),
            _ => {
                let _ = write!(out, "\\u{unit:04X}");
            }
        }
    }
    out.push('"');
}
