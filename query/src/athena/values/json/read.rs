//! Reading JSON texts piece by piece.
//!
//! Owns: which pieces there are, as Jackson reads them: no comments, no bare names; what a text's escapes stand for.
//! Does not own: whole values (`json`), which pieces functions take (`functions::scalar::json`).
//! Invariant: what stands after the piece that is asked for is not looked at: it may be malformed. A deep value never overflows
//! the stack.

use std::borrow::Cow;

/// How deep values may lie within each other.
const DEPTH_MAX: usize = 1000;

/// What is read is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

pub(crate) type Read<T> = Result<T, Malformed>;

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

    /// Calls for each part of a value that has begun.
    pub(crate) fn parts(
        &mut self,
        begun: Token<'t>,
        mut f: impl FnMut(&mut Self, Option<&'t str>, Token<'t>) -> Read<()>,
    ) -> Read<()> {
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
pub(super) fn units(written: &str) -> impl Iterator<Item = u16> {
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
