//! `ticklake status`: what a lake holds, and how far behind Kafka it is.
//!
//! Owns: gathering and printing the figures.

use std::io::Write as _;

use serde::Serialize;
use ticklake_ingest::source::kafka_topic::{Watermarks, watermarks};
use ticklake_lake::layout::Table;
use ticklake_lake::{AsOf, Lake, Offsets, Snapshot, json_mirror};
use ticklake_query::told::grouped;
use ticklake_schemas::STOCK_DATA_JSON;

use crate::args::StatusArgs;
use crate::exit::Failure;
use crate::screen;
use crate::settings::Settings;

#[derive(Debug, Serialize)]
struct TableStatus {
    name: &'static str,
    /// Absent for the mirror, which has none of its own.
    version: Option<u64>,
    files: usize,
    /// Absent where nothing but reading the files would tell.
    rows: Option<u64>,
    bytes: u64,
    /// Newest event time by the log's statistics, rounded up to the millisecond; absent for an empty table.
    newest_time: Option<String>,
}

#[derive(Debug, Serialize)]
struct OffsetStatus {
    source: String,
    partition: i32,
    /// The next offset to commit.
    offset: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    high_watermark: Option<i64>,
    /// Messages in Kafka that are not in the lake.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<i64>,
    /// Why an ingester would refuse to go on here.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct Status {
    lake: String,
    tables: Vec<TableStatus>,
    offsets: Vec<OffsetStatus>,
    /// Why, where the brokers were asked and gave no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_unknown: Option<String>,
}

pub(crate) async fn run(args: StatusArgs) -> Result<(), Failure> {
    let settings = args.settings.load()?;
    let lake = Lake::open(&settings.lake_location).await?;
    let mut tables = Vec::new();
    for table in Table::ALL {
        if let Some(snapshot) = Snapshot::read(&lake, table, AsOf::Latest).await? {
            tables.push(table_status(&snapshot));
        }
    }
    let (files, bytes) = json_mirror::size(&lake).await?;
    tables.push(TableStatus { name: STOCK_DATA_JSON, version: None, files, rows: None, bytes, newest_time: None });
    let committed = Snapshot::offsets(&lake, Table::StockData, AsOf::Latest).await?;
    let (ends, unknown) = match ends(&settings).await {
        Ok(ends) => (ends, None),
        Err(why) => (None, Some(why)),
    };
    let status = Status {
        lake: lake.display(),
        tables,
        offsets: offset_status(&committed, settings.source(), ends.as_ref()),
        lag_unknown: unknown.as_ref().map(|why| why.message().to_owned()),
    };
    if args.json {
        writeln!(std::io::stdout(), "{}", serde_json::json!(status))?
    } else {
        print(&status)?
    }
    unknown.map_or(Ok(()), |why| Err(why.context("the lag is unknown")))
}

/// Where Kafka's partitions end, if there are brokers to ask.
async fn ends(settings: &Settings) -> Result<Option<Watermarks>, Failure> {
    if settings.kafka_brokers.is_empty() {
        return Ok(None);
    }
    let Settings { kafka_brokers, kafka_topic, librdkafka, .. } = settings.clone();
    Ok(Some(tokio::task::spawn_blocking(move || watermarks(&kafka_brokers, &kafka_topic, &librdkafka)).await??))
}

fn table_status(snapshot: &Snapshot) -> TableStatus {
    let newest = snapshot.files.iter().filter_map(|f| f.statistics["maxValues"]["time"].as_str()).max();
    TableStatus {
        name: snapshot.table.name(),
        version: Some(snapshot.version),
        files: snapshot.files.len(),
        rows: Some(snapshot.rows()),
        bytes: snapshot.bytes(),
        newest_time: newest.map(str::to_owned),
    }
}

/// Committed offsets, with the lag of `source` where the brokers were asked; a partition never committed lags by all it holds.
fn offset_status(committed: &Offsets, source: &str, kafka: Option<&Watermarks>) -> Vec<OffsetStatus> {
    let mut rows: Vec<OffsetStatus> = committed
        .iter()
        .map(|(from, partition, offset)| {
            let asked = kafka.filter(|_| from.name() == source).and_then(|k| k.get(&partition).copied());
            against_kafka(from.name(), partition, offset, asked)
        })
        .collect();
    for (&partition, &(low, high)) in kafka.into_iter().flatten() {
        if !rows.iter().any(|r| r.source == source && r.partition == partition) {
            rows.push(against_kafka(source, partition, low, Some((low, high))));
        }
    }
    rows.sort_by(|a, b| (&a.source, a.partition).cmp(&(&b.source, b.partition)));
    rows
}

fn against_kafka(source: &str, partition: i32, offset: i64, kafka: Option<(i64, i64)>) -> OffsetStatus {
    let problem = match kafka {
        Some((_, high)) if offset > high => {
            Some("ahead of Kafka: the topic was re-created or truncated; use --source NEWNAME".to_owned())
        }
        Some((low, _)) if offset < low => Some(format!("{} offsets are gone from Kafka", low - offset)),
        _ => None,
    };
    OffsetStatus {
        source: source.to_owned(),
        partition,
        offset,
        high_watermark: kafka.map(|(_, high)| high),
        lag: kafka.map(|(_, high)| (high - offset).max(0)),
        problem,
    }
}

fn print(status: &Status) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "lake {}\n", status.lake)?;
    let tables = status.tables.iter().map(|t| {
        let newest = t.newest_time.clone().unwrap_or_else(|| "-".to_owned());
        vec![t.name.to_owned(), number(t.version), grouped(t.files as u64), number(t.rows), grouped(t.bytes), newest]
    });
    writeln!(out, "{}", screen::table_of(&["table", ">version", ">files", ">rows", ">bytes", "newest event (UTC)"], tables))?;
    if status.offsets.is_empty() {
        return writeln!(out, "no offsets are committed yet");
    }
    let offsets = status.offsets.iter().map(|o| {
        let (end, lag) = (number(o.high_watermark.map(i64::unsigned_abs)), number(o.lag.map(i64::unsigned_abs)));
        let next = grouped(o.offset.unsigned_abs());
        vec![o.source.clone(), o.partition.to_string(), next, end, lag, o.problem.clone().unwrap_or_else(|| "-".to_owned())]
    });
    let columns = ["source", ">partition", ">next offset", ">in Kafka to", ">lag", "problem"];
    write!(out, "{}", screen::table_of(&columns, offsets))
}

fn number(n: Option<u64>) -> String {
    n.map_or_else(|| "-".to_owned(), grouped)
}
