//! Matching with backtracking.
//!
//! Owns: what the `regex` crate leaves out: looking ahead and behind, backreferences, atomic groups, possessive repetitions, and
//! the line break at a text's end.
//! Does not own: everything else, which is searched for in linear time (`pattern`).
//! Invariant: a search that takes too many steps, or goes too deep, is refused; it never hangs nor overflows the stack.

use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;

use regex::Regex;

use super::node::{Anchor, Kind, Node};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::Result;

/// Steps that one search may take.
const STEPS_MAX: u32 = 1_000_000;
/// How deep one step may lie within others.
const DEPTH_MAX: u32 = 400;

pub(super) type Groups = Vec<Option<Range<usize>>>;
/// What must match after a place.
type Rest<'k> = &'k mut dyn FnMut(usize, &mut Groups) -> Result<bool>;

/// A pattern.
pub(super) struct Backtracker {
    node: Node,
    groups: usize,
    leaves: HashMap<String, Regex>,
}

impl Backtracker {
    pub(super) fn new(node: Node, groups: usize) -> Result<Self> {
        let mut leaves = HashMap::new();
        collect(&node, &mut leaves)?;
        Ok(Self { node, groups, leaves })
    }

    /// The first match from a byte on: the whole and its groups.
    pub(super) fn find_at(&self, text: &str, from: usize) -> Result<Option<Groups>> {
        let search = Search { pattern: self, text, steps: Cell::new(0), depth: Cell::new(0) };
        let starts = text[from..].char_indices().map(|(at, _)| from + at).chain([text.len()]);
        for start in starts {
            let mut groups = vec![None; self.groups + 1];
            let mut end = None;
            let found = search.node(&self.node, start, &mut groups, &mut |at, found| {
                end = Some((at, found.clone()));
                Ok(true)
            })?;
            if let Some((end, mut groups)) = end.filter(|_| found) {
                groups[0] = Some(start..end);
                return Ok(Some(groups));
            }
        }
        Ok(None)
    }
}

/// Makes the leaves ready.
fn collect(node: &Node, leaves: &mut HashMap<String, Regex>) -> Result<()> {
    match node {
        Node::One(leaf) if !leaves.contains_key(leaf) => {
            let regex =
                Regex::new(&format!(r"\A(?:{leaf})\z")).map_err(|error| AthenaError::invalid_argument(error.to_string()))?;
            leaves.insert(leaf.clone(), regex);
            Ok(())
        }
        Node::Group { of, .. } | Node::Repeat { of, .. } | Node::Look { of, .. } | Node::Atomic(of) => collect(of, leaves),
        Node::Sequence(parts) | Node::Either(parts) => parts.iter().try_for_each(|part| collect(part, leaves)),
        Node::One(_) | Node::Anchor(_) | Node::Back { .. } => Ok(()),
    }
}

struct Search<'s> {
    pattern: &'s Backtracker,
    text: &'s str,
    steps: Cell<u32>,
    depth: Cell<u32>,
}

