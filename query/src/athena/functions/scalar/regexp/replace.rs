//! regexp_replace.
//!
//! Owns: texts with something else for each match: nothing, a replacement, what a lambda gives for its groups.
//! Does not own: reading replacements (`template`).
//! Invariant: a replacement is looked at only when something is found; a lambda that gives NULL makes the whole text NULL.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, StringArray, UInt32Array};
use arrow::buffer::OffsetBuffer;

use super::each;
use super::pattern::Patterns;
use super::template::Template;
use crate::athena::error::AthenaError;
use crate::athena::eval::{Lambda, list};
use crate::athena::functions::scalar::{Arg as _, Call, Result, Text};
use crate::athena::types::Type;

pub(super) fn replace(call: &Call<'_>) -> Result<ArrayRef> {
    if let Some(lambda) = call.lambdas.first() {
        return by_lambda(call, lambda);
    }
    let replacements = if call.arguments.len() > 2 { Some(Text::reader(call.values(2)?)?) } else { None };
    each(call, |pattern, text, row| {
        let found = pattern.all(text, 0)?;
        if found.is_empty() {
            return Ok(Some(text.to_owned()));
        }
        let replacement = replacements.as_ref().map_or("", |all| Text::get(all, call.place(2, row)));
        let template = Template::new(replacement, pattern)?;
        let (mut out, mut last) = (String::with_capacity(text.len()), 0);
        for found in &found {
            let place = found.range();
            out.push_str(&text[last..place.start]);
            template.write(found, &mut out);
            call.check_room(out.len())?;
            last = place.end;
        }
        out.push_str(&text[last..]);
        Ok(Some(out))
    })
}

/// The lambda is computed once, for the matches of all rows.
fn by_lambda(call: &Call<'_>, lambda: &Lambda<'_>) -> Result<ArrayRef> {
    let (texts, patterns) = (Text::reader(call.values(0)?)?, Patterns::new(call)?);
    let (mut rows, mut places, mut lengths, mut groups) = (Vec::new(), Vec::<Range<usize>>::new(), Vec::new(), Vec::new());
    for row in 0..call.rows {
        if call.arguments.iter().any(|argument| argument.is_null(row)) {
            continue;
        }
        for found in patterns.at(row)?.all(Text::get(&texts, call.place(0, row)), 0)? {
            rows.push(u32::try_from(row).map_err(|error| AthenaError::internal(&error))?);
            places.push(found.range());
            lengths.push(found.groups.len() - 1);
            groups.extend((1..found.groups.len()).map(|group| found.get(group).map(str::to_owned)));
        }
    }
    let groups: ArrayRef = Arc::new(StringArray::from(groups));
    let groups = list(&Type::VARCHAR, OffsetBuffer::from_lengths(lengths), groups)?;
    let put = lambda.apply(&UInt32Array::from(rows.clone()), vec![groups])?;
    let put_texts = Text::reader(&put)?;
    call.produce(|row| {
        let text = Text::get(&texts, call.place(0, row));
        let (mut out, mut last) = (String::with_capacity(text.len()), 0);
        let of_row = |all: &[u32]| {
            let row = u32::try_from(row).unwrap_or(u32::MAX);
            all.partition_point(|own| *own < row)..all.partition_point(|own| *own <= row)
        };
        for at in of_row(&rows) {
            if put.is_null(at) {
                return Ok(None);
            }
            out.push_str(&text[last..places[at].start]);
            out.push_str(Text::get(&put_texts, at));
            call.check_room(out.len())?;
            last = places[at].end;
        }
        out.push_str(&text[last..]);
        Ok(Some(out))
    })
}
