//! JSON.
//!
//! Owns: its values.
//! Does not own: what JSON becomes and what becomes JSON (`eval::cast`), what functions take out of it (`functions::scalar::json`).
//! Invariant: a text that Trino refuses is none.

pub(crate) mod path;
mod read;
mod write;

pub(crate) use read::{Malformed, Read, Reader, Token, unescaped};
pub(crate) use write::{canonical, is_floating, write_text};

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Boolean(bool),
    /// As written.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    /// In the order they were written; a name may come twice.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value of a text; `None` when it is no JSON.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader::new(text);
        let first = reader.value().ok()?;
        let value = Self::read(&mut reader, first).ok()?;
        reader.is_at_end().then_some(value)
    }

    /// A value that has begun.
    fn read<'t>(reader: &mut Reader<'t>, begun: Token<'t>) -> Read<Self> {
        Ok(match begun {
            Token::Null => Self::Null,
            Token::Bool(value) => Self::Boolean(value),
            Token::Number(written) => Self::Number(written.to_owned()),
            Token::Text(written) => Self::Text(unescaped(written).into_owned()),
            Token::Array => {
                let mut elements = Vec::new();
                reader.parts(begun, |reader, _, value| {
                    elements.push(Self::read(reader, value)?);
                    Ok(())
                })?;
                Self::Array(elements)
            }
            Token::Object => {
                let mut members = Vec::new();
                reader.parts(begun, |reader, key, value| {
                    members.push((unescaped(key.unwrap_or_default()).into_owned(), Self::read(reader, value)?));
                    Ok(())
                })?;
                Self::Object(members)
            }
        })
    }

    /// Its canonical text.
    pub(crate) fn canonical(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(text) => write::write_number(text, out),
            Self::Text(text) => write_text(text, out),
            Self::Array(elements) => {
                out.push('[');
                for (i, element) in elements.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { "," });
                    element.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                let last: std::collections::BTreeMap<Vec<u16>, _> =
                    members.iter().map(|(name, value)| (name.encode_utf16().collect(), (name, value))).collect();
                out.push('{');
                for (i, (name, value)) in last.into_values().enumerate() {
                    out.push_str(if i == 0 { "" } else { "," });
                    write_text(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_never_json_that_is_none_in_trino() {
        for (text, expected) in [
            (" [1 , 2.50, 1e5, -0, 1e400] ", r#"[1,2.5,100000.0,0,"Infinity"]"#),
            (r#" {"b":1, "a": [ 1 , null, true ], "b":2.50 } "#, r#"{"a":[1,null,true],"b":2.5}"#),
            (r#""\u00e9\/\u0001\t\ud83d\ude00😀""#, "\"é/\\u0001\\t\\uD83D\\uDE00\\uD83D\\uDE00\""),
            ("[-0.0, 1E-7, 1e7, 1e6, 0.001, 5e-324]", "[-0.0,1.0E-7,1.0E7,1000000.0,0.001,4.9E-324]"),
            ("12345678901234567890", "12345678901234567890"),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
            assert_eq!(Json::parse(text).map(|json| json.canonical()).as_deref(), Some(expected), "{text}");
        }
        for wrong in [
            "",
            "[1,]",
            "{\"a\":1,}",
            "{,}",
            "01",
            "+1",
            ".5",
            "1.",
            "tru",
            "truex",
            "'a'",
            "\"\t\"",
            "1 2",
            "\"\\x\"",
            "\"\\u12é\"",
            "[1",
        ] {
            assert_eq!((canonical(wrong), Json::parse(wrong)), (Err(Malformed), None), "{wrong}");
        }
        assert_eq!(canonical(&"[".repeat(100_000)), Err(Malformed));
        assert_eq!(canonical(r#""\ud83d""#).as_deref(), Ok(r#""\uD83D""#), "half a pair stays an escape");
    }
}
