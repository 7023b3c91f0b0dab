//! The engine over small lakes written by hand.

use serde_json::json;
use ticklake_lake::AsOf;
use ticklake_lake::layout::Table;

use crate::fixture::{DAY_US, TestLake, batch, row, true_statistics};
use crate::{Engine, Format, QueryError, run_statements, volatility};

async fn text(engine: &Engine, sql: &str, format: Format) -> String {
    let mut out = Vec::new();
    run_statements(engine, sql, format, &mut out).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    String::from_utf8(out).unwrap()
}

async fn csv(engine: &Engine, sql: &str) -> Vec<String> {
    text(engine, sql, Format::Csv).await.lines().skip(1).map(str::to_owned).collect()
}

async fn error(engine: &Engine, sql: &str) -> QueryError {
    run_statements(engine, sql, Format::Csv, &mut Vec::new()).await.expect_err(sql)
}

#[tokio::test]
async fn a_row_at_the_very_edge_of_its_file_is_never_pruned() {
    let lake = TestLake::new();
    // The log cuts …02.111999 to …02.111.
    lake.add(1, &[row("A", 2_111_999, 9682.1, 0), row("B", 1_000_000, 0.1 + 0.2, 1)], None);
    lake.add(2, &[row("C", 3_600_000_001, 5.0, 2)], None);
    let engine = lake.engine(AsOf::Latest).await;
    for (filter, found) in [
        ("time = TIMESTAMP '2020-02-22 00:00:02.111999'", "A"),
        ("time > TIMESTAMP '2020-02-22 00:00:02.111' AND time < TIMESTAMP '2020-02-22 00:00:03'", "A"),
        ("time_ns >= 1582329602111999000 AND time_ns < 1582333200000000000", "A"),
        ("time <= TIMESTAMP '2020-02-22 00:00:01'", "B"),
        ("price = 0.1e0 + 0.2e0", "B"),
        ("price >= 9682.1", "A"),
        ("symbol = 'C'", "C"),
        ("dt = '2020-02-22' AND hour = '01'", "C"),
        ("dt = '2020-02-22' AND hour IN ('01', '02')", "C"),
        ("hour > '00'", "C"),
        ("date(time) = DATE '2020-02-22' AND time >= TIMESTAMP '2020-02-22 01:00:00.000001'", "C"),
        ("kafka_offset = 2", "C"),
        ("dt || hour = '2020-02-2201'", "C"),
    ] {
        assert_eq!(csv(&engine, &format!("SELECT symbol FROM stock_data WHERE {filter}")).await, [found], "{filter}");
    }
}

#[tokio::test]
async fn files_a_filter_cannot_match_are_not_read() {
    let lake = TestLake::new();
    let name = lake.add(1, &[row("A", 0, 1.0, 0)], None);
    lake.add(2, &[row("C", 3_600_000_000, 5.0, 1)], None);
    let engine = lake.engine(AsOf::Latest).await;
    std::fs::remove_file(lake.path().join("stock_data").join(&name)).unwrap();
    for filter in ["hour = '01'", "time >= TIMESTAMP '2020-02-22 01:00:00'", "symbol > 'B'", "kafka_offset > 0", "price > 2"] {
        assert_eq!(csv(&engine, &format!("SELECT symbol FROM stock_data WHERE {filter}")).await, ["C"], "{filter}");
    }
    assert!(
        csv(&engine, "SELECT * FROM stock_data WHERE date(time) = DATE '2020-02-23'").await.is_empty(),
        "a day is a range of times"
    );
    assert_eq!(csv(&engine, "SELECT count(*), max(kafka_offset) FROM stock_data").await, ["2,1"], "the log knows");
    let error = error(&engine, "SELECT symbol FROM stock_data").await;
    assert!(matches!(&error, QueryError::Lake(_)) && error.to_string().contains(&name), "{error}");
}

#[tokio::test]
async fn a_column_younger_than_its_file_reads_as_null() {
    let lake = TestLake::new();
    let rows = [row("A", 0, 1.0, 0)];
    let old = batch(&rows).project(&[0, 1, 2, 3]).unwrap();
    lake.add_batch(1, DAY_US, &old, json!({"numRecords": 1, "minValues": {"symbol": "A"}, "maxValues": {"symbol": "A"}}));
    lake.add(2, &[row("B", 1, 2.0, 7)], None);
    let engine = lake.engine(AsOf::Latest).await;
    assert_eq!(csv(&engine, "SELECT symbol, kafka_offset, hour FROM stock_data ORDER BY symbol").await, ["A,,00", "B,7,00"]);
    assert_eq!(csv(&engine, "SELECT symbol FROM stock_data WHERE kafka_offset IS NULL").await, ["A"]);
    assert_eq!(csv(&engine, "SELECT symbol FROM stock_data WHERE kafka_offset = 7").await, ["B"]);
    assert_eq!(csv(&engine, "SELECT count(kafka_offset), count(*) FROM stock_data").await, ["1,2"]);
}

