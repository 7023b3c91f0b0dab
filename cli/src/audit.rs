//! `ticklake audit`: whether every message is in the lake exactly once.
//!
//! Owns: bringing rows, offsets, messages and mirror together; printing the verdict.
//! Does not own: the verdict (`lake::audit`), reading the tables (`query`) and the topic (`ingest`).
//! Invariant: exit code 1 says that the lake is not exactly-once (with `--mirror`, that the mirror is not the table), and nothing
//! else does. What was given up is declared, not lost: it is always told and never a fault.

use std::io::Write as _;

use serde::Serialize;
use ticklake_ingest::source::kafka_audit::{is_compacted, read_messages};
use ticklake_lake::audit::{Audit, Fault, PartitionAudit, mirror_differences};
use ticklake_lake::layout::Table;
use ticklake_lake::{AsOf, Lake, Snapshot, SourceId, json_mirror};
use ticklake_query::told::{counted, grouped};
use ticklake_query::{Engine, EngineOptions, for_each_coordinate};
use ticklake_schemas::STOCK_DATA_JSON;

use crate::args::AuditArgs;
use crate::exit::Failure;
use crate::screen;
use crate::settings::Settings;

/// Names of mirror files that are shown.
const NAMES_SHOWN: usize = 5;
const COLUMNS: [&str; 12] = [
    "source",
    ">partition",
    ">first",
    ">committed",
    ">ticks",
    ">dead letters",
    ">lost",
    ">twice",
    ">phantom",
    ">beyond",
    ">holes",
    ">given up",
];

#[derive(Debug, Serialize)]
struct Report {
    lake: String,
    version: Option<u64>,
    /// The source whose messages were held against the topic, or that alone was asked for.
    source: Option<String>,
    ok: bool,
    ticks: u64,
    dead_letters: u64,
    twice: u64,
    beyond: u64,
    /// Absent (null) where Kafka was not asked, as `phantom`.
    lost: Option<u64>,
    phantom: Option<u64>,
    holes: u64,
    given_up: u64,
    #[serde(flatten)]
    mirror: Mirror,
    partitions: Vec<PartitionAudit>,
}

/// The JSON mirror against the log.
#[derive(Debug, Default, Serialize)]
struct Mirror {
    /// Files there are.
    mirror_files: usize,
    mirror_missing: usize,
    mirror_extra: usize,
    /// Lines of the mirror, where they were counted.
    mirror_lines: Option<u64>,
    /// The first names of either kind.
    mirror_names: Vec<String>,
}

pub(crate) async fn run(args: AuditArgs) -> Result<(), Failure> {
    let report = look(&args).await.map_err(Failure::unanswered)?;
    if args.json {
        writeln!(std::io::stdout(), "{}", serde_json::json!(report))?;
    } else {
        print(&report)?;
    }
    verdict(&report)
}

async fn look(args: &AuditArgs) -> Result<Report, Failure> {
    let settings = args.settings.load()?;
    let asked = !settings.kafka_brokers.is_empty();
    let (only, held_against) = (settings.kafka_source.clone(), asked.then(|| settings.source().to_owned()));
    let lake = Lake::open(&settings.lake_location).await?;
    let mirrored = json_mirror::list(&lake).await?;
    let engine = Engine::open(lake.clone(), EngineOptions::for_programs()).await?;
    let as_of = version_of(&engine);
    let mut audit = of_tables(&engine).await?;
    if asked {
        audit = against_kafka(settings, audit).await?;
    }
    let files = Snapshot::read(&lake, Table::StockData, as_of).await?.map(|snapshot| snapshot.files).unwrap_or_default();
    let (missing, extra) = mirror_differences(&files, &mirrored, &json_mirror::list(&lake).await?);
    let mut mirror =
        Mirror { mirror_files: mirrored.len(), mirror_missing: missing.len(), mirror_extra: extra.len(), ..Mirror::default() };
    mirror.mirror_names = missing.into_iter().chain(extra).take(NAMES_SHOWN).collect();
    if args.mirror {
        let mut lines = 0;
        let mut each = |source: &str, _, offsets: &[i64]| {
            lines += if only.as_deref().is_none_or(|only| only == source) { offsets.len() as u64 } else { 0 };
        };
        for_each_coordinate(&engine, STOCK_DATA_JSON, &mut each).await?;
        mirror.mirror_lines = Some(lines);
    }
    let verdicts: Vec<PartitionAudit> =
        audit.verdicts().into_iter().filter(|found| only.as_ref().is_none_or(|only| *only == found.source)).collect();
    match only {
        Some(only) if verdicts.is_empty() => Err(nothing_of(&only)),
        only => Ok(report(&lake, engine.version(), held_against.or(only), asked, verdicts, mirror)),
    }
}

