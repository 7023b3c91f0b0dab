//! The estimators of daily bars against figures computed elsewhere, over the Nasdaq index.

use super::tests::{engine, rows};
use crate::fixture::{DAY_US, Row, TestLake, row};

const NASDAQ: &str = include_str!("../../tests/volatility/nasdaq_daily.csv");
/// 2020-02-22, where the fixture's ticks begin, and noon.
const FIXTURE_DAY: i64 = 18_314;
const DAY: i64 = 86_400_000_000;
const NOON: i64 = DAY / 2;

/// A day of the file: how many days after 1970, and its open, high, low and close.
fn day(line: &str) -> (i64, [f64; 4]) {
    let fields: Vec<&str> = line.split(',').collect();
    let date = chrono::NaiveDate::parse_from_str(fields[0], "%m/%d/%Y").unwrap();
    let since = date.signed_duration_since(chrono::NaiveDate::default()).num_days();
    (since, std::array::from_fn(|n| fields[n + 1].parse().unwrap()))
}

/// Every day as four ticks, a minute apart.
fn lake() -> TestLake {
    let lake = TestLake::new();
    assert_eq!(FIXTURE_DAY * DAY, DAY_US);
    for (version, (since, prices)) in (1..).zip(NASDAQ.lines().skip(1).map(day)) {
        let noon = (since - FIXTURE_DAY) * DAY + NOON;
        let ticks = prices.iter().zip(0..).map(|(price, n)| row("IXIC", noon + n * 60_000_000, *price, n));
        lake.add(version, &ticks.collect::<Vec<Row>>(), None);
    }
    lake
}

#[tokio::test]
async fn no_estimator_differs_from_what_others_compute_of_the_same_days() {
    let lake = lake();
    let engine = engine(&lake).await;
    for (name, column, expected) in [
        ("close_to_close", 3, 0.346_309_932_018_892),
        ("parkinson", 3, 0.282_382_625_798_857),
        ("garman_klass", 3, 0.266_386_068_931_610),
        ("rogers_satchell", 3, 0.255_304_750_037_990),
        ("gk_yz", 3, 0.312_372_274_154_924),
        ("yang_zhang", 3, 0.312_418_458_165_439),
        ("atr", 3, 188.445_321_255_09),
    ] {
        let answer = rows(&engine, name, &[("symbol", "IXIC")]).await;
        let last: Vec<&str> = answer.last().unwrap().split(',').collect();
        assert_eq!((answer.len(), last[1]), (601, "2018-12-31 00:00:00.000"), "{name}");
        let found: f64 = last[column].parse().unwrap();
        assert!(((found - expected) / expected).abs() <= 1e-12, "{name}: {found} is not {expected}");
    }
}