#[tokio::test]
async fn an_older_version_never_shows_newer_rows() {
    let lake = TestLake::new();
    let first = [row("A", 0, 1.0, 0)];
    let name = lake.add(1, &first, None);
    lake.mirror(&name, &first);
    let second = [row("A", 1, 2.0, 1)];
    let name = lake.add(2, &second, None);
    lake.mirror(&name, &second);
    let (old, new) = (lake.engine(AsOf::Version(1)).await, lake.engine(AsOf::Latest).await);
    lake.add(3, &[row("A", 2, 3.0, 2)], None);
    assert_eq!((old.version(), new.version()), (Some(1), Some(2)));
    for table in ["stock_data", "stock_data_json"] {
        assert_eq!(csv(&old, &format!("SELECT count(*) FROM {table}")).await, ["1"], "{table}");
        assert_eq!(csv(&new, &format!("SELECT count(*) FROM {table}")).await, ["2"], "{table}");
    }
    let lake = ticklake_lake::Lake::open(lake.path().to_str().unwrap()).await.unwrap();
    let options = crate::EngineOptions { as_of: AsOf::Version(9), ..Default::default() };
    assert!(matches!(Engine::open(lake, options).await, Err(QueryError::Lake(_))));
}

#[tokio::test]
async fn the_mirror_has_the_rows_of_the_table() {
    let lake = TestLake::new();
    let (early, late) = (
        [row("A", 1, 0.1 + 0.2, 0), crate::fixture::Row { sequence: None, ..row("B\"é", 999_999, 1e-7, 1) }],
        [row("A", 3_600_000_000, 12345.678, 2)],
    );
    let name = lake.add(1, &early, None);
    lake.mirror(&name, &early);
    let name = lake.add(2, &late, None);
    lake.mirror(&name, &late);
    let hidden = lake.path().join("stock_data_json/dt=2020-02-22/hour=00/_SUCCESS.json.gz");
    std::fs::write(hidden, "not gzip").unwrap();
    let engine = lake.engine(AsOf::Latest).await;
    let all = |table| format!("SELECT * FROM {table} ORDER BY kafka_offset");
    let lenient = lake.lenient().await;
    let rows = csv(&lenient, &all("stock_data")).await;
    assert_eq!(rows.len(), 3);
    assert_eq!(csv(&lenient, &all("stock_data_json")).await, rows);
    assert_eq!(
        csv(&engine, "SELECT time, \"$path\" LIKE '%json.gz' FROM stock_data_json ORDER BY kafka_offset").await,
        ["2020-02-22 00:00:00.000,true", "2020-02-22 00:00:01.000,true", "2020-02-22 01:00:00.000,true"],
        "Hive's milliseconds, rounded half up"
    );
    assert_eq!(csv(&engine, "SELECT count(*) FROM stock_data_json WHERE hour = '01'").await, ["1"]);
    assert_eq!(
        csv(&engine, "SELECT hour, price FROM stock_data_json WHERE symbol = 'A' AND hour < '01'").await,
        ["00,0.30000000000000004"]
    );
    std::fs::write(lake.path().join("stock_data_json/dt=2020-02-22/hour=01/x.json.gz"), "not gzip").unwrap();
    let engine = lake.engine(AsOf::Latest).await;
    let error = error(&engine, "SELECT * FROM stock_data_json").await.to_string();
    assert!(error.contains("x.json.gz") && !error.contains('\n'), "{error}");
}

#[tokio::test]
async fn the_audit_finds_what_is_twice_and_what_is_missing() {
    let lake = TestLake::new();
    lake.create(Table::DeadLetters);
    lake.add(1, &[row("A", 0, 1.0, 10), row("A", 1, 1.0, 11)], None);
    lake.add_dead(1, &[12]);
    let sound = lake.engine(AsOf::Latest).await;
    assert_eq!(csv(&sound, volatility::by_name("audit").unwrap().file).await, ["stock_live_feed,0,2,1,3,10,12,0,0"]);
    lake.add(2, &[row("A", 2, 1.0, 11), row("A", 3, 1.0, 15)], None);
    let unsound = lake.engine(AsOf::Latest).await;
    assert_eq!(csv(&unsound, volatility::by_name("audit").unwrap().file).await, ["stock_live_feed,0,4,1,4,10,15,1,2"]);
    let later = std::fs::File::open(lake.path().join("dead_letters/_delta_log/00000000000000000001.json")).unwrap();
    let written = later.metadata().unwrap().modified().unwrap();
    later.set_modified(written + std::time::Duration::from_secs(60)).unwrap();
    let before = lake.engine(AsOf::Version(1)).await;
    assert_eq!(
        csv(&before, volatility::by_name("audit").unwrap().file).await,
        ["stock_live_feed,0,2,0,2,10,11,0,0"],
        "later dead letters are not of that version"
    );
}

