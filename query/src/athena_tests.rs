//! The two dialects over one lake.

use crate::fixture::{DAY_US, TestLake, row};
use crate::{Dialect, Engine, EngineOptions, Format, QueryError, run_statements, volatility};

async fn engine(lake: &TestLake, dialect: Dialect) -> Engine {
    lake.engine_with(EngineOptions { threads: 2, dialect, ..EngineOptions::default() }).await
}

async fn rows(engine: &Engine, sql: &str) -> Result<Vec<String>, QueryError> {
    let mut out = Vec::new();
    run_statements(engine, sql, Format::Csv, &mut out).await?;
    Ok(String::from_utf8(out).unwrap().lines().skip(1).map(str::to_owned).collect())
}

fn lake() -> TestLake {
    let lake = TestLake::new();
    lake.add(1, &[row("A", 2_111_999, 9682.1, 0), row("B", 1_000_000, 0.1 + 0.2, 1), row("A", 3_000_000, 9700.5, 2)], None);
    lake.add(2, &[row("C", 3_600_000_001, 5.0, 3), row("A", DAY_US + 5, 9650.0, 4)], None);
    lake
}

#[tokio::test]
async fn what_groups_are_of_is_never_of_another_type_than_it_says() {
    let lake = lake();
    let athena = engine(&lake, Dialect::Athena).await;
    let sql = "SELECT symbol, grouping(symbol), count(*) FROM stock_data GROUP BY ROLLUP (symbol) ORDER BY 2, 1";
    assert_eq!(rows(&athena, sql).await.unwrap(), ["A,0,3", "B,0,1", "C,0,1", ",1,5"]);
}

#[tokio::test]
async fn a_mistake_that_everybody_makes_is_never_told_without_the_way_out() {
    let lake = lake();
    let athena = engine(&lake, Dialect::Athena).await;
    for (sql, way) in [
        ("SELECT symbol, avg(price) AS p FROM stock_data GROUP BY 1 HAVING p > 1", "HAVING knows no alias; write the expression"),
        ("SELECT price * 2 AS double_price FROM stock_data WHERE double_price > 1", "WHERE knows no alias; write the expression"),
        ("SELECT 1 FROM stock_data WHERE time = '2026-11-23'", "write TIMESTAMP '2026-11-23'"),
        ("SELECT 1 FROM stock_data WHERE price > '3'", "write 3"),
        ("SELECT 1 FROM stock_data WHERE date(time) BETWEEN '2026-11-01' AND '2026-11-23'", "write DATE '2026-11-01'"),
        ("SELECT 1 FROM stock_data WHERE dt = DATE '2026-11-23'", "write CAST(text AS date)"),
        ("SELECT getdate()", "write current_timestamp"),
    ] {
        let told = rows(&athena, sql).await.expect_err(sql).to_string();
        assert!(told.contains(way), "{sql}: {told}");
    }
}

/// DataFusion takes the edges of a whole table from its statistics, for functions it knows by name.
#[tokio::test]
async fn an_aggregate_over_a_whole_table_is_never_taken_for_another() {
    let lake = lake();
    let (own, athena) = (engine(&lake, Dialect::DataFusion).await, engine(&lake, Dialect::Athena).await);
    let values = ["price", "kafka_offset", "symbol", "dt"].map(|of| format!("min({of}), max({of}), count({of})")).join(", ");
    let sql = format!("SELECT count(*), {values}, sum(kafka_offset), sum(price), avg(price) FROM stock_data");
    let found = rows(&athena, &sql).await.unwrap();
    assert_eq!(found, rows(&own, &sql).await.unwrap());
    assert!(found[0].starts_with("5,0.30000000000000004,9700.5,5,0,4,5,A,C,5,"), "{found:?}");
}

