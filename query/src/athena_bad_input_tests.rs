//! Statements that nobody should write, in Athena's dialect: each gives an answer or one error, on the stack of a test's thread.

use crate::fixture::{TestLake, row};
use crate::{Dialect, Engine, EngineOptions, Format, QueryError, run_statements};

async fn engine() -> (TestLake, Engine) {
    let lake = TestLake::new();
    let rows: Vec<_> = (0..50).map(|n| row("A", n, 1.0, n)).collect();
    lake.add(1, &rows, None);
    let engine = lake.engine_with(EngineOptions { threads: 2, dialect: Dialect::Athena, ..EngineOptions::default() }).await;
    (lake, engine)
}

async fn answer(engine: &Engine, sql: &str) -> Result<String, String> {
    let mut out = Vec::new();
    match run_statements(engine, sql, Format::Csv, &mut out).await {
        Ok(_) => Ok(String::from_utf8(out).unwrap().lines().skip(1).collect::<Vec<_>>().join("/")),
        Err(error) => {
            let told = error.to_string();
            assert!(!matches!(error, QueryError::Internal(_)) && !told.contains("GENERIC_INTERNAL"), "{told}");
            assert!(!told.is_empty() && !told.contains('\n') && told.chars().count() < 1200, "{told}");
            Err(told)
        }
    }
}

fn nested(open: &str, inner: &str, close: &str, levels: usize) -> String {
    format!("SELECT {}{inner}{}", open.repeat(levels), close.repeat(levels))
}

fn chained(first: &str, op: &str, term: impl Fn(usize) -> String, terms: usize) -> String {
    format!("{first} {}", (0..terms).map(term).collect::<Vec<_>>().join(op))
}

#[tokio::test]
async fn a_deep_statement_is_answered_or_refused_and_never_overflows_the_stack() {
    let (_lake, engine) = engine().await;
    for (open, inner, close, answer_of_500) in [
        ("(", "1", ")", Some("1")),
        ("abs(", "1", ")", Some("1")),
        ("abs(", "CAST(NULL AS bigint)", ")", Some("")),
        ("1 + (", "1 / 0", ")", None),
        ("nullif(2, ", "1 / 0", ")", None),
        ("1 IN (2, ", "1 / 0", ")", None),
        ("true OR (", "1 / 0 = 1", ")", Some("true")),
        ("greatest(1, ", "price / 0", ") FROM stock_data", None),
        ("CASE WHEN true THEN ", "1", " END", Some("1")),
        ("max(CASE WHEN price > 0 THEN ", "1", " END) FROM stock_data", None),
        ("coalesce(NULL, ", "1", ")", Some("1")),
        ("if(true, ", "1", ")", Some("1")),
        ("try(", "1", ")", Some("1")),
        ("cast(", "1", " AS varchar)", Some("1")),
        ("ROW(", "1", ")", None),
        ("ARRAY[", "1", "]", None),
        ("map(ARRAY[1], ARRAY[", "1", "])", None),
        ("transform(ARRAY[1], x -> ", "1", ")", None),
        ("max(", "1", ")", None),
        ("sum(", "1", ") OVER ()", None),
        ("(SELECT ", "1", ")", None),
        ("* FROM (SELECT ", "* FROM stock_data", ")", None),
        ("1 WHERE EXISTS (SELECT ", "1", ")", None),
        ("1 WHERE 1 IN (SELECT ", "1", ")", None),
        ("* FROM (SELECT count(*) AS x FROM (SELECT ", "1 AS x", "))", None),
        ("CAST(NULL AS array(", "bigint", "))", None),
        ("CAST(NULL AS row(a ", "bigint", "))", None),
        ("NOT ", "true", "", Some("true")),
        ("- ", "1", "", Some("1")),
        ("regexp_like('a', '", "a", "')", None),
    ] {
        for levels in [40, 500, 100_000] {
            let answer = answer(&engine, &nested(open, inner, close, levels)).await;
            if let (500, Some(expected)) = (levels, answer_of_500) {
                assert_eq!(answer.as_deref(), Ok(expected), "{open}");
            }
            assert!(levels < 100_000 || answer.is_err(), "{open}");
        }
    }
    let deep = answer(&engine, &nested("(", "1", ")", 100_000)).await.unwrap_err();
    assert!(deep.contains("SYNTAX_ERROR: line 1:") && deep.contains("statement is too large"), "{deep}");
    let text = format!("SELECT json_parse('{}1{}')", "[".repeat(100_000), "]".repeat(100_000));
    assert!(answer(&engine, &text).await.unwrap_err().contains("INVALID_FUNCTION_ARGUMENT"));
}

