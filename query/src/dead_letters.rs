//! Dead letters as values, by SQL: which there are, their original bytes, and what became of those that were sent back.
//!
//! Owns: the statements, and reading their rows.
//! Does not own: printing a letter or sending it back (`cli`, `ingest`), how its bytes are kept (`lake::dead_letters`).
//! Invariant: what a person gives reaches a statement only as a quoted literal.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};
use ticklake_lake::LakeError;
use ticklake_lake::dead_letters::{Header, ORIGIN_HEADER, parse_bytes, parse_headers};
use ticklake_schemas::RejectClass;

use crate::{Engine, QueryError, QueryResult};

/// Which dead letters; everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The source they came from: the topic, unless it was given another name.
    pub source: Option<String>,
    /// Any of these classes; empty for all.
    pub classes: Vec<RejectClass>,
    /// Records not older than this, milliseconds since the epoch; one without a timestamp counts by the day of its arrival.
    pub since_ms: Option<i64>,
    /// Kafka partition and offset.
    pub place: Option<(i32, i64)>,
}

impl Selection {
    /// The number of letters by class.
    pub fn counts(&self) -> String {
        format!(
            "SELECT class, COUNT(*) AS letters FROM dead_letters WHERE {} GROUP BY class ORDER BY letters DESC, class",
            self.condition()
        )
    }

    /// The newest letters, for people; `letter` is what `show` takes.
    pub fn newest(&self, limit: u32) -> String {
        format!(
            "SELECT kafka_time AS time_utc, kafka_topic AS source, \
             CAST(kafka_partition AS VARCHAR) || ':' || CAST(kafka_offset AS VARCHAR) AS letter, class, reason \
             FROM dead_letters WHERE {} ORDER BY kafka_time DESC, kafka_topic, kafka_partition, kafka_offset DESC LIMIT {limit}",
            self.condition()
        )
    }

    fn condition(&self) -> String {
        let mut all = vec!["true".to_owned()];
        all.extend(self.source.as_ref().map(|source| format!("kafka_topic = {}", literal(source))));
        if !self.classes.is_empty() {
            let classes: Vec<String> = self.classes.iter().map(|class| literal(class.as_str())).collect();
            all.push(format!("class IN ({})", classes.join(", ")));
        }
        if let Some(since) = self.since_ms.and_then(chrono::DateTime::from_timestamp_millis) {
            let (day, time) = (since.format("%Y-%m-%d"), since.format("%Y-%m-%d %H:%M:%S%.3f"));
            all.push(format!("dt >= '{day}' AND (kafka_time >= TIMESTAMP '{time}' OR kafka_time IS NULL)"));
        }
        all.extend(self.place.map(|(partition, offset)| format!("kafka_partition = {partition} AND kafka_offset = {offset}")));
        all.join(" AND ")
    }
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Letters read at a time: each may be as large as Kafka takes messages.
pub const LETTERS_AT_A_TIME: usize = 64;

/// One dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Topic or source name.
    pub source: String,
    /// Kafka partition.
    pub partition: i32,
    /// Kafka offset.
    pub offset: i64,
    /// Record time, UTC, milliseconds.
    pub time: Option<String>,
    /// Class.
    pub class: String,
    /// Reason.
    pub reason: String,
    /// Key bytes.
    pub key: Option<Vec<u8>>,
    /// Payload bytes; `None` for a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Headers; none also for a letter of a lake that did not keep them yet.
    pub headers: Vec<Header>,
}

impl Letter {
    /// Where the message was first rejected, `topic/partition/offset`: elsewhere than here, if this is one that was sent back.
    pub fn origin(&self) -> String {
        named_origin(&self.headers).unwrap_or_else(|| format!("{}/{}/{}", self.source, self.partition, self.offset))
    }
}

/// The origin that the headers of a message name, if it was sent back.
fn named_origin(headers: &[Header]) -> Option<String> {
    let named = headers.iter().find(|h| h.name == ORIGIN_HEADER).and_then(|h| h.value.clone());
    named.and_then(|bytes| String::from_utf8(bytes).ok())
}

/// Dead letters being read.
#[derive(Debug)]
pub struct Letters(QueryResult);