#[tokio::test]
async fn the_pipelines_statements_never_give_other_rows_in_athenas_dialect() {
    let lake = lake();
    let (own, athena) = (engine(&lake, Dialect::DataFusion).await, engine(&lake, Dialect::Athena).await);
    for name in ["daily_average", "hourly_realized_volatility", "audit"] {
        let sql = volatility::by_name(name).unwrap().file;
        // Rows of one day come in no promised order.
        let sorted = |mut rows: Vec<String>| {
            rows.sort();
            rows
        };
        let (answer, other) = (rows(&athena, sql).await.unwrap(), rows(&own, sql).await.unwrap());
        assert_eq!(sorted(answer), sorted(other), "{name}");
    }
    for filter in [
        "time = TIMESTAMP '2020-02-22 00:00:02.111999'",
        "time_ns >= 1582329602111999000 AND time_ns < 1582333200000000000",
        "price = 0.1e0 + 0.2e0",
        "price >= 9682.1",
        "symbol IN ('C', 'x')",
        "dt = '2020-02-22' AND hour = '01'",
        "date(time) = DATE '2020-02-22' AND time >= TIMESTAMP '2020-02-22 01:00:00.000001'",
        "dt || hour = '2020-02-2201'",
        "symbol LIKE 'A%' AND price / (kafka_offset + 1) > 1",
        "sequence IS NOT NULL",
    ] {
        let sql = format!("SELECT symbol, price, kafka_offset FROM stock_data WHERE {filter} ORDER BY kafka_offset");
        let found = rows(&athena, &sql).await.unwrap();
        assert_eq!(found, rows(&own, &sql).await.unwrap(), "{filter}");
        assert!(!found.is_empty(), "{filter}");
    }
}

#[tokio::test]
async fn files_a_filter_cannot_match_are_not_read_in_athenas_dialect() {
    let lake = TestLake::new();
    let name = lake.add(1, &[row("A", 0, 1.0, 0)], None);
    lake.add(2, &[row("C", 3_600_000_000, 5.0, 1)], None);
    let engine = engine(&lake, Dialect::Athena).await;
    std::fs::remove_file(lake.path().join("stock_data").join(&name)).unwrap();
    for filter in [
        "hour = '01'",
        "time >= TIMESTAMP '2020-02-22 01:00:00'",
        "symbol > 'B'",
        "kafka_offset > 0",
        "price > 1.5",
        "2e0 < price AND price <> nan()",
        "price BETWEEN 4.5 AND 5.5",
        "price = 5e0",
        "date(time) > DATE '2020-02-21' AND hour >= '01'",
    ] {
        let sql = format!("SELECT symbol FROM stock_data WHERE {filter}");
        assert_eq!(rows(&engine, &sql).await.unwrap(), ["C"], "{filter}");
    }
}

