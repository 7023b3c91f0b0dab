//! Ticks of a file with one JSON object a line (blank lines are passed over).
//!
//! Owns: lines, the top level of an object, the limit on a line.
//! Does not own: what a field means (`columns`).
//! Invariant: never more than one line in memory; values the contract does not know are kept byte for byte.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use ticklake_schemas::Tick;

use super::super::ProduceError;
use super::columns::{Cell, Column, ColumnMap, Target, bad_value, fill, push_extra};
use super::{Row, unreadable};

/// A longer line is not a tick.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// Rows whose fields are taken for the file's, to check the mapping before anything is sent.
const ROWS_LOOKED_AT: usize = 100;
/// Field names remembered; names beyond are worked out anew each time.
const NAMES_REMEMBERED_MAX: usize = 1_000;

/// The rows of a file of JSON lines.
#[derive(Debug)]
pub(super) struct NdjsonRows {
    path: PathBuf,
    reader: BufReader<File>,
    map: ColumnMap,
    targets: HashMap<String, Target>,
    line: Vec<u8>,
    line_number: u64,
}

impl NdjsonRows {
    /// Opens the file and checks the fields of its first rows.
    pub(super) fn open(path: &Path, map: &ColumnMap) -> Result<Self, ProduceError> {
        let mut rows = Self::start(path, map)?;
        let mut fields: Vec<String> = Vec::new();
        let mut looked_at = 0;
        while looked_at < ROWS_LOOKED_AT && rows.read_line()? {
            let Ok(members) = members(&rows.line) else { continue };
            looked_at += 1;
            for (name, _) in members {
                if !fields.iter().any(|field| *field == name) {
                    fields.push(name.into_owned());
                }
            }
        }
        if looked_at > 0 {
            let names: Vec<&str> = fields.iter().map(String::as_str).collect();
            map.check_present(path, &names)?;
        }
        Self::start(path, map)
    }

    fn start(path: &Path, map: &ColumnMap) -> Result<Self, ProduceError> {
        let file = File::open(path).map_err(|e| unreadable(path, e))?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::with_capacity(1 << 18, file),
            map: map.clone(),
            targets: HashMap::new(),
            line: Vec::new(),
            line_number: 0,
        })
    }

    /// Reads the next line that is not blank; `false` at the end.
    fn read_line(&mut self) -> Result<bool, ProduceError> {
        loop {
            self.line.clear();
            let read = (&mut self.reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line);
            if read.map_err(|e| unreadable(&self.path, e))? == 0 {
                return Ok(false);
            }
            self.line_number += 1;
            if self.line.len() as u64 == LINE_BYTES_MAX && self.line.last() != Some(&b'\n') {
                let place = format!("{}:{}", self.path.display(), self.line_number);
                let limit = LINE_BYTES_MAX >> 20;
                return Err(ProduceError::Invalid(format!(
                    "{place}: the line is longer than {limit} MiB; write one object a line"
                )));
            }
            if self.line_number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
                self.line.drain(..3);
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                return Ok(true);
            }
        }
    }

    /// Reads the next row.
    pub(super) fn next(&mut self, tick: &mut Tick) -> Result<Row, ProduceError> {
        if !self.read_line()? {
            return Ok(Row::End);
        }
        let Self { path, map, targets, line, line_number, .. } = self;
        let filled = members(line).and_then(|members| fill_row(tick, &members, map, targets));
        Ok(filled.map_or_else(|fault| Row::Bad(format!("{}:{line_number}: {fault}", path.display())), |()| Row::Tick))
    }
}