fn nothing_of(source: &str) -> Failure {
    Failure::failed(format!("the lake records no offsets under {source:?}; check --topic and --source with `ticklake status`"))
}

fn version_of(engine: &Engine) -> AsOf {
    engine.version().map_or(AsOf::Latest, AsOf::Version)
}

/// The audit of what both tables hold, against the offsets their logs record.
pub(crate) async fn of_tables(engine: &Engine) -> Result<Audit, Failure> {
    let committed = Snapshot::offsets(engine.lake(), Table::StockData, version_of(engine)).await?;
    let rejected = Snapshot::offsets(engine.lake(), Table::DeadLetters, AsOf::Latest).await?;
    let mut audit = Audit::new(committed, rejected);
    for table in Table::ALL {
        let mut each = |source: &str, partition: i32, offsets: &[i64]| audit.rows(table, source, partition, offsets);
        for_each_coordinate(engine, table.name(), &mut each).await?;
    }
    Ok(audit)
}

/// Reads the topic up to where the log is, and holds its messages against the rows.
async fn against_kafka(settings: Settings, mut audit: Audit) -> Result<Audit, Failure> {
    let source = SourceId::new(settings.source());
    let Settings { kafka_brokers: brokers, kafka_topic: topic, librdkafka, .. } = settings;
    let ends = audit.committed(&source);
    if ends.is_empty() {
        return Err(nothing_of(source.name()));
    }
    let (mut audit, source, low, brokers, topic, librdkafka) = tokio::task::spawn_blocking(move || {
        let mut each = |partition, offset| audit.message(&source, partition, offset);
        let low = read_messages(&brokers, &topic, &librdkafka, &ends, &mut each)?;
        audit.kafka_read(&source, Some(&low));
        Ok::<_, Failure>((audit, source, low, brokers, topic, librdkafka))
    })
    .await??;
    let phantoms = audit.verdicts().iter().any(|found| found.phantom.as_ref().is_some_and(|fault| fault.count > 0));
    // A compacted topic forgets messages whose rows stay; one that is not there has forgotten nothing.
    if phantoms && !low.is_empty() && is_compacted(&brokers, &topic, &librdkafka).await? {
        audit.kafka_read(&source, None);
    }
    Ok(audit)
}

fn report(
    lake: &Lake,
    version: Option<u64>,
    source: Option<String>,
    asked: bool,
    partitions: Vec<PartitionAudit>,
    mirror: Mirror,
) -> Report {
    let sum = |count: &dyn Fn(&PartitionAudit) -> u64| partitions.iter().map(count).sum::<u64>();
    let faults = |fault: &Option<Fault>| fault.as_ref().map_or(0, |fault| fault.count);
    let ticks = sum(&|p| p.ticks);
    Report {
        lake: lake.display(),
        version,
        source,
        ok: partitions.iter().all(PartitionAudit::holds) && mirror.holds(ticks),
        ticks,
        dead_letters: sum(&|p| p.dead_letters),
        twice: sum(&|p| p.twice.count),
        beyond: sum(&|p| p.beyond.count),
        lost: asked.then(|| sum(&|p| faults(&p.lost))),
        phantom: asked.then(|| sum(&|p| faults(&p.phantom))),
        holes: sum(&|p| p.holes),
        given_up: sum(&|p| p.given_up.count),
        mirror,
        partitions,
    }
}

impl Mirror {
    /// Whether it is the table. Without --mirror nobody says that there is one, or that the lake is at rest.
    fn holds(&self, ticks: u64) -> bool {
        self.mirror_lines.is_none_or(|lines| lines == ticks && self.mirror_missing + self.mirror_extra == 0)
    }

    /// What there is of it, for people.
    fn said(&self) -> String {
        let (missing, extra) = (counted(self.mirror_missing as u64, "file"), grouped(self.mirror_extra as u64));
        match self.mirror_lines {
            None if self.mirror_files == 0 => "JSON mirror: there is none".to_owned(),
            None => format!("JSON mirror: {missing} missing, {extra} left over; --mirror compares it line by line and judges it"),
            Some(lines) => format!("JSON mirror: {missing} missing, {extra} left over, {}", counted(lines, "line")),
        }
    }
}

fn verdict(report: &Report) -> Result<(), Failure> {
    if report.ok {
        return Ok(());
    }
    let Report { lake, mirror, ticks, twice, beyond, .. } = report;
    let (lost, phantom) = (report.lost.unwrap_or_default(), report.phantom.unwrap_or_default());
    let mut faults = Vec::new();
    if !report.partitions.iter().all(PartitionAudit::holds) {
        faults.push(format!(
            "{lake} is not exactly-once: {lost} lost, {twice} twice, {phantom} phantom, {beyond} beyond what is committed{}",
            given_up(report)
        ));
    }
    if !mirror.holds(*ticks) {
        faults.push(format!(
            "the JSON mirror of {lake} is not its table: {} missing, {} left over, {} for {}",
            counted(mirror.mirror_missing as u64, "file"),
            grouped(mirror.mirror_extra as u64),
            counted(mirror.mirror_lines.unwrap_or_default(), "line"),
            counted(*ticks, "tick")
        ));
    }
    Err(Failure::failed(faults.join("; ")))
}

