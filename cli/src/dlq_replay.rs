//! `ticklake dlq replay`: dead letters back to a topic, each message at most once.
//!
//! Owns: which letters are left out, and the report.
//! Does not own: reading letters (`query::dead_letters`), sending them (`ingest::produce`), looking into the topic (`ingest::source`).
//! Invariant: a message whose origin is a tick already, or lies in the topic beyond what the lake has landed, is not sent again
//! unless asked for; two of these commands at the same moment are the one way to send twice, and the ticks show it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use serde::Serialize;
use ticklake_ingest::produce::{ProduceError, Resend, Resender, SinkConfig};
use ticklake_ingest::source::kafka_origins::origins;
use ticklake_lake::layout::Table;
use ticklake_lake::{AsOf, Lake, Snapshot};
use ticklake_query::dead_letters::{Letter, Letters, origins_of_ticks};
use ticklake_query::{Engine, EngineOptions};
use ticklake_schemas::RejectClass;

use crate::args::DlqReplayArgs;
use crate::exit::Failure;
use crate::{dlq, screen};

/// What became of the letters that were selected.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Report {
    selected: u64,
    sent: u64,
    /// Sent back before, and ticks since.
    already_ticks: u64,
    /// Sent back before, and in the topic, but not in the lake yet.
    on_their_way: u64,
    /// Another letter of this run is the same message, sent back and rejected again.
    repeated: u64,
    /// They can never be ticks, and on a compacted topic they delete.
    tombstones: u64,
}

/// Decides about one letter after another.
#[derive(Default)]
struct Sieve {
    ticks: BTreeSet<String>,
    in_topic: BTreeSet<String>,
    /// Whether tombstones were asked for by class.
    tombstones: bool,
    sent: BTreeSet<String>,
    report: Report,
}

impl Sieve {
    /// The message to send for a letter, if it is to be sent.
    fn pass(&mut self, letter: Letter) -> Option<Resend> {
        self.report.selected += 1;
        let origin = letter.origin();
        let left_out = if letter.payload.is_none() && !self.tombstones {
            &mut self.report.tombstones
        } else if self.ticks.contains(&origin) {
            &mut self.report.already_ticks
        } else if self.in_topic.contains(&origin) {
            &mut self.report.on_their_way
        } else if !self.sent.insert(origin.clone()) {
            &mut self.report.repeated
        } else {
            return Some(Resend { origin, key: letter.key, payload: letter.payload, headers: letter.headers });
        };
        *left_out += 1;
        None
    }
}

pub(crate) async fn run(args: DlqReplayArgs) -> Result<(), Failure> {
    let lake = Lake::open(&args.lake.lake).await?;
    let librdkafka = args.kafka.options.by_name();
    let config = SinkConfig { librdkafka, ..SinkConfig::new(&args.kafka.brokers, &args.kafka.topic) };
    let source = args.source.unwrap_or(args.kafka.topic);
    let mut sieve = Sieve { tombstones: args.letters.class.contains(&RejectClass::Tombstone), ..Sieve::default() };
    let connecting = config.clone();
    let sender = match args.dry_run {
        true => None,
        false => Some(tokio::task::spawn_blocking(move || Resender::connect(&connecting)).await??),
    };
    // The topic is read from where the lake was before the lake is read: nothing can slip between the two.
    let in_topic = if args.again { BTreeSet::new() } else { on_their_way(&lake, &source, config).await? };
    if !args.again {
        let ticks = Engine::open(lake.clone(), EngineOptions::default()).await?;
        (sieve.ticks, sieve.in_topic) = (origins_of_ticks(&ticks).await?, in_topic);
    }
    let engine = dlq::engine_of_letters(lake).await?;
    let letters = Letters::read(&engine, &dlq::selection(args.letters, Some(source.clone()))).await?;
    let report = send(letters, sieve, sender).await?;
    print(&report, &engine, &source, args.dry_run, args.json)
}

/// The origins of messages that were sent back and are not in the lake yet.
async fn on_their_way(lake: &Lake, source: &str, to: SinkConfig) -> Result<BTreeSet<String>, Failure> {
    // Offsets belong to the topic only where the source is called after it; else the whole topic is read.
    let offsets = Snapshot::offsets(lake, Table::StockData, AsOf::Latest).await?;
    let starts: BTreeMap<i32, i64> =
        offsets.iter().filter(|(of, ..)| of.name() == source && source == to.topic).map(|(_, p, next)| (p, next)).collect();
    Ok(tokio::task::spawn_blocking(move || origins(&to.brokers, &to.topic, &starts, &to.librdkafka)).await??)
}

