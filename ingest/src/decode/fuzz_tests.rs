//! Any bytes: a million messages, from noise to nearly perfect ticks, each becomes one row that keeps the contract or one
//! dead letter that keeps the bytes.
//!
//! A seed decides every message. `TICKLAKE_FUZZ_CASES` (default 50,000) and `TICKLAKE_FUZZ_SEED` (default 1) choose.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::*;

const NOW_NS: i64 = 1_600_000_000_000_000_000;
const MESSAGES_PER_BATCH: usize = 64;
/// One message in so many is larger than a tick may be.
const TOO_LARGE_ONE_IN: usize = 4_000;

struct Generator(ChaCha8Rng);

impl Generator {
    fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound as u64) as usize
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn noise(&mut self, bytes_max: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.below(bytes_max + 1)];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    fn digits(&mut self, most: usize) -> String {
        (0..=self.below(most)).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    /// Any message.
    fn message(&mut self) -> Option<Vec<u8>> {
        if self.below(TOO_LARGE_ONE_IN) == 0 {
            return Some(vec![b' '; PAYLOAD_BYTES_MAX + self.below(2)]);
        }
        match self.below(20) {
            0 => Some(self.noise(200)),
            1 => Some(self.soup()),
            2 => Some(self.nested()),
            3 => self.nothing(),
            4..=11 => Some(self.tick().into_bytes()),
            _ => {
                let tick = self.tick().into_bytes();
                Some(self.mutated(tick))
            }
        }
    }

    fn nothing(&mut self) -> Option<Vec<u8>> {
        let nothing = self.one_of(&["", " ", "\n\t\r ", "null", "0", "\"\"", "[]", "{}", "\u{feff}{}", "true", "[{}]"]);
        (self.below(4) != 0).then(|| nothing.as_bytes().to_vec())
    }

    /// What JSON is made of, in any order.
    fn soup(&mut self) -> Vec<u8> {
        const PIECES: [&str; 24] = [
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\\",
            "\\u",
            "\\ud83d",
            "\\udE00",
            "null",
            "true",
            "1",
            "-",
            "e9",
            "0.",
            "\"symbol\"",
            "\"time\"",
            "\"price\"",
            " ",
            "\u{0}",
            "\u{1f600}",
            "\u{7f}",
        ];
        (0..self.below(40)).map(|_| self.one_of(&PIECES)).collect::<String>().into_bytes()
    }

    fn nested(&mut self) -> Vec<u8> {
        let depth = self.below(200);
        let (open, close) = if self.below(2) == 0 { ("[", "]") } else { ("{\"a\":", "}") };
        let inner = format!("{}1{}", open.repeat(depth), close.repeat(if self.below(4) == 0 { self.below(200) } else { depth }));
        match self.below(2) {
            0 => inner.into_bytes(),
            _ => format!("{{\"symbol\":\"A\",\"time\":1500000000,\"price\":1,\"deep\":{inner}}}").into_bytes(),
        }
    }

    /// A message with the members of a tick, often valid.
    fn tick(&mut self) -> String {
        let mut members = Vec::new();
        for (names, present_of_16) in [
            (&["symbol", "sym", "ticker", "S"][..], 16),
            (&["time", "t", "ts", "timestamp"], 16),
            (&["price", "p", "last"], 16),
            (&["size", "s", "qty", "v"], 8),
            (&["bid", "b"], 3),
            (&["ask", "a"], 3),
            (&["exchange", "x", "venue"], 5),
            (&["sequence", "seq", "q"], 5),
            (&["extra", "Price", "symbol\\u0000", "note", "\u{e9}\u{1f4b9}", "", "sy\\u006dbol"], 3),
        ] {
            // Twice now and then.
            for _ in 0..1 + usize::from(self.below(60) == 0) {
                if self.below(16) < present_of_16 && self.below(80) != 0 {
                    let value = self.value(names[0]);
                    members.push(format!("\"{}\":{value}", self.one_of(names)));
                }
            }
        }
        for at in (1..members.len()).rev() {
            members.swap(at, self.below(at + 1));
        }
        let space = self.one_of(&["", "", "", " ", "\n", " \t\r\n"]);
        format!("{space}{{{space}{}{space}}}{space}", members.join(&format!(",{space}")))
    }

    fn value(&mut self, column: &str) -> String {
        if self.below(50) == 0 {
            return self.odd_value();
        }
        match column {
            "symbol" | "exchange" => self.text(),
            "time" => self.time(),
            "sequence" => self.digits(20),
            _ => self.number(),
        }
    }

    fn odd_value(&mut self) -> String {
        match self.below(6) {
            0 => self.text(),
            1 => self.number(),
            2 => format!("{}{}", self.one_of(&["", "-"]), self.digits(400)),
            3 => format!("{}.{}e{}{}", self.digits(60), self.digits(60), self.one_of(&["", "-", "+"]), self.digits(12)),
            4 => String::from_utf8(self.nested()).unwrap(),
            _ => self
                .one_of(&["null", "true", "false", "\"\"", "[]", "{}", "NaN", "1e999", "-0", "\"\\ud800\"", "\"\\u0007\""])
                .into(),
        }
    }

    fn text(&mut self) -> String {
        const PIECES: [&str; 12] =
            ["A", "BTC", "USDT", ".", "\\n", "\\u00e9", "\\ud83d\\ude00", "\u{1f600}", "\\\"", " ", "\\/", "\u{0301}"];
        let pieces = if self.below(10) == 0 { 40 } else { 1 + self.below(4) };
        format!("\"{}\"", (0..pieces).map(|_| if self.below(4) == 0 { self.one_of(&PIECES) } else { "X" }).collect::<String>())
    }

    fn number(&mut self) -> String {
        let number = match self.below(6) {
            0 => self.digits(3),
            1 => format!("{}.{}", 1 + self.below(100_000), self.digits(9)),
            2 => format!("{}e{}{}", 1 + self.below(99), self.one_of(&["", "-"]), self.below(330)),
            3 => f64::from_bits(self.0.next_u64()).to_string(),
            _ => format!("{}.{:02}", 1 + self.below(9_999), self.below(100)),
        };
        let sign = if self.below(20) == 0 { "-" } else { "" };
        if self.below(8) == 0 { format!("\"{sign}{number}\"") } else { format!("{sign}{number}") }
    }

    fn time(&mut self) -> String {
        let seconds = 1_400_000_000 + self.below(200_000_000);
        match self.below(10) {
            0 => self.number(),
            1 => {
                format!("\"{}-{}-{}T{}:{}:{}{}\"", self.below(10_000), 2, self.below(32), self.below(25), 59, self.below(62), "Z")
            }
            2 | 3 => {
                let (zone, month) = (self.one_of(&["Z", "z", "+00:00", "-05:30", "+23:59", ""]), 1 + self.below(12));
                let (day, hour, minute) = (1 + self.below(28), self.below(24), self.below(60));
                format!("\"2019-{month:02}-{day:02}T{hour:02}:{minute:02}:07.{}{zone}\"", self.digits(11))
            }
            4 => format!("{seconds}.{}", self.digits(11)),
            5 => format!("{seconds}{:03}", self.below(1000)),
            6 => format!("{seconds}{:06}", self.below(1_000_000)),
            7 => format!("\"{seconds}\""),
            _ => format!("{seconds}{:09}", self.below(1_000_000_000)),
        }
    }

    /// The same, damaged in up to four places.
    fn mutated(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            match self.below(7) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.below(256) as u8),
                2 => bytes.splice(at..at, self.soup()).for_each(drop),
                3 => {
                    let end = at + self.below(bytes.len() - at + 1);
                    let again = bytes[at..end].to_vec();
                    bytes.splice(at..at, again).for_each(drop);
                }
                4 => {
                    let end = at + self.below(bytes.len() - at + 1);
                    bytes.drain(at..end).for_each(drop);
                }
                _ if at < bytes.len() && self.below(2) == 0 => bytes[at] ^= 1 << self.below(8),
                _ if at < bytes.len() => bytes[at] = self.below(256) as u8,
                _ => {}
            }
        }
        bytes
    }
}

