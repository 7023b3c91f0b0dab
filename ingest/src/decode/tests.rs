//! Messages by hand: what becomes of each, and in which words the bad ones are refused.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use ticklake_schemas::RejectClass::{self, *};

use super::*;

const NOW_NS: i64 = 1_600_000_000_000_000_000;
const PRODUCED_MS: i64 = 1_600_000_000_000;
const GOOD: &str = r#"{"symbol":"BTCUSD","time":1582329602111000000,"price":9682.5}"#;

fn decode_all(payloads: &[Option<&[u8]>]) -> Decoded {
    let mut batch = RawBatch { topic: "feed".into(), ..RawBatch::default() };
    for (offset, payload) in (100..).zip(payloads) {
        batch.push(7, offset, Some(PRODUCED_MS), Some(b"key"), *payload);
    }
    Decoder::new().decode(&batch, NOW_NS)
}

fn decode_text(text: &str) -> Decoded {
    decode_all(&[Some(text.as_bytes())])
}

/// The class and reason of a message that must be rejected.
fn refusal(payload: &[u8]) -> (RejectClass, String) {
    let mut decoded = decode_all(&[Some(payload)]);
    let reject = decoded.rejects.pop().unwrap_or_else(|| panic!("accepted: {}", String::from_utf8_lossy(payload)));
    assert_eq!((decoded.rows.num_rows(), decoded.rejects.len()), (0, 0));
    assert_eq!(reject.payload.as_deref(), Some(payload));
    (reject.class, reject.reason)
}

fn double(rows: &RecordBatch, column: &str) -> Option<f64> {
    let array = rows[column].as_primitive::<Float64Type>();
    array.is_valid(0).then(|| array.value(0))
}

fn text(rows: &RecordBatch, column: &str) -> Option<String> {
    let array = rows[column].as_string::<i32>();
    array.is_valid(0).then(|| array.value(0).to_owned())
}

fn bigint(rows: &RecordBatch, column: &str) -> Option<i64> {
    let array = rows[column].as_primitive::<Int64Type>();
    array.is_valid(0).then(|| array.value(0))
}