impl Search<'_> {
    /// Whether a part matches at a place, and the rest after it.
    fn node(&self, node: &Node, at: usize, groups: &mut Groups, rest: Rest<'_>) -> Result<bool> {
        self.steps.set(self.steps.get() + 1);
        self.depth.set(self.depth.get() + 1);
        if self.steps.get() > STEPS_MAX || self.depth.get() > DEPTH_MAX {
            return Err(AthenaError::not_supported(
                "a regular expression takes too many steps for a text; write it without backtracking",
            ));
        }
        let matched = match node {
            Node::One(leaf) => match self.one(leaf, at) {
                Some(after) => rest(after, groups),
                None => Ok(false),
            },
            Node::Anchor(anchor) => Ok(self.anchor(*anchor, at) && rest(at, groups)?),
            Node::Group { number: None, of } => self.node(of, at, groups, rest),
            Node::Group { number: Some(number), of } => {
                let before = groups[*number].clone();
                let matched = self.node(of, at, groups, &mut |after, groups| {
                    let inner = groups[*number].replace(at..after);
                    let matched = rest(after, groups)?;
                    if !matched {
                        groups[*number] = inner;
                    }
                    Ok(matched)
                })?;
                if !matched {
                    groups[*number] = before;
                }
                Ok(matched)
            }
            Node::Sequence(parts) => self.sequence(parts, at, groups, rest),
            Node::Either(parts) => {
                for part in parts {
                    if self.node(part, at, groups, rest)? {
                        self.depth.set(self.depth.get() - 1);
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Node::Repeat { of, least, most, kind: Kind::Possessive } => {
                let greedy = Node::Repeat { of: of.clone(), least: *least, most: *most, kind: Kind::Greedy };
                self.atomic(&greedy, at, groups, rest)
            }
            Node::Repeat { of, least, most, kind } => match &**of {
                Node::One(leaf) => self.letters(leaf, (*least, *most, *kind), at, groups, rest),
                of => self.repeat(of, (*least, *most, *kind), at, groups, rest),
            },
            Node::Atomic(of) => self.atomic(of, at, groups, rest),
            Node::Look { ahead, negative, of } => {
                let mut inner = groups.clone();
                let found = if *ahead { self.once(of, at, &mut inner)?.is_some() } else { self.behind(of, at, &mut inner)? };
                if found && !negative {
                    *groups = inner;
                }
                Ok(found != *negative && rest(at, groups)?)
            }
            Node::Back { group, any_case } => match self.again(groups.get(*group).cloned().flatten(), *any_case, at) {
                Some(after) => rest(after, groups),
                None => Ok(false),
            },
        };
        self.depth.set(self.depth.get() - 1);
        matched
    }

    fn one(&self, leaf: &str, at: usize) -> Option<usize> {
        let after = at + self.text[at..].chars().next()?.len_utf8();
        self.pattern.leaves.get(leaf).filter(|leaf| leaf.is_match(&self.text[at..after])).map(|_| after)
    }

    fn sequence(&self, parts: &[Node], at: usize, groups: &mut Groups, rest: Rest<'_>) -> Result<bool> {
        match parts.split_first() {
            None => rest(at, groups),
            Some((first, others)) => {
                self.node(first, at, groups, &mut |after, groups| self.sequence(others, after, groups, rest))
            }
        }
    }

    /// As often as a letter may be repeated, without going deeper for each.
    fn letters(
        &self,
        leaf: &str,
        (least, most, kind): (u32, Option<u32>, Kind),
        at: usize,
        groups: &mut Groups,
        rest: Rest<'_>,
    ) -> Result<bool> {
        let most = usize::try_from(most.unwrap_or(u32::MAX)).unwrap_or(usize::MAX);
        let least = usize::try_from(least).unwrap_or(usize::MAX);
        let mut ends = vec![at];
        while ends.len() <= most {
            if kind == Kind::Lazy && ends.len() > least && rest(ends[ends.len() - 1], groups)? {
                return Ok(true);
            }
            match self.one(leaf, ends[ends.len() - 1]) {
                Some(after) => ends.push(after),
                None => break,
            }
        }
        if kind == Kind::Lazy {
            return Ok(ends.len() > most && ends.len() > least && rest(ends[ends.len() - 1], groups)?);
        }
        for end in ends.iter().skip(least).rev() {
            if rest(*end, groups)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn repeat(
        &self,
        of: &Node,
        (least, most, kind): (u32, Option<u32>, Kind),
        at: usize,
        groups: &mut Groups,
        rest: Rest<'_>,
    ) -> Result<bool> {
        if least == 0 && kind == Kind::Lazy && rest(at, groups)? {
            return Ok(true);
        }
        if most != Some(0) {
            let left = (least.saturating_sub(1), most.map(|most| most - 1), kind);
            let more = self.node(of, at, groups, &mut |after, groups| {
                // What takes no letter is not repeated for ever.
                if after == at && least == 0 { Ok(false) } else { self.repeat(of, left, after, groups, rest) }
            })?;
            if more {
                return Ok(true);
            }
        }
        Ok(least == 0 && kind == Kind::Greedy && rest(at, groups)?)
    }

    /// Where the first way to match a part ends.
    fn once(&self, of: &Node, at: usize, groups: &mut Groups) -> Result<Option<usize>> {
        let mut end = None;
        let found = self.node(of, at, groups, &mut |after, _| {
            end = Some(after);
            Ok(true)
        })?;
        Ok(end.filter(|_| found))
    }

    fn atomic(&self, of: &Node, at: usize, groups: &mut Groups, rest: Rest<'_>) -> Result<bool> {
        let before = groups.clone();
        let matched = match self.once(of, at, groups)? {
            Some(after) => rest(after, groups)?,
            None => false,
        };
        if !matched {
            *groups = before;
        }
        Ok(matched)
    }

    /// Whether a part matches right before a place.
    fn behind(&self, of: &Node, at: usize, groups: &mut Groups) -> Result<bool> {
        let starts = self.text[..at].char_indices().map(|(start, _)| start).rev();
        for start in [at].into_iter().chain(starts) {
            if self.node(of, start, groups, &mut |after, _| Ok(after == at))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where what was found once ends, when it stands here again.
    fn again(&self, found: Option<Range<usize>>, any_case: bool, at: usize) -> Option<usize> {
        let own = &self.text[found?];
        let mut here = self.text[at..].char_indices();
        let lower = |c: char| if any_case { c.to_lowercase().next().unwrap_or(c) } else { c };
        for c in own.chars() {
            here.next().filter(|(_, other)| lower(*other) == lower(c))?;
        }
        Some(here.next().map_or(self.text.len(), |(after, _)| at + after))
    }

    fn anchor(&self, anchor: Anchor, at: usize) -> bool {
        let (before, after) = self.text.split_at(at);
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let is_boundary = || is_word(before.chars().next_back()) != is_word(after.chars().next());
        match anchor {
            Anchor::Begin => before.is_empty(),
            Anchor::End => after.is_empty(),
            Anchor::LastLineEnd => matches!(after, "" | "\n"),
            Anchor::LineBegin => before.is_empty() || before.ends_with('\n') && !after.is_empty(),
            Anchor::LineEnd => after.is_empty() || after.starts_with('\n'),
            Anchor::Boundary => is_boundary(),
            Anchor::NoBoundary => !is_boundary(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::athena::eval::tests::value_of;

    #[test]
    fn a_search_never_hangs_nor_overflows_the_stack() {
        for expression in [
            "regexp_like(rpad('', 100000, 'ab'), '(?=a)(?:a|b)*c')",
            "regexp_like(rpad('', 100000, 'ab'), '(?=a)((((a|b)*)*)*)*c')",
            "regexp_like(rpad('', 100, 'a'), '(?=a)(a*)*(a*)*b')",
        ] {
            let refused = value_of(expression);
            assert!(
                refused.as_ref().is_err_and(|error| error.starts_with("NOT_SUPPORTED: a regular expression takes")),
                "{refused:?}"
            );
        }
        assert_eq!(value_of("regexp_like(rpad('', 10000, 'ab'), '(?=a)[ab]*+$')"), Ok(json!(true)));
    }
}
