//! Which field of a file fills which column of a tick, and how a value is read for it.
//!
//! Owns: the aliases' and the mappings' precedence, the reading of values, the JSON of what stays over.
//! Does not own: file formats.
//! Invariant: a column has at most one field; a field the contract does not know reaches `extra` with its value whole.

use std::path::Path;

use ticklake_schemas::{Tick, UNIX_1970_NS, parse_event_time, stock_data, write_json_string};

use super::super::ProduceError;

/// A column of the contract that a message fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Symbol,
    Time,
    Price,
    Size,
    Bid,
    Ask,
    Exchange,
    Sequence,
}

impl Column {
    /// All of them, in the contract's order.
    pub(super) const ALL: [Self; 8] =
        [Self::Symbol, Self::Time, Self::Price, Self::Size, Self::Bid, Self::Ask, Self::Exchange, Self::Sequence];

    /// The contract's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Symbol => "symbol",
            Self::Time => "time",
            Self::Price => "price",
            Self::Size => "size",
            Self::Bid => "bid",
            Self::Ask => "ask",
            Self::Exchange => "exchange",
            Self::Sequence => "sequence",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    pub(super) fn required(self) -> bool {
        stock_data().column(self.name()).is_some_and(|column| column.required)
    }
}

/// Where the value of a field goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// Into a column.
    Column(Column),
    /// Into `extra`, under a name already written as `"name":`.
    Extra(String),
}

/// A value of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell<'a> {
    /// Nothing there.
    Absent,
    /// Text, or a number as it is spelled.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A double.
    Double(f64),
    /// An instant, nanoseconds since 1970-01-01T00:00:00Z.
    TimeNs(i64),
    /// Something no column takes, as text.
    Other(&'a str),
}

/// Reads `time=timestamp,size=amount`: pairs of column and field. `sequence=` leaves a column empty.
///
/// # Errors
/// `Invalid` for a pair without `=`.
pub fn parse_map(text: &str) -> Result<Vec<(String, String)>, ProduceError> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| match pair.split_once('=') {
            Some((column, field)) => Ok((column.trim().to_owned(), field.trim().to_owned())),
            None => Err(ProduceError::Invalid(format!(
                "--map {pair:?} has no \"=\"; write column=field, such as --map time=timestamp,size=amount"
            ))),
        })
        .collect()
}

/// The mappings asked for, checked against the contract.
#[derive(Debug, Clone, Default)]
pub(super) struct ColumnMap(Vec<(Column, String)>);

impl ColumnMap {
    /// Checks the pairs.
    pub(super) fn new(pairs: &[(String, String)]) -> Result<Self, ProduceError> {
        let mut map: Vec<(Column, String)> = Vec::new();
        for (name, field) in pairs {
            let fault = match Column::named(name) {
                None => {
                    let names: Vec<_> = Column::ALL.iter().map(|column| column.name()).collect();
                    format!("there is no column {name:?}; the columns are {}", names.join(", "))
                }
                Some(column) if map.iter().any(|(seen, _)| *seen == column) => {
                    format!("column {name:?} is mapped twice; keep one")
                }
                Some(_) if !field.is_empty() && map.iter().any(|(_, seen)| seen == field) => {
                    format!("field {field:?} is mapped to two columns; keep one")
                }
                Some(column) => {
                    map.push((column, field.clone()));
                    continue;
                }
            };
            return Err(ProduceError::Invalid(format!("--map {name}={field}: {fault}")));
        }
        Ok(Self(map))
    }

    /// Where a field of that name goes: a mapping before an alias, else to `extra`. A field whose column a mapping gave
    /// to another one is kept as `file_<name>`: under its own name the lake would read it as that column again.
    pub(super) fn target(&self, field: &str) -> Target {
        if let Some((column, _)) = self.0.iter().find(|(_, mapped)| mapped == field && !field.is_empty()) {
            return Target::Column(*column);
        }
        let known = stock_data().message_column(field).and_then(|column| Column::named(&column.name));
        let mut name = String::new();
        match known {
            Some(column) if self.0.iter().all(|(mapped, _)| *mapped != column) => return Target::Column(column),
            Some(_) => write_json_string(&format!("file_{field}"), &mut name),
            None => write_json_string(field, &mut name),
        }
        name.push(':');
        Target::Extra(name)
    }

    /// Where each field of a file goes, or what is wrong with the file as a whole.
    pub(super) fn plan(&self, path: &Path, fields: &[&str]) -> Result<Vec<Target>, ProduceError> {
        let targets: Vec<Target> = fields.iter().map(|field| self.target(field)).collect();
        check_distinct(fields, &targets).map_err(|fault| invalid(path, &fault))?;
        self.check_present(path, fields)?;
        Ok(targets)
    }

