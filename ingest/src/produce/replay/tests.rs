//! Replays of small files in every format, good and bad.

use std::fs;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, UInt64Array,
};
use tempfile::TempDir;

use super::*;

const CSV: &str = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n\
    binance-futures,BTCUSDT,1582329602111000,1582329602418379,42377944,buy,9682,0.132\n\
    binance-futures,BTCUSDT,1582329602116000,1582329602418420,42377945,\"s\"\"ell\",9682.5,0.412\n";

struct Case {
    _dir: TempDir,
    config: ReplayConfig,
}

fn file(name: &str, bytes: impl AsRef<[u8]>) -> Case {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    Case { _dir: dir, config: ReplayConfig { path, ..ReplayConfig::default() } }
}

impl Case {
    fn map(mut self, text: &str) -> Self {
        self.config.map = parse_map(text).unwrap();
        self
    }

    fn skip_bad(mut self) -> Self {
        self.config.skip_bad = true;
        self
    }

    fn shift(mut self, shift: Shift) -> Self {
        self.config.shift = Some(shift);
        self
    }

    fn ticks(&self) -> Result<Vec<Tick>, ProduceError> {
        let mut replay = Replay::open(&self.config)?;
        let (mut ticks, mut tick) = (Vec::new(), Tick::default());
        while replay.next_tick(&mut tick)? {
            ticks.push(tick.clone());
        }
        Ok(ticks)
    }

    fn fault(&self) -> String {
        match self.ticks() {
            Err(ProduceError::Invalid(text)) => text,
            other => format!("{other:?}"),
        }
    }
}

fn json(tick: &Tick) -> String {
    let mut text = String::new();
    tick.write_json(&mut text);
    text
}

#[test]
fn a_csv_of_trades_needs_no_mapping() {
    let ticks = file("trades.csv", CSV).ticks().unwrap();
    assert_eq!(
        ticks.iter().map(json).collect::<Vec<_>>(),
        [
            r#"{"symbol":"BTCUSDT","time":1582329602111000000,"price":9682,"size":0.132,"exchange":"binance-futures","sequence":42377944,"local_timestamp":1582329602418379,"side":"buy"}"#,
            r#"{"symbol":"BTCUSDT","time":1582329602116000000,"price":9682.5,"size":0.412,"exchange":"binance-futures","sequence":42377945,"local_timestamp":1582329602418420,"side":"s\"ell"}"#,
        ]
    );
}

#[test]
fn a_mapping_wins_and_the_field_it_displaced_is_kept() {
    let ticks = file("trades.csv", CSV).map("time=local_timestamp,sequence=").ticks().unwrap();
    assert_eq!(
        json(&ticks[0]),
        r#"{"symbol":"BTCUSDT","time":1582329602418379000,"price":9682,"size":0.132,"exchange":"binance-futures","file_timestamp":1582329602111000,"file_id":42377944,"side":"buy"}"#
    );
}

