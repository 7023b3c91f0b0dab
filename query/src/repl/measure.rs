//! What is told of statements: `\cost`, `\athena`, `\bench`.
//!
//! Owns: telling what is read and what it costs, what Athena says, times of repeated runs.
//! Does not own: the estimate (`cost`), running (`engine`).
//! Invariant: `\cost` runs nothing; `\bench` writes no answer.

use std::time::{Duration, Instant};

use crate::athena::{self, Severity};
use crate::cost::Cost;
use crate::told::{bytes, counted, time};
use crate::{Engine, QueryError};

/// Nobody waits for more runs.
const RUNS_MAX: usize = 100_000;

/// What a statement reads and costs.
pub(super) async fn cost(engine: &Engine, sql: &str) -> Result<String, QueryError> {
    let cost = Cost::of(engine, &engine.work(sql).await?).await?;
    let least = if cost.bytes_billed() > cost.bytes { ", the least that is billed" } else { "" };
    let mut text = format!(
        "here    reads {} of {} ({} with all columns)\nAthena  scans {}, billed as {}{least}: {:.6} $ at 5 $ a TB\n",
        bytes(cost.bytes),
        counted(cost.files, "file"),
        bytes(cost.bytes_whole),
        bytes(cost.bytes),
        bytes(cost.bytes_billed()),
        cost.dollars(),
    );
    let (_, findings) = athena::lint(sql);
    for finding in findings.iter().filter(|finding| finding.severity == Severity::Warning && finding.name == athena::FULL_SCAN) {
        text.push_str(&format!("less    {}\n", finding.message));
    }
    Ok(text)
}

/// What Athena says of a statement; of one that it takes, the text to paste.
pub(super) fn of_athena(sql: &str) -> String {
    let (_, findings) = athena::lint(sql);
    let told = |finding: &athena::Finding| {
        let rewrite = finding.rewrite.as_ref().map_or_else(String::new, |rewrite| format!("    {rewrite}\n"));
        format!("{}: {}\n{}\n{rewrite}", finding.name, finding.message, finding.excerpt(sql))
    };
    let told: String = findings.iter().map(told).collect();
    let is_refused = findings.iter().any(|finding| finding.severity == athena::Severity::Error);
    if is_refused { format!("Athena refuses it.\n{told}") } else { format!("{told}Athena takes it:\n{sql}\n") }
}

/// Runs a statement so many times: `N SQL`.
pub(super) async fn bench(engine: &Engine, words: (usize, &str)) -> Result<String, QueryError> {
    let (runs, sql) = words;
    let (mut times, mut rows, mut done) = (Vec::new(), 0, crate::Done::default());
    for _ in 0..runs {
        let began = Instant::now();
        let mut result = engine.sql(sql).await?;
        let work = result.work().clone();
        rows = 0;
        while let Some(batch) = result.next().await? {
            rows += batch.num_rows() as u64;
        }
        times.push(began.elapsed());
        done = work.done();
    }
    times.sort_unstable();
    let read = if done.files_total == 0 {
        String::new()
    } else {
        format!(", {} of {} read", bytes(done.bytes), counted(done.files_total, "file"))
    };
    Ok(format!(
        "{}: median {}, p95 {}, least {}, most {}; {}{read}\n",
        counted(runs as u64, "run"),
        time(of_rank(&times, 50)),
        time(of_rank(&times, 95)),
        time(of_rank(&times, 0)),
        time(of_rank(&times, 100)),
        counted(rows, "row"),
    ))
}

/// The number that stands before a statement.
pub(super) fn number_and_sql<'a>(command: &str, rest: &'a str, what: &str) -> Result<(usize, &'a str), QueryError> {
    let wrong = || QueryError::Sql(format!("{command} takes {what} and a statement, such as {command} 10 SELECT 1;"));
    let (number, sql) = rest.split_once(char::is_whitespace).ok_or_else(wrong)?;
    let number = number.parse().ok().filter(|number| (1..=RUNS_MAX).contains(number)).ok_or_else(wrong)?;
    Ok((number, sql.trim()))
}

/// The time that so many percent of the runs do not exceed (nearest rank).
fn of_rank(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_never_of_no_run() {
        let times: Vec<Duration> = (1..=20).map(Duration::from_secs).collect();
        assert_eq!([0, 50, 95, 100].map(|percent| of_rank(&times, percent).as_secs()), [1, 10, 19, 20]);
        assert_eq!([0, 50, 95, 100].map(|percent| of_rank(&times[..1], percent).as_secs()), [1, 1, 1, 1]);
    }

    #[test]
    fn a_number_is_never_guessed() {
        assert_eq!(number_and_sql("\\bench", "3 SELECT 1", "a number of runs").unwrap(), (3, "SELECT 1"));
        for wrong in ["SELECT 1", "0 SELECT 1", "3", "-1 SELECT 1", "999999999 SELECT 1"] {
            assert!(number_and_sql("\\bench", wrong, "a number of runs").is_err(), "{wrong}");
        }
    }
}
