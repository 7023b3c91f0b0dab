//! What is put for a match.
//!
//! Owns: a replacement's text: `$1`, `${name}`, `\` before a letter that stands for itself.
//! Does not own: finding matches (`pattern`).
//! Invariant: of `$12` with one group, the first group and a 2.

use super::pattern::{Found, Pattern};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::Result;

/// A replacement.
pub(super) struct Template(Vec<Part>);

enum Part {
    Text(String),
    Group(usize),
}

impl Template {
    /// Reads a replacement.
    ///
    /// # Errors
    /// `INVALID_FUNCTION_ARGUMENT` when a sequence ends too soon or names no group of the pattern.
    pub(super) fn new(text: &str, pattern: &Pattern) -> Result<Self> {
        let illegal = |what: &str| AthenaError::invalid_argument(format!("Illegal replacement sequence: {what}"));
        let (mut parts, mut literal, mut chars) = (Vec::new(), String::new(), text.chars().peekable());
        while let Some(c) = chars.next() {
            if c != '$' {
                let own = if c == '\\' { chars.next() } else { Some(c) };
                literal.push(own.ok_or_else(|| illegal(text))?);
                continue;
            }
            parts.push(Part::Text(std::mem::take(&mut literal)));
            let group = match chars.next().ok_or_else(|| illegal(text))? {
                '{' => {
                    let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
                    pattern.named(&name).ok_or_else(|| illegal(&format!("unknown group {{ {name} }}")))?
                }
                c => {
                    let digit = |c: char| c.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
                    let mut group = digit(c).ok_or_else(|| illegal(text))?;
                    if group > pattern.groups() {
                        return Err(illegal(&format!("unknown group {group}")));
                    }
                    while let Some(longer) = chars.peek().copied().and_then(digit).map(|digit| group * 10 + digit) {
                        if longer > pattern.groups() {
                            break;
                        }
                        group = longer;
                        chars.next();
                    }
                    group
                }
            };
            parts.push(Part::Group(group));
        }
        parts.push(Part::Text(literal));
        Ok(Self(parts))
    }

    /// Writes what is put for a match; nothing for a group that has no part in it.
    pub(super) fn write(&self, found: &Found<'_>, out: &mut String) {
        for part in &self.0 {
            out.push_str(match part {
                Part::Text(text) => text,
                Part::Group(group) => found.get(*group).unwrap_or(""),
            });
        }
    }
}