#[tokio::test]
async fn what_athena_refuses_is_never_answered() {
    let lake = lake();
    let engine = engine(&lake, Dialect::Athena).await;
    for (sql, error) in [
        ("SELECT symbol, date(time) AS day FROM stock_data GROUP BY symbol, day", "COLUMN_NOT_FOUND: line 1:67: Column 'day'"),
        ("SELECT pricee FROM stock_data", "did you mean price?"),
        ("SELECT price::int FROM stock_data", "SYNTAX_ERROR: line 1:13"),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO"),
        ("SELECT time = '2020-02-22' FROM stock_data", "TYPE_MISMATCH"),
        ("SHOW STATS FOR stock_data", "NOT_SUPPORTED: line 1:1: SHOW STATS is not there"),
        ("DESCRIBE stockdata", "TABLE_NOT_FOUND: line 1:1: Table 'stockdata' does not exist; did you mean stock_data?"),
        ("EXECUTE q", "NOT_FOUND: Prepared statement not found: q"),
        ("PREPARE q FROM SELECT ?; EXECUTE q", "INVALID_PARAMETER_USAGE: Incorrect number of parameters: expected 1 but found 0"),
        ("PREPARE q FROM SELECT ? + 'a'; EXECUTE q USING 1", "TYPE_MISMATCH: line 1:"),
        ("EXPLAIN PREPARE q FROM SELECT 1", "NOT_SUPPORTED"),
    ] {
        let told = rows(&engine, sql).await.expect_err(sql).to_string();
        assert!(told.contains(error), "{sql}: {told}");
    }
    let named =
        rows(&engine, "SELECT 1.0 / 3, INTERVAL '1' DAY, ARRAY[1, NULL], TIMESTAMP '2024-01-02 03:04:05.5 Europe/Paris'").await;
    assert_eq!(named.unwrap(), [r#"0.3,1 00:00:00.000,"[1,null]",2024-01-02 03:04:05.5 Europe/Paris"#]);
}

#[tokio::test]
async fn a_window_never_takes_more_memory_than_it_may() {
    let lake = TestLake::new();
    let rows: Vec<_> = (0..100_000).map(|n| row("A", n, 1.0, n)).collect();
    lake.add(1, &rows, None);
    let options = EngineOptions { memory_max_bytes: 1 << 20, threads: 1, dialect: Dialect::Athena, ..EngineOptions::default() };
    let engine = lake.engine_with(options).await;
    let sql = "SELECT max(s) FROM (SELECT sum(price) OVER (PARTITION BY symbol) AS s FROM stock_data)";
    let refused = self::rows(&engine, sql).await;
    assert!(matches!(&refused, Err(QueryError::Resources(why)) if why.contains("raise --memory-limit")), "{refused:?}");
}

#[tokio::test]
async fn what_is_shown_of_a_lake_is_never_another_lakes() {
    let lake = lake();
    let engine = engine(&lake, Dialect::Athena).await;
    for (sql, expected) in [
        ("SHOW TABLES LIKE 'stock%'", vec!["stock_data", "stock_data_json"]),
        ("SHOW TABLES IN market LIKE 'x'", vec![]),
        ("SHOW COLUMNS FROM market.dead_letters LIKE 'clas_'", vec!["class"]),
        ("SHOW PARTITIONS stock_data", vec!["dt=2020-02-22/hour=00", "dt=2020-02-22/hour=01"]),
        ("SELECT dt, hour FROM \"stock_data$partitions\" WHERE hour = '01'", vec!["2020-02-22,01"]),
        ("SELECT sum(record_count), count(*), min(file_format) FROM \"stock_data$files\"", vec!["5,2,PARQUET"]),
        (
            "SELECT count(*) FROM stock_data s JOIN \"stock_data$files\" ON \"$path\" = file_path AND \"$file_size\" = file_size_in_bytes",
            vec!["5"],
        ),
        ("SHOW PARTITIONS stock_data_json", vec![]),
        ("EXPLAIN (TYPE VALIDATE) SELECT * FROM stock_data", vec!["true"]),
        ("EXECUTE IMMEDIATE 'SELECT ? || symbol FROM stock_data WHERE kafka_offset = ? LIMIT ?' USING 'a', 1 + 2, 1", vec!["aC"]),
        ("EXECUTE IMMEDIATE 'SELECT sum(?) FROM stock_data' USING 2", vec!["10"]),
    ] {
        let rows = rows(&engine, sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let first: Vec<&str> = if sql.starts_with("SHOW COLUMNS") {
            rows.iter().filter_map(|row| row.split(',').next()).collect()
        } else {
            rows.iter().map(String::as_str).collect()
        };
        assert_eq!(first, expected, "{sql}");
    }
    let created = rows(&engine, "SHOW CREATE TABLE stock_data").await.unwrap();
    assert!(created.contains(&format!("LOCATION '{}/stock_data'", lake.path().display())), "{created:?}");
    for (sql, part) in [("EXPLAIN SELECT * FROM stock_data", "DataSourceExec"), ("EXPLAIN ANALYZE SELECT 1", "output_rows=1")] {
        let plan = rows(&engine, sql).await.unwrap().join("\n");
        assert!(plan.contains(part), "{sql}: {plan}");
    }
    let wide = rows(&engine, "SELECT * FROM stock_data LIMIT 1").await.unwrap();
    assert!(!wide[0].contains("parquet"), "hidden columns are asked for by name: {wide:?}");
}