#[tokio::test]
async fn realised_volatility_follows_its_formula() {
    let lake = TestLake::new();
    // Same instant: the sequence decides; NULL comes last.
    let unnumbered = crate::fixture::Row { sequence: None, ..row("A", 5, 104.0, 2) };
    lake.add(1, &[unnumbered, row("A", 5, 102.0, 3), row("A", 0, 100.0, 4), row("B", 7, 50.0, 5)], None);
    lake.add(2, &[row("A", 3_600_000_000, 90.0, 6), row("A", 3_600_000_001, 99.0, 7)], None);
    let engine = lake.engine(AsOf::Latest).await;
    let rows = csv(&engine, volatility::by_name("hourly_realized_volatility").unwrap().file).await;
    let expected = [
        ("A,2020-02-22,00,3", Some(((1.02_f64).ln().powi(2) + (104.0_f64 / 102.0).ln().powi(2)).sqrt())),
        ("A,2020-02-22,01,2", Some((1.1_f64).ln().abs())),
        ("B,2020-02-22,00,1", None),
    ];
    assert_eq!(rows.len(), expected.len(), "{rows:?}");
    for (row, (key, value)) in rows.iter().zip(expected) {
        let (found, number) = row.rsplit_once(',').unwrap();
        assert_eq!(found, key);
        match value {
            Some(value) => assert!((number.parse::<f64>().unwrap() - value).abs() < 1e-15, "{row}: {value}"),
            None => assert_eq!(number, ""),
        }
    }
}

#[tokio::test]
async fn the_daily_average_is_by_utc_day_newest_first() {
    let lake = TestLake::new();
    lake.add(1, &[row("A", 0, 1.0, 0), row("A", 1, 2.0, 1)], None);
    lake.add(2, &[row("A", 86_400_000_000, 4.0, 2)], None);
    lake.add(3, &[row("A", 86_399_999_999, 6.0, 3)], None);
    let engine = lake.engine(AsOf::Latest).await;
    assert_eq!(csv(&engine, volatility::by_name("daily_average").unwrap().file).await, ["A,2020-02-23,4.0", "A,2020-02-22,3.0"]);
    assert_eq!(
        csv(&engine, "SELECT date(TIMESTAMP '1969-12-31 23:59:59.999999'), date('2020-02-22'), date(NULL)").await,
        ["1969-12-31,2020-02-22,"]
    );
}

#[tokio::test]
async fn every_format_tells_the_same_values() {
    let lake = TestLake::new();
    lake.add(1, &[row("A", 2_111_000, 9682.0, 0)], None);
    let engine = lake.engine(AsOf::Latest).await;
    let sql = "SELECT symbol AS s, time, kafka_offset AS n, price AS p, size, '' AS e, 'a,\"b\"' AS q, true AS t, ARRAY[1, 2] AS l, \
               date(time) AS d, CAST('Infinity' AS double) AS i FROM stock_data";
    assert_eq!(
        text(&engine, sql, Format::Csv).await,
        "s,time,n,p,size,e,q,t,l,d,i\nA,2020-02-22 00:00:02.111000,0,9682.0,,\"\",\"a,\"\"b\"\"\",true,\"[1,2]\",2020-02-22,Infinity\n"
    );
    let object = "{\"s\":\"A\",\"time\":\"2020-02-22 00:00:02.111000\",\"n\":0,\"p\":9682.0,\"size\":null,\"e\":\"\",\
                  \"q\":\"a,\\\"b\\\"\",\"t\":true,\"l\":[1,2],\"d\":\"2020-02-22\",\"i\":\"Infinity\"}";
    assert_eq!(text(&engine, sql, Format::Ndjson).await, format!("{object}\n"));
    assert_eq!(text(&engine, sql, Format::Json).await, format!("[\n{object}\n]\n"));
    assert_eq!(text(&engine, "SELECT 1 AS a WHERE false", Format::Json).await, "[]\n");
    assert_eq!(text(&engine, "SELECT 1 AS a WHERE false", Format::Csv).await, "a\n");
    assert_eq!(
        text(
            &engine,
            "SELECT 'x' AS name, 10 AS n UNION ALL SELECT NULL, 7 ORDER BY n; SELECT 1.5e0 AS f",
            Format::Table { width_max: None, rows_max: None, may_turn: true }
        )
        .await,
        "name |  n\n-----+---\nNULL |  7\nx    | 10\n(2 rows)\n\nf\n---\n1.5\n(1 row)\n".replace("f\n---", "  f\n---")
    );
}

