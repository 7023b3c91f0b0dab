//! Ticks of a CSV file with a header line (RFC 4180, UTF-8).
//!
//! Owns: records, line numbers, the limit on one record.
//! Does not own: what a field means (`columns`).
//! Invariant: never more than one record and one read buffer in memory; an empty cell is an absent value.

use std::fs::File;
use std::io::{BufReader, Error, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ticklake_schemas::Tick;

use super::super::ProduceError;
use super::columns::{Cell, ColumnMap, Target, bad_value, fill, push_extra_text};
use super::{Row, unreadable};

/// A longer record is an unclosed quote.
const RECORD_BYTES_MAX: u64 = 16 << 20;

/// The rows of a CSV file.
#[derive(Debug)]
pub(super) struct CsvRows {
    path: PathBuf,
    reader: ::csv::Reader<BufReader<Limited>>,
    budget: Arc<AtomicU64>,
    fields: Vec<String>,
    targets: Vec<Target>,
    record: ::csv::ByteRecord,
}

/// A file that refuses to be read further once a record has used up the budget.
#[derive(Debug)]
struct Limited {
    file: File,
    budget: Arc<AtomicU64>,
}

impl Read for Limited {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let left = self.budget.load(Ordering::Relaxed);
        if left == 0 {
            return Err(Error::other(format!(
                "a record is longer than {} MiB (is a quotation mark left open?)",
                RECORD_BYTES_MAX >> 20
            )));
        }
        let read = self.file.read(into)?;
        self.budget.store(left.saturating_sub(read as u64), Ordering::Relaxed);
        Ok(read)
    }
}

impl CsvRows {
    /// Opens the file and reads its header.
    pub(super) fn open(path: &Path, map: &ColumnMap) -> Result<Self, ProduceError> {
        let file = File::open(path).map_err(|e| unreadable(path, e))?;
        let budget = Arc::new(AtomicU64::new(RECORD_BYTES_MAX));
        let limited = Limited { file, budget: Arc::clone(&budget) };
        let mut reader = ::csv::Reader::from_reader(BufReader::with_capacity(1 << 18, limited));
        let header = reader.headers().map_err(|e| unreadable(path, e))?;
        let named = |(place, name): (usize, &str)| match name.trim() {
            "" => format!("column_{}", place + 1),
            name => name.to_owned(),
        };
        let fields: Vec<String> = header.iter().enumerate().map(named).collect();
        let names: Vec<&str> = fields.iter().map(String::as_str).collect();
        let targets = map.plan(path, &names)?;
        Ok(Self { path: path.to_owned(), reader, budget, fields, targets, record: ::csv::ByteRecord::new() })
    }

    /// Reads the next row.
    pub(super) fn next(&mut self, tick: &mut Tick) -> Result<Row, ProduceError> {
        self.budget.store(RECORD_BYTES_MAX, Ordering::Relaxed);
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(Row::End),
            Err(error) => return self.unreadable_record(&error),
        }
        Ok(self.fill_row(tick).map_or_else(|fault| Row::Bad(format!("{}: {fault}", self.place())), |()| Row::Tick))
    }

    fn fill_row(&self, tick: &mut Tick) -> Result<(), String> {
        for ((field, target), bytes) in self.fields.iter().zip(&self.targets).zip(&self.record) {
            let text = std::str::from_utf8(bytes).map_err(|_| format!("field {field:?} is not UTF-8"))?;
            let cell = if text.is_empty() { Cell::Absent } else { Cell::Text(text) };
            match target {
                Target::Column(column) => {
                    fill(tick, *column, cell).map_err(|why| bad_value(field, *column, text, &why))?;
                }
                Target::Extra(_) if text.is_empty() => {}
                Target::Extra(name) => push_extra_text(tick, name, text, true),
            }
        }
        Ok(())
    }

    fn unreadable_record(&self, error: &::csv::Error) -> Result<Row, ProduceError> {
        match error.kind() {
            ::csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
                let line = pos.as_ref().map_or(0, ::csv::Position::line);
                let place = format!("{}:{line}", self.path.display());
                Ok(Row::Bad(format!("{place}: has {len} fields where the header has {expected_len}")))
            }
            _ => Err(unreadable(&self.path, error)),
        }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.path.display(), self.record.position().map_or(0, ::csv::Position::line))
    }
}
