//! The decoder: from messages as they came to rows and rejects.
//!
//! Owns: what a message is, and the order in which its faults are looked for.
//! Does not own: the columns and their spellings (the contract in `schemas`), where rejects go (`lake`).
//! Invariant: pure and total. Every record of a batch becomes one row or one reject, with its own offset; nothing panics.
//!
//! | a message | class |
//! |---|---|
//! | null value · over `PAYLOAD_BYTES_MAX` · blank · not UTF-8 | `tombstone` · `too_large` · `empty` · `not_utf8` |
//! | not JSON (a byte order mark, something after the value and nesting beyond 64 included) | `malformed_json` |
//! | JSON, but not an object | `not_an_object` |
//! | two members that fill one column, neither of them null | `duplicate_field` |
//! | no `symbol`, `time` or `price`, or null | `missing_field` |
//! | a value its column cannot hold, first in contract order | `invalid_…`, `time_out_of_range` |
//!
//! The first line that fits decides. Unknown members go to `extra` as they were written, also when their names repeat:
//! `extra` is a string to every reader, and nothing is thrown away. So does the origin of a dead letter that was sent back,
//! as member `ticklake-dead-letter`, from its header.

mod columns;
mod fields;
mod number;
mod row;
mod scan;
mod swar;

#[cfg(test)]
mod fuzz_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use ticklake_lake::Reject;
use ticklake_lake::dead_letters::{Header, ORIGIN_HEADER};
use ticklake_schemas::{RejectClass, stock_data, write_json_string};

use crate::source::{RawBatch, RawRecord};
use columns::Columns;
use fields::FieldTable;
use row::{Refusal, Row, Slots};
use scan::Member;

/// Largest payload of a tick, bytes.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// Largest symbol, bytes.
pub const SYMBOL_BYTES_MAX: usize = 64;
/// How far a tick's time may lie after the message was produced, for clocks that disagree.
pub const FUTURE_MAX: Duration = Duration::from_secs(5 * 60);

/// What a batch of messages became.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The valid ticks in arrival order, in the file columns of `stock_data`.
    pub rows: RecordBatch,
    /// The other messages, in arrival order.
    pub rejects: Vec<Reject>,
}

/// Decodes batches of messages; holds only tables derived from the contract and room to reuse.
#[derive(Debug, Clone)]
pub struct Decoder {
    fields: FieldTable,
    schema: SchemaRef,
    extra: String,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder for `stock_data`.
    pub fn new() -> Self {
        let fields = FieldTable::new(stock_data()).expect("the decoder fills every column of the compiled contract: tested");
        Self { fields, schema: stock_data().arrow_file_schema(), extra: String::new() }
    }

    /// Decodes a batch. `now_ns` is the wall clock, nanoseconds since the epoch; it decides only about messages whose
    /// record has no timestamp that can be one, so that whoever reads a message finds the same in it.
    ///
    /// Arrow's 32-bit string offsets bound a batch to 2 GiB of payload and of repeated topic name; sources stay far below.
    pub fn decode(&mut self, batch: &RawBatch, now_ns: i64) -> Decoded {
        let mut columns = Columns::with_capacity(batch.records.len());
        let mut rejects = Vec::new();
        for record in &batch.records {
            let payload = record.payload.as_ref().map(|range| batch.bytes(range));
            match self.message(payload, produced_ns(record.timestamp_ms, now_ns)) {
                Ok(row) => {
                    keep_origin(&mut self.extra, batch, record);
                    columns.push(&row, &self.extra, record);
                }
                Err(refusal) => rejects.push(reject(batch, record, refusal)),
            }
        }
        Decoded { rows: columns.finish(&batch.topic, &self.schema), rejects }
    }

    /// Reads one message, produced at `produced_ns`; its unknown members are in `self.extra` afterwards.
    #[inline]
    fn message<'a>(&mut self, payload: Option<&'a [u8]>, produced_ns: i64) -> Result<Row<'a>, Refusal> {
        let text = text(payload)?;
        let Self { fields, extra, .. } = self;
        let mut slots: Slots<'a> = [None; fields::Field::COUNT];
        let mut duplicate = None;
        extra.clear();
        let read = scan::document(text, |member| match member.packed_name.and_then(|name| fields.get(name)) {
            Some(_) if matches!(member.value, scan::Value::Null) => {}
            Some(field) => {
                if slots[field as usize].replace(member.value).is_some() {
                    duplicate.get_or_insert((field, member.name()));
                }
            }
            None => keep(extra, &member),
        });
        match read {
            Err(malformed) => Err(not_json(text, malformed)),
            Ok(false) => {
                Err(Refusal::new(RejectClass::NotAnObject, format!("{} is JSON, but not an object", row::cut(text.trim()))))
            }
            Ok(true) => match duplicate {
                Some((field, name)) => Err(twice(field, name)),
                None => {
                    if !extra.is_empty() {
                        extra.push('}');
                    }
                    row::row(&slots, produced_ns)
                }
            },
        }
    }
}

