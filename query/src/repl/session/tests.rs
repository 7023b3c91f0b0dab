//! Whole sessions over a small lake, without a terminal.
//!
//! Owns: what commands change for the statements after them.
//! Does not own: cutting input (`input`), the prompt's editing (its end-to-end tests).

use std::time::{Duration, Instant};

use super::{Flow, Session, SessionOptions};
use serde_json::json;
use ticklake_lake::layout::Table;
use ticklake_lake::{AsOf, Offsets, SourceId, Span};

use crate::fixture::{TestLake, batch, row};
use crate::{Dialect, EngineOptions, Format, Live, QueryError, TailRows};

fn options() -> SessionOptions {
    let width = || Some(80);
    SessionOptions {
        format: Format::Csv,
        width,
        height: || None,
        rows_max: None,
        keeps_going: false,
        echoes: false,
        watching: None,
        follows: false,
    }
}

async fn session(lake: &TestLake, options: SessionOptions) -> Session {
    Session::new(lake.engine(AsOf::Latest).await, options)
}

async fn ran(session: &mut Session, text: &str) -> String {
    let mut out = Vec::new();
    let flow = session.run(text, &mut out).await.unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(flow, Flow::On, "{text}");
    String::from_utf8(out).unwrap()
}

async fn fails(session: &mut Session, text: &str) -> String {
    session.run(text, &mut Vec::new()).await.expect_err(text).to_string()
}

/// A source whose ticks go on from wherever a log ends, to `end`, in one partition.
fn source_to(end: i64) -> Live {
    Live::new("stock_live_feed", move |log: Offsets| {
        let from = log.next(&SourceId::new("stock_live_feed"), 0).unwrap_or(0);
        let rows: Vec<_> = (from..end).map(|offset| row("L", offset, 10.0 + offset as f64, offset)).collect();
        let mut span = Span::default();
        span.extend(0, from, end).unwrap();
        let rows = if rows.is_empty() { Vec::new() } else { vec![batch(&rows)] };
        Box::pin(async move { Ok(TailRows { rows, span }) })
    })
}

#[tokio::test]
async fn what_is_live_is_never_told_twice_nor_as_rows_of_another_kind() {
    let lake = lake();
    let txn = |next: i64| json!({"txn": {"appId": SourceId::new("stock_live_feed").app_id(0), "version": next}});
    lake.commit(Table::StockData, 2, &[txn(2)]);
    for dialect in [Dialect::Athena, Dialect::DataFusion] {
        let engine = lake.engine_with(EngineOptions { dialect, threads: 2, ..EngineOptions::default() }).await;
        let mut session = Session::new(engine, options()).with_live(source_to(5), true);
        let audit = "SELECT count(*) AS n, count(DISTINCT kafka_offset) AS d, max(kafka_offset) AS high FROM stock_data;";
        assert_eq!(ran(&mut session, audit).await, "n,d,high\n5,5,4\n", "{dialect:?}");
        let hours = "SELECT symbol, dt, hour, count(*) AS n FROM stock_data WHERE dt = '2020-02-22' GROUP BY symbol, dt, hour ORDER BY symbol;";
        assert_eq!(ran(&mut session, hours).await, "symbol,dt,hour,n\nA,2020-02-22,00,1\nB,2020-02-22,00,1\nL,2020-02-22,00,3\n");
        assert_eq!(ran(&mut session, "SELECT price FROM stock_data WHERE symbol = 'L' AND price > 13;").await, "price\n14.0\n");
        assert_eq!(ran(&mut session, "SELECT symbol FROM stock_data WHERE kafka_offset = 1;").await, "symbol\nB\n");
        assert_eq!(ran(&mut session, "SELECT count(*) AS n FROM stock_data WHERE dt = '1999-01-01';").await, "n\n0\n");
        ran(&mut session, "\\live off").await;
        assert_eq!(ran(&mut session, audit).await, "n,d,high\n2,2,1\n");
        ran(&mut session, "\\live on").await;
        ran(&mut session, "\\asof 1").await;
        assert_eq!(ran(&mut session, audit).await, "n,d,high\n2,2,1\n", "a version that was asked for has nothing beside it");
        ran(&mut session, "\\asof off").await;
        assert_eq!(ran(&mut session, audit).await, "n,d,high\n5,5,4\n");
    }
    let engine = lake.engine(AsOf::Latest).await;
    let mut session = Session::new(engine, options()).with_live(source_to(5), true);
    assert!(ran(&mut session, "\\d+ stock_data").await.contains("live ticks,3\nlive offsets,\"stock_live_feed 0:[2,5)\""));
    let hidden = "SELECT \"$path\" IS NULL AS live, count(*) AS n FROM stock_data GROUP BY 1 ORDER BY 1;";
    assert_eq!(ran(&mut session, hidden).await, "live,n\nfalse,2\ntrue,3\n");
    assert!(fails(&mut session, "\\live maybe").await.contains("on or off"));
    let mut without = Session::new(lake.engine(AsOf::Latest).await, options());
    assert!(fails(&mut without, "\\live on").await.contains("--brokers"));
}

