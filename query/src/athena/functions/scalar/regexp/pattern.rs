//! Patterns that are ready to be searched for.
//!
//! Owns: keeping a pattern for the rows that share it; where a text's next match is looked for.
//! Does not own: reading a pattern (`syntax`).
//! Invariant: a constant pattern is made ready once.

use std::cell::RefCell;
use std::rc::Rc;

use arrow::array::StringArray;
use regex::{Captures, Match, Regex};

use super::syntax::{Translated, translate};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg as _, Call, Result, Text};

/// A pattern.
pub(super) struct Pattern {
    regex: Regex,
    /// For texts that end in a line break, before which `$` is true as well; only of patterns with one.
    before_break: Option<Regex>,
}

impl Pattern {
    fn new(pattern: &str) -> Result<Self> {
        let Translated { plain, before_break } = translate(pattern)?;
        let compiled = |translated: &str| {
            Regex::new(translated).map_err(|error| match error {
                regex::Error::CompiledTooBig(limit) => {
                    AthenaError::not_supported(format!("the regular expression {pattern} takes more than {limit} bytes"))
                }
                error => AthenaError::invalid_argument(error.to_string()),
            })
        };
        Ok(Self { regex: compiled(&plain)?, before_break: before_break.as_deref().map(compiled).transpose()? })
    }

    /// How many groups it has, not counting the whole.
    pub(super) fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }

    /// The group of a name.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.regex.capture_names().position(|own| own == Some(name))
    }

    /// What finds it in a text.
    pub(super) fn of(&self, text: &str) -> Result<&Regex> {
        let Some(before_break) = self.before_break.as_ref().filter(|_| text.ends_with('\n')) else { return Ok(&self.regex) };
        if text.matches('\n').count() > 1 {
            let message = "$ at the last of several line breaks of a text is not computed here yet; write \\z for the end, (?m) for each line's";
            return Err(AthenaError::not_supported(message));
        }
        Ok(before_break)
    }

    /// All matches from a byte on.
    pub(super) fn matches<'t>(&self, text: &'t str, from: usize) -> Result<Vec<Match<'t>>> {
        let regex = self.of(text)?;
        Ok(walk(text, from, |from| regex.find_at(text, from), |found| *found))
    }

    /// All matches with their groups.
    pub(super) fn captures<'t>(&self, text: &'t str) -> Result<Vec<Captures<'t>>> {
        let regex = self.of(text)?;
        Ok(walk(text, 0, |from| regex.captures_at(text, from), |found| found.get_match()))
    }
}

fn walk<'t, F>(text: &str, from: usize, next: impl Fn(usize) -> Option<F>, whole: impl Fn(&F) -> Match<'t>) -> Vec<F> {
    let (mut all, mut from) = (Vec::new(), from);
    while from <= text.len() {
        let Some(found) = next(from) else { break };
        let place = whole(&found);
        from = place.end();
        if place.is_empty() {
            from += text[from..].chars().next().map_or(1, char::len_utf8);
        }
        all.push(found);
    }
    all
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
