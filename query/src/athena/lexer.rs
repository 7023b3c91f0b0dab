//! The tokens of a statement, as Trino 449 cuts them.
//!
//! Owns: which bytes make a word, a name, a number, a literal or a mark; what is skipped between them.
//! Does not own: what a literal says (`parse::literal`) and which words are keywords (`parse::words`).
//! Invariant: every text has tokens. What begins none, a quote or a comment that is never closed included, is an `Unknown` of one
//! character, at which the parser stops: so the place of an error is Trino's.

use super::ast::Span;
use super::parse::words::Word;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Word(Word),
    /// An unquoted name that is no keyword.
    Name,
    /// `"name"`
    Quoted,
    /// A name in backquotes; Trino knows it to refuse it.
    Backquoted,
    /// `1abc`; Trino knows it to refuse it.
    DigitName,
    /// `'text'`
    Text,
    /// `U&'text'`
    UnicodeText,
    /// `X'00ff'`
    Bytes,
    Integer,
    Decimal,
    Double,
    Dot,
    Open,
    Close,
    Comma,
    Arrow,
    FatArrow,
    OpenBracket,
    CloseBracket,
    Colon,
    Bar,
    Caret,
    Dollar,
    OpenExclusion,
    CloseExclusion,
    OpenBrace,
    CloseBrace,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Concat,
    Question,
    Semicolon,
    Unknown,
    End,
}

/// The marks, the longer before their beginnings.
const MARKS: &[(&str, Kind)] = &[
    ("=>", Kind::FatArrow),
    ("->", Kind::Arrow),
    ("-}", Kind::CloseExclusion),
    ("{-", Kind::OpenExclusion),
    ("<>", Kind::NotEqual),
    ("!=", Kind::NotEqual),
    ("<=", Kind::LessOrEqual),
    (">=", Kind::GreaterOrEqual),
    ("||", Kind::Concat),
    (".", Kind::Dot),
    ("(", Kind::Open),
    (")", Kind::Close),
    (",", Kind::Comma),
    ("[", Kind::OpenBracket),
    ("]", Kind::CloseBracket),
    (":", Kind::Colon),
    ("|", Kind::Bar),
    ("^", Kind::Caret),
    ("$", Kind::Dollar),
    ("{", Kind::OpenBrace),
    ("}", Kind::CloseBrace),
    ("=", Kind::Equal),
    ("<", Kind::Less),
    (">", Kind::Greater),
    ("+", Kind::Plus),
    ("-", Kind::Minus),
    ("*", Kind::Star),
    ("/", Kind::Slash),
    ("%", Kind::Percent),
    ("?", Kind::Question),
    (";", Kind::Semicolon),
];

impl Kind {
    /// Whether it can stand where a name is wanted; of the refused kinds the parser then says why.
    pub(crate) fn is_name(self) -> bool {
        match self {
            Kind::Name | Kind::Quoted | Kind::Backquoted | Kind::DigitName => true,
            Kind::Word(word) => word.is_free(),
            _ => false,
        }
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self, Kind::Text | Kind::UnicodeText)
    }

    pub(crate) fn is_number(self) -> bool {
        matches!(self, Kind::Integer | Kind::Decimal | Kind::Double)
    }

    /// As Trino's messages name it.
    pub(crate) fn shown(self) -> String {
        match self {
            Kind::Word(word) => format!("'{}'", word.text()),
            Kind::Integer => "<integer>".to_owned(),
            Kind::Text => "STRING".to_owned(),
            Kind::NotEqual => "NEQ".to_owned(),
            Kind::End => "<EOF>".to_owned(),
            _ => {
                let mark = MARKS.iter().find(|(_, kind)| *kind == self);
                mark.map_or_else(|| format!("{self:?}").to_uppercase(), |(text, _)| format!("'{text}'"))
            }
        }
    }
}

impl From<Word> for Kind {
    fn from(word: Word) -> Kind {
        Kind::Word(word)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// The tokens of a text; the last one is its `End`.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(text.len() / 4 + 1);
    tokens.extend(each_token(text));
    tokens
}

/// As `tokens`, cut as they are asked for; the last is the `End`.
pub(crate) fn each_token(text: &str) -> impl Iterator<Item = Token> {
    let mut lexer = Lexer { text, bytes: text.as_bytes(), at: 0, comments_close: true };
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        lexer.skip();
        let start = lexer.at;
        let kind = lexer.next();
        ended = kind == Kind::End;
        Some(Token { kind, span: Span { start, end: lexer.at } })
    })
}