fn lake() -> TestLake {
    let lake = TestLake::new();
    lake.add(1, &[row("A", 0, 1.0, 0), row("B", 1, 2.0, 1)], None);
    lake
}

#[tokio::test]
async fn a_value_once_set_is_never_lost_nor_pasted_as_text() {
    let lake = lake();
    let mut session = session(&lake, options()).await;
    session.set("least", "1.5").unwrap();
    assert_eq!(ran(&mut session, "SELECT symbol FROM stock_data WHERE price > :least;").await, "symbol\nB\n");
    ran(&mut session, "SELECT symbol AS s, price AS p FROM stock_data WHERE price < :least \\gset one_").await;
    assert_eq!(ran(&mut session, "SELECT :one_s || '!' AS a, :one_p + 1 AS b;").await, "a,b\nA!,2.0\n");
    assert_eq!(ran(&mut session, "\\set").await, "least = 1.5\none_p = 1.0\none_s = 'A'\n");
    let told = fails(&mut session, "SELECT symbol FROM stock_data \\gset").await;
    assert_eq!(told, "\\gset takes a statement of one row; this has more than one");
    ran(&mut session, "\\unset least").await;
    assert!(fails(&mut session, "SELECT :least;").await.contains("SYNTAX_ERROR"));
}

#[tokio::test]
async fn what_follows_an_error_is_never_run_unless_it_was_asked_for() {
    let lake = lake();
    let text = "SELECT 1 AS a;\nSELECT b;\nSELECT 3 AS c;";
    let mut stops = session(&lake, options()).await;
    let mut out = Vec::new();
    let error = stops.run(text, &mut out).await.unwrap_err();
    assert!(matches!(error, QueryError::Refused { .. }) && error.to_string().starts_with("statement 2: "), "{error}");
    assert_eq!(String::from_utf8(out).unwrap(), "a\n1\n");
    let mut goes_on = session(&lake, SessionOptions { keeps_going: true, ..options() }).await;
    assert_eq!(ran(&mut goes_on, text).await, "a\n1\nc\n3\n");
    assert_eq!(goes_on.errors(), 1);
    let mut out = Vec::new();
    assert_eq!(goes_on.run("SELECT 1 AS a;\n\\q\nSELECT 2;", &mut out).await.unwrap(), Flow::Quit);
    assert_eq!(String::from_utf8(out).unwrap(), "a\n1\n");
}

