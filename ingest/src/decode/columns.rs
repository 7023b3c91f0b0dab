//! The rows of a batch, column by column, as they become Arrow.
//!
//! Owns: one builder per column of a data file and their room.
//! Does not own: names, order and types of the columns (the contract), what is a valid value (`row`).
//! Invariant: every builder holds the same number of rows.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::SchemaRef;

use super::row::Row;
use crate::source::RawRecord;

const NS_PER_US: i64 = 1_000;
const US_PER_MS: i64 = 1_000;
/// Room reserved per row for a symbol and for an exchange; more is grown into.
const NAME_BYTES_TYPICAL: usize = 8;

#[derive(Debug)]
pub(super) struct Columns {
    symbol: StringBuilder,
    time: TimestampMicrosecondBuilder,
    time_ns: Int64Builder,
    price: Float64Builder,
    size: Float64Builder,
    bid: Float64Builder,
    ask: Float64Builder,
    exchange: StringBuilder,
    sequence: Int64Builder,
    kafka_time: TimestampMicrosecondBuilder,
    kafka_partition: Int32Builder,
    kafka_offset: Int64Builder,
    extra: StringBuilder,
    rows: usize,
}

impl Columns {
    /// Builders with room for `rows` rows.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self {
            symbol: StringBuilder::with_capacity(rows, rows * NAME_BYTES_TYPICAL),
            time: TimestampMicrosecondBuilder::with_capacity(rows),
            time_ns: Int64Builder::with_capacity(rows),
            price: Float64Builder::with_capacity(rows),
            size: Float64Builder::with_capacity(rows),
            bid: Float64Builder::with_capacity(rows),
            ask: Float64Builder::with_capacity(rows),
            exchange: StringBuilder::with_capacity(rows, rows * NAME_BYTES_TYPICAL),
            sequence: Int64Builder::with_capacity(rows),
            kafka_time: TimestampMicrosecondBuilder::with_capacity(rows),
            kafka_partition: Int32Builder::with_capacity(rows),
            kafka_offset: Int64Builder::with_capacity(rows),
            extra: StringBuilder::with_capacity(rows, 0),
            rows: 0,
        }
    }

    /// Appends one row. `extra` is empty where there is none.
    #[inline]
    pub(super) fn push(&mut self, row: &Row<'_>, extra: &str, record: &RawRecord) {
        self.symbol.append_value(&row.symbol);
        self.time.append_value(row.time_ns.div_euclid(NS_PER_US));
        self.time_ns.append_value(row.time_ns);
        self.price.append_value(row.price);
        self.size.append_option(row.size);
        self.bid.append_option(row.bid);
        self.ask.append_option(row.ask);
        self.exchange.append_option(row.exchange.as_deref());
        self.sequence.append_option(row.sequence);
        self.kafka_time.append_option(record.timestamp_ms.map(|ms| ms.saturating_mul(US_PER_MS)));
        self.kafka_partition.append_value(record.partition);
        self.kafka_offset.append_value(record.offset);
        self.extra.append_option((!extra.is_empty()).then_some(extra));
        self.rows += 1;
    }

    /// The rows, all from one topic, as a batch of `schema`.
    pub(super) fn finish(mut self, topic: &str, schema: &SchemaRef) -> RecordBatch {
        let arrays = schema.fields().iter().map(|field| self.array(field.name(), topic)).collect::<Option<Vec<_>>>();
        let arrays = arrays.expect("every column of the contract has a builder: tested");
        RecordBatch::try_new(schema.clone(), arrays).expect("builders are of the contract's types and of one length: tested")
    }

    fn array(&mut self, name: &str, topic: &str) -> Option<ArrayRef> {
        Some(match name {
            "symbol" => Arc::new(self.symbol.finish()),
            "time" => Arc::new(self.time.finish()),
            "time_ns" => Arc::new(self.time_ns.finish()),
            "price" => Arc::new(self.price.finish()),
            "size" => Arc::new(self.size.finish()),
            "bid" => Arc::new(self.bid.finish()),
            "ask" => Arc::new(self.ask.finish()),
            "exchange" => Arc::new(self.exchange.finish()),
            "sequence" => Arc::new(self.sequence.finish()),
            "kafka_time" => Arc::new(self.kafka_time.finish()),
            "kafka_topic" => Arc::new(repeated(topic, self.rows).finish()),
            "kafka_partition" => Arc::new(self.kafka_partition.finish()),
            "kafka_offset" => Arc::new(self.kafka_offset.finish()),
            "extra" => Arc::new(self.extra.finish()),
            _ => return None,
        })
    }
}

fn repeated(value: &str, rows: usize) -> StringBuilder {
    let mut builder = StringBuilder::with_capacity(rows, rows * value.len());
    builder.append_value_n(value, rows);
    builder
}
