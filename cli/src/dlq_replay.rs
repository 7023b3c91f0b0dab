//! `ticklake dlq replay`: dead letters back to a topic, each message once, whatever became of it.
//!
//! Owns: which letters are left out, and the report.
//! Does not own: reading letters (`query::dead_letters`), sending them (`ingest::produce`), looking into the topic (`ingest::source`).
//! Invariant: a message whose origin is a tick already, or lies in the topic and has not landed, is never sent again, and one
//! that was rejected again only when asked for; two of these commands at the same moment are the one way to send twice, and
//! the ticks show it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use serde::Serialize;
use ticklake_ingest::produce::{ProduceError, Resend, Resender, SinkConfig};
use ticklake_ingest::source::kafka_origins::{Origins, origins};
use ticklake_lake::layout::Table;
use ticklake_lake::{AsOf, Lake, Snapshot};
use ticklake_query::dead_letters::{Letter, Letters, origins_of_letters, origins_of_ticks};
use ticklake_query::told;
use ticklake_query::{Engine, EngineOptions};
use ticklake_schemas::RejectClass;

use crate::args::DlqReplayArgs;
use crate::dlq;
use crate::exit::Failure;

/// What became of the messages whose letters were selected; each counts once, however many letters it has.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Report {
    letters: u64,
    /// Messages of these letters.
    selected: u64,
    sent: u64,
    /// Sent back before, and ticks since.
    already_ticks: u64,
    /// Sent back before, and in the topic, but not in the lake yet.
    on_their_way: u64,
    /// Sent back before, and rejected again.
    rejected_again: u64,
    /// They can never be ticks, and on a compacted topic they delete.
    tombstones: u64,
}

/// Decides about one letter after another.
#[derive(Default)]
struct Sieve {
    ticks: BTreeSet<String>,
    in_topic: Origins,
    rejected_again: Origins,
    /// Whether those were asked for.
    again: bool,
    /// Whether tombstones were asked for by class.
    tombstones: bool,
    /// Messages that were decided about, by origin.
    decided: BTreeSet<String>,
    report: Report,
}

impl Sieve {
    /// The message to send for a letter, if it is to be sent.
    fn pass(&mut self, letter: Letter) -> Option<Resend> {
        self.report.letters += 1;
        let origin = letter.origin();
        if !self.decided.insert(origin.clone()) {
            return None;
        }
        self.report.selected += 1;
        let left_out = if letter.payload.is_none() && !self.tombstones {
            &mut self.report.tombstones
        } else if self.ticks.contains(&origin) {
            &mut self.report.already_ticks
        } else if self.is_on_its_way(&origin) {
            &mut self.report.on_their_way
        } else if !self.again && self.rejected_again.contains_key(&origin) {
            &mut self.report.rejected_again
        } else {
            return Some(Resend { origin, key: letter.key, payload: letter.payload, headers: letter.headers });
        };
        *left_out += 1;
        None
    }

    /// Whether the topic holds the message once more than the lake has rejected it.
    fn is_on_its_way(&self, origin: &str) -> bool {
        let landed = |place| self.rejected_again.get(origin).is_some_and(|places| places.contains(place));
        self.in_topic.get(origin).is_some_and(|places| !places.iter().all(landed))
    }
}

pub(crate) async fn run(args: DlqReplayArgs) -> Result<(), Failure> {
    let settings = args.settings.load()?;
    let lake = Lake::open(&settings.lake_location).await?;
    let source = settings.source().to_owned();
    let config =
        SinkConfig { librdkafka: settings.librdkafka, ..SinkConfig::new(&settings.kafka_brokers, &settings.kafka_topic) };
    // The topic is read from where the lake was before the lake is read: nothing can slip between the two.
    let in_topic = sent_back(&lake, &source, config.clone()).await?;
    let landed = Engine::open(lake.clone(), EngineOptions::for_programs()).await?;
    let sieve = Sieve {
        ticks: origins_of_ticks(&landed).await?,
        in_topic,
        rejected_again: origins_of_letters(&landed).await?,
        again: args.again,
        tombstones: args.letters.class.contains(&RejectClass::Tombstone),
        ..Sieve::default()
    };
    let sender = match args.dry_run {
        true => None,
        false => Some(tokio::task::spawn_blocking(move || Resender::connect(&config)).await??),
    };
    let engine = dlq::engine_of_letters(lake).await?;
    let letters = Letters::read(&engine, &dlq::selection(args.letters, Some(source.clone()))).await?;
    let report = send(letters, sieve, sender).await?;
    print(&report, &engine, &source, args.dry_run, args.json)
}

