//! What a statement costs before its first row: read, checked and planned in Athena's dialect, beside DataFusion's own.
//!
//! Owns: the statements and the time of one.
//! Does not own: how fast rows are computed, files read.

use std::hint::black_box;

use divan::Bencher;
use ticklake_lake::Lake;
use ticklake_lake::commit::TableWriter;
use ticklake_lake::layout::Table;
use ticklake_query::{Dialect, Engine, EngineOptions, volatility};
use tokio::runtime::Runtime;

const STATEMENTS: [&str; 5] = ["one_row", "daily_average", "hourly_realized_volatility", "windows", "joins"];

fn main() {
    divan::main();
}

/// Statements that both dialects take.
fn statement(name: &str) -> String {
    let text = match name {
        "one_row" => "SELECT * FROM stock_data WHERE symbol = 'A' AND kafka_offset = 1",
        "windows" => {
            "SELECT symbol, time, price, avg(price) OVER w AS mean, stddev_samp(price) OVER w AS deviation,
                    lag(price) OVER (PARTITION BY symbol ORDER BY time) AS before
             FROM stock_data WINDOW w AS (PARTITION BY symbol ORDER BY time ROWS BETWEEN 19 PRECEDING AND CURRENT ROW)"
        }
        "joins" => {
            "WITH days AS (SELECT symbol, dt, avg(price) AS mean FROM stock_data GROUP BY symbol, dt)
             SELECT a.symbol, a.dt, a.mean - b.mean AS change, count(*) AS ticks
             FROM days a JOIN days b ON a.symbol = b.symbol AND a.dt > b.dt
             JOIN stock_data t ON t.symbol = a.symbol AND t.dt = a.dt
             WHERE t.symbol IN (SELECT symbol FROM stock_data WHERE price > 100)
             GROUP BY a.symbol, a.dt, a.mean, b.mean ORDER BY change DESC LIMIT 10"
        }
        of_library => return of(of_library),
    };
    text.to_owned()
}

/// A statement of the library, its parameters at their defaults.
fn of(library: &str) -> String {
    let given: &[(&str, &str)] = &[];
    volatility::by_name(library).and_then(|found| found.with(given)).expect("a statement of the library")
}

/// Plans a statement over a lake without files, again and again.
fn planned(bencher: Bencher<'_, '_>, dialect: Dialect, sql: &str) {
    let place = tempfile::tempdir().expect("a directory");
    let runtime = Runtime::new().expect("a runtime");
    let engine = runtime.block_on(async {
        let lake = Lake::open_or_create(place.path().to_str().expect("a path of UTF-8")).await.expect("a lake");
        TableWriter::open(&lake, Table::StockData, 0).await.expect("a table").close().await;
        Engine::open(lake, EngineOptions { dialect, ..EngineOptions::default() }).await.expect("an engine")
    });
    bencher.bench_local(|| {
        let rows = runtime.block_on(engine.sql(black_box(sql)));
        drop(rows.expect("a plan"));
    });
}

#[divan::bench(args = STATEMENTS)]
fn athena(bencher: Bencher<'_, '_>, name: &str) {
    planned(bencher, Dialect::Athena, &statement(name));
}

#[divan::bench(args = STATEMENTS)]
fn datafusion(bencher: Bencher<'_, '_>, name: &str) {
    planned(bencher, Dialect::DataFusion, &statement(name));
}

/// Read, checked and made DataFusion's plan of, without DataFusion's own planning; the library's longest too.
#[divan::bench(args = STATEMENTS.iter().chain(&["yang_zhang", "realised_kernel", "har"]))]
fn front_alone(bencher: Bencher<'_, '_>, name: &str) {
    planned(bencher, Dialect::Athena, &format!("EXPLAIN (TYPE VALIDATE) {}", statement(name)));
}
