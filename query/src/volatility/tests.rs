//! The library's files: their heads, what they share, what their parameters do, over small lakes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ticklake_lake::{AsOf, Lake};

use super::{ALL, Statement, by_name};
use crate::fixture::{Row, TestLake, row};
use crate::{Dialect, Engine, EngineOptions, Format, QueryError, run_statements};

const SECOND_US: i64 = 1_000_000;
const NONE: [(&str, &str); 0] = [];

pub(super) async fn engine(lake: &TestLake) -> Engine {
    let lake = Lake::open(lake.path().to_str().unwrap()).await.unwrap();
    let options = EngineOptions { as_of: AsOf::Latest, threads: 2, dialect: Dialect::Athena, ..EngineOptions::default() };
    Engine::open(lake, options).await.unwrap()
}

/// An answer's rows as CSV, its names first.
pub(super) async fn rows(engine: &Engine, name: &str, given: &[(&str, &str)]) -> Vec<String> {
    let (text, mut out) = (by_name(name).unwrap().with(given).unwrap(), Vec::new());
    run_statements(engine, &text, Format::Csv, &mut out).await.unwrap_or_else(|e| panic!("{name} {given:?}: {e}"));
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

/// One column of an answer; `None` for NULL.
async fn column(engine: &Engine, name: &str, column: &str, given: &[(&str, &str)]) -> Vec<Option<f64>> {
    let rows = rows(engine, name, given).await;
    let at = rows[0].split(',').position(|field| field == column).unwrap_or_else(|| panic!("{column}: {}", rows[0]));
    rows[1..].iter().map(|row| row.split(',').nth(at).unwrap().parse().ok()).collect()
}

fn near(found: &[Option<f64>], expected: &[Option<f64>], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: {found:?}");
    for (found, expected) in found.iter().zip(expected) {
        let near = match (found, expected) {
            (Some(x), Some(y)) => (x - y).abs() <= 1e-12 * y.abs(),
            (x, y) => x == y,
        };
        assert!(near, "{what}: {found:?} is not {expected:?}");
    }
}

/// Every shared part of a file, by name.
fn shared(statement: &Statement) -> BTreeMap<&str, &str> {
    let parts = statement.file.split("-- shared: ").skip(1);
    parts
        .map(|part| {
            let (name, rest) = part.split_once('\n').unwrap();
            (name, rest.split_once(&format!("-- end: {name}\n")).unwrap_or_else(|| panic!("{} has no end", statement.name)).0)
        })
        .collect()
}

#[test]
fn what_two_files_share_never_differs() {
    let mut first: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for statement in ALL {
        for (name, part) in shared(statement) {
            let (other, seen) = *first.entry(name).or_insert((statement.name, part));
            assert_eq!(part, seen, "{name} of {} and {other}", statement.name);
        }
    }
    assert!(first.len() > 5, "{first:?}");
}

#[test]
fn no_file_is_left_out_nor_its_head_other_than_its_text() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("volatility");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = ALL.iter().map(|statement| format!("{}.sql", statement.name)).collect();
    assert_eq!(files.collect::<BTreeSet<_>>(), names);
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    for statement in ALL {
        let (head, text) = (statement.head().unwrap(), statement.with(&NONE).unwrap());
        for parameter in head.parameters {
            assert!(
                statement.file.matches(&format!(":{}", parameter.name)).count() > 1,
                "{}: {}",
                statement.name,
                parameter.name
            );
            let kind = parameter.kind.to_string().split(['<', '>']).next().unwrap().to_owned();
            assert_eq!(*types.entry(parameter.name.clone()).or_insert(kind.clone()), kind, "{}", parameter.name);
        }
        let body = text.lines().filter(|line| !line.starts_with("--"));
        assert!(body.clone().all(|line| !line.contains(':') || line.contains("00:00")), "{text}");
        assert!(body.clone().count() > 0 && !text.contains(';') || text.lines().all(|l| !l.contains(';') || l.starts_with("--")));
    }
}

