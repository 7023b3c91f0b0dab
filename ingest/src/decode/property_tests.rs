//! Messages nobody thought of: the decoder against serde_json, and against arbitrary bytes.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

const NOW_NS: i64 = 1_600_000_000_000_000_000;

fn decode(payloads: &[Option<Vec<u8>>]) -> Decoded {
    let mut batch = RawBatch { topic: "feed".into(), ..RawBatch::default() };
    for (offset, payload) in (0..).zip(payloads) {
        batch.push(3, offset, None, None, payload.as_deref());
    }
    Decoder::new().decode(&batch, NOW_NS)
}

/// Any JSON, with names the contract knows among the others.
fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        ".{0,12}".prop_map(Json::from),
        "[\\x00-\\x7f\u{80}\u{fffd}\u{1f600}\"\\\\]{0,9}".prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((name(), inner), 0..6).prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["(symbol|time|price|size|bid|exchange|sequence|p|s|S|t)", "[a-z_]{0,17}", ".{0,5}"]
}

/// Text that is nearly JSON: JSON with a few bytes changed, removed or inserted.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\u0123456789.eE+-ntf \t\n\x00\x7f".to_vec())];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, token), 0..4);
    (json(), any::<bool>(), edits).prop_map(|(json, pretty, edits)| {
        let mut bytes = if pretty { serde_json::to_vec_pretty(&json) } else { serde_json::to_vec(&json) }.unwrap();
        for (index, edit, byte) in edits {
            let at = index.index(bytes.len() + 1);
            match edit {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                _ if at < bytes.len() => drop(bytes.remove(at)),
                _ => {}
            }
        }
        bytes
    })
}

/// What serde_json says of a text; `None` where its rules are not JSON's (it refuses numbers beyond a double).
fn is_json(bytes: &[u8]) -> Option<bool> {
    match serde_json::from_slice::<Json>(bytes) {
        Ok(_) => Some(true),
        Err(e) if e.to_string().starts_with("number out of range") => None,
        Err(_) => Some(false),
    }
}

fn one_message() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        1 => Just(None),
        2 => prop::collection::vec(any::<u8>(), 0..64).prop_map(Some),
        4 => nearly_json().prop_map(Some),
        4 => tick().prop_map(|members| Some(to_message(&members).into_bytes())),
    ]
}

/// Members of a message that is often a tick, their values as JSON text.
fn tick() -> impl Strategy<Value = Vec<(String, String)>> {
    let number = || prop_oneof!["[1-9][0-9]{0,5}(\\.[0-9]{1,9})?", "-?[0-9]e-?[0-9]{1,3}", "\"[0-9]{1,9}(\\.[0-9]{1,17})?\""];
    let time = prop_oneof![
        "1[0-5][0-9]{8}(\\.[0-9]{1,12})?",
        "1[0-5][0-9]{17}",
        "\"20[01][0-9]-0[1-9]-[012][0-9]T12:00:00(\\.[0-9]{1,9})?Z\""
    ];
    let text = ".{0,20}".prop_map(|s| serde_json::to_string(&s).unwrap());
    let extra = prop::option::of((name(), json().prop_map(|j| j.to_string())));
    (text, time, number(), prop::option::of(number()), prop::option::of(any::<i64>()), extra).prop_map(
        |(symbol, time, price, size, sequence, extra)| {
            let mut members = vec![("symbol".to_owned(), symbol), ("time".to_owned(), time), ("p".to_owned(), price)];
            members.extend(size.map(|size| ("size".to_owned(), size)));
            members.extend(sequence.map(|sequence| ("seq".to_owned(), sequence.to_string())));
            members.extend(extra);
            members
        },
    )
}

fn to_message(members: &[(String, String)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{value}", serde_json::to_string(name).unwrap())).collect();
    format!("{{{}}}", members.join(","))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_text_is_json_to_us_and_not_to_serde_nor_the_reverse(bytes in nearly_json()) {
        if let (Ok(text), Some(expected)) = (std::str::from_utf8(&bytes), is_json(&bytes)) {
            prop_assert_eq!(scan::document(text, |_| {}).is_ok(), expected, "{}", text);
        }
    }

    #[test]
    fn members_are_never_read_otherwise_than_by_serde(json in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.unwrap();
        let mut members = serde_json::Map::new();
        let is_object = scan::document(&text, |m| {
            let (name, value) = (format!("\"{}\"", m.name()), serde_json::from_str(m.written()).unwrap());
            let name: String = serde_json::from_str(&name).unwrap();
            assert_eq!(m.packed_name, swar::pack(name.as_bytes()));
            if let (scan::Value::Text(text), Json::String(expected)) = (m.value, &value) {
                assert_eq!(text.unescaped().as_ref(), expected);
            }
            members.insert(name, value);
        });
        prop_assert_eq!(is_object, Ok(json.is_object()));
        if is_object == Ok(true) {
            // Not compared with `json`: serde_json's own reading of doubles may differ from what it wrote by one unit.
            prop_assert_eq!(Json::Object(members), serde_json::from_str::<Json>(&text).unwrap());
        }
    }

    #[test]
    fn no_message_panics_and_none_is_lost_or_doubled(payloads in prop::collection::vec(one_message(), 0..12)) {
        let decoded = decode(&payloads);
        let rows = decoded.rows["kafka_offset"].as_primitive::<Int64Type>().values();
        let rejects: Vec<i64> = decoded.rejects.iter().map(|r| r.offset).collect();
        prop_assert!(rows.is_sorted() && rejects.is_sorted());
        let offsets: BTreeSet<i64> = rows.iter().chain(&rejects).copied().collect();
        prop_assert_eq!(rows.len() + rejects.len(), payloads.len());
        prop_assert_eq!(offsets.into_iter().collect::<Vec<_>>(), (0_i64..).take(payloads.len()).collect::<Vec<_>>());
        for reject in &decoded.rejects {
            prop_assert_eq!(&reject.payload, &payloads[usize::try_from(reject.offset).unwrap()]);
            prop_assert!(!reject.reason.is_empty() && !reject.reason.contains(char::is_control));
        }
        let extra = decoded.rows["extra"].as_string::<i32>();
        prop_assert!(extra.iter().flatten().all(|text| is_json(text.as_bytes()) != Some(false)));
    }

    #[test]
    fn accepted_values_are_those_of_the_message(members in tick()) {
        let decoded = decode(&[Some(to_message(&members).into_bytes())]);
        if decoded.rows.num_rows() == 1 {
            let rows = &decoded.rows;
            let symbol: String = serde_json::from_str(&members[0].1).unwrap();
            prop_assert_eq!(rows["symbol"].as_string::<i32>().value(0), symbol);
            let time_ns = ticklake_schemas::parse_event_time(members[1].1.trim_matches('"')).unwrap();
            prop_assert_eq!(rows["time_ns"].as_primitive::<Int64Type>().value(0), time_ns);
            let price: f64 = members[2].1.trim_matches('"').parse().unwrap();
            prop_assert_eq!(rows["price"].as_primitive::<Float64Type>().value(0), price);
            prop_assert!(price.is_finite() && price > 0.0 && (0..=NOW_NS + 300_000_000_000).contains(&time_ns));
        }
    }
}
