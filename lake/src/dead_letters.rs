//! Messages that are not ticks, as rows of `dead_letters`.
//!
//! Owns: `Reject` and its Arrow form, the text form of headers, the header that names a replayed message's origin.
//! Does not own: deciding what is rejected (`ingest/decode`), when it is committed (`publish`).
//! Invariant: the original bytes survive exactly (base64); nothing is truncated.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ticklake_schemas::RejectClass;

use crate::LakeError;

/// The header a dead letter carries when it is sent back: `topic/partition/offset` of the message as first rejected.
pub const ORIGIN_HEADER: &str = "ticklake-dead-letter";

/// A Kafka header. Names may repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Name.
    pub name: String,
    /// Value bytes; `None` for null.
    pub value: Option<Vec<u8>>,
}

impl Header {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.value.as_ref().map_or(0, Vec::len)
    }
}

/// Headers as column `headers` has them: `[["name","dmFsdWU="],["null",null]]`; `None` for none.
fn headers_text(headers: &[Header]) -> Option<String> {
    let pair = |h: &Header| serde_json::json!([h.name, h.value.as_ref().map(|v| BASE64_STANDARD.encode(v))]);
    (!headers.is_empty()).then(|| serde_json::Value::from_iter(headers.iter().map(pair)).to_string())
}

/// Reads column `headers`.
///
/// # Errors
/// `Corrupt` for a text that is no list of headers.
pub fn parse_headers(text: &str) -> Result<Vec<Header>, LakeError> {
    let pairs: Vec<(String, Option<String>)> =
        serde_json::from_str(text).map_err(|e| LakeError::corrupt("column headers of dead_letters", e))?;
    let header =
        |(name, value): (String, Option<String>)| Ok(Header { name, value: value.as_deref().map(parse_bytes).transpose()? });
    pairs.into_iter().map(header).collect()
}

/// Reads columns `key_base64` and `payload_base64`.
///
/// # Errors
/// `Corrupt` for a text that is not base64.
pub fn parse_bytes(text: &str) -> Result<Vec<u8>, LakeError> {
    BASE64_STANDARD.decode(text).map_err(|e| LakeError::corrupt("base64 text of dead_letters", e))
}

/// One rejected message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Kafka partition.
    pub partition: i32,
    /// Kafka offset.
    pub offset: i64,
    /// Record timestamp, milliseconds since the epoch; `None` when the broker has none.
    pub timestamp_ms: Option<i64>,
    /// Key bytes.
    pub key: Option<Vec<u8>>,
    /// Payload bytes; `None` for a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Headers, in their order.
    pub headers: Vec<Header>,
    /// The class.
    pub class: RejectClass,
    /// The reason, one sentence.
    pub reason: String,
}

impl Reject {
    /// Bytes held in memory, roughly.
    pub fn bytes(&self) -> usize {
        let message = self.key.as_ref().map_or(0, Vec::len) + self.payload.as_ref().map_or(0, Vec::len);
        self.reason.len() + message + self.headers.iter().map(Header::bytes).sum::<usize>() + size_of::<Self>()
    }
}

/// The rejects as record batches by partition folder (`dt=…`), in the contract's file columns, ordered by partition and offset.
///
/// `now_ms` dates messages without a timestamp.
///
/// # Errors
/// `Corrupt` if Arrow refuses the columns, which would be a bug.
pub fn by_folder(topic: &str, mut rejects: Vec<Reject>, now_ms: i64) -> Result<BTreeMap<String, RecordBatch>, LakeError> {
    const DAY_MS: i64 = 86_400_000;
    rejects.sort_by_key(|r| (r.partition, r.offset));
    let mut days: BTreeMap<i64, Vec<Reject>> = BTreeMap::new();
    for reject in rejects {
        days.entry(reject.timestamp_ms.unwrap_or(now_ms).div_euclid(DAY_MS)).or_default().push(reject);
    }
    days.into_iter().map(|(day, rows)| Ok((format!("dt={}", crate::layout::date_text(day)), to_batch(topic, &rows)?))).collect()
}

fn to_batch(topic: &str, rows: &[Reject]) -> Result<RecordBatch, LakeError> {
    let text = |f: &dyn Fn(&Reject) -> Option<String>| Arc::new(rows.iter().map(f).collect::<StringArray>()) as ArrayRef;
    let columns: Vec<ArrayRef> = vec![
        text(&|r| Some(r.class.as_str().to_owned())),
        text(&|r| Some(r.reason.clone())),
        text(&|r| r.key.as_ref().map(|b| BASE64_STANDARD.encode(b))),
        text(&|r| r.payload.as_ref().map(|b| BASE64_STANDARD.encode(b))),
        Arc::new(rows.iter().map(|r| r.timestamp_ms.map(|ms| ms.saturating_mul(1000))).collect::<TimestampMicrosecondArray>()),
        text(&|_| Some(topic.to_owned())),
        Arc::new(rows.iter().map(|r| r.partition).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|r| r.offset).collect::<Int64Array>()),
        text(&|r| headers_text(&r.headers)),
    ];
    RecordBatch::try_new(ticklake_schemas::dead_letters().arrow_file_schema(), columns)
        .map_err(|e| LakeError::corrupt("dead letters", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_keep_their_bytes_and_land_by_day() {
        let reject = |offset, timestamp_ms| Reject {
            partition: 0,
            offset,
            timestamp_ms,
            key: None,
            payload: Some(vec![0xff, 0x00]),
            headers: vec![],
            class: RejectClass::NotUtf8,
            reason: "byte 0 is not UTF-8".into(),
        };
        let folders = by_folder("t", vec![reject(2, Some(0)), reject(1, Some(5)), reject(3, None)], 86_400_000).unwrap();
        assert_eq!(folders.keys().collect::<Vec<_>>(), ["dt=1970-01-01", "dt=1970-01-02"]);
        let first = &folders["dt=1970-01-01"];
        let payloads = first.column_by_name("payload_base64").unwrap();
        assert_eq!(payloads.as_any().downcast_ref::<StringArray>().unwrap().value(0), "/wA=");
        assert_eq!(
            first.column_by_name("kafka_offset").unwrap().as_any().downcast_ref::<Int64Array>().unwrap().values(),
            &[1, 2]
        );
    }

    #[test]
    fn no_header_loses_its_name_its_bytes_its_place_or_its_twin() {
        let header = |name: &str, value: Option<&[u8]>| Header { name: name.into(), value: value.map(<[u8]>::to_vec) };
        let headers = [header("a", Some(b"\xff\0")), header("a", None), header("", Some(b"")), header("\u{1b}\"é", Some(b"x"))];
        let text = headers_text(&headers).unwrap();
        assert!(text.starts_with("[[\"a\",\"/wA=\"],[\"a\",null],[\"\",\"\"],"), "{text}");
        assert_eq!(parse_headers(&text).unwrap(), headers);
        assert_eq!(headers_text(&[]), None);
        for bad in ["", "{}", "[[1,2]]", "[[\"a\",\"not base64!\"]]"] {
            assert!(matches!(parse_headers(bad), Err(LakeError::Corrupt { .. })), "{bad}");
        }
    }
}
