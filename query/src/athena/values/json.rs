//! JSON texts.
//!
//! Owns: reading one piece by piece, and writing it as values of type `json` have it.
//! Does not own: which pieces functions take (`functions::scalar::json`), values of other types as JSON (`text`).
//! Invariant: what stands after the piece that is asked for is not looked at: it may be malformed. Reading is Jackson's: no
//! comments, no bare names; numbers with a point or an exponent are doubles.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::text::double;

/// How deep values may lie within each other.
const DEPTH_MAX: usize = 1000;

/// What is read is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

type Read<T> = Result<T, Malformed>;

/// What a value begins with; of one without parts, all of it. Texts and numbers as written, texts without their quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    Object,
    Array,
    Text(&'t str),
    Number(&'t str),
    Bool(bool),
    Null,
}

/// A place in a JSON text.
pub(crate) struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

/// The canonical text of a whole JSON text: keys in order (of UTF-16), each once, no blanks.
pub(crate) fn canonical(text: &str) -> Read<String> {
    let mut reader = Reader::new(text);
    let mut out = String::with_capacity(text.len());
    let first = reader.value()?;
    reader.write(first, true, &mut out)?;
    if reader.is_at_end() { Ok(out) } else { Err(Malformed) }
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { rest: text, depth: 0 }
    }

    /// Whether nothing but blanks is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.blanks();
        self.rest.is_empty()
    }

    /// The next value's beginning.
    pub(crate) fn value(&mut self) -> Read<Token<'t>> {
        self.blanks();
        match self.rest.bytes().next().ok_or(Malformed)? {
            b'{' => {
                self.skip_bytes(1);
                Ok(Token::Object)
            }
            b'[' => {
                self.skip_bytes(1);
                Ok(Token::Array)
            }
            b'"' => self.text().map(Token::Text),
            b't' => self.word("true", Token::Bool(true)),
            b'f' => self.word("false", Token::Bool(false)),
            b'n' => self.word("null", Token::Null),
            _ => self.number().map(Token::Number),
        }
    }

    /// Whether an array has one more element, whose value is then next.
    pub(crate) fn element(&mut self, is_first: bool) -> Read<bool> {
        self.next_part(b']', is_first)
    }

    /// The key of an object's next value; `None` at its end.
    pub(crate) fn key(&mut self, is_first: bool) -> Read<Option<&'t str>> {
        if !self.next_part(b'}', is_first)? {
            return Ok(None);
        }
        self.blanks();
        let key = self.text()?;
        self.blanks();
        self.rest = self.rest.strip_prefix(':').ok_or(Malformed)?;
        Ok(Some(key))
    }

    /// Leaves out what belongs to a value that has begun.
    pub(crate) fn skip(&mut self, begun: Token<'t>) -> Read<()> {
        self.parts(begun, |reader, _, value| reader.skip(value))
    }

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
                        write_text(key, out);
                        out.push(':');
                    }
                    reader.write(value, sorted, out)
                })?;
                out.push(close);
            }
            Token::Text(text) => write_text(text, out),
            Token::Number(written) => out.push_str(&number(written)),
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
            write_text(key, &mut field);
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

    /// Calls for each part of a value that has begun.
    fn parts(&mut self, begun: Token<'t>, mut f: impl FnMut(&mut Self, Option<&'t str>, Token<'t>) -> Read<()>) -> Read<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Malformed);
        }
        let mut is_first = true;
        loop {
            let key = match begun {
                Token::Object => match self.key(is_first)? {
                    None => break,
                    key => key,
                },
                Token::Array if self.element(is_first)? => None,
                _ => break,
            };
            is_first = false;
            let value = self.value()?;
            f(self, key, value)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn next_part(&mut self, end: u8, is_first: bool) -> Read<bool> {
        self.blanks();
        match self.rest.bytes().next() {
            Some(byte) if byte == end => {
                self.skip_bytes(1);
                Ok(false)
            }
            Some(b',') if !is_first => {
                self.skip_bytes(1);
                Ok(true)
            }
            Some(_) if is_first => Ok(true),
            _ => Err(Malformed),
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn skip_bytes(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or("");
    }

    fn word(&mut self, word: &str, token: Token<'t>) -> Read<Token<'t>> {
        self.rest = self.rest.strip_prefix(word).filter(|rest| ends_value(rest)).ok_or(Malformed)?;
        Ok(token)
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`
    fn number(&mut self) -> Read<&'t str> {
        let from = self.rest;
        let digits = |reader: &mut Self| {
            let after = reader.rest.trim_start_matches(|c: char| c.is_ascii_digit());
            let count = reader.rest.len() - after.len();
            reader.rest = after;
            count
        };
        let optional = |reader: &mut Self, set: &[char]| reader.rest.strip_prefix(set).map(|rest| reader.rest = rest).is_some();
        optional(self, &['-']);
        let begins_with_zero = self.rest.starts_with('0');
        let whole = digits(self);
        if whole == 0 || (begins_with_zero && whole > 1) {
            return Err(Malformed);
        }
        if optional(self, &['.']) && digits(self) == 0 {
            return Err(Malformed);
        }
        if optional(self, &['e', 'E']) {
            optional(self, &['+', '-']);
            if digits(self) == 0 {
                return Err(Malformed);
            }
        }
        if !ends_value(self.rest) {
            return Err(Malformed);
        }
        Ok(&from[..from.len() - self.rest.len()])
    }

    /// A text's inside, its escapes known to be right.
    fn text(&mut self) -> Read<&'t str> {
        let inside = self.rest.strip_prefix('"').ok_or(Malformed)?;
        let bytes = inside.as_bytes();
        let mut at = 0;
        loop {
            match bytes.get(at).ok_or(Malformed)? {
                b'"' => {
                    self.rest = &inside[at + 1..];
                    return Ok(&inside[..at]);
                }
                b'\\' => {
                    at += match bytes.get(at + 1).ok_or(Malformed)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                        b'u' if bytes.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => 6,
                        _ => return Err(Malformed),
                    }
                }
                0..0x20 => return Err(Malformed),
                _ => at += 1,
            }
        }
    }
}

/// Whether a number or a word may end before this.
fn ends_value(rest: &str) -> bool {
    rest.bytes().next().is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}'))
}

/// A text as the letters it stands for; half a surrogate pair is no letter.
pub(crate) fn unescaped(written: &str) -> Cow<'_, str> {
    if !written.contains('\\') {
        return written.into();
    }
    char::decode_utf16(units(written)).map(|c| c.unwrap_or('?')).collect::<String>().into()
}

/// A text's UTF-16, its escapes resolved.
fn units(written: &str) -> impl Iterator<Item = u16> {
    let mut chars = written.chars();
    let mut low: Option<u16> = None;
    std::iter::from_fn(move || {
        if let Some(low) = low.take() {
            return Some(low);
        }
        let c = match chars.next()? {
            '\\' => match chars.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let digits = chars.by_ref().take(4).filter_map(|c| c.to_digit(16));
                    return u16::try_from(digits.fold(0, |number, digit| number * 16 + digit)).ok();
                }
                itself => itself,
            },
            c => c,
        };
        let mut pair = [0; 2];
        let units = c.encode_utf16(&mut pair);
        low = units.get(1).copied();
        units.first().copied()
    })
}

/// A text as canonical JSON has it: letters beyond the first 65536 as two escapes.
fn write_text(written: &str, out: &mut String) {
    out.push('"');
    if written.bytes().all(|byte| byte != b'\\' && byte < 0xf0) {
        out.push_str(written);
    } else {
        for unit in units(written) {
            match (char::from_u32(u32::from(unit)), unit) {
                (Some('"'), _) => out.push_str("\\\""),
                (Some('\\'), _) => out.push_str("\\\\"),
                (Some('\u{8}'), _) => out.push_str("\\b"),
                (Some('\u{c}'), _) => out.push_str("\\f"),
                (Some('\n'), _) => out.push_str("\\n"),
                (Some('\r'), _) => out.push_str("\\r"),
                (Some('\t'), _) => out.push_str("\\t"),
                (Some(c), 0x20..) => out.push(c),
                _ => {
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
        }
    }
    out.push('"');
}

/// A number as canonical JSON has it.
fn number(written: &str) -> Cow<'_, str> {
    if !written.contains(['.', 'e', 'E']) {
        return if written == "-0" { "0".into() } else { written.into() };
    }
    let value: f64 = written.parse().unwrap_or(f64::NAN);
    java_double(value).into()
}

/// A double as Java writes it: with an exponent only below a thousandth and from ten millions on; in JSON, what is no number is a text.
fn java_double(value: f64) -> String {
    match value.abs() {
        size if !size.is_finite() => format!("\"{}\"", double(value)),
        size if size == 0.0 || (1e-3..1e7).contains(&size) => format!("{value:?}"),
        _ => double(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_never_has_another_canonical_form_than_trinos() {
        for (text, expected) in [
            (r#" {"b":1, "a": [ 1 , null, true ], "b":2.50 } "#, r#"{"a":[1,null,true],"b":2.5}"#),
            ("[1e400, -0, -0.0, 1E-7, 1e7, 1e6, 0.001, 5e-324]", r#"["Infinity",0,-0.0,1.0E-7,1.0E7,1000000.0,0.001,4.9E-324]"#),
            (r#""\/\u0041\u0001\ud83d😀""#, r#""/A\u0001\uD83D\uD83D\uDE00""#),
        ] {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text}");
        }
        for wrong in ["", "[1", "1 2", "[1,]", "{,}", "01", ".5", "1.", "truex", "{a:1}", "\"\\x\"", "\"\n\"", "NaN"] {
            assert_eq!(canonical(wrong), Err(Malformed), "{wrong}");
        }
        assert_eq!(canonical(&"[".repeat(1_000_000)), Err(Malformed));
    }
}
