//! What lies along a path.
//!
//! Owns: JSON's values and SQL's as items; reading JSON and writing it as Jackson does: members as they stand, once each.
//! Does not own: JSON of type `json`, which is canonical (`values::json`).
//! Invariant: a clone copies no text and no array.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::Result;
use super::scalar::Scalar;
use crate::athena::eval::cast;
use crate::athena::functions::scalar::{Arg as _, Text};
use crate::athena::types::Type;
use crate::athena::values::float::plain_double;
use crate::athena::values::json::{Read, Reader, Token, is_floating, unescaped, write_text};

/// An item.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// The value of an empty text.
    Missing,
    Null,
    Boolean(bool),
    Whole(i64),
    /// A whole number beyond 64 bits, as written.
    Large(Arc<str>),
    Double(f64),
    Text(Arc<str>),
    Array(Arc<Vec<Item>>),
    Object(Arc<Vec<(Arc<str>, Item)>>),
    /// No JSON.
    Sql(Scalar),
}

impl Item {
    /// The first value of a text; what stands behind it is not looked at.
    pub(super) fn read(text: &str) -> Read<Self> {
        let mut reader = Reader::new(text);
        if reader.is_at_end() {
            return Ok(Self::Missing);
        }
        let first = reader.value()?;
        Self::value(&mut reader, first)
    }

    fn value<'t>(reader: &mut Reader<'t>, begun: Token<'t>) -> Read<Self> {
        Ok(match begun {
            Token::Null => Self::Null,
            Token::Bool(value) => Self::Boolean(value),
            Token::Text(written) => Self::Text(unescaped(written).into()),
            Token::Number(written) if is_floating(written) => Self::Double(written.parse().unwrap_or(f64::NAN)),
            Token::Number(written) => written.parse().map_or_else(|_| Self::Large(written.into()), Self::Whole),
            Token::Array => {
                let mut elements = Vec::new();
                reader.parts(begun, |reader, _, value| {
                    elements.push(Self::value(reader, value)?);
                    Ok(())
                })?;
                Self::Array(Arc::new(elements))
            }
            Token::Object => {
                let mut members = Vec::new();
                reader.parts(begun, |reader, key, value| {
                    members.push((unescaped(key.unwrap_or_default()).into(), Self::value(reader, value)?));
                    Ok(())
                })?;
                Self::Object(Arc::new(once_each(members)))
            }
        })
    }

    /// As Jackson calls its kind.
    pub(super) fn kind(&self) -> String {
        let kind = match self {
            Self::Missing => "MISSING",
            Self::Null => "NULL",
            Self::Boolean(_) => "BOOLEAN",
            Self::Whole(_) | Self::Large(_) | Self::Double(_) => "NUMBER",
            Self::Text(_) => "STRING",
            Self::Array(_) => "ARRAY",
            Self::Object(_) => "OBJECT",
            Self::Sql(value) => return value.ty().to_string(),
        };
        kind.to_owned()
    }

    /// Its value of SQL; `None` where it has none.
    pub(super) fn scalar(&self) -> Option<Scalar> {
        Some(match self {
            Self::Boolean(value) => Scalar::Boolean(*value),
            Self::Whole(value) => Scalar::integer(*value),
            Self::Double(value) => Scalar::Double(*value),
            Self::Text(text) => Scalar::Text(text.clone(), Type::VARCHAR),
            Self::Sql(value) => value.clone(),
            Self::Missing | Self::Null | Self::Large(_) | Self::Array(_) | Self::Object(_) => return None,
        })
    }

    /// Whether it can be written as JSON.
    pub(super) fn is_json(&self) -> bool {
        match self {
            Self::Sql(value) => {
                let ty = value.ty();
                ty == Type::Boolean || ty.is_numeric() || matches!(ty, Type::Varchar(_) | Type::Char(_))
            }
            _ => true,
        }
    }

    /// Writes its JSON.
    pub(super) fn write(&self, out: &mut String) -> Result<()> {
        match self {
            Self::Missing | Self::Null => out.push_str("null"),
            Self::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Whole(value) => out.push_str(&value.to_string()),
            Self::Large(written) => out.push_str(written),
            Self::Double(value) if value.is_finite() => out.push_str(&plain_double(*value)),
            Self::Double(value) => write_text(&plain_double(*value), out),
            Self::Text(text) => write_text(text, out),
            Self::Array(elements) => {
                out.push('[');
                for (i, element) in elements.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { "," });
                    element.write(out)?;
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { "," });
                    write_text(name, out);
                    out.push(':');
                    value.write(out)?;
                }
                out.push('}');
            }
            Self::Sql(value) => {
                let value = if matches!(value.ty(), Type::Char(_)) { value.cast(&Type::VARCHAR)? } else { value.clone() };
                let json = cast(&value.array()?, &value.ty(), &Type::Json, false)?;
                out.push_str(Text::get(&Text::reader(&json)?, 0));
            }
        }
        Ok(())
    }
}

/// Of members of one name the last value, at the first one's place.
fn once_each(members: Vec<(Arc<str>, Item)>) -> Vec<(Arc<str>, Item)> {
    let mut places: HashMap<Arc<str>, usize> = HashMap::new();
    let mut once: Vec<(Arc<str>, Item)> = Vec::with_capacity(members.len());
    for (name, value) in members {
        let place = *places.entry(name.clone()).or_insert(once.len());
        match once.get_mut(place) {
            Some((_, own)) => *own = value,
            None => once.push((name, value)),
        }
    }
    once
}