fn given_up(report: &Report) -> String {
    if report.given_up == 0 { String::new() } else { format!(", given up {}", grouped(report.given_up)) }
}

/// What a lake without a fault can claim, no more.
fn sentence(report: &Report) -> String {
    let of = report.source.as_ref().map_or_else(String::new, |source| format!(" of {source}"));
    let given_up = given_up(report);
    let every = if report.given_up == 0 { "every" } else { "every other" };
    match report.lost {
        Some(_) => format!("lost 0, twice 0{given_up}: {every} message{of} up to the committed offsets is there exactly once"),
        None => format!(
            "twice 0{given_up}: nothing{of} is there twice; whether anything is lost, only the topic knows: add --brokers"
        ),
    }
}

fn print(report: &Report) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let version = report.version.map_or_else(|| "without a version".to_owned(), |version| format!("at version {version}"));
    writeln!(out, "lake {} {version}", report.lake)?;
    let offset = |offset: Option<i64>| offset.map_or_else(|| "-".to_owned(), |offset| grouped(offset.unsigned_abs()));
    let count = |fault: &Option<Fault>| fault.as_ref().map_or_else(|| "-".to_owned(), |fault| grouped(fault.count));
    let rows = report.partitions.iter().map(|p| {
        let counts = [p.ticks, p.dead_letters].map(grouped);
        let faults = [count(&p.lost), grouped(p.twice.count), count(&p.phantom), grouped(p.beyond.count)];
        let place = [p.source.clone(), p.partition.to_string(), offset(p.first), offset(p.committed)];
        place.into_iter().chain(counts).chain(faults).chain([p.holes, p.given_up.count].map(grouped)).collect()
    });
    write!(out, "{}", screen::table_of(&COLUMNS, rows))?;
    for p in &report.partitions {
        let faults =
            [("lost", p.lost.as_ref()), ("twice", Some(&p.twice)), ("phantom", p.phantom.as_ref()), ("beyond", Some(&p.beyond))];
        for (name, fault) in faults.into_iter().filter_map(|(name, fault)| Some((name, fault.filter(|fault| fault.count > 0)?))) {
            let ranges: Vec<String> = fault.at.iter().map(|(from, to)| format!("[{from}, {to})")).collect();
            writeln!(out, "{}/{}: {name} at {}", p.source, p.partition, ranges.join(" "))?;
        }
        p.given_up.at.iter().try_for_each(|gap| writeln!(out, "{}/{}: given up {gap}", p.source, p.partition))?;
    }
    let mirror = &report.mirror;
    writeln!(out, "{}", mirror.said())?;
    mirror.mirror_names.iter().try_for_each(|name| writeln!(out, "  {name}"))?;
    if report.ok { writeln!(out, "{}", sentence(report)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(given_up: u64, asked: bool) -> Report {
        Report {
            lake: "l".into(),
            version: Some(1),
            source: Some("feed".into()),
            ok: true,
            ticks: 5,
            dead_letters: 0,
            twice: 0,
            beyond: 0,
            lost: asked.then_some(0),
            phantom: asked.then_some(0),
            holes: 0,
            given_up,
            mirror: Mirror::default(),
            partitions: Vec::new(),
        }
    }

    #[test]
    fn a_lake_that_gave_offsets_up_is_never_said_to_hold_every_message() {
        assert_eq!(
            sentence(&report(1060, true)),
            "lost 0, twice 0, given up 1,060: every other message of feed up to the committed offsets is there exactly once"
        );
        assert!(sentence(&report(0, true)).starts_with("lost 0, twice 0: every message of feed up to"));
        let untold = sentence(&report(60, false));
        assert!(untold.contains("given up 60") && !untold.contains("lost 0") && untold.contains("--brokers"), "{untold}");
    }

    #[test]
    fn a_mirror_that_is_not_the_table_is_never_told_as_ticks_lost() {
        let mirror = Mirror { mirror_missing: 1, mirror_lines: Some(4), ..Mirror::default() };
        let said = verdict(&Report { ok: false, mirror, ..report(0, true) }).unwrap_err();
        assert_eq!(said.message(), "the JSON mirror of l is not its table: 1 file missing, 0 left over, 4 lines for 5 ticks");
    }
}
