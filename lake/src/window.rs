//! A window: the ticks and rejects of a span, gathered until they are worth a commit.
//!
//! Owns: gathering batches and saying when a window is due.
//! Does not own: time (`now` is an argument), encoding (`encode`), committing (`publish`).
//! Invariant: a window's rows and rejects are exactly what its span's offsets held; it is consumed whole or dropped whole.

use std::collections::BTreeSet;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use uuid::Uuid;

use crate::dead_letters::Reject;
use crate::layout::EventHour;
use crate::{LakeError, Span};

/// What the decoder hands over: the rows and rejects of a span.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Ticks, in the file columns of `stock_data`.
    pub rows: RecordBatch,
    /// Messages that are not ticks.
    pub rejects: Vec<Reject>,
    /// The offsets both account for.
    pub span: Span,
}

/// When a window is due. The first limit reached closes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowLimits {
    /// Rows and rejects.
    pub rows_max: usize,
    /// Bytes in memory.
    pub bytes_max: usize,
    /// Age of its oldest message here.
    pub age_max: Duration,
    /// Event hours, each of which becomes a file; the batch that exceeds it is still taken.
    pub open_partitions_max: usize,
}

impl Default for WindowLimits {
    fn default() -> Self {
        Self { rows_max: 250_000, bytes_max: 96 << 20, age_max: Duration::from_secs(10), open_partitions_max: 1000 }
    }
}

/// Why a window was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushReason {
    /// `rows_max`.
    Rows,
    /// `bytes_max`.
    Bytes,
    /// `age_max`.
    Age,
    /// `open_partitions_max`.
    Partitions,
    /// Partitions are being revoked.
    Revoke,
    /// Something of what is read is gone: what was read of it is made durable before looking again.
    Gone,
    /// The source has ended or the process is stopping.
    Shutdown,
}

impl FlushReason {
    /// Every one.
    pub const ALL: [Self; 7] = [Self::Rows, Self::Bytes, Self::Age, Self::Partitions, Self::Revoke, Self::Gone, Self::Shutdown];

    /// The text form, for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Bytes => "bytes",
            Self::Age => "age",
            Self::Partitions => "partitions",
            Self::Revoke => "revoke",
            Self::Gone => "gone",
            Self::Shutdown => "shutdown",
        }
    }
}

/// A window being filled.
#[derive(Debug)]
pub struct Window {
    id: Uuid,
    batches: Vec<RecordBatch>,
    rejects: Vec<Reject>,
    span: Span,
    rows: usize,
    bytes: usize,
    hours: BTreeSet<EventHour>,
    opened_ns: i64,
}

/// A window that is due: what `publish` makes durable.
#[derive(Debug)]
pub struct ClosedWindow {
    /// Stands in the commit, so that a writer recognises its own.
    pub id: Uuid,
    /// Ticks, unsorted.
    pub batches: Vec<RecordBatch>,
    /// Messages that are not ticks.
    pub rejects: Vec<Reject>,
    /// The offsets both account for.
    pub span: Span,
    /// Number of ticks.
    pub rows: usize,
    /// Bytes held.
    pub bytes: usize,
    /// When its first message arrived, nanoseconds since the epoch.
    pub opened_ns: i64,
}

impl Window {
    /// An empty window.
    pub fn open(now_ns: i64) -> Self {
        Self {
            id: Uuid::new_v4(),
            batches: Vec::new(),
            rejects: Vec::new(),
            span: Span::default(),
            rows: 0,
            bytes: 0,
            hours: BTreeSet::new(),
            opened_ns: now_ns,
        }
    }

    /// Whether it accounts for no offset yet.
    pub fn is_empty(&self) -> bool {
        self.span.is_empty()
    }

