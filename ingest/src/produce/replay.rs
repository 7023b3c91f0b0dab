//! Ticks read back from a file: CSV, newline-delimited JSON or Parquet, told by the file's extension.
//!
//! Owns: opening, counting of bad rows, shifting of times to now.
//! Does not own: which field fills which column (`columns`), the formats (`csv`, `ndjson`, `parquet`).
//! Invariant: memory stays bounded whatever the file's size; a fault of the file as a whole is told by `open`,
//! before any tick is handed out.

mod columns;
mod csv;
mod ndjson;
mod parquet;

use std::path::{Path, PathBuf};

use ticklake_schemas::Tick;

use super::{ProduceError, Speed};
use columns::ColumnMap;
use csv::CsvRows;
use ndjson::NdjsonRows;
use parquet::ParquetRows;

pub use columns::parse_map;

/// What to replay.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReplayConfig {
    /// The file: `.csv`; `.ndjson`, `.jsonl`, `.json` (one object a line); `.parquet`.
    pub path: PathBuf,
    /// Pairs of contract column and the file's field, beyond the contract's own aliases; see [`parse_map`].
    pub map: Vec<(String, String)>,
    /// Count rows that are not ticks instead of stopping at the first.
    pub skip_bad: bool,
    /// Whether and how times move.
    pub shift: Option<Shift>,
}

/// A constant added to every time of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shift {
    /// The first tick gets this time, nanoseconds since 1970-01-01T00:00:00Z.
    FirstTo(i64),
    /// The latest tick gets this time. Needs a pass over the whole file when it is opened.
    LastTo(i64),
}

impl Shift {
    /// The shift that brings a replay to the present without a tick from the future: at real time or slower the first
    /// tick is now, and the rest follow as the clock does; faster, event time would outrun the clock, so the last is now.
    pub fn to_now(now_ns: i64, speed: Speed) -> Self {
        match speed {
            Speed::Times(factor) if factor <= 1.0 => Self::FirstTo(now_ns),
            _ => Self::LastTo(now_ns),
        }
    }
}

/// What became of one row.
enum Row {
    /// The tick was filled.
    Tick,
    /// The row is not a tick: place and reason, ready to print.
    Bad(String),
    /// No more rows.
    End,
}

#[derive(Debug)]
enum Rows {
    Csv(CsvRows),
    Ndjson(NdjsonRows),
    Parquet(Box<ParquetRows>),
}

impl Rows {
    fn open(path: &Path, map: &ColumnMap) -> Result<Self, ProduceError> {
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        match extension.as_str() {
            "csv" => CsvRows::open(path, map).map(Self::Csv),
            "ndjson" | "jsonl" | "json" => NdjsonRows::open(path, map).map(Self::Ndjson),
            "parquet" => ParquetRows::open(path, map).map(|rows| Self::Parquet(Box::new(rows))),
            _ => Err(ProduceError::Invalid(format!(
                "{}: cannot tell the format by the extension {extension:?}; name the file .csv, .ndjson, .jsonl, .json or .parquet \
                 (decompress it first if it is packed)",
                path.display()
            ))),
        }
    }

    fn next(&mut self, tick: &mut Tick) -> Result<Row, ProduceError> {
        tick.size = None;
        tick.bid = None;
        tick.ask = None;
        tick.exchange = None;
        tick.sequence = None;
        tick.extra_members.clear();
        match self {
            Self::Csv(rows) => rows.next(tick),
            Self::Ndjson(rows) => rows.next(tick),
            Self::Parquet(rows) => rows.next(tick),
        }
    }
}

/// An open file of ticks.
#[derive(Debug)]
pub struct Replay {
    rows: Rows,
    skip_bad: bool,
    shift_ns: i64,
    skipped: u64,
    first_skipped: Option<String>,
}

impl Replay {
    /// Opens the file and checks its fields against the contract.
    ///
    /// # Errors
    /// `Invalid` when the file cannot be read, its format is unknown, a required column has no field, a field or column
    /// is claimed twice or a mapping names something that is not there; with [`ReplayConfig::shift`] also for a bad row.
    pub fn open(config: &ReplayConfig) -> Result<Self, ProduceError> {
        let map = ColumnMap::new(&config.map)?;
        let mut replay = Self {
            rows: Rows::open(&config.path, &map)?,
            skip_bad: config.skip_bad,
            shift_ns: 0,
            skipped: 0,
            first_skipped: None,
        };
        if let Some(shift) = config.shift {
            let shift_ns = replay.shift_ns(shift)?;
            replay = Self { rows: Rows::open(&config.path, &map)?, shift_ns, skipped: 0, first_skipped: None, ..replay };
        }
        Ok(replay)
    }

    /// What to add to every time, found by reading as far as needed.
    fn shift_ns(&mut self, shift: Shift) -> Result<i64, ProduceError> {
        let mut tick = Tick::default();
        if !self.next_tick(&mut tick)? {
            return Ok(0);
        }
        let mut from_ns = tick.time_ns;
        let to_ns = match shift {
            Shift::FirstTo(to_ns) => to_ns,
            Shift::LastTo(to_ns) => {
                while self.next_tick(&mut tick)? {
                    from_ns = from_ns.max(tick.time_ns);
                }
                to_ns
            }
        };
        Ok(to_ns.saturating_sub(from_ns))
    }

    /// Reads the next tick into `tick`, reusing its allocations; `false` at the end of the file.
    ///
    /// # Errors
    /// `Invalid` for a row that is not a tick, unless they are skipped, and for a file that cannot be read on.
    pub fn next_tick(&mut self, tick: &mut Tick) -> Result<bool, ProduceError> {
        loop {
            match self.rows.next(tick)? {
                Row::Tick => {
                    tick.time_ns = tick.time_ns.saturating_add(self.shift_ns);
                    return Ok(true);
                }
                Row::End => return Ok(false),
                Row::Bad(fault) if self.skip_bad => {
                    self.skipped += 1;
                    self.first_skipped.get_or_insert(fault);
                }
                Row::Bad(fault) => {
                    return Err(ProduceError::Invalid(format!(
                        "{fault}; mend the row, or skip and count such rows (--skip-bad)"
                    )));
                }
            }
        }
    }

    /// Rows skipped so far.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Place and reason of the first row skipped.
    pub fn first_skipped(&self) -> Option<&str> {
        self.first_skipped.as_deref()
    }
}

/// The error of a file that cannot be opened or read on.
fn unreadable(path: &Path, error: impl std::fmt::Display) -> ProduceError {
    ProduceError::Invalid(format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
