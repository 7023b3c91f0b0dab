//! The JSON mirror: for every data file of `stock_data`, the same rows as gzip-compressed JSON lines.
//!
//! Owns: the text form of a row, and finding mirror files that a crash left unwritten.
//! Does not own: names (`layout`), registration (`catalog`).
//! Invariant: name and bytes follow from the data file alone, so writing one twice changes nothing.
//! A line never has a blank, a trailing `Z` or a repeated key: the Hive SerDe would lose rows.

use std::collections::BTreeSet;
use std::io::Write as _;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ticklake_schemas::{ColumnType, STOCK_DATA_JSON, stock_data};

use crate::layout::{Table, mirror_file};
use crate::{AsOf, Lake, LakeError, Snapshot};

/// Level 1: twice as fast as the next, and the mirror is the copy people read least.
const GZIP_LEVEL: u32 = 1;
const FLUSH_BYTES: usize = 256 << 10;

/// The mirror of a data file's rows, which must be in file order.
///
/// # Errors
/// `Corrupt` when the rows are not in the contract's columns, which would be a bug.
pub fn encode(rows: &RecordBatch) -> Result<Bytes, LakeError> {
    let corrupt = |e: std::io::Error| LakeError::corrupt("a mirror file", e);
    let mut columns = columns(rows)?;
    let mut gzip = GzEncoder::new(Vec::with_capacity(rows.num_rows() * 40 + 1024), Compression::new(GZIP_LEVEL));
    let mut text = Vec::with_capacity(FLUSH_BYTES + 4096);
    for row in 0..rows.num_rows() {
        let begin = text.len();
        for column in &mut columns {
            column.write(row, &mut text);
        }
        // Every member begins with a comma; the first one's place is the brace's.
        if let Some(first) = text.get_mut(begin) {
            *first = b'{';
        }
        text.extend_from_slice(b"}\n");
        if text.len() >= FLUSH_BYTES {
            gzip.write_all(&text).map_err(corrupt)?;
            text.clear();
        }
    }
    gzip.write_all(&text).map_err(corrupt)?;
    Ok(gzip.finish().map_err(corrupt)?.into())
}

/// A column being written.
struct JsonColumn<'a> {
    values: Values<'a>,
    nulls: Option<&'a NullBuffer>,
    /// `,"name":`
    opening: Vec<u8>,
}

/// A column's values, with the text that repeats from row to row kept.
enum Values<'a> {
    /// `last` is the string that `written` is the JSON of.
    String {
        array: &'a StringArray,
        last: &'a str,
        written: Vec<u8>,
    },
    Bigint(&'a [i64]),
    Int(&'a [i32]),
    Double(&'a [f64]),
    /// `date` is `"YYYY-MM-DD ` of `day`.
    Timestamp {
        us: &'a [i64],
        day: Option<i64>,
        date: Vec<u8>,
    },
}

fn columns(rows: &RecordBatch) -> Result<Vec<JsonColumn<'_>>, LakeError> {
    stock_data()
        .file_columns()
        // A data file older than a column has none of it, and its mirror neither.
        .filter(|column| column.since == 1 || rows.column_by_name(&column.name).is_some())
        .map(|column| {
            let array = rows
                .column_by_name(&column.name)
                .ok_or_else(|| LakeError::corrupt("mirror rows", format!("no column {}", column.name)))?;
            let opening = format!(",\"{}\":", column.name).into_bytes();
            Ok(JsonColumn { values: Values::of(column.kind, array), nulls: array.nulls(), opening })
        })
        .collect()
}

impl<'a> Values<'a> {
    fn of(kind: ColumnType, array: &'a ArrayRef) -> Self {
        match kind {
            ColumnType::String => Self::String { array: array.as_string(), last: "", written: b"\"\"".to_vec() },
            ColumnType::Bigint => Self::Bigint(array.as_primitive::<Int64Type>().values()),
            ColumnType::Int => Self::Int(array.as_primitive::<Int32Type>().values()),
            ColumnType::Double => Self::Double(array.as_primitive::<Float64Type>().values()),
            ColumnType::TimestampNtz => {
                Self::Timestamp { us: array.as_primitive::<TimestampMicrosecondType>().values(), day: None, date: Vec::new() }
            }
        }
    }
}

impl JsonColumn<'_> {
    /// Appends `,"name":value`, or nothing for a missing value.
    fn write(&mut self, row: usize, out: &mut Vec<u8>) {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return;
        }
        out.extend_from_slice(&self.opening);
        match &mut self.values {
            Values::String { array, last, written } => {
                let text = array.value(row);
                if text != *last {
                    written.clear();
                    write_string(text, written);
                    *last = text;
                }
                out.extend_from_slice(written);
            }
            Values::Bigint(values) => out.extend_from_slice(itoa::Buffer::new().format(values[row]).as_bytes()),
            Values::Int(values) => out.extend_from_slice(itoa::Buffer::new().format(values[row]).as_bytes()),
            Values::Double(values) => write_double(values[row], out),
            Values::Timestamp { us, day, date } => write_timestamp(us[row], day, date, out),
        }
    }
}

