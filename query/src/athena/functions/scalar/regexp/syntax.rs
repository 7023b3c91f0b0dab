//! The syntax of regular expressions: Java's, as Joni (Trino's engine) reads it.
//!
//! Owns: reading it; what Joni calls a wrong pattern.
//! Does not own: sets of letters (`class`), searching (`pattern`).
//! Invariant: `\w`, `\d` and `\s` are ASCII's, `\b` and named sets Unicode's.

use super::class;
use super::node::{Anchor, Kind, Node};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::Result;

/// Most repetitions a pattern may ask for.
const REPEAT_MAX: u32 = 100_000;
/// How deep groups may lie within each other.
const DEPTH_MAX: usize = 200;

/// A pattern that was read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) node: Node,
    /// How many there are, without the whole.
    pub(super) groups: usize,
    pub(super) names: Vec<(String, usize)>,
}

/// A pattern being read.
pub(super) struct Cursor<'p> {
    pub(super) rest: &'p str,
}

/// What holds within a group.
#[derive(Clone, Copy, Default)]
struct Options {
    any_case: bool,
    /// `.` takes line breaks too.
    all_letters: bool,
    lines: bool,
    comments: bool,
}

struct Parser<'p> {
    cursor: Cursor<'p>,
    options: Options,
    depth: usize,
    groups: usize,
    names: Vec<(String, usize)>,
    /// The highest number referred to.
    referred: usize,
}

pub(super) fn wrong(why: impl Into<String>) -> AthenaError {
    AthenaError::invalid_argument(why)
}