fn fill_row(
    tick: &mut Tick,
    members: &[(Cow<'_, str>, &str)],
    map: &ColumnMap,
    targets: &mut HashMap<String, Target>,
) -> Result<(), String> {
    let mut filled: Vec<(Column, &str)> = Vec::with_capacity(Column::ALL.len());
    for (place, (name, value)) in members.iter().enumerate() {
        if members[..place].iter().any(|(earlier, _)| earlier == name) {
            return Err(format!("field {name:?} stands twice"));
        }
        match remembered(targets, map, name).as_ref() {
            Target::Extra(json_name) => push_extra(tick, json_name, value),
            Target::Column(column) => {
                if let Some((_, earlier)) = filled.iter().find(|(seen, _)| seen == column) {
                    let column = column.name();
                    return Err(format!(
                        "fields {earlier:?} and {name:?} would both fill column {column}; choose one, such as --map {column}={earlier}"
                    ));
                }
                filled.push((*column, name));
                fill_column(tick, *column, value).map_err(|why| bad_value(name, *column, value, &why))?;
            }
        }
    }
    match Column::ALL.into_iter().find(|column| column.required() && !filled.iter().any(|(seen, _)| seen == column)) {
        Some(column) => Err(format!("there is no field for the required column {}", column.name())),
        None => Ok(()),
    }
}

/// Where a field goes, worked out once for each name as long as there are few.
fn remembered<'a>(targets: &'a mut HashMap<String, Target>, map: &ColumnMap, name: &str) -> Cow<'a, Target> {
    if !targets.contains_key(name) {
        if targets.len() >= NAMES_REMEMBERED_MAX {
            return Cow::Owned(map.target(name));
        }
        targets.insert(name.to_owned(), map.target(name));
    }
    targets.get(name).map_or_else(|| Cow::Owned(map.target(name)), Cow::Borrowed)
}

fn fill_column(tick: &mut Tick, column: Column, json: &str) -> Result<(), String> {
    match json.as_bytes().first() {
        Some(b'n') => fill(tick, column, Cell::Absent),
        Some(b'"') => {
            let text: Cow<'_, str> = string(json)?;
            fill(tick, column, if text.is_empty() { Cell::Absent } else { Cell::Text(&text) })
        }
        Some(b'-' | b'0'..=b'9') => fill(tick, column, Cell::Text(json)),
        _ => fill(tick, column, Cell::Other(json)),
    }
}

/// The text of a JSON string; borrowed when it has no escapes.
fn string(json: &str) -> Result<Cow<'_, str>, String> {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    if inner.contains('\\') {
        serde_json::from_str(json).map(Cow::Owned).map_err(|e| format!("has a string {json} that is not text ({e})"))
    } else {
        Ok(Cow::Borrowed(inner))
    }
}

/// The members of the object on a line: names, and values as they are spelled. `Err`: why it is no object.
fn members(line: &[u8]) -> Result<Vec<(Cow<'_, str>, &str)>, String> {
    let text = std::str::from_utf8(line).map_err(|_| "the line is not UTF-8")?.trim();
    if !text.starts_with('{') {
        return Err("the line is not a JSON object (one object a line is expected)".to_owned());
    }
    // From here on the text is known to be one whole JSON object: the cuts below only need to find its seams.
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|e| format!("the line is not valid JSON ({e})"))?;
    let mut members = Vec::with_capacity(16);
    let mut rest = text[1..].trim_start();
    while rest.starts_with('"') {
        let (name, after) = rest.split_at(value_len(rest));
        let after = after.trim_start().strip_prefix(':').unwrap_or_default().trim_start();
        let (value, after) = after.split_at(value_len(after));
        members.push((string(name)?, value));
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    Ok(members)
}

/// Length of the JSON value `text` begins with. The text must be valid.
fn value_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut in_string) = (0, 0_usize, false);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if in_string => at += 1,
            b'"' => {
                in_string = !in_string;
                if !in_string && depth == 0 {
                    return at + 1;
                }
            }
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<i32>().prop_map(|n| (f64::from(n) / 8.0).into()),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_object_falls_into_its_members(
            object in prop::collection::btree_map(any::<String>(), json(), 0..6),
            pretty: bool,
        ) {
            let value = serde_json::Value::Object(object.clone().into_iter().collect());
            let text = if pretty { format!("{value:#}\r\n") } else { value.to_string() };
            let members = members(text.as_bytes()).unwrap();
            prop_assert_eq!(members.len(), object.len());
            for ((name, raw), (expected_name, expected)) in members.iter().zip(&object) {
                prop_assert_eq!(&name[..], expected_name);
                prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(raw).unwrap(), expected);
            }
        }

        #[test]
        fn no_line_panics(line in prop::collection::vec(any::<u8>(), 0..60), text in "[{}\\[\\]\":,\\\\ a0-]{0,40}") {
            let _ = members(&line);
            let _ = members(text.as_bytes());
        }
    }
}
