//! Dead letters over small lakes written by hand, old files among them; and a lake that an older ticklake wrote.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, StringArray};
use serde_json::json;
use ticklake_lake::layout::Table;
use ticklake_lake::{AsOf, Lake};
use ticklake_schemas::RejectClass;

use crate::dead_letters::{Letter, Letters, Selection, origins_of_letters, origins_of_ticks};
use crate::fixture::{TestLake, batch, row};
use crate::{Engine, EngineOptions, Format, run_statements};

const HEADERS: &str = r#"[["trace","AP8="],["ticklake-dead-letter","c3RvY2tfbGl2ZV9mZWVkLzAvMQ=="]]"#;

async fn csv(engine: &Engine, sql: &str) -> Vec<String> {
    let mut out = Vec::new();
    run_statements(engine, sql, Format::Csv, &mut out).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    String::from_utf8(out).unwrap().lines().skip(1).map(str::to_owned).collect()
}

async fn letters(engine: &Engine, selection: &Selection) -> Vec<Letter> {
    let mut reading = Letters::read(engine, selection).await.unwrap();
    let mut all = Vec::new();
    while let Some(batch) = reading.next().await.unwrap() {
        all.extend(batch);
    }
    all
}

fn lake() -> TestLake {
    let lake = TestLake::new();
    lake.create(Table::DeadLetters);
    lake.add_dead(1, &[1, 2]);
    lake.add_dead_with_headers(2, &[3], HEADERS);
    lake
}

#[tokio::test]
async fn a_file_older_than_a_column_is_null_there_whatever_is_asked() {
    let lake = lake();
    let engine = lake.lenient().await;
    for (sql, rows) in [
        ("SELECT COUNT(*), COUNT(headers), COUNT(DISTINCT headers) FROM dead_letters", vec!["3,1,1"]),
        ("SELECT kafka_offset FROM dead_letters WHERE headers IS NULL ORDER BY kafka_offset", vec!["1", "2"]),
        ("SELECT kafka_offset FROM dead_letters WHERE headers IS NOT NULL", vec!["3"]),
        ("SELECT kafka_offset FROM dead_letters WHERE headers LIKE '%trace%'", vec!["3"]),
        ("SELECT kafka_offset FROM dead_letters WHERE COALESCE(headers, 'none') = 'none' ORDER BY 1", vec!["1", "2"]),
        ("SELECT COUNT(*) FROM dead_letters GROUP BY headers ORDER BY 1", vec!["1", "2"]),
        ("SELECT LENGTH(MIN(headers)) FROM dead_letters", vec!["74"]),
        ("SELECT headers FROM dead_letters WHERE kafka_offset = 1", vec![""]),
    ] {
        assert_eq!(csv(&engine, sql).await, rows, "{sql}");
    }
}

#[tokio::test]
async fn an_older_version_has_every_column_of_today() {
    let lake = lake();
    lake.add(1, &[row("A", 0, 1.0, 0)], None);
    let dead = std::fs::File::open(lake.path().join("dead_letters/_delta_log/00000000000000000002.json")).unwrap();
    dead.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1 << 33)).unwrap();
    let before = lake.engine(AsOf::Version(1)).await;
    assert_eq!(csv(&before, "SELECT kafka_offset, headers FROM dead_letters ORDER BY 1").await, ["1,", "2,"]);
}

