//! JSON.
//!
//! Owns: reading and writing JSON texts as Trino does: its canonical form has no blanks, members in the order of their names,
//! decimal numbers as doubles.
//! Does not own: what JSON becomes and what becomes JSON (`eval::cast`).
//! Invariant: a text that Trino refuses is none; a deep one never overflows the stack.

use std::fmt::Write as _;

use super::float::plain_double;

/// How deep arrays and objects may lie in each other, as for Trino's reader.
const DEPTH_MAX: usize = 1000;

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
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.skip_blanks();
        (reader.at == text.len()).then_some(value)
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
            Self::Number(text) => write_number(text, out),
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
                let last: std::collections::BTreeMap<&str, &Self> =
                    members.iter().map(|(name, value)| (&**name, value)).collect();
                out.push('{');
                for (i, (name, value)) in last.into_iter().enumerate() {
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

/// Whether a number's text is that of a floating one.
pub(crate) fn is_floating(number: &str) -> bool {
    number.contains(['.', 'e', 'E'])
}

fn write_number(number: &str, out: &mut String) {
    if !is_floating(number) {
        out.push_str(if number == "-0" { "0" } else { number });
        return;
    }
    let value: f64 = number.parse().unwrap_or(f64::NAN);
    let text = plain_double(value);
    if value.is_finite() { out.push_str(&text) } else { write_text(&text, out) }
}

/// A text between quotes; beyond the basic plane as two escapes.
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || c > '\u{ffff}' => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn takes(&mut self, token: &str) -> bool {
        let there = self.text[self.at..].starts_with(token);
        self.at += if there { token.len() } else { 0 };
        there
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        self.skip_blanks();
        match self.peek()? {
            b'{' | b'[' if depth == DEPTH_MAX => None,
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => self.string().map(Json::Text),
            b'-' | b'0'..=b'9' => self.number(),
            _ if self.takes("true") => Some(Json::Boolean(true)),
            _ if self.takes("false") => Some(Json::Boolean(false)),
            _ => self.takes("null").then_some(Json::Null),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        self.at += 1;
        let mut elements = Vec::new();
        self.skip_blanks();
        if self.takes("]") {
            return Some(Json::Array(elements));
        }
        loop {
            elements.push(self.value(depth)?);
            self.skip_blanks();
            if self.takes("]") {
                return Some(Json::Array(elements));
            }
            self.takes(",").then_some(())?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.at += 1;
        let mut members = Vec::new();
        self.skip_blanks();
        if self.takes("}") {
            return Some(Json::Object(members));
        }
        loop {
            self.skip_blanks();
            (self.peek() == Some(b'"')).then_some(())?;
            let name = self.string()?;
            self.skip_blanks();
            self.takes(":").then_some(())?;
            members.push((name, self.value(depth)?));
            self.skip_blanks();
            if self.takes("}") {
                return Some(Json::Object(members));
            }
            self.takes(",").then_some(())?;
        }
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Option<Json> {
        let from = self.at;
        self.takes("-");
        let leading_zero = self.peek() == Some(b'0');
        let whole = self.digits();
        (whole == 1 || whole > 1 && !leading_zero).then_some(())?;
        if self.takes(".") {
            (self.digits() > 0).then_some(())?;
        }
        if self.takes("e") || self.takes("E") {
            let _ = self.takes("+") || self.takes("-");
            (self.digits() > 0).then_some(())?;
        }
        Some(Json::Number(self.text[from..self.at].to_owned()))
    }

    fn string(&mut self) -> Option<String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ')?;
            text.push_str(&rest[..plain]);
            self.at += plain + 1;
            match rest.as_bytes()[plain] {
                b'"' => return Some(text),
                b'\\' => text.push(self.escaped()?),
                _ => return None,
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let kind = self.peek()?;
        self.at += 1;
        Some(match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let high = self.unit()?;
                let mut units = vec![high];
                if (0xD800..0xDC00).contains(&high) && self.takes("\\u") {
                    units.push(self.unit()?);
                }
                // Half a character alone is none.
                char::decode_utf16(units).next()?.unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u16> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_never_json_that_is_none_in_trino() {
        for (text, canonical) in [
            (" [1 , 2.50, 1e5, -0, 1e400] ", r#"[1,2.5,100000.0,0,"Infinity"]"#),
            (r#"{"b":1,"a":2,"b":3}"#, r#"{"a":2,"b":3}"#),
            (r#""\u00e9\/\u0001\t\ud83d\ude00""#, "\"é/\\u0001\\t\\uD83D\\uDE00\""),
            ("12345678901234567890", "12345678901234567890"),
        ] {
            assert_eq!(Json::parse(text).map(|json| json.canonical()).as_deref(), Some(canonical), "{text}");
        }
        for wrong in
            ["", "[1,]", "{\"a\":1,}", "01", "+1", ".5", "1.", "tru", "'a'", "\"\t\"", "1 2", "\"\\x\"", "\"\\u12é\"", "[1"]
        {
            assert_eq!(Json::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Json::parse(&"[".repeat(100_000)), None);
    }
}