/// When a message was produced: its record's timestamp, unless that is no time of this century (seconds taken for
/// milliseconds, or none) or yet to come; then now.
fn produced_ns(timestamp_ms: Option<i64>, now_ns: i64) -> i64 {
    const UNIX_2000_MS: i64 = 946_684_800_000;
    let plausible = timestamp_ms.filter(|ms| *ms >= UNIX_2000_MS).map(|ms| ms.saturating_mul(1_000_000));
    plausible.map_or(now_ns, |ns| ns.min(now_ns))
}

/// The payload as text.
#[inline]
fn text(payload: Option<&[u8]>) -> Result<&str, Refusal> {
    let Some(bytes) = payload else {
        return Err(Refusal::new(RejectClass::Tombstone, "the record has a null value"));
    };
    if bytes.len() > PAYLOAD_BYTES_MAX {
        let reason = format!("the payload has {} bytes, more than {PAYLOAD_BYTES_MAX}", bytes.len());
        return Err(Refusal::new(RejectClass::TooLarge, reason));
    }
    if bytes.iter().all(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')) {
        return Err(Refusal::new(RejectClass::Empty, format!("the payload has {} bytes and all are white space", bytes.len())));
    }
    std::str::from_utf8(bytes)
        .map_err(|e| Refusal::new(RejectClass::NotUtf8, format!("byte {} of the payload is not UTF-8", e.valid_up_to())))
}

/// Appends an unknown member to the object being collected.
fn keep(extra: &mut String, member: &Member<'_>) {
    extra.push_str(if extra.is_empty() { "{\"" } else { ",\"" });
    extra.push_str(member.name());
    extra.push_str("\":");
    extra.push_str(member.written());
}

#[cold]
fn not_json(text: &str, malformed: scan::Malformed) -> Refusal {
    let found = match text.get(malformed.at..).and_then(|rest| rest.chars().next()) {
        Some(character) => format!("{character:?}"),
        None => "its end".to_owned(),
    };
    let reason = format!("the payload is not JSON at byte {}, {found}: {}", malformed.at, malformed.why);
    Refusal::new(RejectClass::MalformedJson, reason)
}

#[cold]
fn twice(field: fields::Field, name: &str) -> Refusal {
    let reason = format!("\"{}\" fills column {}, which another member has filled", row::cut(name), field.column());
    Refusal::new(RejectClass::DuplicateField, reason)
}

/// Appends the origin of a dead letter that was sent back and is a tick now: how anyone sees that it has landed.
fn keep_origin(extra: &mut String, batch: &RawBatch, record: &RawRecord) {
    let origin = batch.headers_of(record).find(|(name, _)| *name == ORIGIN_HEADER.as_bytes()).and_then(|(_, value)| value);
    let Some(origin) = origin.and_then(|bytes| std::str::from_utf8(bytes).ok()) else { return };
    let open = extra.pop().is_some();
    extra.push_str(if open { "," } else { "{" });
    write_json_string(ORIGIN_HEADER, extra);
    extra.push(':');
    write_json_string(origin, extra);
    extra.push('}');
}

fn header((name, value): (&[u8], Option<&[u8]>)) -> Header {
    Header { name: String::from_utf8_lossy(name).into_owned(), value: value.map(<[u8]>::to_vec) }
}

#[cold]
fn reject(batch: &RawBatch, record: &RawRecord, refusal: Refusal) -> Reject {
    let bytes = |range: &std::ops::Range<usize>| batch.bytes(range).to_vec();
    Reject {
        partition: record.partition,
        offset: record.offset,
        timestamp_ms: record.timestamp_ms,
        key: record.key.as_ref().map(bytes),
        payload: record.payload.as_ref().map(bytes),
        headers: batch.headers_of(record).map(header).collect(),
        class: refusal.class,
        reason: refusal.reason,
    }
}