/// Whether serde_json takes it for JSON; numbers beyond a double, which it refuses and JSON allows, count as such.
fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes)
        .map_or_else(|e| e.to_string().starts_with("number out of range"), |_| true)
}

/// Every row keeps the contract, and came of JSON.
fn check_rows(rows: &RecordBatch, payloads: &[Option<Vec<u8>>]) {
    let text = |name: &str| rows[name].as_string::<i32>().clone();
    let double = |name: &str| rows[name].as_primitive::<Float64Type>().clone();
    let (symbol, topic, extra) = (text("symbol"), text("kafka_topic"), text("extra"));
    let (price, size, bid, ask) = (double("price"), double("size"), double("bid"), double("ask"));
    let time = rows["time"].as_primitive::<TimestampMicrosecondType>();
    let (time_ns, offset) = (rows["time_ns"].as_primitive::<Int64Type>(), rows["kafka_offset"].as_primitive::<Int64Type>());
    let partition = rows["kafka_partition"].as_primitive::<Int32Type>();
    for row in 0..rows.num_rows() {
        let payload = payloads[usize::try_from(offset.value(row)).unwrap()].as_ref().unwrap();
        assert!(is_json(payload), "not JSON");
        let symbol = symbol.value(row);
        assert!((1..=SYMBOL_BYTES_MAX).contains(&symbol.len()) && !symbol.contains(char::is_control), "symbol {symbol:?}");
        let ns = time_ns.value(row);
        assert!(
            (0..=NOW_NS + FUTURE_MAX.as_nanos() as i64).contains(&ns) && time.value(row) == ns.div_euclid(1_000),
            "time {ns}"
        );
        let plain = |v: f64| v.is_finite() && (v != 0.0 || v.is_sign_positive());
        assert!(price.is_valid(row) && plain(price.value(row)) && price.value(row) > 0.0, "price {}", price.value(row));
        assert!(size.is_null(row) || plain(size.value(row)) && size.value(row) >= 0.0, "size {}", size.value(row));
        assert!([&bid, &ask].iter().all(|c| c.is_null(row) || plain(c.value(row))), "bid or ask");
        assert!(topic.value(row) == "feed" && partition.value(row) == 3, "coordinates");
        if extra.is_valid(row) {
            let members: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(extra.value(row));
            match members {
                Ok(members) => assert!(!members.is_empty() && !members.keys().any(|name| is_ours(name)), "extra {members:?}"),
                Err(e) => assert!(e.to_string().starts_with("number out of range"), "extra {}", extra.value(row)),
            }
        }
    }
}