/// One of the statements of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    /// From its first token to its last.
    pub(crate) tokens: Span,
    /// With the comments around it: from the semicolon before it to its own, without either.
    pub(crate) whole: Span,
}

/// The statements of a text; nothing between two semicolons is no statement.
pub(crate) fn statements(text: &str) -> Vec<Piece> {
    let (mut statements, mut from) = (Vec::new(), 0);
    let mut open: Option<Span> = None;
    for Token { kind, span } in tokens(text) {
        if matches!(kind, Kind::Semicolon | Kind::End) {
            let whole = Span { start: from, end: span.start };
            statements.extend(open.take().map(|tokens| Piece { tokens, whole }));
            from = span.end;
        } else {
            open = Some(Span { start: open.map_or(span.start, |open| open.start), end: span.end });
        }
    }
    statements
}

/// Whether a text is to go on: its last statement has no semicolon, or a quote or a comment is not closed.
pub(crate) fn goes_on(text: &str) -> bool {
    let begins = |token: &Token, marks: &[&str]| marks.iter().any(|mark| text[token.span.start..].starts_with(mark));
    let is_open = |token: &Token| match token.kind {
        Kind::Unknown => begins(token, &["'", "\"", "`"]),
        Kind::Slash => begins(token, &["/*"]),
        _ => false,
    };
    let tokens = tokens(text);
    tokens.iter().any(is_open) || tokens.iter().rev().nth(1).is_some_and(|last| last.kind != Kind::Semicolon)
}

/// Whether a text is a number's literal, and nothing else.
pub(crate) fn is_number(text: &str) -> bool {
    let first = each_token(text).next();
    first.is_some_and(|token| token.kind.is_number() && token.span.start == 0 && token.span.end == text.len())
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Whether a comment's end may still come: the rest of the text is searched in vain once only.
    comments_close: bool,
}