/// `yyyy-MM-dd HH:mm:ss.SSSSSS`: what both Hive's SerDe and a cast in SQL read.
fn write_timestamp(us: i64, last_day: &mut Option<i64>, date: &mut Vec<u8>, out: &mut Vec<u8>) {
    const DAY_US: i64 = 86_400_000_000;
    let (day, in_day) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US).unsigned_abs());
    // The rows of a file share their date, save at the edges of arrival times.
    if *last_day != Some(day) {
        *last_day = Some(day);
        *date = format!("\"{} ", crate::layout::date_text(day)).into_bytes();
    }
    out.extend_from_slice(date);
    let (seconds, fraction) = ((in_day / 1_000_000) as usize, (in_day % 1_000_000) as usize);
    let [hours, minutes, seconds] = [seconds / 3600, seconds / 60 % 60, seconds % 60].map(pair);
    let [high, middle, low] = [fraction / 10_000, fraction / 100 % 100, fraction % 100].map(pair);
    out.extend_from_slice(&[
        hours[0], hours[1], b':', minutes[0], minutes[1], b':', seconds[0], seconds[1], b'.', high[0], high[1], middle[0],
        middle[1], low[0], low[1], b'"',
    ]);
}

/// The two digits of a number below 100.
fn pair(number: usize) -> [u8; 2] {
    const PAIRS: [[u8; 2]; 100] = {
        let mut pairs = [[b'0'; 2]; 100];
        let mut n = 0;
        while n < 100 {
            pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
            n += 1;
        }
        pairs
    };
    PAIRS[number % 100]
}

/// The shortest text that reads back as the same double, always with a decimal point or an exponent.
///
/// Prices and sizes are mostly whole hundredths: such a number of at most 15 digits has no other spelling as short
/// that reads back as the same double, so it is written without the general algorithm.
fn write_double(value: f64, out: &mut Vec<u8>) {
    const HUNDREDTHS_MAX: f64 = 1e15;
    let scaled = value * 100.0 + 0.5;
    let hundredths = scaled as u64;
    if !(1.0..HUNDREDTHS_MAX).contains(&scaled) || hundredths as f64 / 100.0 != value {
        out.extend_from_slice(ryu::Buffer::new().format(value).as_bytes());
        return;
    }
    out.extend_from_slice(itoa::Buffer::new().format(hundredths / 100).as_bytes());
    let [tenths, rest] = pair((hundredths % 100) as usize);
    let digits = if rest == b'0' { 2 } else { 3 };
    out.extend_from_slice(&[b'.', tenths, rest][..digits]);
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        out.extend_from_slice(text.as_bytes());
    } else {
        let quoted = serde_json::Value::from(text).to_string();
        out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
    }
    out.push(b'"');
}

