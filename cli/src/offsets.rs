//! `ticklake offsets`: what the log records of Kafka's offsets, and setting one by hand.
//!
//! Owns: saying what a reset will cost and whether Kafka has the place, and asking before it is done.
//! Does not own: the commit (`lake::reset`), asking the brokers (`ingest`).
//! Invariant: no reset can make a row twice: going back stops where rows are.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use serde_json::json;
use ticklake_ingest::source::kafka_topic::watermarks;
use ticklake_lake::clock::{Clock as _, SystemClock};
use ticklake_lake::layout::Table;
use ticklake_lake::reset::{Reset, reset};
use ticklake_lake::{AsOf, Lake, Snapshot, SourceId};
use ticklake_query::told::{counted, grouped};
use ticklake_query::{Engine, EngineOptions, Format, run_statements};

use crate::args::{OffsetsArgs, OffsetsCommand, OffsetsResetArgs, OffsetsShowArgs};
use crate::exit::Failure;
use crate::screen;
use crate::settings::Settings;

pub(crate) async fn run(args: OffsetsArgs) -> Result<(), Failure> {
    match args.command {
        OffsetsCommand::Show(args) => show(args).await,
        OffsetsCommand::Reset(args) => reset_one(args).await,
    }
}

async fn show(args: OffsetsShowArgs) -> Result<(), Failure> {
    let lake = Lake::open(&args.settings.load()?.lake_location).await?;
    let offsets = Snapshot::offsets(&lake, Table::StockData, AsOf::Latest).await?;
    let only = |source: &SourceId| args.source.as_ref().is_none_or(|only| only == source.name());
    let wanted: Vec<_> = offsets.iter().filter(|(source, ..)| only(source)).collect();
    if let (Some(source), true) = (&args.source, wanted.is_empty()) {
        return Err(Failure::failed(format!(
            "{} records no offsets under {source:?}; leave --source out to see all",
            lake.display()
        )));
    }
    let mut out = std::io::stdout().lock();
    if args.json {
        let rows: Vec<_> = wanted
            .into_iter()
            .map(|(source, partition, offset)| {
                let gaps: Vec<_> = offsets.gaps(source, partition).collect();
                json!({"source": source.name(), "partition": partition, "offset": offset, "given_up": gaps})
            })
            .collect();
        writeln!(out, "{}", json!({"lake": lake.display(), "offsets": rows}))?;
        return Ok(());
    }
    let rows = wanted.into_iter().map(|(source, partition, offset)| {
        let gaps: Vec<String> = offsets.gaps(source, partition).map(|gap| gap.to_string()).collect();
        let gaps = if gaps.is_empty() { "-".to_owned() } else { gaps.join("; ") };
        vec![source.name().to_owned(), partition.to_string(), grouped(offset.unsigned_abs()), gaps]
    });
    write!(out, "{}", screen::table_of(&["source", ">partition", ">next offset", "given up"], rows))?;
    Ok(())
}

async fn reset_one(args: OffsetsResetArgs) -> Result<(), Failure> {
    let settings = args.settings.load()?;
    let lake = Lake::open(&settings.lake_location).await?;
    let engine = Engine::open(lake.clone(), EngineOptions::for_programs()).await?;
    let Some(version) = engine.version() else {
        return Err(Failure::failed(format!("{} has no stock_data yet; there is nothing to reset", lake.display())));
    };
    let known = Snapshot::offsets(&lake, Table::StockData, AsOf::Version(version)).await?;
    let source = SourceId::new(settings.source());
    let asked = Wanted {
        place: format!("{}/{}", source.name(), args.partition),
        next: known.next(&source, args.partition),
        row: highest_row(&engine, &source, args.partition).await?,
        kafka: in_kafka(&settings, args.partition).await?,
        to: args.to,
    };
    eprintln!("{}\n{}", asked.cost()?, asked.chance());
    if !args.yes && !agreed()? {
        return Err(Failure::failed("nothing was changed"));
    }
    let asked = Reset { version, known: &known, source: &source, partition: args.partition, to: args.to };
    let made = reset(&lake, asked, SystemClock.now_ms()).await?;
    let (name, partition, to) = (source.name(), args.partition, args.to);
    if args.json {
        let from = known.next(&source, partition);
        let report = json!({"source": name, "partition": partition, "from": from, "to": to, "version": made});
        writeln!(std::io::stdout(), "{report}")?;
    } else {
        writeln!(std::io::stdout(), "{name}/{partition}: the next offset is {to}, by version {made} of stock_data")?;
    }
    Ok(())
}

/// What Kafka has of the partition, if there are brokers to ask.
async fn in_kafka(settings: &Settings, partition: i32) -> Result<Option<(i64, i64)>, Failure> {
    let Settings { kafka_brokers: brokers, kafka_topic: topic, librdkafka, .. } = settings.clone();
    if brokers.is_empty() {
        return Ok(None);
    }
    let asked = (brokers.clone(), topic.clone());
    let there = tokio::task::spawn_blocking(move || watermarks(&asked.0, &asked.1, &librdkafka)).await??;
    there.get(&partition).copied().map(Some).ok_or_else(|| {
        Failure::failed(format!(
            "topic {topic} on {brokers} has {} and no {partition}; correct --partition",
            counted(there.len() as u64, "partition")
        ))
    })
}