/// The messages that were sent back and lie in the topic; those that have landed may be among them.
async fn sent_back(lake: &Lake, source: &str, to: SinkConfig) -> Result<Origins, Failure> {
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
    if report.letters == 0 {
        eprintln!("{} has no such dead letters of {source}; `ticklake dlq list` shows what there is", engine.lake().display());
        return Ok(());
    }
    let left_out: Vec<String> = [
        (report.already_ticks, "ticks already"),
        (report.on_their_way, "on their way to the lake"),
        (report.rejected_again, "rejected again (--again sends them)"),
        (report.tombstones, "tombstones"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, why)| format!("{} {why}", told::grouped(count)))
    .collect();
    let left_out = if left_out.is_empty() { "none".to_owned() } else { left_out.join(", ") };
    let done = if dry_run { "would send" } else { "sent, all acknowledged:" };
    let (sent, letters) = (told::counted(report.sent, "message"), told::counted(report.letters, "dead letter"));
    eprintln!("{done} {sent}, of {letters}; left out: {left_out}");
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

    /// 1 is a tick; 2 is in the topic; 3 was sent back and rejected again, as 9; so was 5, as 11, and sent back once more.
    fn sieve() -> Sieve {
        let origins = |list: &[(&str, &[i64])]| -> Origins {
            list.iter().map(|(origin, at)| ((*origin).to_owned(), at.iter().map(|o| (0, *o)).collect())).collect()
        };
        Sieve {
            ticks: BTreeSet::from(["feed/0/1".to_owned()]),
            in_topic: origins(&[("feed/0/2", &[8]), ("feed/0/3", &[9]), ("feed/0/5", &[11, 12])]),
            rejected_again: origins(&[("feed/0/3", &[9]), ("feed/0/5", &[11])]),
            ..Sieve::default()
        }
    }

    fn replay(mut sieve: Sieve) -> (Vec<String>, Report) {
        let mut sent = Vec::new();
        for (offset, origin, payload) in [
            (1, None, Some("{}")),
            (2, None, Some("{}")),
            (3, None, Some("{}")),
            (4, None, None),
            (5, None, Some("{}")),
            (6, None, Some("{}")),
            (9, Some("feed/0/3"), Some("{}")),
            (10, Some("feed/0/1"), Some("{}")),
            (11, Some("feed/0/5"), Some("{}")),
        ] {
            sent.extend(sieve.pass(letter(offset, origin, payload)).map(|resend| resend.origin));
        }
        (sent, sieve.report)
    }

    #[test]
    fn no_message_is_ever_sent_back_twice_unasked() {
        let (sent, report) = replay(sieve());
        assert_eq!(sent, ["feed/0/6"]);
        let expected = Report {
            letters: 9,
            selected: 6,
            already_ticks: 1,
            on_their_way: 2,
            rejected_again: 1,
            tombstones: 1,
            ..Report::default()
        };
        assert_eq!(report, expected);
    }

    #[test]
    fn what_is_asked_for_again_is_never_sent_beside_itself_or_beside_its_tick() {
        let (sent, report) = replay(Sieve { again: true, ..sieve() });
        assert_eq!(sent, ["feed/0/3", "feed/0/6"], "the first letter goes, not the one of the second rejection");
        let expected = Report { letters: 9, selected: 6, already_ticks: 1, on_their_way: 2, tombstones: 1, ..Report::default() };
        assert_eq!(report, expected);
    }

    #[test]
    fn a_tombstone_is_never_sent_by_accident() {
        assert_eq!(sieve().pass(letter(7, None, None)), None);
        let mut asked = Sieve { tombstones: true, ..sieve() };
        assert!(asked.pass(letter(7, None, None)).is_some());
    }
}