/// Writes the mirror files that are missing: what a crash or an outage between a commit and its mirror left behind.
/// Returns how many were written.
///
/// # Errors
/// `Unavailable`, `Corrupt`.
pub async fn repair(lake: &Lake) -> Result<usize, LakeError> {
    let Some(snapshot) = Snapshot::read(lake, Table::StockData, AsOf::Latest).await? else {
        return Ok(0);
    };
    let present = list(lake).await?;
    let missing: Vec<(Path, Path)> = snapshot
        .files
        .iter()
        .filter_map(|file| Some((file.path.clone(), mirror_file(&file.name)?)))
        .filter(|(_, mirror)| !present.contains(mirror))
        .collect();
    // One after the other: each holds a window's worth of memory.
    for (data, mirror) in &missing {
        write_one(lake, data, mirror).await?;
    }
    Ok(missing.len())
}

/// The mirror files there are, by key relative to the lake.
///
/// # Errors
/// `Unavailable`.
pub async fn list(lake: &Lake) -> Result<BTreeSet<Path>, LakeError> {
    Ok(lake.objects(STOCK_DATA_JSON).await?.into_iter().map(|object| object.location).collect())
}

/// Number of mirror files, and their bytes.
///
/// # Errors
/// `Unavailable`.
pub async fn size(lake: &Lake) -> Result<(usize, u64), LakeError> {
    let objects = lake.objects(STOCK_DATA_JSON).await?;
    Ok((objects.len(), objects.iter().map(|object| object.size).sum()))
}

async fn write_one(lake: &Lake, data: &Path, mirror: &Path) -> Result<(), LakeError> {
    let bytes =
        lake.store().get(data).await.map_err(|e| lake.unavailable(&e))?.bytes().await.map_err(|e| lake.unavailable(&e))?;
    let gzip = tokio::task::spawn_blocking(move || encode(&read_back(bytes)?))
        .await
        .map_err(|e| LakeError::corrupt(mirror.to_string(), e))??;
    lake.store().put(mirror, PutPayload::from_bytes(gzip)).await.map_err(|e| lake.unavailable(&e))?;
    Ok(())
}

fn read_back(parquet: Bytes) -> Result<RecordBatch, LakeError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(parquet).and_then(|b| b.with_batch_size(usize::MAX >> 1).build());
    let batches: Result<Vec<RecordBatch>, String> =
        reader.map_err(|e| e.to_string()).and_then(|r| r.collect::<Result<_, _>>().map_err(|e| e.to_string()));
    let batches = batches.map_err(|e| LakeError::corrupt("a data file", e))?;
    arrow::compute::concat_batches(&stock_data().arrow_file_schema(), &batches).map_err(|e| LakeError::corrupt("a data file", e))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::encode::tests::ticks;

    fn lines(gzip: &[u8]) -> Vec<String> {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(gzip).read_to_string(&mut text).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_is_what_the_hive_serde_reads() {
        let rows = ticks(&[("BTC\"USDT", 1_582_329_602_111_000_009, 9682.0, 3)]);
        assert_eq!(
            lines(&encode(&rows).unwrap()),
            [
                r#"{"symbol":"BTC\"USDT","time":"2020-02-22 00:00:02.111000","time_ns":1582329602111000009,"price":9682.0,"kafka_topic":"t","kafka_partition":0,"kafka_offset":3}"#
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn a_double_is_never_changed_by_its_text(hundredths in 0_i64..2_000_000_000_000_000, any: f64) {
            for value in [hundredths as f64 / 100.0, any] {
                proptest::prop_assume!(value.is_finite());
                let (mut ours, mut general) = (Vec::new(), ryu::Buffer::new());
                write_double(value, &mut ours);
                let expected = general.format(value);
                let ours = String::from_utf8_lossy(&ours);
                proptest::prop_assert_eq!(&ours, expected);
                proptest::prop_assert_eq!(ours.parse::<f64>(), Ok(value));
            }
        }
    }

    #[test]
    fn the_mirror_of_a_file_read_back_has_the_same_bytes() {
        let rows = ticks(&[("A", 5, 0.1, 0), ("A", 6, 1e300, 1), ("B", 1, 1e-7, 2)]);
        let file = crate::encode::parquet(Table::StockData, &rows).unwrap();
        assert_eq!(encode(&read_back(file.parquet).unwrap()).unwrap(), encode(&rows).unwrap());
        for line in lines(&encode(&rows).unwrap()) {
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert!(value["price"].is_f64());
        }
    }
}