/// Reads a pattern.
///
/// # Errors
/// `INVALID_FUNCTION_ARGUMENT` for a wrong one.
pub(super) fn parse(pattern: &str) -> Result<Parsed> {
    let cursor = Cursor { rest: pattern };
    let mut parser = Parser { cursor, options: Options::default(), depth: 0, groups: 0, names: Vec::new(), referred: 0 };
    let node = parser.either()?;
    if !parser.cursor.rest.is_empty() {
        return Err(wrong("unmatched close parenthesis"));
    }
    if parser.referred > parser.groups {
        return Err(wrong("invalid backref number/name"));
    }
    Ok(Parsed { node, groups: parser.groups, names: parser.names })
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

impl Parser<'_> {
    /// Alternatives, up to the group's end.
    fn either(&mut self) -> Result<Node> {
        let mut parts = vec![self.sequence()?];
        while self.cursor.take("|") {
            parts.push(self.sequence()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Either(parts) })
    }

    fn sequence(&mut self) -> Result<Node> {
        let mut parts: Vec<Node> = Vec::new();
        while !self.cursor.rest.starts_with(['|', ')']) {
            let Some(c) = self.cursor.next() else { break };
            let part = match c {
                c if self.options.comments && c.is_ascii_whitespace() => continue,
                '#' if self.options.comments => {
                    if self.cursor.until("\n").is_none() {
                        self.cursor.rest = "";
                    }
                    continue;
                }
                '*' => self.repeat(parts.pop(), 0, None)?,
                '+' => self.repeat(parts.pop(), 1, None)?,
                '?' => self.repeat(parts.pop(), 0, Some(1))?,
                '{' => match self.interval()? {
                    Some((least, most)) => self.repeat(parts.pop(), least, most)?,
                    None => self.one("\\{"),
                },
                '(' => match self.open()? {
                    Some(group) => group,
                    None => continue,
                },
                '\\' if self.cursor.take("Q") => {
                    let quoted = self.cursor.until(r"\E").unwrap_or_else(|| std::mem::take(&mut self.cursor.rest));
                    parts.extend(quoted.chars().map(|c| self.one(&class::letter(c))));
                    continue;
                }
                '\\' => self.escape()?,
                '[' => {
                    let set = class::translate(&mut self.cursor)?;
                    self.one(&set)
                }
                '^' => Node::Anchor(if self.options.lines { Anchor::LineBegin } else { Anchor::Begin }),
                '$' => Node::Anchor(if self.options.lines { Anchor::LineEnd } else { Anchor::LastLineEnd }),
                '.' if self.options.all_letters => Node::One("(?s:.)".to_owned()),
                '.' => Node::One(".".to_owned()),
                c => self.one(&class::letter(c)),
            };
            parts.push(part);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Sequence(parts) })
    }

    fn one(&self, leaf: &str) -> Node {
        Node::One(if self.options.any_case { format!("(?i:{leaf})") } else { leaf.to_owned() })
    }

    fn escape(&mut self) -> Result<Node> {
        Ok(match self.cursor.next().ok_or_else(|| wrong("end pattern at escape"))? {
            'A' => Node::Anchor(Anchor::Begin),
            'z' => Node::Anchor(Anchor::End),
            'Z' => Node::Anchor(Anchor::LastLineEnd),
            'b' => Node::Anchor(Anchor::Boundary),
            'B' => Node::Anchor(Anchor::NoBoundary),
            c @ ('G' | 'K' | 'X') => {
                return Err(AthenaError::not_supported(format!("\\{c} in a regular expression is not computed here yet")));
            }
            c @ '1'..='9' => {
                let more = self.cursor.digits(10, 3).map_or(String::new(), |digits| digits.to_string());
                let group = format!("{c}{more}").parse().unwrap_or(usize::MAX);
                self.referred = self.referred.max(group);
                Node::Back { group, any_case: self.options.any_case }
            }
            'k' if self.cursor.take("<") => {
                let name = self.cursor.until(">").ok_or_else(|| wrong("end pattern with unmatched parenthesis"))?;
                let group = self.names.iter().find(|(own, _)| own == name).map(|(_, group)| *group);
                let group = group.ok_or_else(|| wrong(format!("undefined name <{name}> reference")))?;
                Node::Back { group, any_case: self.options.any_case }
            }
            c => match class::of_escape(c, &mut self.cursor)? {
                Some(set) => self.one(&set),
                None => {
                    let c = self.cursor.escaped(c)?;
                    self.one(&class::letter(c))
                }
            },
        })
    }

    /// What a parenthesis opens; `None` for a comment, and for options for what follows.
    fn open(&mut self) -> Result<Option<Node>> {
        if !self.cursor.take("?") {
            self.groups += 1;
            let number = self.groups;
            return self.group(Some(number)).map(Some);
        }
        if self.cursor.take("#") {
            return self.cursor.until(")").map(|_| None).ok_or_else(|| wrong("end pattern in group"));
        }
        for (prefix, ahead, negative) in [("=", true, false), ("!", true, true), ("<=", false, false), ("<!", false, true)] {
            if self.cursor.take(prefix) {
                let of = Box::new(self.group(None)?);
                if !ahead && !of.can_be_behind(negative) {
                    return Err(wrong("invalid pattern in look-behind"));
                }
                return Ok(Some(Node::Look { ahead, negative, of }));
            }
        }
        if self.cursor.take(">") {
            return Ok(Some(Node::Atomic(Box::new(self.group(None)?))));
        }
        if self.cursor.take("<") { self.named().map(Some) } else { self.switch() }
    }

    /// A group's inside and its end.
    fn group(&mut self, number: Option<usize>) -> Result<Node> {
        let outer = self.options;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(AthenaError::not_supported(format!("a regular expression has groups more than {DEPTH_MAX} deep")));
        }
        let of = Box::new(self.either()?);
        if !self.cursor.take(")") {
            return Err(wrong("end pattern with unmatched parenthesis"));
        }
        self.depth -= 1;
        self.options = outer;
        Ok(Node::Group { number, of })
    }

    fn named(&mut self) -> Result<Node> {
        let name = self.cursor.until(">").ok_or_else(|| wrong("end pattern with unmatched parenthesis"))?;
        if name.is_empty() {
            return Err(wrong("group name is empty"));
        }
        let is_right =
            name.starts_with(|c: char| c.is_alphabetic() || c == '_') && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_right {
            return Err(wrong(format!("invalid group name <{name}>")));
        }
        if self.names.iter().any(|(own, _)| own == name) {
            return Err(wrong(format!("multiplex defined name <{name}>")));
        }
        self.groups += 1;
        let number = self.groups;
        self.names.push((name.to_owned(), number));
        self.group(Some(number))
    }

    /// `(?i)`, `(?i-s:…)`, `(?:…)`.
    fn switch(&mut self) -> Result<Option<Node>> {
        let (mut options, mut on) = (self.options, true);
        loop {
            match self.cursor.next().ok_or_else(|| wrong("end pattern in group"))? {
                '-' if on => on = false,
                'i' => options.any_case = on,
                's' => options.all_letters = on,
                'm' => options.lines = on,
                'x' => options.comments = on,
                ')' => {
                    self.options = options;
                    return Ok(None);
                }
                ':' => {
                    let outer = std::mem::replace(&mut self.options, options);
                    let group = self.group(None)?;
                    self.options = outer;
                    return Ok(Some(group));
                }
                _ => return Err(wrong("undefined group option")),
            }
        }
    }

    fn repeat(&mut self, of: Option<Node>, least: u32, most: Option<u32>) -> Result<Node> {
        let of = Box::new(of.ok_or_else(|| wrong("target of repeat operator is not specified"))?);
        let kind = match (self.cursor.take("?"), self.cursor.rest.starts_with('+')) {
            (true, _) => Kind::Lazy,
            (false, true) => {
                self.cursor.next();
                Kind::Possessive
            }
            (false, false) => Kind::Greedy,
        };
        Ok(Node::Repeat { of, least, most, kind })
    }

    /// `{2}`, `{2,}`, `{2,3}`: from how often to how often; anything else is a brace.
    fn interval(&mut self) -> Result<Option<(u32, Option<u32>)>> {
        let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u32>().unwrap_or(u32::MAX));
        let Some((inside, rest)) = self.cursor.rest.split_once('}') else { return Ok(None) };
        let bounds = match inside.split_once(',').unwrap_or((inside, inside)) {
            ("", _) => None,
            (low, "") => number(low).map(|low| (low, None)),
            (low, high) => number(low).zip(number(high).map(Some)),
        };
        let Some((low, high)) = bounds else { return Ok(None) };
        if low.max(high.unwrap_or(0)) > REPEAT_MAX {
            return Err(wrong("too big number for repeat range"));
        }
        if high.is_some_and(|high| low > high) {
            return Err(wrong("upper is smaller than lower in repeat range"));
        }
        self.cursor.rest = rest;
        Ok(Some((low, high)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::athena::error::ErrorName;

    #[test]
    fn a_pattern_never_becomes_another() {
        for (pattern, expected) in [
            (r"^a\.b+?$", r"\Aa\.(?:b){1,}?\z"),
            (r"(?m)^\d{2,}(?i:x)y", r"(?m:^)(?:[0-9]){2,}(?:(?i:x))y"),
            (r"(?x) a # comment", "a"),
            (r"\Qa.b\E(?<n>.)(?#c)", r"a\.b(.)"),
            ("a{x}{,2}", r"a\{x\}\{\,2\}"),
        ] {
            assert_eq!(parse(pattern).map(|parsed| parsed.node.written()).as_deref(), Ok(expected), "{pattern}");
        }
        for pattern in [r"(a)\1", "a(?=b)", "(?<!a)b", "a++", "(?>a)"] {
            assert!(parse(pattern).is_ok_and(|parsed| parsed.node.needs_backtracking()), "{pattern}");
        }
        let deep = "(".repeat(100_000);
        for pattern in ["(", ")", "*", "[a", "[]", r"\", r"\1", "(?<n", "(?z)", "a{2,1}", "[b-a]", r"\p{Foo}", "(?<a>a)(?<a>b)"] {
            let refused = parse(pattern).map(|_| ()).map_err(|error| error.name);
            assert_eq!(refused, Err(ErrorName::InvalidFunctionArgument), "{pattern}");
        }
        assert_eq!(parse(&deep).map(|_| ()).map_err(|error| error.name), Err(ErrorName::NotSupported));
    }
}