#[test]
fn a_full_tick_fills_every_column() {
    let decoded = decode_text(concat!(
        r#" {"symbol":"BTCUSD", "time":"2020-02-22T00:00:02.111000999Z","price":"9682.50","size":0.132,"bid":9682,"ask":-0.5e1,"#,
        r#""exchange":"coinbase","sequence":42377944, "side" : "buy", "raw\u0041":{"b":[1, {}],"c":"}"} }"#
    ));
    assert!(decoded.rejects.is_empty(), "{:?}", decoded.rejects);
    let rows = &decoded.rows;
    assert_eq!(rows.schema(), stock_data().arrow_file_schema());
    assert_eq!(text(rows, "symbol").as_deref(), Some("BTCUSD"));
    assert_eq!(bigint(rows, "time_ns"), Some(1_582_329_602_111_000_999));
    assert_eq!(rows["time"].as_primitive::<TimestampMicrosecondType>().value(0), 1_582_329_602_111_000);
    let doubles = ["price", "size", "bid", "ask"].map(|c| double(rows, c));
    assert_eq!(doubles, [Some(9682.5), Some(0.132), Some(9682.0), Some(-5.0)]);
    assert_eq!(text(rows, "exchange").as_deref(), Some("coinbase"));
    assert_eq!(bigint(rows, "sequence"), Some(42_377_944));
    assert_eq!(rows["kafka_time"].as_primitive::<TimestampMicrosecondType>().value(0), PRODUCED_MS * 1000);
    assert_eq!(text(rows, "kafka_topic").as_deref(), Some("feed"));
    assert_eq!(rows["kafka_partition"].as_primitive::<Int32Type>().value(0), 7);
    assert_eq!(bigint(rows, "kafka_offset"), Some(100));
    assert_eq!(text(rows, "extra").as_deref(), Some(r#"{"side":"buy","raw\u0041":{"b":[1, {}],"c":"}"}}"#));
}

#[test]
fn aliases_nulls_and_escaped_names_mean_the_column() {
    let rows = decode_text(
        r#"{"S":"A\u0042\/\"C","t":"1582329602","pri\u0063e":null,"p":"1e2","s":null,"b":null,"x":12.50,"q":"42.0","\u0061":"3"}"#,
    )
    .rows;
    assert_eq!(rows.num_rows(), 1);
    assert_eq!(text(&rows, "symbol").as_deref(), Some("AB/\"C"));
    assert_eq!((double(&rows, "price"), double(&rows, "size"), double(&rows, "bid")), (Some(100.0), None, None));
    assert_eq!((text(&rows, "exchange").as_deref(), bigint(&rows, "sequence")), (Some("12.50"), Some(42)));
    assert_eq!((double(&rows, "ask"), text(&rows, "extra")), (Some(3.0), None));
}

#[test]
fn contract_columns_that_are_not_the_messages_are_only_extra() {
    let rows =
        decode_text(r#"{"sym":"A","t":1,"p":1,"kafka_offset":5,"extra":"x","dt":"2020","time_ns":7,"Price":2,"dt":null}"#).rows;
    assert_eq!((bigint(&rows, "kafka_offset"), bigint(&rows, "time_ns")), (Some(100), Some(1_000_000_000)));
    assert_eq!(
        text(&rows, "extra").as_deref(),
        Some(r#"{"kafka_offset":5,"extra":"x","dt":"2020","time_ns":7,"Price":2,"dt":null}"#)
    );
}

#[test]
fn a_reject_between_good_messages_leaves_no_trace_in_them() {
    let bad = r#"{"symbol":"X","lost":1,"price":1,"#.as_bytes();
    let decoded = decode_all(&[Some(GOOD.as_bytes()), Some(bad), None, Some(GOOD.as_bytes())]);
    assert_eq!(decoded.rows["kafka_offset"].as_primitive::<Int64Type>().values(), &[100, 103]);
    assert_eq!(decoded.rows["extra"].null_count(), 2);
    assert_eq!(decoded.rejects.iter().map(|r| (r.offset, r.class)).collect::<Vec<_>>(), [(101, MalformedJson), (102, Tombstone)]);
    let tombstone = &decoded.rejects[1];
    assert_eq!((tombstone.partition, tombstone.key.as_deref(), &tombstone.payload), (7, Some(&b"key"[..]), &None));
}

#[test]
fn every_bad_payload_has_its_class() {
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    let cases: &[(&[u8], RejectClass)] = &[
        (b"", Empty),
        (b" \r\n\t", Empty),
        (&[b' '; PAYLOAD_BYTES_MAX + 1], TooLarge),
        (&[b'x'; 1 << 20], TooLarge),
        (b"{\"symbol\":\"\xff\"}", NotUtf8),
        (b"\xef\xbb\xbf{\"symbol\":\"A\",\"time\":1,\"price\":1}", MalformedJson),
        (b"hello", MalformedJson),
        (b"{", MalformedJson),
        (b"[1,", MalformedJson),
        (br#"{"symbol":"A","time":1,"price":1} x"#, MalformedJson),
        (br#"{"symbol":"A","time":1,"price":1}{"symbol":"A","time":1,"price":1}"#, MalformedJson),
        (br#"{"symbol":"A","time":1,"price":1,}"#, MalformedJson),
        (br#"{"symbol":"A","time":1,"price":NaN}"#, MalformedJson),
        (br#"{"symbol":"A","time":1,"price":01}"#, MalformedJson),
        (br#"{"symbol":"A","time":1,"price":1,"note":"\ud800"}"#, MalformedJson),
        (b"{\"symbol\":\"A\",\"time\":1,\"price\":1,\"note\":\"\n\"}", MalformedJson),
        (deep.as_bytes(), MalformedJson),
        (b"[{\"symbol\":\"A\",\"time\":1,\"price\":1}]", NotAnObject),
        (b"\"text\"", NotAnObject),
        (b" 42 ", NotAnObject),
        (b"null", NotAnObject),
        (br#"{"symbol":"A","time":1,"price":1,"p":1}"#, DuplicateField),
        (br#"{"symbol":"A","symbol":"A","time":1,"price":1}"#, DuplicateField),
        (br#"{"p":1,"pric\u0065":2}"#, DuplicateField),
        (b"{}", MissingField),
        (br#"{"time":1,"price":1}"#, MissingField),
        (br#"{"symbol":"A","price":1}"#, MissingField),
        (br#"{"symbol":"A","time":1,"price":null}"#, MissingField),
    ];
    for (payload, class) in cases {
        assert_eq!(refusal(payload).0, *class, "{}", String::from_utf8_lossy(&payload[..payload.len().min(80)]));
    }
}

#[test]
fn every_bad_value_has_its_class() {
    let cases: &[(&str, &[&str], RejectClass)] = &[
        (
            "price",
            &["0", "-0.0", "-1", "1e999", "1e-999", "\"\"", "\"abc\"", "\"NaN\"", "\"inf\"", "\"1.\"", "true", "[1]", "{}"],
            InvalidPrice,
        ),
        ("size", &["-1", "-1e-300", "1e999", "\"-0.1\"", "\"x\"", "false"], InvalidSize),
        ("bid", &["1e999", "\"x\"", "[]"], InvalidField),
        ("ask", &["-1e999", "\"1,5\"", "{}"], InvalidField),
        ("exchange", &["true", "[]", "{\"a\":1}"], InvalidField),
        ("sequence", &["1.5", "9223372036854775808", "\"abc\"", "\"\"", "true"], InvalidField),
        ("symbol", &["\"\"", "7", "true", "[\"A\"]", "\"A\\u0000\"", "\"A\\n\"", "\"\u{7f}\"", "\"\u{85}\""], InvalidSymbol),
        ("time", &["\"now\"", "\"\"", "\"2020-02-30T00:00:00Z\"", "\"2020-02-22T00:00:00\"", "true", "{}"], InvalidTime),
        ("time", &["\"9999-12-31T23:59:59Z\"", "1e30", "\"1e30\"", "\"0001-01-01T00:00:00Z\""], TimeOutOfRange),
        ("time", &["-1", "\"1969-12-31T23:59:59.999999999Z\"", "-0.000000001", "1600000300.000000001"], TimeOutOfRange),
    ];
    for (column, values, class) in cases {
        for value in *values {
            let message = with(column, value);
            assert_eq!(refusal(message.as_bytes()).0, *class, "{message}");
        }
    }
    assert_eq!(refusal(with("symbol", &format!("\"{}\"", "é".repeat(33))).as_bytes()).0, InvalidSymbol);
}

#[test]
fn no_value_on_the_very_edge_is_refused() {
    let name = format!("\"{}\"", "é".repeat(32));
    let cases = [
        ("symbol", name.as_str()),
        ("time", "0"),
        ("time", "\"1970-01-01T00:00:00Z\""),
        ("time", "1600000300"),
        ("time", "\"2020-09-13T12:31:40+00:00\""),
        ("price", "5e-324"),
        ("price", "1.7976931348623157e308"),
        ("size", "-0"),
        ("size", "\" 0 \""),
        ("bid", "-37.63"),
        ("exchange", "\"\""),
        ("sequence", "-9223372036854775808"),
    ];
    for (column, value) in cases {
        let decoded = decode_text(&with(column, value));
        assert_eq!(decoded.rows.num_rows(), 1, "{column} {value}: {:?}", decoded.rejects);
    }
    let zero = decode_text(&with("size", "-0.0")).rows;
    assert!(double(&zero, "size").is_some_and(f64::is_sign_positive));
    let padded = format!("{}{GOOD}", " ".repeat(PAYLOAD_BYTES_MAX - GOOD.len()));
    assert_eq!(decode_text(&padded).rows.num_rows(), 1);
    let deep = format!(r#"{{"nested":{}{},{}"#, "[".repeat(63), "]".repeat(63), &GOOD[1..]);
    assert_eq!(decode_text(&deep).rows.num_rows(), 1);
}

/// A good message with one column set to `value`.
fn with(column: &str, value: &str) -> String {
    let others = [("symbol", "\"A\""), ("time", "1582329602"), ("price", "1")];
    let others: String = others.iter().filter(|(c, _)| *c != column).map(|(c, v)| format!("\"{c}\":{v},")).collect();
    format!("{{{others}\"{column}\":{value}}}")
}

#[test]
fn reasons_are_one_sentence_with_the_facts() {
    let long = with("price", &format!("\"{}\"", "é".repeat(60)));
    let cases: &[(&str, &str)] = &[
        ("\t", "the payload has 1 bytes and all are white space"),
        ("{\"symbol\" 1}", "the payload is not JSON at byte 10, '1': a colon must follow the member name"),
        ("{\"symbol\":\"A", "the payload is not JSON at byte 12, its end: the text ends inside a string"),
        ("[1]", "[1] is JSON, but not an object"),
        ("{\"p\":1,\"price\":2}", "\"price\" fills column price, which another member has filled"),
        ("{\"symbol\":\"A\",\"price\":2}", "time is absent or null"),
        (&with("price", "0"), "price is 0, not a finite number greater than 0"),
        (&with("price", "[1,\n2]"), "price is [1, 2], not a finite number greater than 0"),
        (&long, &format!("price is \"{}…\", not a finite number greater than 0", "é".repeat(40))),
        (&with("time", "1600000301"), "time is 1600000301, 301 s after the message was produced and so more than 300 s"),
        (&with("time", "\"9999-01-01T00:00:00Z\""), "time is \"9999-01-01T00:00:00Z\", which is outside the years 1677 to 2262"),
        (&with("time", "\"noon\""), "time is \"noon\", which is neither RFC 3339 nor an epoch number"),
        (&with("sequence", "1.5"), "sequence is 1.5, not a 64-bit integer"),
    ];
    for (message, reason) in cases {
        assert_eq!(&refusal(message.as_bytes()).1, reason, "{message}");
    }
    assert_eq!(refusal(b"{\"a\xc3\"}").1, "byte 3 of the payload is not UTF-8");
    assert_eq!(refusal(&[b'1'; PAYLOAD_BYTES_MAX + 1]).1, "the payload has 262145 bytes, more than 262144");
}

#[test]
fn a_dead_letter_sent_back_never_hides_where_it_came_from() {
    let mut batch = RawBatch { topic: "feed".into(), ..RawBatch::default() };
    let unknown = GOOD.replace('}', ",\"depth\":1}");
    for (offset, payload) in (0..).zip([GOOD, unknown.as_str(), "{}", GOOD]) {
        batch.push(0, offset, None, None, Some(payload.as_bytes()));
        batch.push_header("trace", Some(b"\xff"));
        if offset < 3 {
            batch.push_header(ORIGIN_HEADER, Some(b"feed/0/\"5"));
        }
    }
    let decoded = Decoder::new().decode(&batch, NOW_NS);
    let extra = decoded.rows["extra"].as_string::<i32>();
    assert_eq!(extra.value(0), r#"{"ticklake-dead-letter":"feed/0/\"5"}"#);
    assert_eq!(extra.value(1), r#"{"depth":1,"ticklake-dead-letter":"feed/0/\"5"}"#);
    assert!(extra.is_null(2), "other headers are not kept of a tick");
    let headers: Vec<(&str, Option<&[u8]>)> =
        decoded.rejects[0].headers.iter().map(|h| (h.name.as_str(), h.value.as_deref())).collect();
    assert_eq!(headers, [("trace", Some(b"\xff".as_slice())), (ORIGIN_HEADER, Some(b"feed/0/\"5".as_slice()))]);
}

#[test]
fn who_reads_a_message_when_never_decides_whether_it_is_a_tick() {
    const YEAR_NS: i64 = 365 * 86_400 * 1_000_000_000;
    let early = r#"{"symbol":"A","time":1600000301,"price":1}"#;
    let accepted = |timestamp_ms, now_ns| {
        let mut batch = RawBatch { topic: "feed".into(), ..RawBatch::default() };
        batch.push(0, 0, timestamp_ms, None, Some(early.as_bytes()));
        Decoder::new().decode(&batch, now_ns).rows.num_rows() == 1
    };
    assert!(!accepted(Some(PRODUCED_MS), NOW_NS) && !accepted(Some(PRODUCED_MS), NOW_NS + YEAR_NS));
    assert!(accepted(Some(PRODUCED_MS + 1000), NOW_NS + YEAR_NS));
    // A record's timestamp that cannot be one is none, and one that is yet to come excuses nothing.
    for no_time in [None, Some(0), Some(PRODUCED_MS / 1000), Some(PRODUCED_MS * 2)] {
        assert!(!accepted(no_time, NOW_NS) && accepted(no_time, NOW_NS + 1_000_000_000), "{no_time:?}");
    }
}
