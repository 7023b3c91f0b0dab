//! What the metrics' text and its documentation may never say.

use std::collections::{BTreeMap, BTreeSet};

use ticklake_lake::layout::Table;
use ticklake_lake::tally::{Request, Service, Step};
use ticklake_lake::window::{FlushReason, Window};

use super::*;
use crate::landing::Landing;
use crate::progress::{InMemory, Stage};

const NOW_NS: i64 = 1_700_000_100_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// A scrape in which every metric has a value.
fn full() -> Scrape {
    let spread = Histogram::new(&[1.0]);
    let request = |service| (Request { service, operation: "put", status: "ok" }, spread.clone());
    let lake = Counts {
        requests: BTreeMap::from([request(Service::ObjectStore), request(Service::Glue)]),
        steps: BTreeMap::from([(Step::Commit, spread.clone())]),
        files: BTreeMap::from([(Table::StockData, spread.clone())]),
        conflicts: BTreeMap::new(),
        held: BTreeMap::from([(Step::Encode, 13), (Step::Upload, 14)]),
    };
    let landed = Landing {
        ends: Cursors::from([(3, 40)]),
        newest_event_ns: Some(NOW_NS + SECOND_NS),
        newest_kafka_ns: Some(NOW_NS - SECOND_NS),
        ..Landing::default()
    };
    let standing = Standing {
        cursors: Cursors::from([(3, 50), (4, 7)]),
        landed,
        flushes: BTreeMap::from([("age", 2)]),
        closed: BTreeMap::from([(1, InMemory { stage: Stage::Waiting, since_ns: NOW_NS - 2 * SECOND_NS, bytes: 9 })]),
        filling: Some(InMemory { stage: Stage::Filling, since_ns: NOW_NS - SECOND_NS, bytes: 7 }),
        memory_max: Some(10),
        ..Standing::default()
    };
    Scrape {
        now_ns: NOW_NS,
        ready: true,
        consumed: 1,
        consumed_bytes: 2,
        committed: 3,
        commits: 4,
        files: 5,
        bytes: 6,
        overlaps: 7,
        fetched: 11,
        decoding: 12,
        standing,
        lake,
        ends: Cursors::from([(3, 55)]),
    }
}

fn text(scrape: Scrape) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(scrape));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    text
}

/// Name as scraped, kind, labels, meaning.
type Row = (String, String, String, String);

fn rows() -> Vec<Row> {
    let row = |f: &families::Family| {
        let suffix = if f.kind.as_str() == "counter" { "_total" } else { "" };
        let labels: Vec<String> = f.labels.iter().map(|label| format!("`{label}`")).collect();
        (format!("{}{suffix}", f.name), f.kind.as_str().to_owned(), labels.join(", "), f.help.to_owned())
    };
    FAMILIES.iter().map(row).collect()
}

#[test]
fn the_documentation_never_says_anything_else_than_the_registry() {
    let page = include_str!("../../../docs/metrics.md");
    let documented: Vec<Row> = page
        .lines()
        .filter(|line| line.starts_with("| `ticklake_"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let cell = |at: usize| cells.get(at).copied().unwrap_or_default().to_owned();
            (cell(0).trim_matches('`').to_owned(), cell(1), cell(2), cell(3))
        })
        .collect();
    assert_eq!(documented, rows());
}

#[test]
fn names_never_break_the_conventions() {
    let names: BTreeSet<&str> = FAMILIES.iter().map(|f| f.name).collect();
    assert_eq!(names.len(), FAMILIES.len(), "no name twice");
    for family in FAMILIES {
        let name = family.name;
        assert!(name.starts_with("ticklake_") && !name.ends_with("_total") && !name.contains("milli"), "{name}");
        let base_unit = ["_seconds", "_bytes"].iter().any(|unit| name.ends_with(unit));
        assert!(family.kind.as_str() != "histogram" || base_unit, "{name}");
        assert!(family.help.ends_with('.') && !family.help.contains('|'), "{name}");
    }
}

