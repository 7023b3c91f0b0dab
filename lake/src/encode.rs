//! From a window's rows to the Parquet files it becomes.
//!
//! Owns: splitting by event hour, the total order, Parquet properties, statistics of the file.
//! Does not own: uploading and naming the version (`publish`, `commit`), the JSON form (`json_mirror`).
//! Invariant: pure and deterministic: the same rows give the same files, sorted by
//! `(symbol, time_ns, sequence, kafka_partition, kafka_offset)`, a missing sequence last.

use std::collections::HashMap;
use std::ops::Range;

use arrow::array::{Array, AsArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Int32Type, Int64Type};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde_json::Value;
use ticklake_schemas::{ColumnType, Contract};

use crate::LakeError;
use crate::layout::{EventHour, Table};

const ROW_GROUP_ROWS_MAX: usize = 1 << 20;
const ZSTD_LEVEL: i32 = 1;
/// The total order of `stock_data`, as declared in its files.
pub const TOTAL_ORDER: [&str; 5] = ["symbol", "time_ns", "sequence", "kafka_partition", "kafka_offset"];

/// One encoded data file.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The file.
    pub parquet: Bytes,
    /// Its statistics for the log.
    pub statistics: Value,
    /// Rows in it.
    pub rows: usize,
}

/// A window's ticks in file order, hour by hour. The rows of an hour are gathered when it is their turn, so that a window
/// of many hours is never in memory twice.
#[derive(Debug)]
pub struct ByHour {
    batches: Vec<RecordBatch>,
    /// Batch and row of every tick, by hour, then in the total order.
    order: Vec<(usize, usize)>,
    hours: Vec<(EventHour, Range<usize>)>,
}

impl ByHour {
    /// Sorts the ticks of a window, which may come in any order.
    ///
    /// # Errors
    /// `Corrupt` when the batches are not in the contract's columns, which would be a bug.
    pub fn of(batches: Vec<RecordBatch>) -> Result<Self, LakeError> {
        let columns = batches.iter().map(OrderColumns::of).collect::<Result<Vec<_>, _>>()?;
        let keys = sorted(&columns);
        let mut hours = Vec::new();
        let mut from = 0;
        for run in keys.chunk_by(|a, b| a.hour() == b.hour()) {
            let to = from + run.len();
            hours.push((EventHour::of(run[0].time_ns), from..to));
            from = to;
        }
        let order = keys.into_iter().map(|key| (key.batch as usize, key.row as usize)).collect();
        drop(columns);
        Ok(Self { batches, order, hours })
    }

    /// The hours there are ticks of, ascending.
    pub fn hours(&self) -> impl ExactSizeIterator<Item = EventHour> + '_ {
        self.hours.iter().map(|(hour, _)| *hour)
    }

    /// The ticks of the `part`th hour, in the total order.
    ///
    /// # Errors
    /// `Corrupt` when there is no such hour, which would be a bug.
    pub fn rows(&self, part: usize) -> Result<RecordBatch, LakeError> {
        let corrupt = |why: String| LakeError::corrupt("a window's rows", why);
        let (_, range) = self.hours.get(part).ok_or_else(|| corrupt(format!("no hour {part}")))?;
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        interleave_record_batch(&batches, &self.order[range.clone()]).map_err(|e| corrupt(e.to_string()))
    }
}

/// What a row is ordered by, compact; ties beyond these fields are settled from the columns.
#[derive(Clone, Copy)]
struct Key {
    /// The hour, then the symbol's rank within the window.
    hour_symbol: u64,
    time_ns: i64,
    sequence: i64,
    batch: u32,
    row: u32,
}

impl Key {
    fn hour(&self) -> u64 {
        self.hour_symbol >> 32
    }
}

struct OrderColumns<'a> {
    symbol: &'a StringArray,
    time_ns: &'a Int64Array,
    sequence: &'a Int64Array,
    partition: &'a Int32Array,
    offset: &'a Int64Array,
}

impl<'a> OrderColumns<'a> {
    fn of(rows: &'a RecordBatch) -> Result<Self, LakeError> {
        let column = |name: &str| {
            rows.column_by_name(name).ok_or_else(|| LakeError::corrupt("a window's rows", format!("no column {name}")))
        };
        Ok(Self {
            symbol: column("symbol")?.as_string(),
            time_ns: column("time_ns")?.as_primitive::<Int64Type>(),
            sequence: column("sequence")?.as_primitive::<Int64Type>(),
            partition: column("kafka_partition")?.as_primitive::<Int32Type>(),
            offset: column("kafka_offset")?.as_primitive::<Int64Type>(),
        })
    }

    fn message(&self, row: u32) -> (i32, i64) {
        (self.partition.value(row as usize), self.offset.value(row as usize))
    }
}