#[tokio::test]
async fn a_version_asked_for_is_never_left_for_a_newer_one() {
    let lake = lake();
    let count = "SELECT count(*) AS n FROM stock_data;";
    let mut follows = session(&lake, SessionOptions { follows: true, ..options() }).await;
    let mut stays = session(&lake, options()).await;
    assert_eq!(ran(&mut follows, count).await, "n\n2\n");
    lake.add(2, &[row("C", 2, 3.0, 2)], None);
    assert_eq!(ran(&mut follows, count).await, "n\n3\n");
    assert_eq!(ran(&mut stays, count).await, "n\n2\n");
    ran(&mut follows, "\\asof 1").await;
    assert_eq!(ran(&mut follows, count).await, "n\n2\n");
    ran(&mut follows, "\\asof off").await;
    lake.add(3, &[row("D", 3, 4.0, 3)], None);
    assert_eq!(ran(&mut follows, count).await, "n\n4\n");
    assert!(fails(&mut follows, "\\asof 9").await.contains("no version 9"));
    assert!(fails(&mut follows, "\\asof yesterday").await.contains("2026-01-31T12:00:00Z"));
}

#[tokio::test]
async fn a_script_that_includes_itself_never_runs_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.sql");
    std::fs::write(&file, format!("SELECT 1 AS a;\n\\i {}", file.display())).unwrap();
    let lake = lake();
    let mut session = session(&lake, options()).await;
    assert!(fails(&mut session, &format!("\\i {}", file.display())).await.contains("end the circle"));
    assert!(fails(&mut session, "\\i /no/such/file.sql").await.starts_with("/no/such/file.sql cannot be read"));
    assert_eq!(ran(&mut session, "SELECT 2 AS b;").await, "b\n2\n");
}

#[tokio::test]
async fn athena_is_never_said_to_take_what_it_refuses() {
    let lake = lake();
    let mut session = session(&lake, options()).await;
    let refused = ran(&mut session, "\\athena SELECT symbol::text\nFROM stock_data;").await;
    assert!(refused.starts_with("Athena refuses it.\nSYNTAX_ERROR: ") && refused.contains("CAST("), "{refused}");
    session.set("day", "2024-05-01").unwrap();
    let taken = ran(&mut session, "\\athena SELECT symbol FROM stock_data WHERE dt = :day;").await;
    assert_eq!(taken, "Athena takes it:\nSELECT symbol FROM stock_data WHERE dt = '2024-05-01'\n");
}

#[tokio::test]
async fn a_format_is_never_forgotten_by_the_next_statement() {
    let lake = lake();
    let mut session = session(&lake, options()).await;
    ran(&mut session, "\\pset format ndjson").await;
    assert_eq!(ran(&mut session, "SELECT 1 AS a; SELECT 2 AS b;").await, "{\"a\":1}\n{\"b\":2}\n");
    assert!(fails(&mut session, "\\pset format xml").await.contains("table, vertical, csv, tsv, json, ndjson, markdown"));
    assert!(ran(&mut session, "\\vol").await.contains("parkinson"));
    assert!(fails(&mut session, "\\vol parkinsen").await.contains("parkinson"));
}

/// A statement whose one batch takes seconds. It is of a column, so that planning does not compute it.
const LONG: &str = "SELECT reduce(sequence(1, 1000), price, (s, x) -> s + reduce(sequence(1, 1000), price, (t, y) -> t + y % x, t -> t), s -> s) FROM stock_data;";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_within_one_batch_is_never_waited_for_by_who_turned_away() {
    let lake = lake();
    let mut session = session(&lake, options()).await;
    let (began, mut out) = (Instant::now(), Vec::new());
    let run = tokio::time::timeout(Duration::from_millis(100), session.run(LONG, &mut out)).await;
    assert!(run.is_err(), "{run:?}");
    let turned = began.elapsed();
    assert_eq!(ran(&mut session, "SELECT 1 AS a;").await, "a\n1\n");
    ran(&mut session, LONG).await;
    assert!(turned * 2 < began.elapsed(), "{turned:?} of {:?}", began.elapsed());
}

