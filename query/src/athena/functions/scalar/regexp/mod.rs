//! Regular expressions.
//!
//! Owns: the functions of them.
//! Does not own: their syntax (`syntax`), what a replacement's text means (`template`).
//! Invariant: a search goes on where the last match ended, one letter later if that was empty: `a*` finds in `aaa` all and then
//! nothing once more.

mod backtrack;
mod class;
mod node;
mod pattern;
mod replace;
mod syntax;
mod template;

use arrow::array::ArrayRef;
use pattern::Patterns;

use super::build::lists;
use super::{Arg as _, Call, Compute, Int, Result, Text};

pub(super) fn find(name: &str) -> Option<Compute> {
    Some(match name {
        "regexp_like" => |call| each(call, |pattern, text, _| pattern.is_match(text).map(Some)),
        "regexp_count" => {
            |call| each(call, |pattern, text, _| Ok(Some(i64::try_from(pattern.all(text, 0)?.len()).unwrap_or(i64::MAX))))
        }
        "regexp_extract" => extract,
        "regexp_extract_all" => extract_all,
        "regexp_position" => position,
        "regexp_replace" => replace::replace,
        "regexp_split" => split,
        _ => return None,
    })
}

/// A value from each row's pattern and text.
fn each<R: super::Produce>(call: &Call<'_>, f: impl Fn(&pattern::Pattern, &str, usize) -> Result<Option<R>>) -> Result<ArrayRef> {
    let (texts, patterns) = (Text::reader(call.values(0)?)?, Patterns::new(call)?);
    call.produce(|row| f(&*patterns.at(row)?, Text::get(&texts, call.place(0, row)), row))
}

/// The group asked for: the whole match, if none is.
fn group(call: &Call<'_>, groups: usize, row: usize) -> Result<usize> {
    if call.arguments.len() < 3 {
        return Ok(0);
    }
    let group = Int::get(&Int::reader(call.values(2)?)?, call.place(2, row));
    if group < 0 {
        return Err(call.invalid("Group cannot be negative"));
    }
    let known = usize::try_from(group).ok().filter(|group| *group <= groups);
    known.ok_or_else(|| call.invalid(format!("Pattern has {groups} groups. Cannot access group {group}")))
}

fn extract(call: &Call<'_>) -> Result<ArrayRef> {
    each(call, |pattern, text, row| {
        let group = group(call, pattern.groups(), row)?;
        let found = pattern.find_at(text, 0)?;
        Ok(found.and_then(|found| found.get(group)).map(str::to_owned))
    })
}

fn extract_all(call: &Call<'_>) -> Result<ArrayRef> {
    let (texts, patterns) = (Text::reader(call.values(0)?)?, Patterns::new(call)?);
    lists(call, |row| {
        let (pattern, text) = (patterns.at(row)?, Text::get(&texts, call.place(0, row)));
        let group = group(call, pattern.groups(), row)?;
        Ok(pattern.all(text, 0)?.iter().map(|found| found.get(group)).collect())
    })
}

fn split(call: &Call<'_>) -> Result<ArrayRef> {
    let (texts, patterns) = (Text::reader(call.values(0)?)?, Patterns::new(call)?);
    lists(call, |row| {
        let text = Text::get(&texts, call.place(0, row));
        let (mut parts, mut last) = (Vec::new(), 0);
        for found in patterns.at(row)?.all(text, 0)? {
            let place = found.range();
            parts.push(text.get(last..place.start));
            last = place.end;
        }
        parts.push(text.get(last..));
        Ok(parts)
    })
}

/// The letter, counted from 1, where a match begins; -1 when there is none.
fn position(call: &Call<'_>) -> Result<ArrayRef> {
    let wanted = |argument: usize, row: usize| match call.arguments.len() > argument {
        true => Ok(Int::get(&Int::reader(call.values(argument)?)?, call.place(argument, row))),
        false => Ok(1),
    };
    each(call, |pattern, text, row| {
        let (start, occurrence) = (wanted(2, row)?, wanted(3, row)?);
        if start < 1 {
            return Err(call.invalid("start position cannot be smaller than 1"));
        }
        if occurrence < 1 {
            return Err(call.invalid("occurrence cannot be smaller than 1"));
        }
        let skipped = |count: i64| usize::try_from(count - 1).unwrap_or(usize::MAX);
        let Some((start, _)) = text.char_indices().nth(skipped(start)) else { return Ok(Some(-1)) };
        let found = pattern.all(text, start)?.get(skipped(occurrence)).map(|found| text[..found.range().start].chars().count());
        Ok(Some(found.and_then(|before| i64::try_from(before).ok()).map_or(-1, |before| before + 1)))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::athena::eval::tests::{row_of, value_of};

    #[test]
    fn a_pattern_never_finds_what_it_does_not_in_trino() {
        for (expression, expected) in [
            ("regexp_extract_all('aaa', 'a*')", json!(["aaa", ""])),
            ("regexp_split('abc', '')", json!(["", "a", "b", "c", ""])),
            ("regexp_replace('a1b2', '(?<d>\\d)', '<${d}$0>')", json!("a<11>b<22>")),
            ("regexp_like('é', '\\w')", json!(false)),
            ("regexp_replace('1234567', '(?<=\\d)(?=(\\d{3})+$)', ',')", json!("1,234,567")),
            ("regexp_like('abab', '^(ab)\\1$')", json!(true)),
            ("regexp_like('aaa', 'a++a')", json!(false)),
            ("regexp_replace('a' || chr(10), '$', 'X')", json!("aX\nX")),
            ("regexp_position('é1', '\\d')", json!(2)),
        ] {
            assert_eq!(value_of(expression), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn no_row_is_ever_searched_for_anothers_pattern() {
        let sql = "SELECT regexp_extract(s, p), regexp_replace(s, '(\\w)', m -> m[1] || p) \
                   FROM (VALUES ('ab', 'b'), (NULL, 'x'), ('cd', NULL), ('', '^$'), ('ba', 'a')) t(s, p)";
        let expected = json!([["b", "abbb"], [null, null], [null, null], ["", ""], ["a", "baaa"]]);
        assert_eq!(row_of(sql), Some(Ok(expected)));
    }
}