/// Rows by hour, then in the total order.
fn sorted(batches: &[OrderColumns<'_>]) -> Vec<Key> {
    let ranks = symbol_ranks(batches);
    let mut keys = Vec::with_capacity(ranks.len());
    let mut rank = ranks.into_iter();
    for (batch, columns) in (0_u32..).zip(batches) {
        for (row, symbol_rank) in (0_u32..).zip(rank.by_ref().take(columns.symbol.len())) {
            let at = row as usize;
            let time_ns = columns.time_ns.value(at);
            let sequence = if columns.sequence.is_null(at) { i64::MAX } else { columns.sequence.value(at) };
            let hour_symbol = EventHour::of(time_ns).ordinal() << 32 | u64::from(symbol_rank);
            keys.push(Key { hour_symbol, time_ns, sequence, batch, row });
        }
    }
    let message = |key: &Key| batches[key.batch as usize].message(key.row);
    keys.sort_unstable_by(|a, b| {
        (a.hour_symbol, a.time_ns, a.sequence)
            .cmp(&(b.hour_symbol, b.time_ns, b.sequence))
            .then_with(|| message(a).cmp(&message(b)))
    });
    keys
}

/// For each row, batch after batch, the position of its symbol among the distinct symbols in order.
fn symbol_ranks(batches: &[OrderColumns<'_>]) -> Vec<u32> {
    let mut ids: HashMap<&str, u32> = HashMap::new();
    let mut distinct: Vec<&str> = Vec::new();
    let mut rows: Vec<u32> = Vec::with_capacity(batches.iter().map(|b| b.symbol.len()).sum());
    for symbols in batches.iter().map(|b| b.symbol) {
        for at in 0..symbols.len() {
            let symbol = symbols.value(at);
            let id = *ids.entry(symbol).or_insert_with(|| {
                distinct.push(symbol);
                u32::try_from(distinct.len() - 1).expect("a window has fewer than 2^32 rows")
            });
            rows.push(id);
        }
    }
    let mut by_name: Vec<u32> = ids.into_values().collect();
    by_name.sort_unstable_by_key(|&id| distinct[id as usize]);
    let mut rank_of = vec![0_u32; distinct.len()];
    for (rank, id) in (0_u32..).zip(by_name) {
        rank_of[id as usize] = rank;
    }
    rows.into_iter().map(|id| rank_of[id as usize]).collect()
}

/// Encodes rows, already in file order, as one Parquet file.
///
/// # Errors
/// `Corrupt` when the Parquet writer refuses the rows, which would be a bug.
pub fn parquet(table: Table, rows: &RecordBatch) -> Result<Encoded, LakeError> {
    let corrupt = |e: parquet::errors::ParquetError| LakeError::corrupt(format!("a Parquet file of {}", table.name()), e);
    let mut buffer = Vec::with_capacity(rows.num_rows() * 24 + 4096);
    let mut writer = ArrowWriter::try_new(&mut buffer, rows.schema(), Some(properties(table))).map_err(corrupt)?;
    writer.write(rows).map_err(corrupt)?;
    writer.close().map_err(corrupt)?;
    Ok(Encoded { statistics: crate::stats::of_file(table.contract(), rows), rows: rows.num_rows(), parquet: buffer.into() })
}

fn properties(table: Table) -> WriterProperties {
    let contract = table.contract();
    let zstd = ZstdLevel::try_new(ZSTD_LEVEL).expect("a constant level in range");
    let mut properties = WriterProperties::builder()
        .set_created_by(crate::commit::ENGINE.to_owned())
        .set_compression(Compression::ZSTD(zstd))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_dictionary_enabled(true);
    for column in contract.file_columns() {
        if matches!(column.kind, ColumnType::Bigint | ColumnType::TimestampNtz) {
            let path = ColumnPath::from(column.name.as_str());
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    if table == Table::StockData {
        properties = properties
            .set_column_bloom_filter_enabled(ColumnPath::from("symbol"), true)
            .set_sorting_columns(Some(sorting(contract)));
    }
    properties.build()
}

fn sorting(contract: &Contract) -> Vec<SortingColumn> {
    let index = |name: &str| contract.file_columns().position(|c| c.name == name).and_then(|i| i32::try_from(i).ok());
    TOTAL_ORDER
        .iter()
        .filter_map(|name| index(name))
        .map(|i| SortingColumn { column_idx: i, descending: false, nulls_first: false })
        .collect()
}

/// The statistics and encodings of the column chunks of a file, for reports: compressed bytes by column.
///
/// # Errors
/// `Corrupt` when the bytes are not a Parquet file.
pub fn bytes_by_column(parquet: Bytes) -> Result<Vec<(String, i64)>, LakeError> {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let reader = SerializedFileReader::new(parquet).map_err(|e| LakeError::corrupt("a data file", e))?;
    let mut sizes: Vec<(String, i64)> = Vec::new();
    for group in reader.metadata().row_groups() {
        for (at, column) in group.columns().iter().enumerate() {
            if sizes.len() <= at {
                sizes.push((column.column_path().string(), 0));
            }
            sizes[at].1 += column.compressed_size();
        }
    }
    Ok(sizes)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, TimestampMicrosecondArray, new_null_array};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use proptest::prelude::*;

    use super::*;

    /// Ticks of partition 0 from `(symbol, time_ns, price, offset)`; everything optional is NULL.
    pub(crate) fn ticks(rows: &[(&str, i64, f64, i64)]) -> RecordBatch {
        let schema = ticklake_schemas::stock_data().arrow_file_schema();
        let columns: Vec<ArrayRef> = schema
            .fields()
            .iter()
            .map(|f| match f.name().as_str() {
                "symbol" => Arc::new(rows.iter().map(|r| Some(r.0)).collect::<StringArray>()) as ArrayRef,
                "time" => Arc::new(rows.iter().map(|r| Some(r.1.div_euclid(1000))).collect::<TimestampMicrosecondArray>()),
                "time_ns" => Arc::new(rows.iter().map(|r| Some(r.1)).collect::<Int64Array>()),
                "price" => Arc::new(rows.iter().map(|r| Some(r.2)).collect::<Float64Array>()),
                "kafka_topic" => Arc::new(rows.iter().map(|_| Some("t")).collect::<StringArray>()),
                "kafka_partition" => Arc::new(rows.iter().map(|_| Some(0)).collect::<Int32Array>()),
                "kafka_offset" => Arc::new(rows.iter().map(|r| Some(r.3)).collect::<Int64Array>()),
                _ => new_null_array(f.data_type(), rows.len()),
            })
            .collect();
        RecordBatch::try_new(schema, columns).unwrap()
    }

    fn offsets(rows: &RecordBatch) -> Vec<i64> {
        rows.column_by_name("kafka_offset").unwrap().as_primitive::<Int64Type>().values().to_vec()
    }

    fn parts(batches: Vec<RecordBatch>) -> Vec<(EventHour, RecordBatch)> {
        let window = ByHour::of(batches).unwrap();
        window.hours().enumerate().map(|(part, hour)| (hour, window.rows(part).unwrap())).collect()
    }

    #[test]
    fn ticks_land_in_the_hour_of_their_event_in_the_total_order() {
        const HOUR: i64 = 3_600_000_000_000;
        let parts = parts(vec![
            ticks(&[("B", HOUR + 5, 1.0, 0), ("A", HOUR + 9, 1.0, 1), ("A", 3, 1.0, 2)]),
            ticks(&[("A", HOUR + 9, 1.0, 3), ("A", HOUR + 1, 1.0, 4)]),
        ]);
        let found: Vec<(String, Vec<i64>)> = parts.iter().map(|(h, rows)| (h.hour(), offsets(rows))).collect();
        assert_eq!(found, [("00".into(), vec![2]), ("01".into(), vec![4, 1, 3, 0])]);
    }

    #[test]
    fn a_file_reads_back_as_it_was_written() {
        let rows = ticks(&[("A", 1_582_329_602_111_000_001, 1.5, 7), ("É", 1_582_329_602_111_000_002, f64::MIN_POSITIVE, 8)]);
        let file = parquet(Table::StockData, &rows).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file.parquet.clone()).unwrap();
        let group = reader.metadata().row_group(0);
        assert_eq!(group.sorting_columns().map(Vec::len), Some(5), "the order is declared");
        assert!(group.column(0).bloom_filter_offset().is_some(), "symbol has a bloom filter");
        let back: Vec<RecordBatch> = reader.build().unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(back, [rows]);
        assert_eq!(bytes_by_column(file.parquet).unwrap().len(), 14);
    }

    proptest! {
        #[test]
        fn no_row_is_lost_or_repeated_by_splitting(rows in prop::collection::vec(("[A-C]{1,2}", 0_i64..20_000_000_000_000, 0_i64..3), 0..200)) {
            let rows: Vec<(&str, i64, f64, i64)> = rows.iter().zip(0..).map(|((s, t, _), i)| (s.as_str(), *t, 1.0, i)).collect();
            let (first, second) = rows.split_at(rows.len() / 3);
            let parts = parts(vec![ticks(first), ticks(second)]);
            let mut seen: Vec<i64> = parts.iter().flat_map(|(_, part)| offsets(part)).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..i64::try_from(rows.len()).unwrap()).collect::<Vec<_>>());
            prop_assert!(parts.is_sorted_by(|(a, _), (b, _)| a < b), "an hour is one part");
            for (hour, part) in &parts {
                let times = part.column_by_name("time_ns").unwrap().as_primitive::<Int64Type>();
                prop_assert!(times.values().iter().all(|&t| EventHour::of(t) == *hour));
                let symbols = part.column_by_name("symbol").unwrap().as_string::<i32>();
                let order: Vec<_> = (0..part.num_rows()).map(|i| (symbols.value(i), times.value(i), offsets(part)[i])).collect();
                prop_assert!(order.is_sorted());
            }
        }
    }
}
