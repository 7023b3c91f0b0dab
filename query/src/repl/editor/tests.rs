//! What completion offers, case by case: `|` is the cursor.

use std::collections::BTreeMap;

use super::candidates::{CANDIDATES_MAX, Candidate, Choice};
use super::complete::complete;
use super::known::{Column, Known, Table};
use crate::fixture::{TestLake, row};
use ticklake_lake::AsOf;

fn table(name: &str, columns: &[&str], values: &[(&str, &[&str])]) -> Table {
    let column = |name: &&str| Column { name: (*name).to_owned(), ty: "double".to_owned(), doc: String::new() };
    let values = values.iter().map(|(key, values)| {
        let values = values.iter().map(|value| (*value).to_owned());
        ((*key).to_owned(), values.collect())
    });
    Table { name: name.to_owned(), columns: columns.iter().map(column).collect(), values: values.collect::<BTreeMap<_, _>>() }
}

fn files(folder: &str) -> Vec<String> {
    let names: &[&str] = match folder {
        "" => &["a.sql", "day.csv", "runs/", ".hidden"],
        "runs/" => &["x.sql", "y.sql"],
        _ => &[],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn known() -> Known {
    let days: &[&str] = &["2024-05-02", "2024-05-01", "2023-12-31"];
    Known {
        tables: vec![
            table("dead_letters", &["reason", "raw", "dt"], &[("dt", &["2020-01-01"])]),
            table(
                "stock_data",
                &["symbol", "time", "price", "size", "dt", "hour", "$path"],
                &[("dt", days), ("hour", &["00", "13"])],
            ),
            table("odd", &["order", "two words"], &[]),
            table("stock_data$partitions", &["dt", "hour"], &[]),
        ],
        statements: vec![("parkinson".to_owned(), "range".to_owned()), ("har".to_owned(), String::new())],
        files,
    }
}

/// What is offered at the `|` of a text.
fn offered(marked: &str) -> Vec<Candidate> {
    let cursor = marked.find('|').expect("a cursor");
    complete(&marked.replacen('|', "", 1), cursor, &known())
}

/// Texts with a cursor, and what is offered first, in order; of nothing, that nothing is. `=` at the beginning: no more than this.
const CASES: &[(&str, &str)] = &[
    // Keywords, as the word begun is written.
    ("sel|", "= select"),
    ("SEL|", "= SELECT"),
    ("SELECT price FROM stock_data wh|", "where"),
    ("SELECT price FROM stock_data |", "FROM WHERE AND"),
    ("EXPLAIN SEL|", "= SELECT"),
    ("SELECT 1; SEL|", "= SELECT"),
    ("SHOW TA|", "= TABLES"),
    ("SELECT TABLESAM|", "= TABLESAMPLE"),
    // Functions.
    ("SELECT approx_perc|", "= approx_percentile("),
    ("SELECT approx_perc|(price)", "= approx_percentile"),
    ("SELECT APPROX_PERC|", "= approx_percentile("),
    ("SELECT coal|", "= coalesce("),
    ("SELECT now|", "= now()"),
    // Tables.
    ("SELECT * FROM |", "dead_letters stock_data odd \"stock_data$partitions\""),
    ("SELECT * FROM st|", "= stock_data \"stock_data$partitions\""),
    ("SELECT * FROM ST|", "= stock_data \"stock_data$partitions\""),
    ("SELECT * FROM a JOIN de|", "= dead_letters"),
    ("SELECT * FROM stock_data, de|", "= dead_letters"),
    ("SELECT * FROM lake.st|", "= stock_data \"stock_data$partitions\""),
    ("SELECT * FROM awsdatacatalog.lake.de|", "= dead_letters"),
    ("SELECT * FROM \"st|", "= \"stock_data\" \"stock_data$partitions\""),
    ("SELECT * FROM \"stock_data$p|\" WHERE", "= \"stock_data$partitions"),
    ("DESCRIBE de|", "= dead_letters"),
    ("SHOW CREATE TABLE de|", "= dead_letters"),
    ("SHOW PARTITIONS de|", "= dead_letters"),
    ("SHOW COLUMNS FROM de|", "= dead_letters"),
    ("SHOW COLUMNS IN de|", "= dead_letters"),
    ("INSERT INTO de|", "= dead_letters"),
    ("SELECT * FROM (SEL|", "= SELECT"),
    ("PREPARE p FROM SEL|", "= SELECT"),
    // Names of WITH.
    ("WITH bars AS (SELECT 1) SELECT * FROM ba|", "= bars"),
    ("WITH bars AS (SELECT 1), more AS (SELECT * FROM ba|)", "= bars"),
    ("WITH bars AS (SELECT * FROM ba|) SELECT 1", ""),
    ("WITH RECURSIVE bars(n) AS (SELECT 1 UNION ALL SELECT n FROM ba|) SELECT 1", "= bars"),
    ("WITH bars AS (SELECT price AS p, symbol FROM stock_data) SELECT | FROM bars", "p symbol bars"),
    ("WITH bars(a, b) AS (SELECT price, size FROM stock_data) SELECT | FROM bars", "a b bars"),
    ("WITH a AS (SELECT * FROM dead_letters), b AS (SELECT * FROM a) SELECT b.| FROM b", "= reason raw dt"),
    // Columns: wherever the FROM is.
    ("SELECT pr|", "price preceding"),
    ("SELECT * FROM stock_data WHERE pr|", "price preceding"),
    ("SELECT pr| FROM stock_data", "price preceding"),
    ("SELECT r| FROM dead_letters", "reason raw"),
    ("SELECT | FROM dead_letters WHERE", "reason raw dt dead_letters"),
    ("SELECT sum(r| FROM dead_letters", "reason raw"),
    ("SELECT sum(abs(r| FROM dead_letters WHERE dt = 'x'", "reason raw"),
    ("SELECT x FROM (SELECT sum(r| FROM dead_letters) t", "reason raw"),
    ("SELECT PR| FROM stock_data", "price"),
    ("SELECT symbol, | FROM stock_data", "symbol time price"),
    ("SELECT extract(hour FROM t|) FROM stock_data", "time"),
    ("SELECT * FROM stock_data WHERE price IS DISTINCT FROM s|", "symbol size stock_data"),
    // By alias.
    ("SELECT t.pr| FROM stock_data t", "= price"),
    ("SELECT t.| FROM stock_data AS t JOIN dead_letters d ON t.dt = d.dt", "= symbol time price size dt hour \"$path\""),
    ("SELECT * FROM stock_data t JOIN dead_letters d ON d.|", "= reason raw dt"),
    ("SELECT T.pr| FROM stock_data t", "= price"),
    ("SELECT stock_data.pr|", "= price"),
    ("SELECT nothing.pr| FROM stock_data t", ""),
    ("SELECT d| FROM stock_data t JOIN dead_letters d ON true", "t.dt d.dt d distinct date desc date("),
    ("SELECT * FROM stock_data JOIN dead_letters USING (d|", "dt dead_letters"),
    ("SELECT x.| FROM (stock_data x CROSS JOIN dead_letters y)", "= symbol time price size dt hour \"$path\""),
    ("SELECT u.| FROM stock_data CROSS JOIN UNNEST(ARRAY[1]) WITH ORDINALITY AS u(value, n)", "= value n"),
    ("SELECT q.| FROM (SELECT price, size AS s, price * 2 AS twice, t.dt, abs(size) FROM stock_data t) q", "= price s twice dt"),
    ("SELECT q.| FROM (SELECT DISTINCT symbol FROM stock_data) AS q", "= symbol"),
    ("SELECT q.| FROM (SELECT t.*, 1 one FROM dead_letters t, odd) q", "= reason raw dt one"),
    // Queries within queries: the inner names first, and no others in a FROM.
    ("SELECT 1 FROM stock_data s WHERE EXISTS (SELECT 1 FROM dead_letters WHERE re|)", "reason"),
    ("SELECT 1 FROM stock_data s WHERE price > (SELECT max(|) FROM dead_letters d)", "reason raw"),
    (
        "SELECT 1 FROM stock_data s WHERE 1 = (SELECT 1 FROM dead_letters d WHERE d.dt = s.|)",
        "= symbol time price size dt hour \"$path\"",
    ),
    ("SELECT 1 FROM stock_data s, (SELECT s.| FROM dead_letters d) q", ""),
    ("SELECT 1 FROM stock_data s, LATERAL (SELECT s.pr| FROM dead_letters d) q", "= price"),
    ("SELECT r| FROM dead_letters UNION ALL SELECT price FROM stock_data", "reason raw"),
    ("SELECT reason FROM dead_letters UNION ALL SELECT pr| FROM stock_data", "price"),
    ("SELECT price FROM stock_data; SELECT r| FROM dead_letters; SELECT 1", "reason raw"),
    ("SELECT avg(price) AS middle FROM stock_data ORDER BY mid|", "= middle"),
    // Names that need quotes.
    ("SELECT ord| FROM odd", "\"order\" order"),
    ("SELECT two| FROM odd", "= \"two words\""),
    ("SELECT \"tw| FROM odd", "= \"two words\""),
    ("SELECT \"tw|\" FROM odd", "= \"two words"),
    // Values of partitions.
    ("SELECT * FROM stock_data WHERE dt = '|", "= '2024-05-02' '2024-05-01' '2023-12-31'"),
    ("SELECT * FROM stock_data WHERE dt = '|'", "= '2024-05-02 '2024-05-01 '2023-12-31"),
    ("SELECT * FROM stock_data WHERE dt = '2023|", "= '2023-12-31'"),
    ("SELECT * FROM stock_data t WHERE t.dt >= '2023|' AND price > 1", "= '2023-12-31"),
    ("SELECT * FROM stock_data WHERE dt = '| AND symbol = 'x'", "= '2024-05-02' '2024-05-01' '2023-12-31'"),
    ("SELECT * FROM stock_data WHERE dt IN ('|", "= '2024-05-02' '2024-05-01' '2023-12-31'"),
    ("SELECT * FROM stock_data WHERE dt NOT IN ('2024-05-01', '2023|')", "= '2023-12-31"),
    ("SELECT * FROM stock_data WHERE dt BETWEEN '2023-12-31' AND '2024-05-02|", "= '2024-05-02'"),
    ("SELECT * FROM stock_data WHERE hour = '|", "= '00' '13'"),
    ("SELECT * FROM stock_data WHERE hour = |", "'00' '13' symbol"),
    ("SELECT * FROM dead_letters WHERE dt = '|", "= '2020-01-01'"),
    // Nothing in comments, other literals, numbers.
    ("SELECT 1 -- sel|", ""),
    ("SELECT /* sel| */ 1", ""),
    ("SELECT /* sel|", ""),
    ("SELECT 'sel|", ""),
    ("SELECT * FROM stock_data WHERE symbol = 'st|'", ""),
    ("SELECT 12|", ""),
    ("SELECT 'x'|", ""),
    ("SELECT `st|", ""),
    // Only where nothing begins so: what is like it.
    ("SELECT prc| FROM stock_data", "price"),
    ("SELECT pirce| FROM stock_data", "= price"),
    ("SELECT zzzzzzzz|", ""),
    // Meta-commands.
    ("\\|", "\\? \\q"),
    ("\\athena\n SELECT r| FROM dead_letters", "reason raw"),
    ("\\vo|", "= \\vol"),
    ("SELECT 'open\n\\vo|", "= \\vol"),
    ("\\vol p|", "= parkinson"),
    ("\\i |", "= a.sql day.csv runs/"),
    ("\\i .|", "= .hidden"),
    ("\\i runs/x|", "= x.sql"),
    ("\\q st|", ""),
    ("\\nothing st|", ""),
    ("\\athena SELECT r| FROM dead_letters", "reason raw"),
    ("\\athena \\d st|", ""),
];

#[test]
fn nothing_else_is_offered_first() {
    let mut wrong = Vec::new();
    for (marked, expected) in CASES {
        let got: Vec<String> = offered(marked).into_iter().map(|candidate| candidate.text).collect();
        let (is_all, list) = expected.strip_prefix("= ").map_or((expected.is_empty(), *expected), |list| (true, list));
        let wanted = list.replace("two words", "two_words");
        let wanted: Vec<String> =
            wanted.split(' ').filter(|w| !w.is_empty()).map(|w| w.replace("two_words", "two words")).collect();
        let is_right = if is_all { got == wanted } else { got.starts_with(&wanted) };
        if !is_right {
            wrong.push(format!("{marked}\n    wanted {expected}\n    got    {}", got[..got.len().min(10)].join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_typed_is_never_left_beside_what_is_put_in() {
    for (marked, put) in [
        ("SELECT pr| FROM stock_data", "SELECT price FROM stock_data"),
        ("SELECT * FROM stock_data WHERE dt = '2023|", "SELECT * FROM stock_data WHERE dt = '2023-12-31'"),
        ("SELECT * FROM stock_data WHERE dt = '2023|' AND 1 = 1", "SELECT * FROM stock_data WHERE dt = '2023-12-31' AND 1 = 1"),
        ("SELECT 'é🦀', t.\"$pa| FROM stock_data t", "SELECT 'é🦀', t.\"$path\" FROM stock_data t"),
        ("é\n\\i runs/y|", "é\n\\i runs/y.sql"),
        ("\\athena SELECT r| FROM dead_letters", "\\athena SELECT reason FROM dead_letters"),
    ] {
        let first = offered(marked).into_iter().next().unwrap_or_else(|| panic!("nothing for {marked}"));
        let mut text = marked.replacen('|', "", 1);
        text.replace_range(first.start..first.end, &first.text);
        assert_eq!(text, put);
    }
}

#[test]
fn a_candidate_never_hides_what_it_is() {
    let about = |marked: &str| offered(marked).into_iter().next().map(|candidate| (candidate.choice, candidate.about));
    let is = |choice, about: &str| Some((choice, about.to_owned()));
    assert!(
        about("SELECT approx_perc|").is_some_and(|(_, about)| about.starts_with("approx_percentile(") && about.contains(") -> "))
    );
    assert!(about("SELECT conca|").is_some_and(|(_, about)| about.starts_with("concat(")));
    assert_eq!(about("SELECT pr| FROM stock_data"), is(Choice::Column, "double"));
    assert_eq!(about("\\vol p|"), is(Choice::Statement, "range"));
    assert_eq!(about("\\v|"), is(Choice::Command, "the volatility library; run one of it"));
}

#[test]
fn no_text_and_no_cursor_panics_or_is_offered_without_bound() {
    let known = known();
    let nested = format!("SELECT {}1{} FROM stock_data", "(".repeat(500), ")".repeat(500));
    let queries = format!("SELECT x FROM {}stock_data{}", "(SELECT * FROM ".repeat(100), ")".repeat(100));
    let open = format!("SELECT {}pr FROM stock_data", "sum(".repeat(500));
    let texts = [
        "SELECT 'it''s \"é🦀\" FROM `t` -- 🦀\n WHERE dt = '2024 /* é */ AND \"🦀",
        "SELECT \"a\"\"b\".c, U&'\\00e9 FROM x'0 WHERE 1.e5 = .5e-; ;;",
        "))))((((,,..FROM FROM SELECT WITH WITH x AS ( AS (, FROM . JOIN JOIN ON",
        "WITH RECURSIVE ( AS SELECT . FROM , LATERAL ( UNNEST TABLE TABLESAMPLE t AS (",
        "🦀\u{feff}\u{a0}SELECT\r\n\t\\d 🦀\n\\i é/🦀",
        "\\athena \\athena \\athena 'é",
        "dt IN ('a', 'b', '",
        nested.as_str(),
        queries.as_str(),
        open.as_str(),
    ];
    for text in texts {
        for cursor in 0..=text.len() + 2 {
            let candidates = complete(text, cursor, &known);
            assert!(candidates.len() <= CANDIDATES_MAX);
            for candidate in candidates {
                assert!(text.get(candidate.start..candidate.end).is_some() && candidate.end <= cursor, "{text} at {cursor}");
            }
        }
    }
}

#[test]
fn a_megabyte_is_never_read_more_often_than_it_has_levels() {
    let known = known();
    let megabyte = |part: &str| part.repeat((1 << 20) / part.len());
    for text in [
        megabyte("("),
        megabyte("(SELECT "),
        megabyte("(SELECT * FROM "),
        megabyte("SELECT price, size FROM stock_data WHERE dt = '2024-05-01';\n"),
        megabyte("SELECT pr FROM stock_data, "),
        megabyte("a.b, "),
        megabyte("x"),
        megabyte("'"),
        megabyte("é🦀"),
        megabyte("/*"),
        megabyte("\\athena "),
        format!("WITH {} z AS (SELECT 1) SELECT ", megabyte("a AS (SELECT * FROM a, a), ")),
        format!("SELECT  FROM {}", megabyte("(SELECT *, * FROM stock_data) q, ")),
    ] {
        for cursor in [7, text.len()] {
            let steps = super::sentence::steps::counted(|| drop(complete(&text, cursor, &known)));
            assert!(
                steps <= 64 * text.len(),
                "{steps} steps for {} bytes of {}",
                text.len(),
                &text[..20.min(text.len())].escape_debug()
            );
        }
    }
}

#[tokio::test]
async fn what_a_lake_has_is_never_left_out() {
    let lake = TestLake::new();
    lake.add(1, &[row("A", 0, 1.0, 0)], None);
    lake.add(2, &[row("A", 3_600_000_000 * 25, 1.0, 1)], None);
    let engine = lake.engine(AsOf::Latest).await;
    let known = Known::of(Some(&engine));
    let texts = |marked: &str| -> Vec<String> {
        let cursor = marked.find('|').expect("a cursor");
        complete(&marked.replacen('|', "", 1), cursor, &known).into_iter().map(|candidate| candidate.text).collect()
    };
    assert_eq!(texts("SELECT * FROM stock_data WHERE dt = '|"), ["'2020-02-23'", "'2020-02-22'"]);
    assert_eq!(texts("SELECT * FROM stock_data_json WHERE hour = '|"), ["'00'", "'01'"]);
    assert_eq!(texts("SELECT sym| FROM stock_data"), ["symbol"]);
    assert_eq!(texts("DESCRIBE stock_data_j|")[0], "stock_data_json");
    assert!(known.statements.iter().any(|(name, about)| name == "parkinson" && !about.is_empty()));
}