#[tokio::test]
async fn a_long_statement_is_never_too_much() {
    let (_lake, engine) = engine().await;
    let count = "SELECT count(*) FROM stock_data WHERE";
    let list = |what: &str, item: &dyn Fn(usize) -> String, items: usize| {
        format!("{count} {what} IN ({})", (0..items).map(item).collect::<Vec<_>>().join(", "))
    };
    for (sql, expected) in [
        (chained(count, " OR ", |n| format!("kafka_offset = {n}"), 10_000), "50"),
        (chained(count, " OR ", |n| format!("price = {n}"), 10_000), "50"),
        (chained(count, " OR ", |n| format!("symbol = 'S{n}'"), 10_000), "0"),
        (chained(count, " OR ", |n| format!("(kafka_offset = {n} AND symbol = 'A')"), 10_000), "50"),
        (chained(count, " AND ", |n| format!("kafka_offset <> {n}"), 10_000), "0"),
        (chained(count, " AND ", |n| format!("price <> {n} + 2"), 10_000), "50"),
        (chained("SELECT", " + ", |_| "1".into(), 1000), "1000"),
        (chained("SELECT length(", " || ", |_| "'a'".into(), 1000) + ")", "1000"),
        (chained("SELECT max(", " + ", |_| "price".into(), 500) + ") FROM stock_data", "500.0"),
        (list("kafka_offset", &|n| n.to_string(), 100_000), "50"),
        (list("price", &|n| format!("{n}e0"), 100_000), "50"),
        (list("symbol", &|n| format!("'S{n}'"), 100_000), "0"),
        (format!("SELECT length('{}')", "x".repeat(1 << 20)), "1048576"),
        (format!("{count} symbol = '{}'", "x".repeat(1 << 20)), "0"),
        (format!("SELECT 1 --{}", "x".repeat(1 << 20)), "1"),
        (format!("SELECT cardinality(ARRAY[{}0])", "1, ".repeat(9_999)), "10000"),
    ] {
        assert_eq!(answer(&engine, &sql).await.as_deref(), Ok(expected), "{}", &sql[..80.min(sql.len())]);
    }
    for sql in [
        chained("SELECT", " + ", |_| "1".into(), 10_000),
        chained("SELECT", " || ", |_| "'a'".into(), 10_000),
        chained("SELECT 1 / 0 +", " + ", |_| "1".into(), 500),
        chained("SELECT 1 / 0 +", " + ", |_| "kafka_offset".into(), 500) + " FROM stock_data",
        format!("SELECT concat({}'a')", "'a', ".repeat(127)),
        format!("SELECT {}", "9".repeat(1 << 20)),
        format!("SELECT {} FROM stock_data", "x".repeat(1 << 20)),
    ] {
        assert!(answer(&engine, &sql).await.is_err(), "{}", &sql[..80]);
    }
}