/// Whether a member of that name fills a column, and so is no extra.
fn is_ours(name: &str) -> bool {
    name != "extra" && stock_data().message_column(name).is_some()
}

fn check(decoded: &Decoded, payloads: &[Option<Vec<u8>>]) {
    let mut offsets: Vec<i64> = decoded.rows["kafka_offset"].as_primitive::<Int64Type>().values().to_vec();
    offsets.extend(decoded.rejects.iter().map(|r| r.offset));
    offsets.sort_unstable();
    assert_eq!(offsets, (0_i64..).take(payloads.len()).collect::<Vec<_>>(), "a message is lost or doubled");
    for reject in &decoded.rejects {
        assert_eq!(reject.payload, payloads[usize::try_from(reject.offset).unwrap()], "a dead letter keeps its bytes");
        assert!(!reject.reason.is_empty() && !reject.reason.contains(char::is_control), "{:?}", reject.reason);
        assert!(reject.reason.len() < 1_000, "{:?}", reject.reason);
    }
    check_rows(&decoded.rows, payloads);
}

#[test]
fn no_bytes_are_ever_lost_or_let_through_or_make_the_decoder_panic() {
    let setting = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (cases, seed) = (setting("TICKLAKE_FUZZ_CASES", 50_000), setting("TICKLAKE_FUZZ_SEED", 1));
    let mut generator = Generator(ChaCha8Rng::seed_from_u64(seed));
    let mut decoder = Decoder::new();
    let (mut rows, mut classes, mut made) = (0, BTreeSet::new(), 0);
    while made < cases {
        let payloads: Vec<Option<Vec<u8>>> = (0..MESSAGES_PER_BATCH).map(|_| generator.message()).collect();
        let mut batch = RawBatch { topic: "feed".into(), ..RawBatch::default() };
        for (offset, payload) in (0..).zip(&payloads) {
            batch.push(3, offset, None, None, payload.as_deref());
        }
        let decoded = catch_unwind(AssertUnwindSafe(|| {
            let decoded = decoder.decode(&batch, NOW_NS);
            check(&decoded, &payloads);
            decoded
        }));
        let decoded = decoded.unwrap_or_else(|_| panic!("seed {seed}, messages {made}..: {}", shown(&payloads)));
        rows += decoded.rows.num_rows();
        classes.extend(decoded.rejects.iter().map(|r| r.class.as_str()));
        made += payloads.len() as u64;
    }
    let unmet: Vec<&str> = RejectClass::ALL.iter().map(|c| c.as_str()).filter(|c| !classes.contains(c)).collect();
    assert!(unmet.is_empty() || made < 50_000, "no message was ever rejected as {unmet:?}");
    assert!(rows as u64 > made / 5, "only {rows} of {made} messages were ticks: the rest of the decoder is hardly tried");
    println!("{made} messages: {rows} ticks, {} dead letters of {} classes", made - rows as u64, classes.len());
}

fn shown(payloads: &[Option<Vec<u8>>]) -> String {
    let lines = payloads.iter().map(|p| p.as_ref().map_or("(none)".into(), |p| p.escape_ascii().to_string()));
    lines.map(|line| format!("\n  {}", line.chars().take(2_000).collect::<String>())).collect()
}