#[test]
fn a_wrong_parameter_is_never_taken_nor_left_without_the_way_out() {
    let ewma = by_name("ewma").unwrap();
    for (given, told) in [
        (vec![("lamda", "0.9")], "ewma has no parameter \"lamda\"; did you mean lambda? it has table, symbol,"),
        (vec![("lambda", "1")], "\"1\" is no value of lambda of ewma; give a number >= 0.001 and < 1"),
        (vec![("bar", "1x")], "\"1x\" is no value of bar of ewma; give a length of time"),
        (vec![("bar", "1d"), ("bar", "1d")], "parameter bar of ewma is given twice; give it once"),
    ] {
        let error = ewma.with(&given).unwrap_err();
        assert!(matches!(&error, QueryError::Sql(why) if why.starts_with(told)), "{error}");
    }
    assert!(by_name("parkinsn").unwrap_err().to_string().ends_with("did you mean parkinson?"));
    // A value is a value, even if it looks like a name of ours or like SQL.
    let text = ewma.with(&[("symbol", ":bar' OR ':to"), ("window", "7")]).unwrap();
    assert!(text.contains("symbol = ':bar'' OR '':to')") && text.contains(">= 7, sqrt"), "{text}");
}

/// Two symbols over three hours, one of them rarely.
fn ticks() -> Vec<Row> {
    let price = |n: i64| 100.0 + f64::from(i32::try_from(n * n * 7 % 23).unwrap()) / 8.0;
    let often = (0..300).map(|n| row("OFT", n * 30 * SECOND_US, price(n), n));
    let rarely = [0, 2_000, 6_500, 9_000].into_iter().enumerate().map(|(n, s)| {
        let n = i64::try_from(n).unwrap();
        row("RARE", s * SECOND_US + 1, price(n + 3), 1000 + n)
    });
    often.chain(rarely).collect()
}

fn lake_of(rows: &[Row]) -> TestLake {
    let lake = TestLake::new();
    let hour_us = 3600 * SECOND_US;
    let mut hours: BTreeMap<i64, Vec<Row>> = BTreeMap::new();
    for row in rows {
        hours.entry(row.time_us.div_euclid(hour_us)).or_default().push(row.clone());
    }
    for (version, rows) in (1..).zip(hours.values()) {
        let name = lake.add(version, rows, None);
        lake.mirror(&name, rows);
    }
    lake
}

#[tokio::test]
async fn no_statement_answers_otherwise_over_the_mirror_nor_fails_on_an_empty_lake() {
    let (some, none) = (lake_of(&ticks()), TestLake::new());
    none.create(ticklake_lake::layout::Table::DeadLetters);
    some.create(ticklake_lake::layout::Table::DeadLetters);
    let (some, none) = (engine(&some).await, engine(&none).await);
    for statement in ALL {
        let head = statement.head().unwrap();
        let short = [("bar", "1m"), ("window", "3"), ("period", "1h"), ("interval", "1s"), ("subgrids", "5")];
        let mut given: Vec<_> = short.into_iter().filter(|(name, _)| head.parameters.iter().any(|p| p.name == *name)).collect();
        assert_eq!(rows(&none, statement.name, &given).await.len(), 1, "{}", statement.name);
        let answer = rows(&some, statement.name, &given).await;
        assert!(answer.len() > 1, "{}", statement.name);
        if !head.parameters.is_empty() {
            given.push(("table", "stock_data_json"));
            assert_eq!(rows(&some, statement.name, &given).await, answer, "{}", statement.name);
        }
    }
}

#[tokio::test]
async fn an_interval_without_ticks_never_drops_out_of_the_samples() {
    // One price until the last tick of the hour: 2,499 returns of nothing, one of something; nothing is beside something once.
    let lake = lake_of(&[row("A", 0, 100.0, 0), row("A", 2_499 * SECOND_US, 110.0, 1), row("A", 2_499 * SECOND_US, 121.0, 2)]);
    let (engine, given) = (engine(&lake).await, [("period", "1h"), ("interval", "1s"), ("periods_per_year", "1")]);
    let r = (1.21_f64).ln();
    assert_eq!(column(&engine, "realised_variance_calendar", "observations", &given).await, [Some(2500.0)]);
    near(&column(&engine, "realised_variance_calendar", "variance", &given).await, &[Some(r * r)], "calendar");
    assert_eq!(column(&engine, "bipower", "variance", &given).await, [Some(0.0)]);
    let ticks = [("period", "1h"), ("periods_per_year", "1")];
    near(&column(&engine, "realised_variance_ticks", "variance", &ticks).await, &[Some(2.0 * 1.1_f64.ln().powi(2))], "ticks");
}

