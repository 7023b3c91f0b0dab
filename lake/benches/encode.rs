//! How fast a window's rows become files: splitting and sorting, Parquet, the JSON mirror.
//!
//! Owns: one workload, 100,000 ticks of 500 symbols within two hours.
//! Does not own: storage and commits.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use divan::Bencher;
use divan::counter::ItemsCount;
use ticklake_lake::layout::Table;
use ticklake_lake::{encode, json_mirror};

const TICKS: i64 = 100_000;
const SYMBOLS: i64 = 500;
const START_NS: i64 = 1_704_205_800_000_000_000;

fn main() {
    divan::main();
}

/// Ticks in arrival order, prices on a grid of 0.01.
fn window() -> RecordBatch {
    let rows = 0..TICKS;
    let time_ns = |n: i64| START_NS + n * 36_000_123;
    let cents = |n: i64| 10_000 + (n * 7_919) % 997;
    let price = |n: i64, off: i64| Some((cents(n) + off) as f64 / 100.0);
    let schema = ticklake_schemas::stock_data().arrow_file_schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "symbol" => {
            Arc::new(rows.clone().map(|n| Some(format!("SYM{:05}", n * n % SYMBOLS))).collect::<StringArray>()) as ArrayRef
        }
        "time" => Arc::new(rows.clone().map(|n| Some(time_ns(n) / 1000)).collect::<TimestampMicrosecondArray>()),
        "time_ns" => Arc::new(rows.clone().map(|n| Some(time_ns(n))).collect::<Int64Array>()),
        "price" => Arc::new(rows.clone().map(|n| price(n, 0)).collect::<Float64Array>()),
        "bid" => Arc::new(rows.clone().map(|n| price(n, -1)).collect::<Float64Array>()),
        "ask" => Arc::new(rows.clone().map(|n| price(n, 1)).collect::<Float64Array>()),
        "size" => Arc::new(rows.clone().map(|n| Some((100 * (1 + n % 9)) as f64)).collect::<Float64Array>()),
        "exchange" => Arc::new(rows.clone().map(|n| Some(["XNAS", "XNYS"][(n % 2) as usize])).collect::<StringArray>()),
        "sequence" => Arc::new(rows.clone().map(Some).collect::<Int64Array>()),
        "kafka_time" => {
            Arc::new(rows.clone().map(|n| Some(START_NS / 1000 + n / 100 * 1000)).collect::<TimestampMicrosecondArray>())
        }
        "kafka_topic" => Arc::new(rows.clone().map(|_| Some("stock_live_feed")).collect::<StringArray>()),
        "kafka_partition" => Arc::new(rows.clone().map(|n| Some((n % 8) as i32)).collect::<Int32Array>()),
        "kafka_offset" => Arc::new(rows.clone().map(|n| Some(n / 8)).collect::<Int64Array>()),
        _ => new_null_array(field.data_type(), TICKS as usize),
    });
    RecordBatch::try_new(Arc::clone(&schema), columns.collect()).expect("columns in contract order")
}

fn sorted() -> RecordBatch {
    encode::ByHour::of(vec![window()]).and_then(|window| window.rows(0)).expect("rows of the contract")
}

#[divan::bench]
fn split_and_sort(bencher: Bencher) {
    let rows = window();
    bencher.counter(ItemsCount::new(TICKS as usize)).bench(|| {
        let window = encode::ByHour::of(vec![rows.clone()])?;
        (0..window.hours().len()).map(|part| window.rows(part)).collect::<Result<Vec<_>, _>>()
    });
}

#[divan::bench]
fn parquet(bencher: Bencher) {
    let rows = sorted();
    bencher.counter(ItemsCount::new(rows.num_rows())).bench(|| encode::parquet(Table::StockData, &rows));
}

#[divan::bench]
fn json_mirror_gzip(bencher: Bencher) {
    let rows = sorted();
    bencher.counter(ItemsCount::new(rows.num_rows())).bench(|| json_mirror::encode(&rows));
}