#[tokio::test]
async fn a_wrong_statement_is_told_by_one_error() {
    let (_lake, engine) = engine().await;
    for (sql, part) in [
        ("SELECT 'abc", "to close the text"),
        ("SELECT \"abc", "close"),
        ("SELECT 'a''b FROM stock_data", "to close the text"),
        ("SELECT /* abc", "comment"),
        ("SELECT * FROM stok_data", "did you mean stock_data?"),
        ("SELECT symbl FROM stock_data", "did you mean symbol?"),
        ("SELECT lenght('a')", "did you mean length?"),
        ("SELECT kafka_offset / (kafka_offset - kafka_offset) FROM stock_data", "DIVISION_BY_ZERO"),
        ("SELECT json_extract('{}', '$[')", "Invalid JSON path"),
        ("SELECT json_parse('{a')", "INVALID_FUNCTION_ARGUMENT"),
        ("SELECT regexp_like('a', '(')", "INVALID_FUNCTION_ARGUMENT"),
        ("SELECT count(*) FROM stock_data WHERE regexp_like(symbol, '[')", "INVALID_FUNCTION_ARGUMENT"),
        ("SELECT DATE '2024-02-30'", "INVALID_LITERAL"),
        ("SELECT date_add('year', 1000000000, DATE '2024-01-01')", "MAX_INT"),
        ("SELECT from_unixtime(1e300)", "INVALID_FUNCTION_ARGUMENT"),
        ("SELECT timestamp '2024-01-01' AT TIME ZONE 'Nowhere/X'", "INVALID_FUNCTION_ARGUMENT"),
        ("SELECT sequence(1, 10000000000)", "must not have more than 10000 entries"),
        ("SELECT repeat(1, 10001)", "must be less than or equal to 10000"),
        ("SELECT rpad('a', 10000000000, 'b')", "Target length"),
        ("SELECT rpad('a', 2147483647, 'b')", "rpad gives more than 256 MiB"),
        ("SELECT replace(rpad('a', 100000, 'a'), '', rpad('x', 100000, 'x'))", "replace gives more than 256 MiB"),
        ("SELECT levenshtein_distance(rpad('a', 9999, 'b'), rpad('c', 9999, 'd'))", "are too large"),
        ("SELECT reduce(sequence(1, 60), 'a', (s, x) -> s || s, s -> s)", "EXCEEDED_FUNCTION_MEMORY_LIMIT"),
    ] {
        let told = told(&engine, sql).await;
        assert!(told.contains(part), "{sql}: {told}");
    }
}

/// The error of a statement, whatever its name.
async fn told(engine: &Engine, sql: &str) -> String {
    run_statements(engine, sql, Format::Csv, &mut Vec::new()).await.expect_err(sql).to_string()
}

#[tokio::test]
async fn what_takes_much_memory_for_all_rows_at_once_is_computed_for_fewer() {
    let lake = TestLake::new();
    let rows: Vec<_> = (0..2000).map(|n| row("A", n, 1.0, n)).collect();
    lake.add(1, &rows, None);
    let engine = lake.engine_with(EngineOptions { dialect: Dialect::Athena, ..EngineOptions::default() }).await;
    for (value, expected) in [
        ("sum(length(rpad(symbol, 100000, 'b')))", "200000000"),
        ("sum(cardinality(repeat(symbol, 10000)))", "20000000"),
        ("sum(cardinality(sequence(kafka_offset, kafka_offset + 9999)))", "20000000"),
    ] {
        assert_eq!(answer(&engine, &format!("SELECT {value} FROM stock_data")).await.as_deref(), Ok(expected), "{value}");
    }
}

#[tokio::test]
async fn arrays_unnested_beside_each_other_are_never_in_memory_once_for_each_row() {
    let (_lake, engine) = engine().await;
    let all = "SELECT a.n, c.o FROM UNNEST(sequence(1, 10000)) a(n) CROSS JOIN UNNEST(sequence(1, 10000)) b(m) CROSS JOIN UNNEST(sequence(1, 10000)) c(o)";
    assert_eq!(answer(&engine, &format!("SELECT * FROM ({all}) LIMIT 1")).await.unwrap(), "1,1");
    let rows = "SELECT count(*) AS n FROM UNNEST(sequence(1, 10000)) a(n) CROSS JOIN UNNEST(sequence(n, n + 299)) b(m)";
    assert_eq!(answer(&engine, rows).await.unwrap(), "3000000");
}

#[tokio::test]
async fn a_pattern_that_other_engines_backtrack_over_for_ever_is_matched() {
    let (_lake, engine) = engine().await;
    for (sql, expected) in [
        ("SELECT regexp_like(rpad('a', 30, 'a'), '(a+)+$b')", "false"),
        ("SELECT regexp_like(rpad('a', 100000, 'a') || 'b', '^(a|a)*$')", "false"),
        ("SELECT rpad('a', 100000, 'a') LIKE '%a%a%a%a%a%a%a%a%a%ab'", "false"),
    ] {
        assert_eq!(answer(&engine, sql).await.as_deref(), Ok(expected), "{sql}");
    }
}
