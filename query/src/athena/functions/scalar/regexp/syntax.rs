//! The syntax of regular expressions: Java's, as Joni (Trino's engine) reads it.
//!
//! Owns: translating it to that of the `regex` crate; what Joni calls a wrong pattern.
//! Does not own: sets of letters (`class`), searching (`pattern`).
//! Invariant: `\w`, `\d` and `\s` are ASCII's, `\b` and named sets Unicode's. What a search without backtracking cannot do is
//! refused, not done otherwise.

use super::class;
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::Result;

/// Most repetitions a pattern may ask for.
const REPEAT_MAX: u32 = 100_000;

/// A pattern in the other syntax.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) plain: String,
    /// For a text whose only line break is its last letter; `None` when the pattern does not ask for the text's end.
    pub(super) before_break: Option<String>,
}

/// A pattern being read.
#[derive(Default)]
pub(super) struct Cursor<'p> {
    pub(super) rest: &'p str,
}

/// What holds within a group.
#[derive(Clone, Copy, Default)]
struct Options {
    lines: bool,
    comments: bool,
}

#[derive(Default)]
struct Translator<'p> {
    cursor: Cursor<'p>,
    plain: String,
    before_break: String,
    asks_for_end: bool,
    options: Options,
    /// Those around the open groups.
    outer: Vec<Options>,
    groups: u32,
    names: Vec<&'p str>,
    /// The highest number referred to.
    referred: u32,
    can_repeat: bool,
}

pub(super) fn wrong(why: impl Into<String>) -> AthenaError {
    AthenaError::invalid_argument(why)
}

fn backtracking(what: &str) -> AthenaError {
    AthenaError::not_supported(format!(
        "a regular expression with {what} is not computed here: it needs backtracking; write it without"
    ))
}

/// Translates a pattern.
///
/// # Errors
/// `INVALID_FUNCTION_ARGUMENT` for a wrong one, `NOT_SUPPORTED` for one that needs backtracking.
pub(super) fn translate(pattern: &str) -> Result<Translated> {
    let mut translator = Translator { cursor: Cursor { rest: pattern }, ..Translator::default() };
    while let Some(c) = translator.cursor.next() {
        translator.part(c)?;
    }
    if !translator.outer.is_empty() {
        return Err(wrong("end pattern with unmatched parenthesis"));
    }
    match translator.referred {
        0 => {}
        referred if referred > translator.groups => return Err(wrong("invalid backref number/name")),
        _ => return Err(backtracking("a backreference")),
    }
    let Translator { plain, before_break, asks_for_end, .. } = translator;
    Ok(Translated { plain, before_break: asks_for_end.then_some(before_break) })
}

impl<'p> Cursor<'p> {
    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    pub(super) fn take(&mut self, prefix: &str) -> bool {
        self.rest.strip_prefix(prefix).map(|rest| self.rest = rest).is_some()
    }

    /// What stands before a mark, which is taken too; `None` when it does not come.
    pub(super) fn until(&mut self, mark: &str) -> Option<&'p str> {
        let (before, after) = self.rest.split_once(mark)?;
        self.rest = after;
        Some(before)
    }

    /// The number of so many digits at most.
    fn digits(&mut self, radix: u32, most: usize) -> Option<u32> {
        let count = self.rest.chars().take(most).take_while(|c| c.is_digit(radix)).count();
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        u32::from_str_radix(digits, radix).ok()
    }

    /// The letter that an escape stands for.
    pub(super) fn escaped(&mut self, c: char) -> Result<char> {
        let of = |code: Option<u32>| code.and_then(char::from_u32).ok_or_else(|| wrong("invalid code point value"));
        match c {
            't' => Ok('\t'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            'f' => Ok('\u{c}'),
            'v' => Ok('\u{b}'),
            'a' => Ok('\u{7}'),
            'e' => Ok('\u{1b}'),
            'x' if self.take("{") => of(self.until("}").and_then(|digits| u32::from_str_radix(digits, 16).ok())),
            'x' => of(Some(self.digits(16, 2).unwrap_or(0))),
            'u' => of(self.digits(16, 4)),
            '0' => of(Some(self.digits(8, 2).unwrap_or(0))),
            'c' => of(self.next().map(|c| u32::from(c) & 0x1f)),
            c => Ok(c),
        }
    }

    /// The name of a set, `{Name}` or one letter.
    pub(super) fn property(&mut self) -> Result<&'p str> {
        if self.take("{") {
            return self.until("}").ok_or_else(|| wrong("internal parser error (bug)"));
        }
        let all = self.rest;
        self.next().ok_or_else(|| wrong("invalid character property name"))?;
        Ok(&all[..all.len() - self.rest.len()])
    }
}

