//! Small lakes written by hand, for this crate's tests.
//!
//! Owns: commits and Parquet files as any Delta writer would leave them.
//! Does not own: the product's writer: the reader must stand on the protocol alone.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use ticklake_lake::layout::{EventHour, Table, mirror_file};
use ticklake_lake::{AsOf, Lake};
use ticklake_schemas::CONTRACT_VERSION_KEY;

use crate::{Engine, EngineOptions};

/// 2020-02-22T00:00:00Z.
pub(crate) const DAY_US: i64 = 1_582_329_600_000_000;

/// A tick of a test.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) symbol: &'static str,
    pub(crate) time_us: i64,
    pub(crate) price: f64,
    pub(crate) sequence: Option<i64>,
    pub(crate) offset: i64,
}

/// A tick `after_us` into the day.
pub(crate) fn row(symbol: &'static str, after_us: i64, price: f64, offset: i64) -> Row {
    Row { symbol, time_us: DAY_US + after_us, price, sequence: Some(offset), offset }
}

/// A lake in a directory.
pub(crate) struct TestLake {
    dir: tempfile::TempDir,
}

impl TestLake {
    /// A lake whose `stock_data` exists and is empty.
    pub(crate) fn new() -> Self {
        let lake = Self { dir: tempfile::tempdir().unwrap() };
        lake.create(Table::StockData);
        lake
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Version 0 of a table.
    pub(crate) fn create(&self, table: Table) {
        let contract = table.contract();
        let features = ["timestampNtz"];
        self.commit(
            table,
            0,
            &[
                json!({"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}}),
                json!({"metaData": {
                    "id": "00000000-0000-0000-0000-000000000000",
                    "format": {"provider": "parquet", "options": {}},
                    "schemaString": contract.delta_schema().to_string(),
                    "partitionColumns": contract.partition_by,
                    "configuration": {CONTRACT_VERSION_KEY: contract.compatible_from.to_string()},
                    "createdTime": 0,
                }}),
            ],
        );
    }

    pub(crate) fn commit(&self, table: Table, version: u64, actions: &[Value]) {
        let log = self.path().join(table.log().as_ref());
        std::fs::create_dir_all(&log).unwrap();
        let text: String = actions.iter().map(|a| format!("{a}\n")).collect();
        std::fs::write(log.join(format!("{version:020}.json")), text).unwrap();
    }

    /// Commits ticks of one hour as one file, with the statistics given or true ones; gives the file's name.
    pub(crate) fn add(&self, version: u64, rows: &[Row], statistics: Option<Value>) -> String {
        self.add_batch(version, rows[0].time_us, &batch(rows), statistics.unwrap_or_else(|| true_statistics(rows)))
    }

    pub(crate) fn add_batch(&self, version: u64, time_us: i64, rows: &RecordBatch, statistics: Value) -> String {
        let hour = EventHour::of(time_us * 1000);
        let name = format!("{}/part-{version:05}-test.zstd.parquet", hour.folder());
        let size = write_parquet(&self.path().join("stock_data").join(&name), rows);
        let add = json!({"add": {
            "path": name, "size": size, "modificationTime": 0, "dataChange": true,
            "partitionValues": {"dt": hour.dt(), "hour": hour.hour()}, "stats": statistics.to_string(),
        }});
        self.commit(Table::StockData, version, &[add]);
        name
    }

    /// Commits dead letters at these offsets, as a writer did that knew no headers yet.
    pub(crate) fn add_dead(&self, version: u64, offsets: &[i64]) {
        self.add_dead_rows(version, offsets, None);
    }

    /// Commits dead letters with these headers.
    pub(crate) fn add_dead_with_headers(&self, version: u64, offsets: &[i64], headers: &str) {
        self.add_dead_rows(version, offsets, Some(headers));
    }

    fn add_dead_rows(&self, version: u64, offsets: &[i64], headers: Option<&str>) {
        let text = |value: &str| Arc::new(StringArray::from(vec![value; offsets.len()])) as ArrayRef;
        let mut columns: Vec<ArrayRef> = vec![
            text("malformed_json"),
            text("not JSON"),
            text("a2V5"),
            text("e30="),
            Arc::new(TimestampMicrosecondArray::from(vec![DAY_US; offsets.len()])),
            text("stock_live_feed"),
            Arc::new(Int32Array::from(vec![0; offsets.len()])),
            Arc::new(Int64Array::from(offsets.to_vec())),
        ];
        columns.extend(headers.map(text));
        let schema = Table::DeadLetters.contract().arrow_file_schema();
        let schema = Arc::new(schema.project(&(0..columns.len()).collect::<Vec<_>>()).unwrap());
        let rows = RecordBatch::try_new(schema, columns).unwrap();
        let name = format!("dt=2020-02-22/part-{version:05}-test.zstd.parquet");
        let size = write_parquet(&self.path().join("dead_letters").join(&name), &rows);
        let statistics = json!({"numRecords": offsets.len()}).to_string();
        let add = json!({"add": {
            "path": name, "size": size, "modificationTime": 0, "dataChange": true,
            "partitionValues": {"dt": "2020-02-22"}, "stats": statistics,
        }});
        self.commit(Table::DeadLetters, version, &[add]);
    }

    /// Writes the mirror of a data file, a gzip member a line.
    pub(crate) fn mirror(&self, name: &str, rows: &[Row]) {
        let path = self.path().join(mirror_file(name).unwrap().as_ref());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut bytes = Vec::new();
        for row in rows {
            let mut member = GzEncoder::new(&mut bytes, Compression::fast());
            writeln!(member, "{}", mirror_line(row)).unwrap();
            member.finish().unwrap();
        }
        std::fs::write(path, bytes).unwrap();
    }

    /// An engine over the lake.
    pub(crate) async fn engine(&self, as_of: AsOf) -> Engine {
        self.engine_with(EngineOptions { as_of, threads: 2, ..EngineOptions::default() }).await
    }

    /// An engine over the lake that speaks DataFusion's SQL.
    pub(crate) async fn lenient(&self) -> Engine {
        self.engine_with(EngineOptions { threads: 2, ..EngineOptions::for_programs() }).await
    }

    /// An engine over the lake as these options say.
    pub(crate) async fn engine_with(&self, options: EngineOptions) -> Engine {
        let lake = Lake::open(self.path().to_str().unwrap()).await.unwrap();
        Engine::open(lake, options).await.unwrap()
    }
}

fn write_parquet(path: &Path, rows: &RecordBatch) -> u64 {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    std::fs::metadata(path).unwrap().len()
}

/// Ticks in the contract's file columns.
pub(crate) fn batch(rows: &[Row]) -> RecordBatch {
    let columns = ticklake_schemas::stock_data().file_columns().map(|column| -> ArrayRef {
        match column.name.as_str() {
            "symbol" => Arc::new(rows.iter().map(|r| Some(r.symbol)).collect::<StringArray>()),
            "time" => Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.time_us))),
            "time_ns" => Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.time_us * 1000))),
            "price" => Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.price))),
            "sequence" => Arc::new(rows.iter().map(|r| r.sequence).collect::<Int64Array>()),
            "kafka_time" => Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.time_us / 1000 * 1000))),
            "kafka_topic" => Arc::new(StringArray::from(vec!["stock_live_feed"; rows.len()])),
            "kafka_partition" => Arc::new(Int32Array::from(vec![0; rows.len()])),
            "kafka_offset" => Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.offset))),
            _ => datafusion::arrow::array::new_null_array(&column.kind.arrow(), rows.len()),
        }
    });
    RecordBatch::try_new(ticklake_schemas::stock_data().arrow_file_schema(), columns.collect()).unwrap()
}