    /// Whether the fields hold every required column and every field of the mapping.
    pub(super) fn check_present(&self, path: &Path, fields: &[&str]) -> Result<(), ProduceError> {
        if let Some((column, field)) = self.0.iter().find(|(_, field)| !field.is_empty() && !fields.contains(&field.as_str())) {
            let fault = format!("--map {}={field}: there is no such field; the file has {}", column.name(), listed(fields));
            return Err(invalid(path, &fault));
        }
        let targets: Vec<Target> = fields.iter().map(|field| self.target(field)).collect();
        let missing: Vec<&str> = Column::ALL
            .into_iter()
            .filter(|column| column.required() && !targets.contains(&Target::Column(*column)))
            .map(Column::name)
            .collect();
        let [first, ..] = missing[..] else { return Ok(()) };
        let alike = fields.iter().find(|field| field.eq_ignore_ascii_case(first));
        let spare = fields.iter().zip(&targets).find(|(_, target)| matches!(target, Target::Extra(_)));
        let example = alike.or(spare.map(|(field, _)| field)).copied().unwrap_or("its_name_in_the_file");
        let fault = format!(
            "no field for the required {} {}; the file has {}; say which it is, such as --map {first}={example}",
            if missing.len() == 1 { "column" } else { "columns" },
            missing.join(", "),
            listed(fields),
        );
        Err(invalid(path, &fault))
    }
}

/// Whether no two fields go to the same place. `Err`: which do, and the way out.
pub(super) fn check_distinct<F: AsRef<str>>(fields: &[F], targets: &[Target]) -> Result<(), String> {
    for (later, target) in targets.iter().enumerate() {
        let Some(earlier) = targets[..later].iter().position(|other| other == target) else { continue };
        let (one, two) = (fields[earlier].as_ref(), fields[later].as_ref());
        return Err(match target {
            Target::Column(column) => format!(
                "fields {one:?} and {two:?} would both fill column {0}; choose one, such as --map {0}={one}",
                column.name()
            ),
            Target::Extra(_) => format!("field {two:?} stands twice; rename one"),
        });
    }
    Ok(())
}

fn invalid(path: &Path, fault: &str) -> ProduceError {
    ProduceError::Invalid(format!("{}: {fault}", path.display()))
}

fn listed(fields: &[&str]) -> String {
    const LISTED_MAX: usize = 40;
    if fields.is_empty() {
        return "no fields".to_owned();
    }
    let names: Vec<String> = fields.iter().take(LISTED_MAX).map(|field| format!("{field:?}")).collect();
    let more = fields.len().saturating_sub(LISTED_MAX);
    if more == 0 { names.join(", ") } else { format!("{} and {more} more", names.join(", ")) }
}

/// Puts a value into its column. `Err`: why the column cannot hold it.
pub(super) fn fill(tick: &mut Tick, column: Column, cell: Cell<'_>) -> Result<(), String> {
    match column {
        Column::Symbol => match text(cell)? {
            Some(symbol) if !symbol.is_empty() => {
                tick.symbol.clear();
                tick.symbol.push_str(&symbol);
            }
            _ => return Err("is empty but required".to_owned()),
        },
        Column::Exchange => tick.exchange = text(cell)?.map(std::borrow::Cow::into_owned),
        Column::Time => tick.time_ns = time_ns(cell)?,
        Column::Price => tick.price = number(cell, 0.0, true)?.ok_or("is empty but required")?,
        Column::Size => tick.size = number(cell, 0.0, false)?,
        Column::Bid => tick.bid = number(cell, f64::MIN, false)?,
        Column::Ask => tick.ask = number(cell, f64::MIN, false)?,
        Column::Sequence => tick.sequence = sequence(cell)?,
    }
    Ok(())
}

