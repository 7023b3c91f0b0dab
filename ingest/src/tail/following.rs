//! A topic being followed: what was read of it, cut at the log's end and at Kafka's.
//!
//! Owns: where each partition is read from, what is kept, what of it a log has by now, its limits.
//! Does not own: who asks (`tail`), the client (`source`), what a message means (`decode`).
//! Invariant: of each partition exactly `[kept_from, cursor)` is kept, without a hole; rows below the log's end are never told.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int32Type, Int64Type};
use ticklake_lake::clock::Clock;
use ticklake_lake::{Offsets, Span};

use super::{TailConfig, TailTicks};
use crate::decode::Decoder;
use crate::error::IngestError;
use crate::source::RawBatch;
use crate::source::kafka::{BatchLimits, Cursors, KafkaConfig, KafkaSource, Membership, SourceEvent};
use crate::source::kafka_topic::Asker;
use crate::source::start::start_of;

/// Fetched ahead of what is decoded.
const FETCH_QUEUE_BYTES: usize = 32 << 20;
/// How long a round of reading lasts at most: then somebody may ask, or the end is looked for.
const ROUND: Duration = Duration::from_millis(5);
/// Nothing read for so long, with messages outstanding: Kafka is gone.
const SILENCE_MAX: Duration = Duration::from_secs(10);

pub(super) struct Following {
    kafka: KafkaSource,
    asker: Asker,
    decoder: Decoder,
    /// Where each partition is kept from.
    kept_from: Cursors,
    /// The next offset to read.
    cursors: Cursors,
    kept: VecDeque<Kept>,
    rows: usize,
    bytes: usize,
    spare: RawBatch,
}

/// What one round brought.
struct Kept {
    span: Span,
    rows: RecordBatch,
}

impl Following {
    pub(super) fn connect(config: &TailConfig) -> Result<Self, IngestError> {
        let kafka =
            KafkaSource::connect(&KafkaConfig { membership: Membership::All, ..config.kafka.clone() }, FETCH_QUEUE_BYTES)?;
        Ok(Self {
            kafka,
            asker: Asker::new(&config.kafka)?,
            decoder: Decoder::new(),
            kept_from: Cursors::new(),
            cursors: Cursors::new(),
            kept: VecDeque::new(),
            rows: 0,
            bytes: 0,
            spare: RawBatch::default(),
        })
    }

    /// Whether more is kept than is ever told.
    pub(super) fn is_full(&self, config: &TailConfig) -> bool {
        self.rows > config.rows_max || self.bytes > config.bytes_max
    }

    /// Every tick between the log's end and Kafka's at this moment.
    pub(super) fn ticks(&mut self, config: &TailConfig, log: &Offsets, clock: &dyn Clock) -> Result<TailTicks, IngestError> {
        let mut ends = Cursors::new();
        let mut starts = Cursors::new();
        for (partition, bounds) in self.asker.watermarks()? {
            let start = start_of(&config.source, log, partition, bounds, config.kafka.on_gap)?;
            starts.insert(partition, start.read_from);
            ends.insert(partition, bounds.1.max(start.read_from));
        }
        let outstanding: u64 = ends.iter().map(|(partition, end)| end.abs_diff(starts[partition])).sum();
        // Offsets without a tick are few; who has too many of them has too many ticks.
        if usize::try_from(outstanding).unwrap_or(usize::MAX) > config.rows_max {
            return Err(too_many(config, outstanding));
        }
        self.begin_at(starts)?;
        let mut heard = Instant::now();
        while let Some(behind) = self.behind(&ends) {
            let before = self.cursors.clone();
            self.read_on(clock)?;
            if self.cursors != before {
                heard = Instant::now();
            }
            if self.is_full(config) {
                return Err(too_many(config, outstanding));
            }
            if heard.elapsed() > SILENCE_MAX {
                let (brokers, topic, silence) = (&config.kafka.brokers, &config.kafka.topic, SILENCE_MAX.as_secs());
                return Err(IngestError::Unavailable(format!(
                    "Kafka at {brokers}: no message of {topic} for {silence} s, and {behind} are outstanding; look at its brokers"
                )));
            }
        }
        self.told()
    }

