//! One tick as a producer holds it, and the message it becomes.
//!
//! Owns: the message's field order and number formats (the same tick gives the same bytes).
//! Does not own: reading messages (the decoder in `ingest`).

use std::fmt::Write as _;

/// A tick about to be sent. Prices in quote currency, size in units of the instrument.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tick {
    /// Instrument; also the message key.
    pub symbol: String,
    /// Event time, nanoseconds since 1970-01-01T00:00:00Z.
    pub time_ns: i64,
    /// Trade price.
    pub price: f64,
    /// Traded quantity.
    pub size: Option<f64>,
    /// Best bid.
    pub bid: Option<f64>,
    /// Best ask.
    pub ask: Option<f64>,
    /// Venue.
    pub exchange: Option<String>,
    /// Venue's sequence number.
    pub sequence: Option<i64>,
    /// Unknown fields, already written as `"name":value` joined by commas; empty for none.
    pub extra_members: String,
}

impl Tick {
    /// Appends the JSON message to `out`. `time` is written as integer nanoseconds since the epoch,
    /// absent values are left out, doubles in their shortest exact form.
    pub fn write_json(&self, out: &mut String) {
        out.push_str("{\"symbol\":");
        write_json_string(&self.symbol, out);
        let _ = write!(out, ",\"time\":{},\"price\":{}", self.time_ns, self.price);
        for (name, value) in [("size", self.size), ("bid", self.bid), ("ask", self.ask)] {
            if let Some(value) = value {
                let _ = write!(out, ",\"{name}\":{value}");
            }
        }
        if let Some(exchange) = &self.exchange {
            out.push_str(",\"exchange\":");
            write_json_string(exchange, out);
        }
        if let Some(sequence) = self.sequence {
            let _ = write!(out, ",\"sequence\":{sequence}");
        }
        if !self.extra_members.is_empty() {
            out.push(',');
            out.push_str(&self.extra_members);
        }
        out.push('}');
    }
}

/// Appends `text` as a JSON string.
pub fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_one_json_object_that_says_what_it_was() {
        let tick = Tick {
            symbol: "A\"\u{1}é".into(),
            time_ns: 1_582_329_602_111_000_000,
            price: 9682.0,
            size: Some(0.132),
            bid: None,
            ask: Some(9682.5),
            exchange: Some("x".into()),
            sequence: Some(42_377_944),
            extra_members: "\"side\":\"buy\"".into(),
        };
        let mut text = String::new();
        tick.write_json(&mut text);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({"symbol": "A\"\u{1}é", "time": 1_582_329_602_111_000_000_i64, "price": 9682, "size": 0.132, "ask": 9682.5, "exchange": "x", "sequence": 42_377_944, "side": "buy"})
        );
    }
}
