//! Drawings, as they look.

use super::*;

fn answer(names: &[&str], rows: &[&[&str]]) -> Texts {
    let value = |text: &&str| (*text != "NULL").then(|| (*text).to_owned());
    Texts {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        rows: rows.iter().map(|row| row.iter().map(value).collect()).collect(),
    }
}

#[test]
fn a_line_never_leaves_its_scale_nor_draws_what_is_not_there() {
    let rows: Vec<Vec<String>> = (0..20)
        .map(|n: i32| {
            vec![format!("2024-05-01 10:{:02}:00", n * 3), if n == 10 { "NULL".into() } else { ((n - 10).pow(2)).to_string() }]
        })
        .collect();
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    let drawn = draw("line SELECT", &answer(&["time", "price"], &rows), 40).unwrap();
    let lines: Vec<&str> = drawn.lines().collect();
    assert_eq!((lines[0], lines.len()), ("price", 18), "{drawn}");
    assert!(lines[1].starts_with("100 ┤⢣") && lines[16].starts_with("  1 ┤"), "{drawn}");
    assert_eq!(lines[17].trim(), "05-01 10:00             05-01 10:57", "{drawn}");
    assert!(lines.iter().all(|line| line.chars().count() <= 40), "{drawn}");
    // The valley of the missing row is open: no dot joins its neighbours.
    assert!(lines[16].contains('⠀'), "{drawn}");
}

#[test]
fn series_are_never_mixed() {
    let rows: &[&[&str]] = &[&["A", "1", "10"], &["B", "1", "5"], &["A", "2", "20"], &["B", "2", "7"]];
    let drawn = draw("spark SELECT", &answer(&["symbol", "n", "price"], rows), 40).unwrap();
    assert_eq!(drawn, "A ▁█ 10 … 20\nB ▁█ 5 … 7\n");
}

#[test]
fn a_bar_is_never_longer_than_the_screen() {
    let rows: &[&[&str]] = &[&["AAPL", "10"], &["é", "2.5"], &["none", "NULL"]];
    let drawn = draw("SELECT", &answer(&["symbol", "price"], rows), 20).unwrap();
    assert_eq!(drawn, "AAPL  10 ███████████\né    2.5 ██▊\nnone NaN \n");
    assert_eq!(draw("bar SELECT", &answer(&["symbol", "price"], &[]), 20).unwrap(), "no rows to draw\n");
    assert!(draw("bar SELECT", &answer(&["symbol"], &[&["A"]]), 20).unwrap_err().to_string().contains("none of symbol"));
}

#[test]
fn a_histogram_never_loses_a_value() {
    let values: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let rows: Vec<Vec<&str>> = values.iter().map(|value| vec![value.as_str()]).collect();
    let mut rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
    rows.push(&["NULL"]);
    let drawn = draw("hist SELECT", &answer(&["x"], &rows), 40).unwrap();
    let counts: u64 =
        drawn.lines().skip(1).take(10).map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(counts, 100, "{drawn}");
    assert!(drawn.starts_with("x: 100 values, from\n") && drawn.ends_with("1 value NULL or not finite\n"), "{drawn}");
}

#[test]
fn nothing_odd_panics() {
    let odd: &[&[&str]] = &[&["NaN"], &["Infinity"], &["-1e308"], &["1e308"], &["NULL"]];
    for kind in ["line", "bar", "hist", "spark"] {
        for width in [0, 1, 20, 200] {
            draw(&format!("{kind} SELECT"), &answer(&["x"], odd), width).unwrap();
            draw(&format!("{kind} SELECT"), &answer(&["x"], &[&["1"]]), width).unwrap();
        }
    }
}