#[test]
fn no_metric_is_missing_from_the_text_or_in_it_under_another_kind() {
    let text = text(full());
    let typed: Vec<String> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(str::to_owned).collect();
    let expected: Vec<String> = FAMILIES.iter().map(|f| format!("{} {}", f.name, f.kind.as_str())).collect();
    assert_eq!(typed, expected);
    assert!(text.ends_with("# EOF\n"));
    for sample in [
        "ticklake_ready 1.0",
        "ticklake_assigned_partitions 2.0",
        "ticklake_consumer_lag_offsets{partition=\"3\"} 5.0",
        "ticklake_buffered_lag_offsets{partition=\"3\"} 10.0",
        "ticklake_durable_lag_offsets{partition=\"3\"} 15.0",
        "ticklake_freshness_seconds{time=\"event\"} -1.0",
        "ticklake_freshness_seconds{time=\"kafka\"} 1.0",
        "ticklake_uncommitted_age_seconds 2.0",
        "ticklake_consumed_messages_total 1",
        "ticklake_dead_letters_total{class=\"tombstone\"} 0",
        "ticklake_commit_conflicts_total{outcome=\"overlap\"} 7",
        "ticklake_window_flushes_total{reason=\"age\"} 2",
        "ticklake_window_flushes_total{reason=\"gone\"} 0",
        "ticklake_memory_used_bytes{stage=\"fetch_queue\"} 11.0",
        "ticklake_memory_used_bytes{stage=\"decoding\"} 12.0",
        "ticklake_memory_used_bytes{stage=\"encoding\"} 13.0",
        "ticklake_memory_used_bytes{stage=\"uploading\"} 14.0",
        "ticklake_memory_used_bytes{stage=\"filling\"} 7.0",
        "ticklake_memory_used_bytes{stage=\"waiting\"} 9.0",
        "ticklake_memory_used_bytes{stage=\"publishing\"} 0.0",
        "ticklake_tick_lateness_seconds_bucket{le=\"60.0\"} 0",
        "ticklake_glue_request_duration_seconds_count{operation=\"put\",status=\"ok\"} 0",
    ] {
        assert!(text.lines().any(|line| line == sample), "{sample} is not in\n{text}");
    }
}

#[test]
fn a_lag_nobody_told_is_never_guessed() {
    let text = text(full());
    assert!(!text.contains("lag_offsets{partition=\"4\"}"), "{text}");
}

#[test]
fn a_partition_another_process_went_on_with_never_lags_below_zero() {
    let mut scrape = full();
    scrape.standing.landed.ends = Cursors::from([(3, 60)]);
    let text = text(scrape);
    assert!(text.contains("ticklake_buffered_lag_offsets{partition=\"3\"} 0.0"), "{text}");
}

#[test]
fn a_process_is_never_ready_without_partitions_or_while_commits_stand_still() {
    let progress = Arc::new(Progress::default());
    let metrics = Metrics::new(Arc::clone(&progress), Arc::default(), Duration::from_secs(10));
    assert!(metrics.readiness(NOW_NS).unwrap_err().contains("no partition"));
    progress.gathered(&Cursors::from([(0, 1)]), &Window::open(NOW_NS));
    assert_eq!(metrics.readiness(NOW_NS + 1000 * SECOND_NS), Ok(()), "an idle feed is no fault");
    let window = Window::open(NOW_NS).close();
    let held = progress.hold(&window);
    let late = |metrics: &Metrics| metrics.readiness(NOW_NS + 51 * SECOND_NS).unwrap_err();
    assert_eq!(metrics.readiness(NOW_NS + 50 * SECOND_NS), Ok(()));
    assert!(late(&metrics).contains("waited 51 s"), "one that waits for the publisher is no younger");
    held.publishing();
    assert!(late(&metrics).contains("waited 51 s"));
    drop(held);
    assert_eq!(metrics.readiness(NOW_NS + 51 * SECOND_NS), Ok(()), "committed or dropped");
    progress.flushed(FlushReason::Revoke);
    assert!(metrics.text(NOW_NS).contains("ticklake_window_flushes_total{reason=\"revoke\"} 1"));
}