    /// One round of reading.
    pub(super) fn read_on(&mut self, clock: &dyn Clock) -> Result<(), IngestError> {
        let mut batch = std::mem::take(&mut self.spare);
        let limits = BatchLimits { wait_max: ROUND, ..BatchLimits::default() };
        let happened = self.kafka.fill(&mut batch, &mut self.cursors, &mut BTreeSet::new(), &limits)?;
        if !batch.span.is_empty() {
            batch.topic = self.kafka.config().topic.as_str().into();
            let rows = self.decoder.decode(&batch, clock.now_ns()).rows;
            self.rows += rows.num_rows();
            self.bytes += rows.get_array_memory_size();
            self.kept.push_back(Kept { span: std::mem::take(&mut batch.span), rows });
        }
        batch.records.clear();
        batch.headers.clear();
        batch.data.clear();
        self.spare = batch;
        match happened {
            Some(SourceEvent::OutOfRange | SourceEvent::Deleted) => Err(IngestError::Unavailable(format!(
                "the topic {} was changed while it was read; ask again",
                self.kafka.config().topic
            ))),
            _ => Ok(()),
        }
    }

    /// Keeps nothing below these offsets, and sees to it that reading goes on there or beyond.
    fn begin_at(&mut self, starts: Cursors) -> Result<(), IngestError> {
        let is_followed = |(partition, start): (&i32, &i64)| self.kept_from.get(partition).is_some_and(|from| from <= start);
        // A partition that is new, or a log that was set back.
        if self.kept_from.len() != starts.len() || !starts.iter().all(is_followed) {
            if !self.kept_from.is_empty() {
                // Assigned once more, partitions would lose the queue that they lead to.
                self.kafka.reconnect()?;
            }
            (self.rows, self.bytes) = (0, 0);
            self.kept.clear();
            self.kafka.assign(&starts)?;
            (self.cursors, self.kept_from) = (starts.clone(), starts);
            return Ok(());
        }
        let beyond = |(partition, start): (&i32, &i64)| (self.cursors[partition] < *start).then_some((*partition, *start));
        let moved: Cursors = starts.iter().filter_map(beyond).collect();
        if !moved.is_empty() {
            self.kafka.seek(&moved)?;
            self.cursors.extend(moved);
        }
        self.kept_from = starts;
        self.kept.retain(|kept| kept.span.iter().any(|(partition, _, to)| to > self.kept_from[&partition]));
        self.rows = self.kept.iter().map(|kept| kept.rows.num_rows()).sum();
        self.bytes = self.kept.iter().map(|kept| kept.rows.get_array_memory_size()).sum();
        Ok(())
    }

    /// How many offsets are still to be read, if any.
    fn behind(&self, ends: &Cursors) -> Option<i64> {
        let behind: i64 = ends.iter().map(|(partition, end)| (end - self.cursors[partition]).max(0)).sum();
        Some(behind).filter(|behind| *behind > 0)
    }

    fn told(&self) -> Result<TailTicks, IngestError> {
        let mut span = Span::default();
        for (partition, from) in &self.kept_from {
            span.extend(*partition, *from, self.cursors[partition])?;
        }
        let rows = self.kept.iter().map(|kept| self.beyond_start(kept)).filter(|rows| rows.num_rows() > 0);
        Ok(TailTicks { rows: rows.collect(), span })
    }

    /// The rows that no log has yet.
    fn beyond_start(&self, kept: &Kept) -> RecordBatch {
        if kept.span.iter().all(|(partition, from, _)| from >= self.kept_from[&partition]) {
            return kept.rows.clone();
        }
        let column = |name: &str| kept.rows.column_by_name(name).expect("the decoder fills every column of the contract");
        let partitions = column("kafka_partition").as_primitive::<Int32Type>().values();
        let offsets = column("kafka_offset").as_primitive::<Int64Type>().values();
        let mask: BooleanArray =
            partitions.iter().zip(offsets).map(|(partition, offset)| Some(*offset >= self.kept_from[partition])).collect();
        filter_record_batch(&kept.rows, &mask).expect("the mask is as long as the batch")
    }
}

fn too_many(config: &TailConfig, outstanding: u64) -> IngestError {
    let (topic, rows, mib) = (&config.kafka.topic, config.rows_max, config.bytes_max >> 20);
    IngestError::Invalid(format!(
        "{topic} has {outstanding} messages that are not in the lake yet, and at most {rows} of them ({mib} MiB) are read live; \
         wait for the ingester, raise --live-rows-max, or ask the lake alone (\\live off)"
    ))
}