#[tokio::test]
async fn a_failed_statement_leaves_no_half_answer() {
    let lake = TestLake::new();
    lake.add(1, &[row("A", 0, 1.0, 0)], None);
    let engine = lake.engine(AsOf::Latest).await;
    for sql in
        ["SELECT CAST(symbol AS int) FROM stock_data", "SELECT 1 / 0", "SELECT nothing FROM stock_data", "SELECT FROM WHERE"]
    {
        for format in Format::ALL {
            let mut out = Vec::new();
            let error = run_statements(&engine, sql, format, &mut out).await.expect_err(sql);
            assert!(out.is_empty(), "{sql}: {}", String::from_utf8_lossy(&out));
            assert!(
                matches!(error, QueryError::Sql(_) | QueryError::Refused { .. }) && !error.to_string().contains('\n'),
                "{sql}: {error:?}"
            );
        }
    }
    let mut out = Vec::new();
    let error = run_statements(&engine, "SELECT 1 AS a; SELECT b; SELECT 3", Format::Csv, &mut out).await.unwrap_err();
    assert!(error.to_string().starts_with("statement 2: "), "{error}");
    assert_eq!(String::from_utf8(out).unwrap(), "a\n1\n", "what follows an error is not run");
}

#[tokio::test]
async fn nothing_is_written_whatever_is_asked() {
    let lake = TestLake::new();
    let (engine, lenient) = (lake.engine(AsOf::Latest).await, lake.lenient().await);
    for sql in ["DROP TABLE stock_data", "INSERT INTO stock_data SELECT * FROM stock_data", "CREATE VIEW v AS SELECT 1"] {
        for engine in [&engine, &lenient] {
            let error = error(engine, sql).await.to_string();
            assert!(error.contains("read-only here"), "{sql}: {error}");
        }
    }
    let error = error(&lenient, "SELECT 1 AS a INTO t").await.to_string();
    assert!(error.contains("read-only here"), "{error}");
    assert_eq!(csv(&engine, "SELECT count(*) FROM stock_data").await, ["0"]);
}

#[tokio::test]
async fn tables_and_columns_can_be_looked_up() {
    let lake = TestLake::new();
    let (engine, lenient) = (lake.engine(AsOf::Latest).await, lake.lenient().await);
    let tables = text(&lenient, "SHOW TABLES", Format::Csv).await;
    let names = csv(&engine, "SHOW TABLES").await;
    assert_eq!(names, ["dead_letters", "stock_data", "stock_data_json"]);
    for table in names {
        assert!(tables.contains(&format!("ticklake,lake,{table},")), "{tables}");
        for engine in [&engine, &lenient] {
            assert!(csv(engine, &format!("DESCRIBE {table}")).await.len() > 8);
        }
    }
    let plan = text(&lenient, "EXPLAIN SELECT * FROM stock_data", Format::Csv).await;
    assert!(plan.contains("physical_plan"), "{plan}");
    assert_eq!(csv(&engine, "SELECT count(*) FROM dead_letters").await, ["0"], "a table not there yet is empty");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runaway_join_never_holds_the_runtime() {
    let lake = TestLake::new();
    let engine = lake.lenient().await;
    for join in ["CROSS JOIN generate_series(1, 3000000) b(y)", "JOIN generate_series(1, 3000000) b(y) ON x > y * 0.5e0"] {
        let sql = format!("SELECT sum(x * y) FROM generate_series(1, 3000000) a(x) {join}");
        let mut out = Vec::new();
        let ran = run_statements(&engine, &sql, Format::Csv, &mut out);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(300), ran).await.is_err(), "{join}");
        let after = std::time::Instant::now();
        assert_eq!(csv(&engine, "SELECT 1").await, ["1"]);
        assert!(after.elapsed() < std::time::Duration::from_secs(5), "the stopped statement went on");
    }
}

#[test]
fn the_fixture_cuts_its_bounds_as_the_protocol_does() {
    assert_eq!(true_statistics(&[row("A", 2_111_999, 1.0, 0)])["maxValues"]["time"], "2020-02-22T00:00:02.111Z");
}