fn text(cell: Cell<'_>) -> Result<Option<std::borrow::Cow<'_, str>>, String> {
    Ok(match cell {
        Cell::Absent => None,
        Cell::Text(text) => Some(text.into()),
        Cell::Integer(number) => Some(number.to_string().into()),
        Cell::Double(_) | Cell::TimeNs(_) | Cell::Other(_) => return Err("is not text".to_owned()),
    })
}

fn number(cell: Cell<'_>, least: f64, above_least: bool) -> Result<Option<f64>, String> {
    let value = match cell {
        Cell::Absent => return Ok(None),
        Cell::Text(text) => text.trim().parse::<f64>().map_err(|_| "is not a number")?,
        Cell::Integer(number) => number as f64,
        Cell::Double(number) => number,
        Cell::TimeNs(_) | Cell::Other(_) => return Err("is not a number".to_owned()),
    };
    if !value.is_finite() {
        Err("is not a finite number".to_owned())
    } else if value < least || above_least && value == least {
        Err(format!("is not {} {least}", if above_least { "greater than" } else { "at least" }))
    } else {
        Ok(Some(value))
    }
}

fn time_ns(cell: Cell<'_>) -> Result<i64, String> {
    let time_ns = match cell {
        Cell::Absent => return Err("is empty but required".to_owned()),
        Cell::TimeNs(ns) => ns,
        Cell::Text(text) => parse_event_time(text).map_err(|e| e.to_string())?,
        Cell::Integer(number) => ticklake_schemas::epoch_to_ns(number, 0).map_err(|e| e.to_string())?,
        Cell::Double(number) => parse_event_time(&number.to_string()).map_err(|e| e.to_string())?,
        Cell::Other(_) => return Err("is neither RFC 3339 nor an epoch number".to_owned()),
    };
    if time_ns < UNIX_1970_NS { Err("is before 1970".to_owned()) } else { Ok(time_ns) }
}

fn sequence(cell: Cell<'_>) -> Result<Option<i64>, String> {
    /// Whole numbers up to here are exact as doubles.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let whole = match cell {
        Cell::Absent => return Ok(None),
        Cell::Text(text) => text.trim().parse().ok(),
        Cell::Integer(number) => Some(number),
        Cell::Double(number) if number.fract() == 0.0 && number.abs() <= EXACT_MAX => Some(number as i64),
        Cell::Double(_) | Cell::TimeNs(_) | Cell::Other(_) => None,
    };
    whole.map(Some).ok_or_else(|| "is not a whole number of 64 bits (--map sequence= leaves the column empty)".to_owned())
}

/// Names the field of a bad row, its column and its value, shortened.
pub(super) fn bad_value(field: &str, column: Column, value: &str, why: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    let mut shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    let role = if field == column.name() { String::new() } else { format!(" (column {})", column.name()) };
    format!("field {field:?}{role} {shown:?} {why}")
}

/// Appends a member to `extra`, its name already written by [`Target::Extra`] and its value as JSON.
pub(super) fn push_extra(tick: &mut Tick, name: &str, json: &str) {
    start_extra(tick, name);
    tick.extra_members.push_str(json);
}

/// Appends a member to `extra` from text: a number where it is one in JSON's grammar, else a string.
pub(super) fn push_extra_text(tick: &mut Tick, name: &str, text: &str, numbers: bool) {
    start_extra(tick, name);
    if numbers && is_json_number(text.as_bytes()) {
        tick.extra_members.push_str(text);
    } else {
        write_json_string(text, &mut tick.extra_members);
    }
}

fn start_extra(tick: &mut Tick, name: &str) {
    if !tick.extra_members.is_empty() {
        tick.extra_members.push(',');
    }
    tick.extra_members.push_str(name);
}

/// Whether `text` is a number of RFC 8259.
fn is_json_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> Option<&[u8]> {
        let count = text.iter().take_while(|b| b.is_ascii_digit()).count();
        (count > 0).then(|| &text[count..])
    }
    let mut rest = text.strip_prefix(b"-").unwrap_or(text);
    let whole = rest;
    let Some(after) = digits(rest) else { return false };
    if whole[0] == b'0' && whole.len() - after.len() > 1 {
        return false;
    }
    rest = after;
    if let Some(fraction) = rest.strip_prefix(b".") {
        let Some(after) = digits(fraction) else { return false };
        rest = after;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let Some(after) = digits(exponent) else { return false };
        rest = after;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_message_column_of_the_contract_is_forgotten() {
        let contract: Vec<&str> = stock_data()
            .columns
            .iter()
            .filter(|c| c.from == ticklake_schemas::ColumnSource::Message && c.name != "extra")
            .map(|c| c.name.as_str())
            .collect();
        assert_eq!(Column::ALL.map(Column::name).to_vec(), contract);
    }

    #[test]
    fn a_mapping_displaces_an_alias_without_losing_it() {
        let map = ColumnMap::new(&parse_map("time=local_timestamp, sequence=").unwrap()).unwrap();
        assert_eq!(map.target("local_timestamp"), Target::Column(Column::Time));
        assert_eq!(map.target("timestamp"), Target::Extra("\"file_timestamp\":".into()));
        assert_eq!(map.target("id"), Target::Extra("\"file_id\":".into()));
        assert_eq!(map.target("side"), Target::Extra("\"side\":".into()));
    }

    #[test]
    fn json_numbers_are_told_from_other_text() {
        for text in ["0", "-0", "12", "1.50", "1e9", "-1.5E-3", "1582329602418379"] {
            assert!(is_json_number(text.as_bytes()), "{text}");
        }
        for text in ["", "-", "007", "1.", ".5", "+1", "1e", "0x1", "NaN", "1 "] {
            assert!(!is_json_number(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_survives_as_a_json_string(text: String) {
            let mut json = String::new();
            write_json_string(&text, &mut json);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn what_passes_for_a_number_is_json(text in "-?[0-9]{0,3}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,2})?") {
            prop_assert_eq!(is_json_number(text.as_bytes()), serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok());
        }
    }
}
