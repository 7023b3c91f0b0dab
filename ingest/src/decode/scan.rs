//! One JSON text, read once from left to right.
//!
//! Owns: the whole of the JSON grammar (RFC 8259), checked also in values nobody asked for; strings and their escapes.
//! Does not own: numbers (`number`), which members matter (`row`).
//! Invariant: a text is accepted if and only if it is JSON nested no deeper than `NESTING_MAX`; nothing is allocated.

use std::borrow::Cow;

use super::number::{self, Decimal};
use super::swar;

/// Objects and arrays within each other, the outermost counted.
pub(super) const NESTING_MAX: u32 = 64;

/// Where and why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Byte position, from 0.
    pub(super) at: usize,
    /// What is wrong there.
    pub(super) why: &'static str,
}

impl Malformed {
    #[cold]
    pub(super) fn new(at: usize, why: &'static str) -> Self {
        Self { at, why }
    }
}

/// A string as written, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Text<'a> {
    /// The characters between the quotes.
    pub(super) raw: &'a str,
    /// Whether there are escapes among them.
    pub(super) escaped: bool,
}

/// A value; what is nested is checked and kept as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(Decimal<'a>),
    Text(Text<'a>),
    Array(&'a str),
    Object(&'a str),
}

/// One member of the outermost object. Its texts are cut out only when asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// The name, escapes resolved, as `swar::pack` gives it; `None` if it is too long for that.
    pub(super) packed_name: Option<u128>,
    pub(super) value: Value<'a>,
    text: &'a str,
    name: (usize, usize),
    written: (usize, usize),
}

impl<'a> Member<'a> {
    /// The name as written, without its quotes.
    pub(super) fn name(&self) -> &'a str {
        &self.text[self.name.0..self.name.1]
    }

    /// The value as written, without white space around it.
    pub(super) fn written(&self) -> &'a str {
        &self.text[self.written.0..self.written.1]
    }
}

/// Reads a text that is one JSON value and hands every member of the outermost object to `visit`.
/// Returns whether it was an object.
#[inline]
pub(super) fn document<'a>(text: &'a str, mut visit: impl FnMut(Member<'a>)) -> Result<bool, Malformed> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.skip_space();
    let is_object = scanner.peek() == Some(b'{');
    if is_object {
        scanner.object(1, &mut visit)?;
    } else {
        scanner.value(1)?;
    }
    scanner.skip_space();
    if scanner.at < text.len() { Err(Malformed::new(scanner.at, "something follows the JSON value")) } else { Ok(is_object) }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8, why: &'static str) -> Result<(), Malformed> {
        if self.peek() != Some(byte) {
            return Err(Malformed::new(self.at, why));
        }
        self.at += 1;
        Ok(())
    }

    /// An object; the brace that opens it is the next byte.
    #[inline(always)]
    fn object(&mut self, depth: u32, visit: &mut impl FnMut(Member<'a>)) -> Result<(), Malformed> {
        self.open(depth)?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            let (packed_name, name) = self.name()?;
            self.skip_space();
            self.expect(b':', "a colon must follow the member name")?;
            self.skip_space();
            let from = self.at;
            let value = self.value(depth + 1)?;
            visit(Member { packed_name, value, text: self.text, name, written: (from, self.at) });
            if self.closes(b'}', "a comma or } must follow the member")? {
                return Ok(());
            }
        }
    }

    /// An array; the bracket that opens it is the next byte.
    fn array(&mut self, depth: u32) -> Result<(), Malformed> {
        self.open(depth)?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            if self.closes(b']', "a comma or ] must follow the element")? {
                return Ok(());
            }
        }
    }

    #[inline(always)]
    fn open(&mut self, depth: u32) -> Result<(), Malformed> {
        if depth > NESTING_MAX {
            return Err(Malformed::new(self.at, "more than 64 objects and arrays are nested here"));
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    /// Steps over the closing byte (true) or a comma (false).
    #[inline(always)]
    fn closes(&mut self, close: u8, why: &'static str) -> Result<bool, Malformed> {
        self.skip_space();
        let closed = self.peek() == Some(close);
        if !closed {
            self.expect(b',', why)?;
            self.skip_space();
        } else {
            self.at += 1;
        }
        Ok(closed)
    }

    /// Any value; an object or array opened here is at `depth`.
    #[inline(always)]
    fn value(&mut self, depth: u32) -> Result<Value<'a>, Malformed> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => {
                let number = number::scan(self.text.as_bytes(), self.at, false)?;
                self.at += number.len();
                Ok(Value::Number(number))
            }
            _ => self.rare_value(depth),
        }
    }

    fn rare_value(&mut self, depth: u32) -> Result<Value<'a>, Malformed> {
        let from = self.at;
        match self.peek() {
            Some(b'{') => {
                self.object(depth, &mut |_| {})?;
                Ok(Value::Object(&self.text[from..self.at]))
            }
            Some(b'[') => {
                self.array(depth)?;
                Ok(Value::Array(&self.text[from..self.at]))
            }
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            _ => Err(Malformed::new(from, "no JSON value starts like this")),
        }
    }

    fn word(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, Malformed> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Malformed::new(self.at, "no JSON value starts like this"));
        }
        self.at += word.len();
        Ok(value)
    }

    /// A member's name, packed, and where it is written.
    #[inline(always)]
    fn name(&mut self) -> Result<(Option<u128>, (usize, usize)), Malformed> {
        if self.peek() != Some(b'"') {
            return Err(Malformed::new(self.at, "a member name in quotes must stand here"));
        }
        let from = self.at + 1;
        if let Some((packed, length)) = swar::quoted_name(self.text.as_bytes(), from) {
            self.at = from + length + 1;
            return Ok((Some(packed), (from, from + length)));
        }
        self.rare_name()
    }

    /// A name that is long, escaped, or among the last bytes of the text.
    #[inline(never)]
    fn rare_name(&mut self) -> Result<(Option<u128>, (usize, usize)), Malformed> {
        let from = self.at + 1;
        let name = self.string()?.unescaped();
        Ok((swar::pack(name.as_bytes()), (from, self.at - 1)))
    }

    /// A string; its opening quote is the next byte.
    #[inline(always)]
    fn string(&mut self) -> Result<Text<'a>, Malformed> {
        self.at += 1;
        let from = self.at;
        let mut escaped = false;
        loop {
            self.at = swar::string_stop(self.text.as_bytes(), self.at);
            match self.peek() {
                Some(b'"') => {
                    let raw = &self.text[from..self.at];
                    self.at += 1;
                    return Ok(Text { raw, escaped });
                }
                Some(b'\\') => {
                    self.at = unescape_one(self.text, self.at)?.1;
                    escaped = true;
                }
                Some(_) => return Err(Malformed::new(self.at, "a control character inside a string must be escaped")),
                None => return Err(Malformed::new(self.at, "the text ends inside a string")),
            }
        }
    }
}