    /// When its first message arrived, nanoseconds since the epoch.
    pub fn opened_ns(&self) -> i64 {
        self.opened_ns
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Rows and rejects that still fit, by `rows_max`.
    pub fn room(&self, limits: &WindowLimits) -> usize {
        limits.rows_max.saturating_sub(self.rows + self.rejects.len())
    }

    /// Adds offsets that hold nothing.
    ///
    /// # Errors
    /// As `add`.
    pub fn account(&mut self, span: &Span, now_ns: i64) -> Result<(), LakeError> {
        if self.is_empty() {
            self.opened_ns = now_ns;
        }
        self.span.append(span)
    }

    /// Adds a batch; `now_ns` opens the window if it is the first.
    ///
    /// # Errors
    /// `Corrupt` when the batch does not continue the span, which would be a bug of the source.
    pub fn add(&mut self, batch: Batch, now_ns: i64) -> Result<(), LakeError> {
        self.account(&batch.span, now_ns)?;
        let times = batch.rows.column_by_name("time_ns").map(|times| times.as_primitive::<Int64Type>().values());
        let mut last = None;
        for hour in times.into_iter().flatten().map(|&ns| EventHour::of(ns)) {
            // Ticks of one hour come together.
            if last.replace(hour) != Some(hour) {
                self.hours.insert(hour);
            }
        }
        self.rows += batch.rows.num_rows();
        self.bytes += batch.rows.get_array_memory_size() + batch.rejects.iter().map(Reject::bytes).sum::<usize>();
        if batch.rows.num_rows() > 0 {
            self.batches.push(batch.rows);
        }
        self.rejects.extend(batch.rejects);
        Ok(())
    }

    /// Whether it should be closed now, and why.
    pub fn due(&self, limits: &WindowLimits, now_ns: i64) -> Option<FlushReason> {
        if self.is_empty() {
            None
        } else if self.rows + self.rejects.len() >= limits.rows_max {
            Some(FlushReason::Rows)
        } else if self.bytes >= limits.bytes_max {
            Some(FlushReason::Bytes)
        } else if self.hours.len() > limits.open_partitions_max {
            Some(FlushReason::Partitions)
        } else {
            (now_ns >= self.age_deadline_ns(limits)).then_some(FlushReason::Age)
        }
    }

    /// When its age will make it due, nanoseconds since the epoch.
    pub fn age_deadline_ns(&self, limits: &WindowLimits) -> i64 {
        self.opened_ns.saturating_add(i64::try_from(limits.age_max.as_nanos()).unwrap_or(i64::MAX))
    }

    /// Ends it.
    pub fn close(self) -> ClosedWindow {
        ClosedWindow {
            id: self.id,
            batches: self.batches,
            rejects: self.rejects,
            span: self.span,
            rows: self.rows,
            bytes: self.bytes,
            opened_ns: self.opened_ns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(from: i64, to: i64) -> Batch {
        let mut span = Span::default();
        span.extend(0, from, to).unwrap();
        Batch { rows: RecordBatch::new_empty(ticklake_schemas::stock_data().arrow_file_schema()), rejects: vec![], span }
    }

    #[test]
    fn an_empty_window_is_never_due() {
        let limits = WindowLimits::default();
        let mut window = Window::open(0);
        assert_eq!(window.due(&limits, i64::MAX), None);
        window.add(batch(0, 5), 7).unwrap();
        assert_eq!(window.due(&limits, 7), None);
        assert_eq!(
            window.due(&limits, 7 + 10_000_000_000),
            Some(FlushReason::Age),
            "a span without rows still advances the offsets"
        );
    }

    #[test]
    fn a_feed_of_old_ticks_never_opens_partitions_without_a_bound() {
        const HOUR_NS: i64 = 3_600_000_000_000;
        let limits = WindowLimits { open_partitions_max: 3, ..WindowLimits::default() };
        let mut window = Window::open(0);
        for offset in 0..4 {
            assert_eq!(window.due(&limits, 0), None, "a late tick alone never closes a window");
            let rows = crate::encode::tests::ticks(&[("A", offset * HOUR_NS, 1.0, offset), ("B", offset * HOUR_NS, 1.0, offset)]);
            window.add(Batch { rows, ..batch(offset, offset + 1) }, 0).unwrap();
        }
        assert_eq!(window.due(&limits, 0), Some(FlushReason::Partitions));
    }

    #[test]
    fn a_window_never_steps_over_offsets() {
        let mut window = Window::open(0);
        window.add(batch(0, 5), 0).unwrap();
        assert!(window.add(batch(6, 7), 0).is_err());
        assert_eq!(window.close().span.get(0), Some((0, 5)));
    }
}