#[tokio::test]
async fn what_the_lake_holds_is_never_told_but_from_its_log() {
    let lake = lake();
    lake.add(2, &[row("C", 5, 3.0, 2)], None);
    let mut session = session(&lake, options()).await;
    let tables = ran(&mut session, "\\d").await;
    assert!(tables.contains("\nstock_data,16,2,3,") && tables.contains("\nstock_data_json,16,,,,,"), "{tables}");
    assert!(ran(&mut session, "\\d stock_data").await.contains("\ndt,varchar,partition,"));
    let more = ran(&mut session, "\\d+ STOCK_DATA").await;
    assert!(more.contains("\nversion,2\n") && more.contains("\nrows,3\n") && more.contains("\nfiles,2\n"), "{more}");
    assert!(ran(&mut session, "\\dp stock_data").await.contains("\n2020-02-22,00,2,3,"));
    let history = ran(&mut session, "\\history").await;
    let versions: Vec<&str> = history.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(versions, ["2", "1", "0"], "{history}");
    assert_eq!(ran(&mut session, "\\diff 1 2").await.lines().nth(1), Some("dt=2020-02-22/hour=00,1,1,0,0"));
    assert_eq!(ran(&mut session, "\\diff 2 1").await.lines().nth(1), Some("dt=2020-02-22/hour=00,0,0,1,1"));
    assert!(fails(&mut session, "\\diff 1").await.contains("takes two versions"));
    assert!(fails(&mut session, "\\d stock_dat").await.contains("did you mean stock_data?"));
    assert!(fails(&mut session, "\\history stock_data_json").await.contains("mirrors stock_data"));
}

#[tokio::test]
async fn a_cost_is_never_far_from_what_is_read() {
    let lake = lake();
    let mut session = session(&lake, options()).await;
    for sql in [
        "SELECT * FROM stock_data",
        "SELECT symbol, avg(price) FROM stock_data WHERE size > 0 GROUP BY symbol",
        "SELECT price FROM stock_data WHERE dt >= '2020-01-01' AND hour = '00' AND symbol = 'A'",
        "SELECT 1",
    ] {
        let engine = session.refresh().await.unwrap();
        let work = engine.work(sql).await.unwrap();
        let cost = crate::cost::Cost::of(&engine, &work).await.unwrap();
        let mut result = engine.sql(sql).await.unwrap();
        while result.next().await.unwrap().is_some() {}
        let done = result.work().done();
        assert!(
            cost.bytes.abs_diff(done.bytes) * 10 <= done.bytes
                && cost.files == done.files_total
                && done.files == done.files_total,
            "{sql}: {cost:?} {done:?}"
        );
    }
    let told = ran(&mut session, "\\cost SELECT price FROM stock_data;").await;
    assert!(told.contains("of 1 file") && told.contains("billed as 10.5 MB") && told.contains("less    "), "{told}");
    let told = ran(&mut session, "\\cost SELECT price FROM stock_data WHERE dt = '1999-01-01';").await;
    assert!(told.contains("of 0 files") && !told.contains("less    "), "{told}");
    assert!(ran(&mut session, "\\plan SELECT price FROM stock_data;").await.contains("Scan stock_data: 1 file of"));
    assert!(ran(&mut session, "\\plan+ SELECT price FROM stock_data;").await.contains("[2 rows, "));
    assert!(ran(&mut session, "\\bench 3 SELECT price FROM stock_data;").await.starts_with("3 runs: median "));
}

#[tokio::test]
async fn an_answer_for_a_file_never_goes_elsewhere_nor_the_next_one_into_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a b.csv");
    let lake = lake();
    let mut session = session(&lake, options()).await;
    assert_eq!(ran(&mut session, &format!("\\o '{}'\nSELECT 1 AS a; SELECT 2 AS b;", file.display())).await, "b\n2\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a\n1\n");
    assert!(fails(&mut session, &format!("\\copy (SELECT c) TO {}", file.display())).await.contains("COLUMN_NOT_FOUND"));
    assert_eq!(ran(&mut session, "SELECT 3 AS c;").await, "c\n3\n");
    assert_eq!(ran(&mut session, &format!("\\copy stock_data to {}", file.display())).await, "");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 3);
    assert!(fails(&mut session, "\\copy stock_data").await.contains("\\copy (SELECT …) TO"));
}