impl<'a> Text<'a> {
    /// The text with its escapes resolved; allocates only if there are any.
    #[inline]
    pub(super) fn unescaped(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }
}

fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        // The scanner refused every wrong escape before a `Text` could exist.
        let Ok((character, end)) = unescape_one(rest, at) else { break };
        text.push_str(&rest[..at]);
        text.push(character);
        rest = &rest[end..];
    }
    text.push_str(rest);
    text
}

/// The character whose escape starts at the backslash at `at`, and the position after the escape.
fn unescape_one(text: &str, at: usize) -> Result<(char, usize), Malformed> {
    let character = match text.as_bytes().get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unescape_unicode(text.as_bytes(), at),
        _ => return Err(Malformed::new(at, "there is no such escape")),
    };
    Ok((character, at + 2))
}

fn unescape_unicode(bytes: &[u8], at: usize) -> Result<(char, usize), Malformed> {
    let unit = |at: usize| -> Option<u32> {
        let hex = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        hex.iter().try_fold(0, |n, &b| Some(n * 16 + char::from(b).to_digit(16)?))
    };
    let first = unit(at).ok_or(Malformed::new(at, "four hexadecimal digits must follow \\u"))?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, at + 6));
    }
    let pair = unit(at + 6).filter(|low| first < 0xdc00 && (0xdc00..0xe000).contains(low));
    pair.and_then(|low| char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00)))
        .map(|character| (character, at + 12))
        .ok_or(Malformed::new(at, "this surrogate has no partner"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Result<Vec<(String, String)>, Malformed> {
        let mut members = Vec::new();
        document(text, |m| members.push((m.name().to_owned(), m.written().to_owned()))).map(|_| members)
    }

    #[test]
    fn members_are_handed_over_as_written() {
        let read = members(" {\"a\" : 1 ,\"\\u0062\\ud83d\\ude00\\n\":\t[ 1, {\"x\":null} ], \"\":\"\\\"\"}\r\n").unwrap();
        let expected = [("a", "1"), ("\\u0062\\ud83d\\ude00\\n", "[ 1, {\"x\":null} ]"), ("", "\"\\\"\"")];
        assert_eq!(read, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn no_grammar_error_goes_unnoticed() {
        for (text, at) in [
            ("{", 1),
            ("{}{}", 2),
            ("{\"a\":1,}", 7),
            ("{\"a\"}", 4),
            ("{\"a\":}", 5),
            ("{\"a\":01}", 5),
            ("{\"a\":1.}", 7),
            ("{\"a\":-}", 6),
            ("{\"a\":+1}", 5),
            ("{\"a\":NaN}", 5),
            ("{\"a\":nul}", 5),
            ("{\"a\":[1 2]}", 8),
            ("{\"a\":[1,]}", 8),
            ("{\"a\":{\"b\":1]}", 11),
            ("{\"a\":\"\t\"}", 6),
            ("{\"a\":\"\\x\"}", 6),
            ("{\"a\":\"\\u12g4\"}", 6),
            ("{\"a\":\"\\u00", 6),
            ("{\"a\":\"\\ud800\"}", 6),
            ("{\"a\":\"\\udc00\\ud800\"}", 6),
            ("{\"a\":\"\\ud800\\u0041\"}", 6),
            ("{\"a\":\"b", 7),
            ("{'a':1}", 1),
            ("{\"a\":1}\0", 7),
            ("{\"a\":1}\u{a0}", 7),
        ] {
            assert_eq!(members(text).map_err(|e| e.at), Err(at), "{text}");
        }
    }

    #[test]
    fn nesting_is_never_followed_beyond_its_limit() {
        let nested = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(members(&nested(63)).is_ok());
        assert_eq!(members(&nested(64)).map_err(|e| e.at), Err(5 + 63));
        assert!(members(&"[".repeat(200_000)).is_err());
        assert!(members(&"{\"a\":".repeat(50_000)).is_err());
    }
}