impl Translator<'_> {
    fn put(&mut self, both: &str) {
        self.plain.push_str(both);
        self.before_break.push_str(both);
    }

    fn atom(&mut self, atom: &str) {
        self.put(atom);
        self.can_repeat = true;
    }

    fn part(&mut self, c: char) -> Result<()> {
        match c {
            c if self.options.comments && c.is_ascii_whitespace() => {}
            '#' if self.options.comments => {
                if self.cursor.until("\n").is_none() {
                    self.cursor.rest = "";
                }
            }
            '\\' => self.escape()?,
            '[' => {
                let set = class::translate(&mut self.cursor)?;
                self.atom(&set);
            }
            '(' => self.open()?,
            ')' => {
                self.options = self.outer.pop().ok_or_else(|| wrong("unmatched close parenthesis"))?;
                self.atom(")");
            }
            '|' => {
                self.put("|");
                self.can_repeat = false;
            }
            '^' => self.atom(if self.options.lines { "(?m:^)" } else { r"\A" }),
            '$' if self.options.lines => self.atom("(?m:$)"),
            '$' => self.end(),
            '*' | '+' | '?' => self.repeat(&c.to_string())?,
            '{' => self.interval()?,
            '.' => self.atom("."),
            c => self.atom(&class::letter(c)),
        }
        Ok(())
    }

    /// The text's end, or before a line break that is its last letter.
    fn end(&mut self) {
        self.asks_for_end = true;
        self.can_repeat = true;
        self.plain.push_str(r"\z");
        self.before_break.push_str("(?m:$)");
    }

    fn escape(&mut self) -> Result<()> {
        match self.cursor.next().ok_or_else(|| wrong("end pattern at escape"))? {
            'Z' => self.end(),
            c @ ('A' | 'z' | 'b' | 'B') => self.atom(&format!("\\{c}")),
            'G' => return Err(backtracking(r"\G")),
            'Q' => {
                let quoted = self.cursor.until(r"\E").unwrap_or_else(|| std::mem::take(&mut self.cursor.rest));
                for c in quoted.chars() {
                    self.atom(&class::letter(c));
                }
            }
            c @ '1'..='9' => {
                let more = self.cursor.digits(10, 3).map_or(String::new(), |digits| digits.to_string());
                self.referred = self.referred.max(format!("{c}{more}").parse().unwrap_or(u32::MAX));
                self.can_repeat = true;
            }
            'k' if self.cursor.take("<") => {
                let name = self.cursor.until(">").ok_or_else(|| wrong("end pattern with unmatched parenthesis"))?;
                if !self.names.contains(&name) {
                    return Err(wrong(format!("undefined name <{name}> reference")));
                }
                return Err(backtracking("a backreference"));
            }
            c => {
                let set = match class::of_escape(c, &mut self.cursor)? {
                    Some(set) => set,
                    None => class::letter(self.cursor.escaped(c)?),
                };
                self.atom(&set);
            }
        }
        Ok(())
    }

    fn open(&mut self) -> Result<()> {
        if !self.cursor.take("?") {
            self.groups += 1;
            self.group("(");
            return Ok(());
        }
        if self.cursor.take("#") {
            return self.cursor.until(")").map(|_| ()).ok_or_else(|| wrong("end pattern in group"));
        }
        for (prefix, what) in
            [("=", "lookahead"), ("!", "lookahead"), ("<=", "lookbehind"), ("<!", "lookbehind"), (">", "an atomic group")]
        {
            if self.cursor.take(prefix) {
                return Err(backtracking(what));
            }
        }
        if self.cursor.take("<") { self.named() } else { self.switch() }
    }

    fn group(&mut self, opening: &str) {
        self.outer.push(self.options);
        self.put(opening);
        self.can_repeat = false;
    }

    fn named(&mut self) -> Result<()> {
        let name = self.cursor.until(">").ok_or_else(|| wrong("end pattern with unmatched parenthesis"))?;
        if name.is_empty() {
            return Err(wrong("group name is empty"));
        }
        let is_right =
            name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_right {
            return Err(wrong(format!("invalid group name <{name}>")));
        }
        if self.names.contains(&name) {
            return Err(wrong(format!("multiplex defined name <{name}>")));
        }
        self.names.push(name);
        self.groups += 1;
        self.group(&format!("(?<{name}>"));
        Ok(())
    }

    /// `(?i)`, `(?i-s:…)`, `(?:…)`.
    fn switch(&mut self) -> Result<()> {
        let (mut options, mut on, mut own) = (self.options, true, String::new());
        loop {
            match self.cursor.next().ok_or_else(|| wrong("end pattern in group"))? {
                '-' if on => {
                    on = false;
                    own.push('-');
                }
                'm' => options.lines = on,
                'x' => options.comments = on,
                c @ ('i' | 's') => own.push(c),
                end @ (':' | ')') => {
                    let own = own.strip_suffix('-').unwrap_or(&own);
                    if end == ':' {
                        self.group(&format!("(?{own}:"));
                    } else if !own.is_empty() {
                        self.put(&format!("(?{own})"));
                        self.can_repeat = false;
                    }
                    self.options = options;
                    return Ok(());
                }
                _ => return Err(wrong("undefined group option")),
            }
        }
    }

    fn repeat(&mut self, how: &str) -> Result<()> {
        if !self.can_repeat {
            return Err(wrong("target of repeat operator is not specified"));
        }
        if self.cursor.take("+") {
            return Err(backtracking("a possessive repetition"));
        }
        self.put(how);
        if self.cursor.take("?") {
            self.put("?");
        }
        Ok(())
    }

    /// `{2}`, `{2,}`, `{2,3}`; anything else is a brace.
    fn interval(&mut self) -> Result<()> {
        let inside = self.cursor.rest.split_once('}').map(|(inside, _)| inside);
        let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u32>().unwrap_or(u32::MAX));
        let bounds = inside.and_then(|inside| match inside.split_once(',').unwrap_or((inside, inside)) {
            ("", _) => None,
            (low, "") => Some((number(low)?, number(low)?)),
            (low, high) => Some((number(low)?, number(high)?)),
        });
        let (Some(inside), Some((low, high))) = (inside, bounds) else {
            self.atom(r"\{");
            return Ok(());
        };
        if low.max(high) > REPEAT_MAX {
            return Err(wrong("too big number for repeat range"));
        }
        if low > high {
            return Err(wrong("upper is smaller than lower in repeat range"));
        }
        self.cursor.take(inside);
        self.cursor.take("}");
        self.repeat(&format!("{{{inside}}}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::athena::error::ErrorName;

    #[test]
    fn a_pattern_never_becomes_another() {
        for (pattern, expected) in [
            (r"^a\.b+?$", r"\Aa\.b+?\z"),
            (r"(?m)^\d{2,}(?i:x)", r"(?m:^)[0-9]{2,}(?i:x)"),
            (r"(?x) a # comment", "a"),
            (r"\Qa.b\E(?<n>.)(?#c)", r"a\.b(?<n>.)"),
            ("a{x}{,2}", r"a\{x\}\{\,2\}"),
        ] {
            assert_eq!(translate(pattern).map(|translated| translated.plain).as_deref(), Ok(expected), "{pattern}");
        }
        assert_eq!(translate("a$").unwrap().before_break.as_deref(), Some("a(?m:$)"));
        for pattern in [r"(a)\1", "a(?=b)", "(?<!a)b", "a++", "(?>a)"] {
            assert_eq!(translate(pattern).map_err(|error| error.name), Err(ErrorName::NotSupported), "{pattern}");
        }
        for pattern in ["(", ")", "*", "[a", "[]", r"\", r"\1", "(?<n", "(?z)", "a{2,1}", "[b-a]", r"\p{Foo}", "(?<a>a)(?<a>b)"] {
            assert_eq!(translate(pattern).map_err(|error| error.name), Err(ErrorName::InvalidFunctionArgument), "{pattern}");
        }
    }
}
