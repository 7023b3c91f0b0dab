//! What a regular expression is made of.
//!
//! Owns: its form; writing what needs no backtracking in the syntax of the `regex` crate.
//! Does not own: reading it (`syntax`), matching with backtracking (`backtrack`).
//! Invariant: a leaf that takes a letter is in the `regex` crate's syntax already.

use std::fmt::Write as _;

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// One letter: a letter, a set, a point.
    One(String),
    Anchor(Anchor),
    Group {
        number: Option<usize>,
        of: Box<Node>,
    },
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Repeat {
        of: Box<Node>,
        least: u32,
        most: Option<u32>,
        kind: Kind,
    },
    Look {
        ahead: bool,
        negative: bool,
        of: Box<Node>,
    },
    /// What it has found once stays.
    Atomic(Box<Node>),
    /// What a group has found, in any case if so asked.
    Back {
        group: usize,
        any_case: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Begin,
    End,
    /// The end, or before a line break that is the last letter.
    LastLineEnd,
    /// After a line break, but not at the end.
    LineBegin,
    LineEnd,
    Boundary,
    NoBoundary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Greedy,
    Lazy,
    Possessive,
}

impl Node {
    /// Whether the pattern or a part of it is such.
    pub(super) fn any(&self, is_it: &impl Fn(&Self) -> bool) -> bool {
        is_it(self)
            || match self {
                Self::Group { of, .. } | Self::Repeat { of, .. } | Self::Look { of, .. } | Self::Atomic(of) => of.any(is_it),
                Self::Sequence(parts) | Self::Either(parts) => parts.iter().any(|part| part.any(is_it)),
                Self::One(_) | Self::Anchor(_) | Self::Back { .. } => false,
            }
    }

    pub(super) fn needs_backtracking(&self) -> bool {
        self.any(&|node| match node {
            Self::Look { .. } | Self::Atomic(_) | Self::Back { .. } => true,
            Self::Repeat { kind, .. } => *kind == Kind::Possessive,
            _ => false,
        })
    }

    /// Whether a line break at a text's end means more than its place.
    pub(super) fn minds_last_break(&self) -> bool {
        self.any(&|node| matches!(node, Self::Anchor(Anchor::LastLineEnd | Anchor::LineBegin)))
    }

    /// Whether it can be looked for behind a place: each way through it takes a known number of letters.
    pub(super) fn can_be_behind(&self, negative: bool) -> bool {
        match self {
            Self::Group { number, of } if !(negative && number.is_some()) => of.can_be_behind(negative),
            Self::Either(parts) => parts.iter().all(|part| part.width(negative).is_some()),
            other => other.width(negative).is_some(),
        }
    }

    /// How many letters it takes; `None` when that depends, or when Joni does not look behind for such.
    fn width(&self, negative: bool) -> Option<u32> {
        match self {
            Self::One(_) => Some(1),
            Self::Anchor(Anchor::End | Anchor::LastLineEnd) => None,
            Self::Anchor(_) | Self::Look { ahead: false, .. } => Some(0),
            Self::Group { number, of } => of.width(negative).filter(|_| !(negative && number.is_some())),
            Self::Sequence(parts) => parts.iter().try_fold(0_u32, |sum, part| sum.checked_add(part.width(negative)?)),
            Self::Either(parts) => {
                let first = parts.first()?.width(negative)?;
                parts.iter().all(|part| part.width(negative) == Some(first)).then_some(first)
            }
            Self::Repeat { of, least, most, kind } if *most == Some(*least) && *kind != Kind::Possessive => {
                of.width(negative)?.checked_mul(*least)
            }
            Self::Repeat { .. } | Self::Look { .. } | Self::Atomic(_) | Self::Back { .. } => None,
        }
    }

    /// In the syntax of the `regex` crate, for texts that do not end in a line break.
    pub(super) fn written(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::One(leaf) => out.push_str(leaf),
            Self::Anchor(anchor) => out.push_str(match anchor {
                Anchor::Begin => r"\A",
                Anchor::End | Anchor::LastLineEnd => r"\z",
                Anchor::LineBegin => "(?m:^)",
                Anchor::LineEnd => "(?m:$)",
                Anchor::Boundary => r"\b",
                Anchor::NoBoundary => r"\B",
            }),
            Self::Group { number, of } => {
                out.push_str(if number.is_some() { "(" } else { "(?:" });
                of.write(out);
                out.push(')');
            }
            Self::Sequence(parts) => parts.iter().for_each(|part| part.write(out)),
            Self::Either(parts) => {
                for (i, part) in parts.iter().enumerate() {
                    out.push_str(if i > 0 { "|" } else { "" });
                    part.write(out);
                }
            }
            Self::Repeat { of, least, most, kind } => {
                // What is repeated may be a repetition, or nothing.
                out.push_str("(?:");
                of.write(out);
                let most = most.map_or(String::new(), |most| most.to_string());
                let _ = write!(out, "){{{least},{most}}}{}", if *kind == Kind::Lazy { "?" } else { "" });
            }
            Self::Look { .. } | Self::Atomic(_) | Self::Back { .. } => {}
        }
    }
}