#[tokio::test]
async fn a_price_of_zero_is_never_part_of_a_figure() {
    let day = 86_400 * SECOND_US;
    let prices = [[100.0, 110.0], [110.0, 121.0], [0.0, 133.1], [133.1, 146.41]];
    let ticks = prices
        .iter()
        .zip(0..)
        .flat_map(|(pair, n)| [row("A", n * day, pair[0], 2 * n), row("A", n * day + SECOND_US, pair[1], 2 * n + 1)]);
    let lake = lake_of(&ticks.collect::<Vec<_>>());
    let engine = engine(&lake).await;
    let year = [("window", "2"), ("min_observations", "1"), ("periods_per_year", "1")];
    let with = |more: &[(&'static str, &'static str)]| [&year[..], more].concat();
    let r = 1.1_f64.ln();
    // Left out: the third day is what is left of it.
    near(
        &column(&engine, "close_to_close_zero_mean", "volatility", &with(&[])).await,
        &[None, Some(r), Some(r), Some(r)],
        "skipped",
    );
    // Not left out: the third day has no prices, and no day has a return to or from it.
    let kept = with(&[("skip_zero_prices", "false")]);
    near(&column(&engine, "close_to_close_zero_mean", "volatility", &kept).await, &[None, Some(r), Some(r), None], "kept");
    let strict = [("window", "2"), ("periods_per_year", "1"), ("skip_zero_prices", "false")];
    assert_eq!(column(&engine, "close_to_close_zero_mean", "volatility", &strict).await, [None; 4], "two are wanted");
    // Without the gap before the open, a day stands for itself.
    let alone = with(&[("overnight", "false"), ("window", "1"), ("skip_zero_prices", "false")]);
    let alone: Vec<_> = alone.into_iter().filter(|pair| *pair != ("window", "2")).collect();
    near(&column(&engine, "close_to_close_zero_mean", "volatility", &alone).await, &[Some(r), Some(r), None, Some(r)], "alone");
}

#[tokio::test]
async fn no_tick_beyond_from_and_to_is_taken_nor_one_within_left_out() {
    let day = 86_400 * SECOND_US;
    let at = [0, 1, day - 1, day, 2 * day - 1, 2 * day];
    let lake = lake_of(&at.iter().zip(0..).map(|(us, n)| row("A", *us, 5.0, n)).collect::<Vec<_>>());
    let engine = engine(&lake).await;
    for (from, to, ticks) in [
        ("2020-02-22", "2020-02-23", 3.0),
        ("2020-02-22T00:00:00.001Z", "2020-02-24", 3.0),
        ("2020-02-23", "2020-02-24T00:00:00.001Z", 3.0),
        ("2020-02-22T23:59:59.999Z", "2020-02-23T00:00:00.001Z", 2.0),
    ] {
        let given = [("from", from), ("to", to), ("min_observations", "1")];
        assert_eq!(column(&engine, "top_movers", "ticks", &given).await, [Some(ticks)], "{from} {to}");
    }
}

#[tokio::test]
async fn smoothing_never_loses_what_lies_blocks_back() {
    // More bars than a block holds, and a weight of the past that would overflow over all of them at once.
    let prices: Vec<f64> = (0..700).map(|n: i32| 100.0 + f64::from(n * n % 17)).collect();
    let ticks: Vec<Row> = prices.iter().zip(0..).map(|(price, n)| row("A", n * SECOND_US, *price, n)).collect();
    let lake = lake_of(&ticks);
    let engine = engine(&lake).await;
    for (lambda, window) in [(0.94, 74_usize), (0.05, 1)] {
        let squares: Vec<f64> = prices.windows(2).map(|pair| (pair[1] / pair[0]).ln().powi(2)).collect();
        let mut variance = squares[..window].iter().sum::<f64>() / window as f64;
        let mut expected = vec![None; window];
        expected.push(Some(variance.sqrt()));
        for square in &squares[window..] {
            variance = lambda * variance + (1.0 - lambda) * square;
            expected.push(Some(variance.sqrt()));
        }
        let (lambda, window) = (lambda.to_string(), window.to_string());
        let given = [("lambda", lambda.as_str()), ("window", &window), ("bar", "1s"), ("periods_per_year", "1")];
        near(&column(&engine, "ewma", "volatility", &given).await, &expected, "ewma");
    }
}
