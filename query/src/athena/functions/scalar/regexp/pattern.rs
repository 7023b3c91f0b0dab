//! Patterns that are ready to be searched for.
//!
//! Owns: which engine searches; keeping a pattern for the rows that share it; where a text's next match is looked for.
//! Does not own: reading a pattern (`syntax`).
//! Invariant: a constant pattern is made ready once. Where the `regex` crate can search, in linear time, it does.

use std::cell::{OnceCell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use arrow::array::StringArray;
use regex::Regex;

use super::backtrack::Backtracker;
use super::node::Node;
use super::syntax::{Parsed, parse};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg as _, Call, Result, Text};

/// A pattern.
pub(super) struct Pattern {
    parsed: Parsed,
    /// `None` for one that needs backtracking.
    regex: Option<Regex>,
    backtracker: OnceCell<Backtracker>,
    minds_last_break: bool,
}

/// A match.
pub(super) struct Found<'t> {
    text: &'t str,
    /// The whole is the first of them.
    pub(super) groups: Vec<Option<Range<usize>>>,
}

impl<'t> Found<'t> {
    pub(super) fn range(&self) -> Range<usize> {
        self.groups.first().cloned().flatten().unwrap_or(0..0)
    }

    /// What a group has found; the whole is 0.
    pub(super) fn get(&self, group: usize) -> Option<&'t str> {
        self.text.get(self.groups.get(group)?.clone()?)
    }
}

impl Pattern {
    fn new(pattern: &str) -> Result<Self> {
        let parsed = parse(pattern)?;
        let compiled = |node: &Node| {
            Regex::new(&node.written()).map_err(|error| match error {
                regex::Error::CompiledTooBig(limit) => {
                    AthenaError::not_supported(format!("the regular expression {pattern} takes more than {limit} bytes"))
                }
                error => AthenaError::invalid_argument(error.to_string()),
            })
        };
        let regex = if parsed.node.needs_backtracking() { None } else { Some(compiled(&parsed.node)?) };
        Ok(Self { minds_last_break: parsed.node.minds_last_break(), parsed, regex, backtracker: OnceCell::new() })
    }

    /// How many groups it has, not counting the whole.
    pub(super) fn groups(&self) -> usize {
        self.parsed.groups
    }

    /// The group of a name.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.parsed.names.iter().find(|(own, _)| own == name).map(|(_, group)| *group)
    }

    /// What searches a text in linear time; `None` when it cannot be searched so.
    fn linear(&self, text: &str) -> Option<&Regex> {
        self.regex.as_ref().filter(|_| !(self.minds_last_break && text.ends_with('\n')))
    }

    pub(super) fn is_match(&self, text: &str) -> Result<bool> {
        match self.linear(text) {
            Some(regex) => Ok(regex.is_match(text)),
            None => Ok(self.find_at(text, 0)?.is_some()),
        }
    }

    /// The first match from a byte on, with its groups.
    pub(super) fn find_at<'t>(&self, text: &'t str, from: usize) -> Result<Option<Found<'t>>> {
        let groups = match self.linear(text) {
            Some(regex) => {
                regex.captures_at(text, from).map(|found| found.iter().map(|group| group.map(|group| group.range())).collect())
            }
            None => {
                let backtracker = match self.backtracker.get() {
                    Some(backtracker) => backtracker,
                    None => {
                        let new = Backtracker::new(self.parsed.node.clone(), self.parsed.groups)?;
                        self.backtracker.get_or_init(|| new)
                    }
                };
                backtracker.find_at(text, from)?
            }
        };
        Ok(groups.map(|groups| Found { text, groups }))
    }

    /// All matches from a byte on.
    pub(super) fn all<'t>(&self, text: &'t str, from: usize) -> Result<Vec<Found<'t>>> {
        let (mut all, mut from) = (Vec::new(), from);
        while from <= text.len() {
            let Some(found) = self.find_at(text, from)? else { break };
            let place = found.range();
            from = place.end;
            if place.is_empty() {
                from += text[from..].chars().next().map_or(1, char::len_utf8);
            }
            all.push(found);
        }
        Ok(all)
    }
}

/// The pattern of each row.
pub(super) struct Patterns<'c> {
    call: &'c Call<'c>,
    texts: &'c StringArray,
    last: RefCell<Option<(String, Rc<Pattern>)>>,
}

impl<'c> Patterns<'c> {
    pub(super) fn new(call: &'c Call<'_>) -> Result<Self> {
        Ok(Self { call, texts: Text::reader(call.values(1)?)?, last: RefCell::new(None) })
    }

    /// A row's pattern, which is not NULL.
    pub(super) fn at(&self, row: usize) -> Result<Rc<Pattern>> {
        let text = Text::get(&self.texts, self.call.place(1, row));
        if let Some((_, pattern)) = self.last.borrow().as_ref().filter(|(own, _)| own == text) {
            return Ok(pattern.clone());
        }
        let pattern = Rc::new(Pattern::new(text)?);
        self.last.replace(Some((text.to_owned(), pattern.clone())));
        Ok(pattern)
    }
}