/// A reset that is asked for, and what is known of its place.
struct Wanted {
    place: String,
    /// The log's next offset.
    next: Option<i64>,
    /// The highest offset of any row.
    row: Option<i64>,
    /// Low and high watermark, where the brokers were asked.
    kafka: Option<(i64, i64)>,
    to: i64,
}

impl Wanted {
    /// What it loses, in a sentence; an error where it would repeat, or where no ingester could start.
    fn cost(&self) -> Result<String, Failure> {
        let Self { place, to, .. } = self;
        let to = *to;
        match (self.row, self.kafka) {
            (Some(row), Some((_, high))) if row >= high => {
                return Err(Failure::failed(format!(
                    "{place}: the lake holds rows up to offset {row} and Kafka ends at {high}: the topic was re-created or truncated, \
                     or this is another cluster, which no reset can mend; take it up as a source of its own: --source NEWNAME"
                )));
            }
            (_, Some((low, high))) if !(low..=high).contains(&to) => {
                return Err(Failure::failed(format!(
                    "{place}: Kafka has it from offset {low} (the low watermark) up to {high} (the high watermark), so an ingester \
                     could not start at {to}; give --to from {low} to {high}"
                )));
            }
            _ => {}
        }
        match (self.next, self.row) {
            (Some(from), _) if from == to => Err(Failure::failed(format!("{place}: the next offset is {to} already"))),
            (Some(from), _) if from < to => Ok(format!(
                "{place}: from {from} forward to {to}: {} offsets will never be read, and are recorded as given up",
                grouped(to.abs_diff(from))
            )),
            (None, _) => Ok(format!(
                "{place}: nothing is committed yet; what lies before {to} will never be read, and is recorded as given up"
            )),
            (Some(_), Some(row)) if row >= to => Err(Failure::failed(format!(
                "{place}: the lake holds rows up to offset {row}, so going back to {to} would make rows twice; the lowest offset is \
                 {}, and a topic that was made anew is a source of its own: --source NEWNAME",
                row + 1
            ))),
            (Some(from), _) => Ok(format!(
                "{place}: from {from} back to {to}: {} offsets will be read again; no row is of them",
                grouped(from.abs_diff(to))
            )),
        }
    }

    /// Whether Kafka has the place, in a sentence.
    fn chance(&self) -> String {
        let Self { place, to, .. } = self;
        match self.kafka {
            Some((low, high)) => format!("Kafka has {place} from offset {low} up to {high}"),
            None => format!("whether Kafka has offset {to} of {place} was not checked: there are no --brokers"),
        }
    }
}

/// The highest offset of a partition that either table holds.
async fn highest_row(engine: &Engine, source: &SourceId, partition: i32) -> Result<Option<i64>, Failure> {
    let name = source.name().replace('\'', "''");
    let of =
        |table: &str| format!("SELECT kafka_offset FROM {table} WHERE kafka_topic = '{name}' AND kafka_partition = {partition}");
    let sql = format!(
        "SELECT max(kafka_offset) AS highest FROM ({} UNION ALL {}) AS held",
        of(Table::StockData.name()),
        of(Table::DeadLetters.name())
    );
    let mut answer = Vec::new();
    run_statements(engine, &sql, Format::Json, &mut answer).await?;
    let rows: serde_json::Value =
        serde_json::from_slice(&answer).map_err(|e| Failure::failed(format!("the highest row: {e}")))?;
    Ok(rows[0]["highest"].as_i64())
}

/// Asks the person at the terminal.
fn agreed() -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("nobody can be asked here; give --yes"));
    }
    eprint!("Stop every ingester of this source first. Type yes to go on: ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(next: i64, row: i64, kafka: Option<(i64, i64)>, to: i64) -> Result<String, String> {
        let wanted = Wanted { place: "t/0".into(), next: Some(next), row: Some(row), kafka, to };
        wanted.cost().map_err(|failure| failure.message().to_owned())
    }

    #[test]
    fn no_advice_ever_leads_to_a_reset_that_is_refused_again() {
        for to in [3, 20, 1000] {
            let said = wanted(20, 19, Some((0, 3)), to).unwrap_err();
            assert!(said.contains("no reset can mend") && said.contains("--source NEWNAME"), "{said}");
        }
        let said = wanted(290, 250, Some((0, 280)), 100).unwrap_err();
        assert!(said.contains("the lowest offset is 251"), "{said}");
        assert!(wanted(290, 250, Some((0, 280)), 251).is_ok(), "as was advised");
        let said = wanted(290, 250, Some((0, 280)), 281).unwrap_err();
        assert!(said.contains("give --to from 0 to 280"), "{said}");
        assert!(wanted(20, 19, None, 1000).is_ok_and(|said| said.contains("980 offsets will never be read")));
    }
}