#[test]
fn faults_of_the_whole_file_are_told_when_it_is_opened() {
    let open = |case: Case| match Replay::open(&case.config) {
        Err(ProduceError::Invalid(text)) => text,
        other => format!("{other:?}"),
    };
    let missing = open(file("a.csv", "Symbol,when,price\nA,1,2\n"));
    assert!(missing.contains("required columns symbol, time"), "{missing}");
    assert!(missing.contains(r#"the file has "Symbol", "when", "price""#), "{missing}");
    assert!(missing.ends_with("such as --map symbol=Symbol"), "{missing}");
    let twice = open(file("a.csv", "symbol,time,price,size,amount\nA,1,2,3,4\n"));
    assert!(twice.contains(r#"fields "size" and "amount" would both fill column size"#), "{twice}");
    let again = open(file("a.csv", "symbol,time,price,x1,x1\nA,1,2,3,4\n"));
    assert!(again.contains(r#"field "x1" stands twice"#), "{again}");
    let absent = open(file("a.csv", CSV).map("size=shares"));
    assert!(absent.contains("--map size=shares: there is no such field"), "{absent}");
    let column = open(file("a.csv", CSV).map("volume=amount"));
    assert!(column.contains("there is no column \"volume\"; the columns are symbol, time"), "{column}");
    let both = open(file("a.csv", CSV).map("size=amount,size=price"));
    assert!(both.contains("mapped twice"), "{both}");
    let shared = open(file("a.csv", CSV).map("bid=price,price=price"));
    assert!(shared.contains("mapped to two columns"), "{shared}");
    assert!(open(file("a.csv.gz", CSV)).contains("extension \"gz\""));
    assert!(open(file("a.ndjson", "{\"symbol\":\"A\",\"t\":1}\n")).contains("required column price"));
    assert!(open(file("a.parquet", "PAR?")).contains("cannot read"));
    let nowhere = ReplayConfig { path: "no/such.csv".into(), ..ReplayConfig::default() };
    assert!(Replay::open(&nowhere).is_err_and(|e| e.to_string().contains("no/such.csv")));
    assert!(parse_map("size").is_err_and(|e| e.to_string().contains("column=field")));
}

#[test]
fn a_bad_row_is_named_by_line_field_and_value() {
    let head = "symbol,time,price,size,id\n";
    for (row, expected) in [
        ("A,2020-01-01,1,1,1", r#"a.csv:3: field "time" "2020-01-01" is neither RFC 3339 nor an epoch number"#),
        ("A,1,zero,1,1", r#"a.csv:3: field "price" "zero" is not a number"#),
        ("A,1,0,1,1", r#"a.csv:3: field "price" "0" is not greater than 0"#),
        ("A,1,NaN,1,1", r#"a.csv:3: field "price" "NaN" is not a finite number"#),
        ("A,1,1,-1,1", r#"a.csv:3: field "size" "-1" is not at least 0"#),
        ("A,1,1,1,x", r#"a.csv:3: field "id" (column sequence) "x" is not a whole number"#),
        ("A,-1,1,1,1", r#"a.csv:3: field "time" "-1" is before 1970"#),
        (",1,1,1,1", r#"a.csv:3: field "symbol" "" is empty but required"#),
        ("A,1,1", "a.csv:3: has 3 fields where the header has 5"),
    ] {
        let text = format!("{head}A,1,1,1,1\n{row}\nB,2,2,,\n");
        let fault = file("a.csv", &text).fault();
        assert!(fault.contains(expected) && fault.ends_with("(--skip-bad)"), "{fault}");
        let ticks = file("a.csv", &text).skip_bad();
        assert_eq!(
            ticks.ticks().unwrap().iter().map(json).collect::<Vec<_>>(),
            [
                r#"{"symbol":"A","time":1000000000,"price":1,"size":1,"sequence":1}"#,
                r#"{"symbol":"B","time":2000000000,"price":2}"#
            ]
        );
    }
}

#[test]
fn an_open_quote_does_not_swallow_the_file_into_memory() {
    let text = format!("symbol,time,price\nA,1,\"{}\n", "1,\n".repeat(8 << 20));
    assert!(file("a.csv", text).skip_bad().fault().contains("quotation mark"));
}

#[test]
fn json_lines_keep_what_the_contract_does_not_know_byte_for_byte() {
    let text = "\u{feff}{\"sym\":\"A\", \"t\": \"2020-02-22T00:00:02.111Z\" ,\"p\":\"1.50\",\"x\":7,\"n\":{ \"a\" : [1, \"}\"] },\"b\":null,\"big\":12345678901234567890.10}\n\
        \n{\"ticker\":\"\\u00e9\",\"time\":1582329602.5,\"price\":2,\"extra\":1}";
    let ticks = file("a.jsonl", text).ticks().unwrap();
    assert_eq!(
        ticks.iter().map(json).collect::<Vec<_>>(),
        [
            r#"{"symbol":"A","time":1582329602111000000,"price":1.5,"exchange":"7","n":{ "a" : [1, "}"] },"big":12345678901234567890.10}"#,
            r#"{"symbol":"é","time":1582329602500000000,"price":2,"extra":1}"#,
        ]
    );
}

#[test]
fn a_bad_line_is_named_and_never_carries_the_row_before() {
    for (line, expected) in [
        ("{\"symbol\":\"B\",\"time\":1}", "a.json:2: there is no field for the required column price"),
        ("{\"symbol\":\"B\",\"time\":1,\"price\":true}", r#"a.json:2: field "price" "true" is not a number"#),
        ("{\"symbol\":null,\"time\":1,\"price\":1}", r#"a.json:2: field "symbol" "null" is empty but required"#),
        ("{\"symbol\":\"B\",\"time\":1,\"price\":1,\"p\":1}", r#"a.json:2: fields "price" and "p" would both fill column price"#),
        ("{\"symbol\":\"B\",\"time\":1,\"price\":1,\"z\":1,\"z\":1}", "a.json:2: field \"z\" stands twice"),
        ("[1]", "a.json:2: the line is not a JSON object"),
        ("{\"symbol\":", "a.json:2: the line is not valid JSON"),
    ] {
        let text = format!("{{\"symbol\":\"A\",\"time\":1,\"price\":1}}\n{line}\n");
        let fault = file("a.json", &text).fault();
        assert!(fault.contains(expected), "{fault}");
        let case = file("a.json", &text).skip_bad();
        assert_eq!(case.ticks().unwrap().len(), 1);
    }
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Case {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file("a.parquet", bytes)
}

#[test]
fn parquet_columns_of_any_sensible_type_are_ticks() {
    let time = TimestampMicrosecondArray::from(vec![1_582_329_602_111_000, 1_582_329_602_111_001]).with_timezone("Europe/Berlin");
    let local = TimestampMillisecondArray::from(vec![Some(1_582_329_602_111), None]).with_timezone("America/New_York");
    let price = Decimal128Array::from(vec![968_237, 968_240]).with_precision_and_scale(18, 2).unwrap();
    let ticks = parquet(vec![
        ("symbol", Arc::new(StringArray::from(vec!["A", "B"]))),
        ("ts", Arc::new(time)),
        ("p", Arc::new(price)),
        ("qty", Arc::new(Int32Array::from(vec![Some(5), None]))),
        ("bid", Arc::new(Float64Array::from(vec![9682.36, f64::NAN]))),
        ("id", Arc::new(UInt64Array::from(vec![7, 8]))),
        ("local", Arc::new(local)),
        ("maker", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("huge", Arc::new(UInt64Array::from(vec![u64::MAX, 1]))),
        ("note", Arc::new(StringArray::from(vec!["12", "x"]))),
    ])
    .ticks()
    .unwrap();
    assert_eq!(
        ticks.iter().map(json).collect::<Vec<_>>(),
        [
            r#"{"symbol":"A","time":1582329602111000000,"price":9682.37,"size":5,"bid":9682.36,"sequence":7,"local":"2020-02-22T00:00:02.111Z","maker":true,"huge":18446744073709551615,"note":"12"}"#,
            r#"{"symbol":"B","time":1582329602111001000,"price":9682.4,"sequence":8,"huge":1,"note":"x"}"#,
        ]
    );
}

#[test]
fn parquet_faults_name_type_or_row() {
    let symbol = || Arc::new(StringArray::from(vec!["A", "B"])) as ArrayRef;
    let price = || Arc::new(Float64Array::from(vec![1.0, -1.0])) as ArrayRef;
    let time = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
    let date = Arc::new(arrow::array::Date32Array::from(vec![1, 2]));
    let fault = parquet(vec![("symbol", symbol()), ("time", date), ("price", price())]).fault();
    assert!(fault.contains("field \"time\" is Date32 and cannot fill column time"), "{fault}");
    let case = || parquet(vec![("symbol", symbol()), ("time", time()), ("price", price())]);
    assert!(case().fault().contains("a.parquet: row 2: field \"price\" \"-1.0\" is not greater than 0"), "{}", case().fault());
    assert_eq!(case().skip_bad().ticks().unwrap().len(), 1);
}

#[test]
fn row_numbers_go_on_across_batches() {
    let rows = 10_000;
    let prices: Vec<f64> = (0..rows).map(|row| if row == 9_000 { 0.0 } else { 1.0 }).collect();
    let fault = parquet(vec![
        ("symbol", Arc::new(StringArray::from(vec!["A"; rows]))),
        ("time", Arc::new(Int64Array::from(vec![1; rows]))),
        ("price", Arc::new(Float64Array::from(prices))),
    ])
    .fault();
    assert!(fault.contains("row 9001"), "{fault}");
}

#[test]
fn shifting_to_now_never_makes_a_tick_from_the_future() {
    let now_ns = 1_790_000_000_000_000_000;
    let text = "symbol,time,price\nA,100,1\nA,bad,1\nA,300,1\nA,200,1\n";
    let times = |shift| -> Vec<i64> {
        let ticks = file("a.csv", text).skip_bad().shift(shift).ticks().unwrap();
        ticks.iter().map(|tick| (tick.time_ns - now_ns) / 1_000_000_000).collect()
    };
    assert_eq!(times(Shift::to_now(now_ns, Speed::Max)), [-200, 0, -100]);
    assert_eq!(times(Shift::to_now(now_ns, Speed::Times(10.0))), [-200, 0, -100]);
    assert_eq!(times(Shift::to_now(now_ns, Speed::Times(1.0))), [0, 200, 100], "sent when the clock gets there");
}

#[test]
fn rows_skipped_while_shifting_are_counted_once() {
    let case = file("a.csv", "symbol,time,price\nA,1,1\nA,bad,1\n").skip_bad().shift(Shift::LastTo(5));
    let mut replay = Replay::open(&case.config).unwrap();
    let mut tick = Tick::default();
    while replay.next_tick(&mut tick).unwrap() {}
    assert_eq!(replay.skipped(), 1);
    assert!(replay.first_skipped().unwrap().contains("a.csv:3"));
}

#[test]
fn an_empty_file_is_no_ticks() {
    assert_eq!(file("a.csv", "symbol,time,price\n").ticks(), Ok(vec![]));
    assert_eq!(file("a.ndjson", "\n\n").ticks(), Ok(vec![]));
    assert_eq!(file("a.csv", "symbol,time,price\n").shift(Shift::LastTo(5)).ticks(), Ok(vec![]));
}