impl Letters {
    /// Those selected, in the order of source, partition and offset; the engine's `batch_rows` at a time.
    ///
    /// # Errors
    /// As [`Engine::sql`].
    pub async fn read(engine: &Engine, selection: &Selection) -> Result<Self, QueryError> {
        let sql = format!(
            "SELECT kafka_topic, class, reason, key_base64, payload_base64, headers, kafka_time, kafka_partition, kafka_offset \
             FROM dead_letters WHERE {} ORDER BY kafka_topic, kafka_partition, kafka_offset",
            selection.condition()
        );
        Ok(Self(engine.sql(&sql).await?))
    }

    /// The next ones; `None` when there are no more.
    ///
    /// # Errors
    /// As [`QueryResult::next`]; `Lake` for a letter whose bytes cannot be read back.
    pub async fn next(&mut self) -> Result<Option<Vec<Letter>>, QueryError> {
        Ok(match self.0.next().await? {
            Some(rows) => Some(letters(&rows)?),
            None => None,
        })
    }
}

fn letters(rows: &RecordBatch) -> Result<Vec<Letter>, QueryError> {
    let texts = (0..6).map(|at| strings(rows.column(at))).collect::<Result<Vec<_>, _>>()?;
    let text = |column: usize, row: usize| texts[column].is_valid(row).then(|| texts[column].value(row));
    let owned = |column: usize, row: usize| text(column, row).unwrap_or_default().to_owned();
    let times = rows.column(6).as_primitive::<TimestampMicrosecondType>();
    let partitions = rows.column(7).as_primitive::<Int32Type>();
    let offsets = rows.column(8).as_primitive::<Int64Type>();
    let time = |row: usize| chrono::DateTime::from_timestamp_micros(times.value(row)).filter(|_| times.is_valid(row));
    (0..rows.num_rows())
        .map(|row| {
            Ok(Letter {
                source: owned(0, row),
                class: owned(1, row),
                reason: owned(2, row),
                key: text(3, row).map(parse_bytes).transpose()?,
                payload: text(4, row).map(parse_bytes).transpose()?,
                headers: text(5, row).map(parse_headers).transpose()?.unwrap_or_default(),
                time: time(row).map(|t| t.format("%Y-%m-%d %H:%M:%S%.3f").to_string()),
                partition: partitions.value(row),
                offset: offsets.value(row),
            })
        })
        .collect()
}

fn strings(column: &ArrayRef) -> Result<StringArray, QueryError> {
    let texts = cast(column, &DataType::Utf8).map_err(|e| QueryError::Lake(LakeError::corrupt("dead_letters", e)))?;
    Ok(texts.as_string::<i32>().clone())
}

/// Origins of the dead letters that were sent back and are ticks now.
///
/// # Errors
/// As [`Engine::sql`].
pub async fn origins_of_ticks(engine: &Engine) -> Result<BTreeSet<String>, QueryError> {
    // A file without any `extra` is left out by its statistics.
    let sql = format!("SELECT extra FROM stock_data WHERE extra IS NOT NULL AND extra LIKE '%\"{ORIGIN_HEADER}\":\"%'");
    let mut result = engine.sql(&sql).await?;
    let mut origins = BTreeSet::new();
    while let Some(rows) = result.next().await? {
        let extras = strings(rows.column(0))?;
        let origin =
            |text: &str| serde_json::from_str::<serde_json::Value>(text).ok()?[ORIGIN_HEADER].as_str().map(str::to_owned);
        origins.extend(extras.iter().flatten().filter_map(origin));
    }
    Ok(origins)
}

/// Origins of the dead letters that were sent back and rejected again, with partition and offset of each new letter.
///
/// # Errors
/// As [`Engine::sql`]; `Lake` for headers that cannot be read back.
pub async fn origins_of_letters(engine: &Engine) -> Result<BTreeMap<String, BTreeSet<(i32, i64)>>, QueryError> {
    let sql = format!("SELECT headers, kafka_partition, kafka_offset FROM dead_letters WHERE headers LIKE '%{ORIGIN_HEADER}%'");
    let mut result = engine.sql(&sql).await?;
    let mut origins: BTreeMap<String, BTreeSet<(i32, i64)>> = BTreeMap::new();
    while let Some(rows) = result.next().await? {
        let headers = strings(rows.column(0))?;
        let (partitions, offsets) = (rows.column(1).as_primitive::<Int32Type>(), rows.column(2).as_primitive::<Int64Type>());
        for (row, text) in headers.iter().enumerate() {
            let headers = text.map(parse_headers).transpose()?.unwrap_or_default();
            if let Some(origin) = named_origin(&headers) {
                origins.entry(origin).or_default().insert((partitions.value(row), offsets.value(row)));
            }
        }
    }
    Ok(origins)
}