#[tokio::test]
async fn a_letter_reads_back_with_its_bytes_and_first_place() {
    let lake = lake();
    let engine = lake.lenient().await;
    let all = letters(&engine, &Selection::default()).await;
    assert_eq!(all.iter().map(|l| l.offset).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(
        all.iter().map(Letter::origin).collect::<Vec<_>>(),
        ["stock_live_feed/0/1", "stock_live_feed/0/2", "stock_live_feed/0/1"]
    );
    let last = &all[2];
    assert_eq!((last.key.as_deref(), last.payload.as_deref()), (Some(b"key".as_slice()), Some(b"{}".as_slice())));
    assert_eq!((last.headers[0].name.as_str(), last.headers[0].value.as_deref()), ("trace", Some(b"\x00\xff".as_slice())));
    assert_eq!(last.time.as_deref(), Some("2020-02-22 00:00:00.000"));
}

#[tokio::test]
async fn a_letter_that_was_sent_back_and_rejected_again_is_found_and_no_other_is() {
    let lake = lake();
    lake.add_dead_with_headers(3, &[4], r#"[["note","dGlja2xha2UtZGVhZC1sZXR0ZXI="],["x-ticklake-dead-letter",null]]"#);
    let engine = lake.lenient().await;
    let found: Vec<_> = origins_of_letters(&engine).await.unwrap().into_iter().collect();
    assert_eq!(found, [("stock_live_feed/0/1".to_owned(), [(0, 3)].into())]);
}

#[tokio::test]
async fn a_selection_never_selects_more_or_runs_what_it_is_given() {
    let lake = lake();
    let engine = lake.lenient().await;
    let day_ms = 1_582_329_600_000;
    let class = |c| Selection { classes: vec![c], ..Selection::default() };
    let source = |s: &str| Selection { source: Some(s.into()), ..Selection::default() };
    for (selection, found) in [
        (class(RejectClass::MalformedJson), 3),
        (class(RejectClass::InvalidPrice), 0),
        (source("stock_live_feed"), 3),
        (source("x' OR 'a' = 'a"), 0),
        (Selection { since_ms: Some(day_ms), ..Selection::default() }, 3),
        (Selection { since_ms: Some(day_ms + 1), ..Selection::default() }, 0),
        (Selection { place: Some((0, 2)), ..Selection::default() }, 1),
    ] {
        assert_eq!(letters(&engine, &selection).await.len(), found, "{selection:?}");
        let counted: i64 =
            csv(&engine, &selection.counts()).await.iter().map(|r| r.rsplit_once(',').unwrap().1.parse::<i64>().unwrap()).sum();
        assert_eq!(usize::try_from(counted).unwrap(), found, "{selection:?}");
    }
    assert_eq!(csv(&engine, &Selection::default().newest(2)).await.len(), 2);
}

#[tokio::test]
async fn a_dead_letter_that_became_a_tick_is_found_and_no_other_is() {
    let lake = lake();
    lake.add(1, &[row("A", 0, 1.0, 0)], None);
    let rows = [row("A", 1, 1.0, 1), row("A", 2, 1.0, 2), row("A", 3, 1.0, 3)];
    let plain = batch(&rows);
    let at = plain.schema().index_of("extra").unwrap();
    let mut columns = plain.columns().to_vec();
    let extras = [
        Some(r#"{"venue":"ticklake-dead-letter"}"#),
        Some(r#"{"note":"\"ticklake-dead-letter\":\"no\"","ticklake-dead-letter":"stock_live_feed/0/\"1"}"#),
        None,
    ];
    columns[at] = Arc::new(StringArray::from_iter(extras));
    let rows = RecordBatch::try_new(plain.schema(), columns).unwrap();
    lake.add_batch(2, crate::fixture::DAY_US, &rows, json!({"numRecords": 3, "nullCount": {"extra": 1}}));
    let engine = lake.lenient().await;
    assert_eq!(origins_of_ticks(&engine).await.unwrap().into_iter().collect::<Vec<_>>(), ["stock_live_feed/0/\"1"]);
}

/// A copy of the lake that ticklake 0.1.0 wrote under version 1 of both contracts.
fn old_lake() -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
            if from.is_dir() { copy(&from, &to) } else { std::fs::copy(&from, &to).map(|_| ()).unwrap() }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../lake/tests/lake_of_contract_1"), dir.path());
    dir
}

#[tokio::test]
async fn a_lake_of_an_older_ticklake_is_never_unreadable() {
    let dir = old_lake();
    let lake = Lake::open(dir.path().to_str().unwrap()).await.unwrap();
    let engine = Engine::open(lake, EngineOptions::for_programs()).await.unwrap();
    let (ticks, dead) =
        ("SELECT COUNT(*), COUNT(exchange) FROM stock_data", "SELECT class, headers FROM dead_letters ORDER BY 1");
    assert_eq!(csv(&engine, ticks).await, ["4,1"]);
    assert_eq!(csv(&engine, dead).await, ["invalid_price,", "malformed_json,", "tombstone,"]);
    assert_eq!(csv(&engine, crate::volatility::by_name("audit").unwrap().file).await.len(), 1);
}
