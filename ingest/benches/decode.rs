//! How fast messages become rows, beside serde_json reading the same bytes into a struct (and building no columns).
//!
//! Owns: the two workloads and the numbers quoted for the decoder.
//! Does not own: Kafka, batches, files.

use std::fmt::Write as _;
use std::hint::black_box;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use serde::Deserialize;
use ticklake_ingest::decode::Decoder;
use ticklake_ingest::source::RawBatch;
use ticklake_schemas::Tick;

const MESSAGES: i64 = 10_000;
const START_NS: i64 = 1_582_329_602_111_000_000;
const SYMBOLS: [&str; 4] = ["BTCUSD", "ETHUSD", "AAPL", "MSFT"];

fn main() {
    divan::main();
}

/// What serde_json has to fill: borrowed strings, no checks, no columns.
#[derive(Deserialize)]
#[expect(dead_code, reason = "read by nobody, filled by serde")]
struct Floor<'a> {
    symbol: &'a str,
    time: i64,
    price: f64,
    size: Option<f64>,
    bid: Option<f64>,
    ask: Option<f64>,
    exchange: Option<&'a str>,
    sequence: Option<i64>,
}

/// Messages as our producers write them.
fn canonical() -> RawBatch {
    batch(|n, text| {
        let (whole, cents) = (9_000.0 + (n * 37 % 1_000) as f64, (n * 13 % 100) as f64 / 100.0);
        let tick = Tick {
            symbol: SYMBOLS[n as usize % SYMBOLS.len()].into(),
            time_ns: START_NS + n * 1_234_567,
            price: whole + cents,
            size: Some((n * 7_919 % 100_000) as f64 / 1e6),
            bid: Some(whole + cents - 0.5),
            ask: Some(whole + cents + 0.5),
            exchange: Some("coinbase".into()),
            sequence: Some(42_377_944 + n),
            extra_members: String::new(),
        };
        tick.write_json(text);
    })
}

/// Messages as a venue may write them: short names, text times, numbers as strings, unknown members.
fn venue() -> RawBatch {
    batch(|n, text| {
        let (symbol, ms, cents) = (SYMBOLS[n as usize % SYMBOLS.len()], n % 1_000, n * 13 % 100);
        let _ = write!(
            text,
            r#"{{"ev": "T", "sym": "{symbol}", "x": 4, "p": "9{:03}.{cents:02}", "s": "{}", "c": [14, 41], "t": "2020-02-22T00:00:02.{ms:03}Z", "q": {n}, "cond": {{"late": false}}}}"#,
            n * 37 % 1_000,
            n % 50,
        );
    })
}

fn batch(write: impl Fn(i64, &mut String)) -> RawBatch {
    let mut batch = RawBatch { topic: "stock_live_feed".into(), ..RawBatch::default() };
    let mut text = String::new();
    for offset in 0..MESSAGES {
        text.clear();
        write(offset, &mut text);
        batch.push(0, offset, Some(START_NS / 1_000_000), None, Some(text.as_bytes()));
    }
    batch
}

fn counted<'a, 'b>(bencher: Bencher<'a, 'b>, batch: &RawBatch) -> Bencher<'a, 'b> {
    bencher.counter(ItemsCount::new(batch.records.len())).counter(BytesCount::new(batch.data.len()))
}

fn decode(bencher: Bencher<'_, '_>, batch: &RawBatch) {
    let mut decoder = Decoder::new();
    assert!(decoder.decode(batch, START_NS + 3_600_000_000_000).rejects.is_empty(), "the workload is of valid ticks");
    counted(bencher, batch).bench_local(|| decoder.decode(black_box(batch), START_NS + 3_600_000_000_000));
}

#[divan::bench]
fn canonical_ticklake(bencher: Bencher<'_, '_>) {
    decode(bencher, &canonical());
}

#[divan::bench]
fn canonical_serde_json_struct(bencher: Bencher<'_, '_>) {
    let batch = canonical();
    counted(bencher, &batch).bench_local(|| {
        for range in batch.records.iter().filter_map(|r| r.payload.as_ref()) {
            black_box(serde_json::from_slice::<Floor<'_>>(batch.bytes(range)).ok());
        }
    });
}

#[divan::bench]
fn venue_ticklake(bencher: Bencher<'_, '_>) {
    decode(bencher, &venue());
}

#[divan::bench]
fn venue_serde_json_value(bencher: Bencher<'_, '_>) {
    let batch = venue();
    counted(bencher, &batch).bench_local(|| {
        for range in batch.records.iter().filter_map(|r| r.payload.as_ref()) {
            black_box(serde_json::from_slice::<serde_json::Value>(batch.bytes(range)).ok());
        }
    });
}
