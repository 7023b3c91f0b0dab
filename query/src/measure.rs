//! temporary
use crate::fixture::{DAY_US, Row, TestLake, batch};
use crate::{Engine, EngineOptions, Format, run_statements, volatility};
use serde_json::json;
use std::time::Instant;
use ticklake_lake::layout::{EventHour, Table};
use ticklake_lake::{AsOf, Lake, encode};

#[tokio::test(flavor = "multi_thread")]
#[ignore]
async fn measure() {
    let place = std::path::PathBuf::from("/tmp/scratch-query/lake-m");
    if !place.exists() {
        let lake = TestLake::new();
        let symbols: Vec<&'static str> = (0..50).map(|i| &*Box::leak(format!("SYM{i:02}").into_boxed_str())).collect();
        let mut offset = 0;
        let mut seed = 88172645463325252_u64;
        let mut prices = vec![100.0_f64; 50];
        for hour in 0..24_i64 {
            let mut rows = Vec::new();
            for i in 0..200_000_i64 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let s = (seed % 50) as usize;
                prices[s] = ((prices[s] + ((seed >> 20) % 201) as f64 / 100.0 - 1.0).max(1.0) * 100.0).round() / 100.0;
                rows.push(Row {
                    symbol: symbols[s],
                    time_us: DAY_US + hour * 3_600_000_000 + i * 18_000 + (seed % 999) as i64,
                    price: prices[s],
                    sequence: Some(offset),
                    offset,
                });
                offset += 1;
            }
            let parts = encode::split_by_hour(&[batch(&rows)]).unwrap();
            for (h, part) in parts {
                let e = encode::parquet(Table::StockData, &part).unwrap();
                let name = format!("{}/part-00000-{hour}.zstd.parquet", EventHour::folder(h));
                let path = lake.path().join("stock_data").join(&name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, &e.parquet).unwrap();
                lake.commit(
                    Table::StockData,
                    hour as u64 + 1,
                    &[json!({"add": {"path": name, "size": e.parquet.len(), "modificationTime": 0, "dataChange": true,
                    "partitionValues": {"dt": h.dt(), "hour": h.hour()}, "stats": e.statistics.to_string()}})],
                );
            }
        }
        std::process::Command::new("cp").arg("-r").arg(lake.path()).arg(&place).status().unwrap();
    }
    let lake = Lake::open(place.to_str().unwrap()).await.unwrap();
    let t = Instant::now();
    let engine = Engine::open(lake, EngineOptions { as_of: AsOf::Latest, threads: 2, ..Default::default() }).await.unwrap();
    println!("open {:?}", t.elapsed());
    for (name, sql) in [
        (
            "point",
            "SELECT avg(price) FROM stock_data WHERE symbol = 'SYM07' AND time >= TIMESTAMP '2020-02-22 10:00:00' AND time < TIMESTAMP '2020-02-22 11:30:00'",
        ),
        ("symbol day", "SELECT symbol, time, price FROM stock_data WHERE symbol = 'SYM07' ORDER BY time_ns LIMIT 5"),
        ("offset", "SELECT * FROM stock_data WHERE kafka_offset = 3141592"),
        ("price hi", "SELECT count(*), avg(price) FROM stock_data WHERE price > 150"),
        (
            "price half",
            "SELECT symbol, max(price), max(sequence) FROM stock_data WHERE price > 90 GROUP BY symbol ORDER BY symbol LIMIT 2",
        ),
        ("daily", volatility::DAILY_AVERAGE.sql),
        ("hourly", volatility::HOURLY_REALIZED_VOLATILITY.sql),
        ("audit", volatility::AUDIT.sql),
        ("count", "SELECT count(*) FROM stock_data"),
        ("topk", "SELECT * FROM stock_data ORDER BY time_ns DESC LIMIT 10"),
    ] {
        let mut best = f64::MAX;
        let mut n = 0;
        for _ in 0..3 {
            let mut out = Vec::new();
            let t = Instant::now();
            run_statements(&engine, sql, Format::Csv, &mut out).await.unwrap();
            best = best.min(t.elapsed().as_secs_f64());
            n = out.len();
        }
        println!("{name:<12} {:8.1} ms  {n} bytes", best * 1e3);
    }
}