/// Sends what passes the sieve; without a sender it is only counted.
async fn send(mut letters: Letters, mut sieve: Sieve, mut sender: Option<Resender>) -> Result<Report, Failure> {
    while let Some(batch) = letters.next().await? {
        let passed: Vec<Resend> = batch.into_iter().filter_map(|letter| sieve.pass(letter)).collect();
        sieve.report.sent += passed.len() as u64;
        if let Some(mut open) = sender.take() {
            let sending = tokio::task::spawn_blocking(move || {
                passed.into_iter().try_for_each(|letter| open.send(letter))?;
                Ok::<_, ProduceError>(open)
            });
            sender = Some(sending.await??);
        }
    }
    if let Some(open) = sender {
        sieve.report.sent = tokio::task::spawn_blocking(move || open.finish()).await??;
    }
    Ok(sieve.report)
}

fn print(report: &Report, engine: &Engine, source: &str, dry_run: bool, as_json: bool) -> Result<(), Failure> {
    if as_json {
        let mut report = serde_json::json!(report);
        report["dry_run"] = dry_run.into();
        writeln!(std::io::stdout(), "{report}")?;
        return Ok(());
    }
    if report.selected == 0 {
        eprintln!("{} has no such dead letters of {source}; `ticklake dlq list` shows what there is", engine.lake().display());
        return Ok(());
    }
    let left_out: Vec<String> = [
        (report.already_ticks, "ticks already"),
        (report.on_their_way, "on their way to the lake"),
        (report.repeated, "the same message rejected again"),
        (report.tombstones, "tombstones"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, why)| format!("{} {why}", screen::grouped(count)))
    .collect();
    let left_out = if left_out.is_empty() { "none".to_owned() } else { left_out.join(", ") };
    let done = if dry_run { "would send" } else { "sent, all acknowledged:" };
    eprintln!("{done} {}; left out: {left_out}", screen::counted(report.sent, "dead letter"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use ticklake_lake::dead_letters::{Header, ORIGIN_HEADER};

    use super::*;

    fn letter(offset: i64, origin: Option<&str>, payload: Option<&str>) -> Letter {
        let headers =
            origin.map(|o| Header { name: ORIGIN_HEADER.into(), value: Some(o.as_bytes().to_vec()) }).into_iter().collect();
        Letter {
            source: "feed".into(),
            partition: 0,
            offset,
            time: None,
            class: String::new(),
            reason: String::new(),
            key: None,
            payload: payload.map(|p| p.as_bytes().to_vec()),
            headers,
        }
    }

    fn sieve() -> Sieve {
        let origins = |list: &[&str]| list.iter().map(|o| (*o).to_owned()).collect();
        Sieve { ticks: origins(&["feed/0/1"]), in_topic: origins(&["feed/0/2"]), ..Sieve::default() }
    }

    #[test]
    fn no_message_is_sent_back_twice_unless_it_was_rejected_again() {
        let mut sieve = sieve();
        let mut sent = Vec::new();
        for (offset, origin, payload) in [
            (1, None, Some("{}")),
            (2, None, Some("{}")),
            (3, None, Some("{}")),
            (4, None, None),
            (9, Some("feed/0/3"), Some("{}")),
            (10, Some("feed/0/1"), Some("{}")),
            (11, Some("feed/0/5"), Some("{}")),
        ] {
            sent.extend(sieve.pass(letter(offset, origin, payload)).map(|resend| resend.origin));
        }
        assert_eq!(sent, ["feed/0/3", "feed/0/5"], "5 was sent back and rejected again, and its first letter is not selected");
        let expected = Report { selected: 7, sent: 0, already_ticks: 2, on_their_way: 1, repeated: 1, tombstones: 1 };
        assert_eq!(sieve.report, expected);
    }

    #[test]
    fn a_tombstone_is_never_sent_by_accident() {
        assert_eq!(sieve().pass(letter(7, None, None)), None);
        let mut asked = Sieve { tombstones: true, ..sieve() };
        assert!(asked.pass(letter(7, None, None)).is_some());
    }
}