/// Statistics as the protocol has them: timestamps cut to milliseconds, downwards at both ends.
pub(crate) fn true_statistics(rows: &[Row]) -> Value {
    let cut = |us: i64| {
        chrono::DateTime::from_timestamp_millis(us.div_euclid(1000)).unwrap().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    };
    let times: Vec<i64> = rows.iter().map(|r| r.time_us).collect();
    let (low, high) = (*times.iter().min().unwrap(), *times.iter().max().unwrap());
    let offsets: Vec<i64> = rows.iter().map(|r| r.offset).collect();
    json!({
        "numRecords": rows.len(),
        "minValues": {
            "symbol": rows.iter().map(|r| r.symbol).min(), "time": cut(low), "time_ns": low * 1000,
            "price": rows.iter().map(|r| r.price).fold(f64::INFINITY, f64::min), "kafka_offset": offsets.iter().min(),
        },
        "maxValues": {
            "symbol": rows.iter().map(|r| r.symbol).max(), "time": cut(high), "time_ns": high * 1000,
            "price": rows.iter().map(|r| r.price).fold(0.0, f64::max), "kafka_offset": offsets.iter().max(),
        },
        "nullCount": {"symbol": 0, "time": 0, "price": 0, "kafka_offset": 0},
    })
}

fn mirror_line(row: &Row) -> Value {
    let text = |us: i64| chrono::DateTime::from_timestamp_micros(us).unwrap().format("%Y-%m-%d %H:%M:%S%.6f").to_string();
    let mut line = json!({
        "symbol": row.symbol, "time": text(row.time_us), "time_ns": row.time_us * 1000, "price": row.price,
        "kafka_time": text(row.time_us / 1000 * 1000), "kafka_topic": "stock_live_feed", "kafka_partition": 0, "kafka_offset": row.offset,
    });
    if let Some(sequence) = row.sequence {
        line["sequence"] = json!(sequence);
    }
    line
}