impl Lexer<'_> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// Passes blanks and comments. Only four characters are blank: a form feed or a no-break space is an error.
    fn skip(&mut self) {
        loop {
            match self.byte(0) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(b'-') if self.byte(1) == Some(b'-') => {
                    let rest = &self.bytes[self.at..];
                    let line = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    self.at += line.unwrap_or(rest.len());
                }
                Some(b'/') if self.byte(1) == Some(b'*') && self.comments_close => {
                    // Comments do not nest: the first end ends it.
                    match self.text[self.at + 2..].find("*/") {
                        Some(length) => self.at += length + 4,
                        None => self.comments_close = false,
                    }
                }
                _ => return,
            }
        }
    }

    fn next(&mut self) -> Kind {
        let Some(first) = self.byte(0) else { return Kind::End };
        let second = self.byte(1);
        match first {
            b'\'' => self.quoted(0, Kind::Text),
            b'"' => self.quoted(0, Kind::Quoted),
            b'`' => self.quoted(0, Kind::Backquoted),
            b'u' | b'U' if second == Some(b'&') && self.byte(2) == Some(b'\'') => match self.quoted(2, Kind::UnicodeText) {
                Kind::Unknown => self.word(),
                kind => kind,
            },
            b'x' | b'X' if second == Some(b'\'') => self.binary(),
            b'0'..=b'9' => self.number(),
            b'.' if second.is_some_and(|byte| byte.is_ascii_digit()) => self.fraction(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
            _ => self.mark(),
        }
    }

    fn mark(&mut self) -> Kind {
        let rest = &self.text[self.at..];
        if let Some((mark, kind)) = MARKS.iter().find(|(mark, _)| rest.starts_with(mark)) {
            self.at += mark.len();
            return *kind;
        }
        self.at += rest.chars().next().map_or(0, char::len_utf8);
        Kind::Unknown
    }

    /// What stands between two quotes, in which a doubled quote is one. A text that is not closed ends at its last quote, as if
    /// that had closed it: the error is then at what follows.
    fn quoted(&mut self, prefix: usize, kind: Kind) -> Kind {
        let open = self.at + prefix;
        let quote = self.bytes[open];
        let mut from = open + 1;
        let mut end = None;
        while let Some(length) = self.bytes[from..].iter().position(|byte| *byte == quote) {
            end = Some(from + length + 1);
            if self.bytes.get(from + length + 1) != Some(&quote) {
                break;
            }
            from += length + 2;
        }
        match end {
            Some(end) => {
                self.at = end;
                kind
            }
            None if prefix == 0 => self.mark(),
            None => Kind::Unknown,
        }
    }

    /// `X'…'` ends at the first quote, doubled or not.
    fn binary(&mut self) -> Kind {
        match self.bytes[self.at + 2..].iter().position(|byte| *byte == b'\'') {
            Some(length) => {
                self.at += length + 3;
                Kind::Bytes
            }
            None => self.word(),
        }
    }

    fn word(&mut self) -> Kind {
        let start = self.at;
        self.at += self.word_length();
        Word::of(&self.text[start..self.at]).map_or(Kind::Name, Kind::Word)
    }

    fn word_length(&self) -> usize {
        let rest = &self.bytes[self.at..];
        rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(rest.len())
    }

    /// A number, or a name that begins with a digit: whichever is longer, the number if neither is.
    fn number(&mut self) -> Kind {
        let rest = &self.bytes[self.at..];
        let whole = digits(rest);
        let decimal = if rest.get(whole) == Some(&b'.') { whole + 1 + digits(&rest[whole + 1..]) } else { 0 };
        let candidates = [
            (whole.max(radix(rest)), Kind::Integer),
            (decimal, Kind::Decimal),
            (double(rest), Kind::Double),
            (self.word_length(), Kind::DigitName),
        ];
        let mut longest = candidates[0];
        for candidate in candidates {
            if candidate.0 > longest.0 {
                longest = candidate;
            }
        }
        self.at += longest.0;
        longest.1
    }

    /// `.5`, `.5e1`
    fn fraction(&mut self) -> Kind {
        let rest = &self.bytes[self.at..];
        let (decimal, double) = (1 + digits(&rest[1..]), double(rest));
        self.at += decimal.max(double);
        if double > decimal { Kind::Double } else { Kind::Decimal }
    }
}

/// The length of the digits here, among which single `_` may stand.
fn digits(bytes: &[u8]) -> usize {
    digits_of(bytes, |byte| byte.is_ascii_digit())
}

fn digits_of(bytes: &[u8], is_digit: impl Fn(&u8) -> bool) -> usize {
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let step = if *byte == b'_' && length > 0 { 2 } else { 1 };
        if !bytes.get(length + step - 1).is_some_and(&is_digit) {
            break;
        }
        length += step;
    }
    length
}

/// The length of `0x…`, `0o…`, `0b…`, whose digits may be preceded by a `_` each, the first one too.
fn radix(bytes: &[u8]) -> usize {
    let is_digit: fn(&u8) -> bool = match bytes {
        [b'0', b'x' | b'X', ..] => u8::is_ascii_hexdigit,
        [b'0', b'o' | b'O', ..] => |byte| matches!(byte, b'0'..=b'7'),
        [b'0', b'b' | b'B', ..] => |byte| matches!(byte, b'0' | b'1'),
        _ => return 0,
    };
    let rest = &bytes[2..];
    let skipped = usize::from(rest.first() == Some(&b'_'));
    match digits_of(&rest[skipped..], is_digit) {
        0 => 0,
        length => 2 + skipped + length,
    }
}

/// The length of a number with an exponent; its digits stand without `_`.
fn double(bytes: &[u8]) -> usize {
    let plain = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = plain(0);
    let mut any = at > 0;
    if bytes.get(at) == Some(&b'.') {
        let fraction = plain(at + 1);
        any |= fraction > 0;
        at += 1 + fraction;
    }
    if !any || !matches!(bytes.get(at), Some(b'e' | b'E')) {
        return 0;
    }
    at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
    match plain(at.min(bytes.len())) {
        0 => 0,
        exponent => at + exponent,
    }
}
