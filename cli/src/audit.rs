//! `ticklake audit`: whether every message is in the lake exactly once.
//!
//! Owns: bringing rows, offsets, messages and mirror together; printing the verdict.
//! Does not own: the verdict (`lake::audit`), reading the tables (`query`) and the topic (`ingest`).
//! Invariant: exit code 1 says that the lake is not exactly-once, and nothing else does.

use std::io::Write as _;

use serde::Serialize;
use ticklake_ingest::source::kafka_audit::{is_compacted, read_messages};
use ticklake_lake::audit::{Audit, Fault, PartitionAudit, mirror_differences};
use ticklake_lake::layout::Table;
use ticklake_lake::{AsOf, Lake, Snapshot, SourceId, json_mirror};
use ticklake_query::{Engine, EngineOptions, for_each_coordinate};
use ticklake_schemas::STOCK_DATA_JSON;

use crate::args::AuditArgs;
use crate::exit::Failure;
use crate::screen::{self, counted, grouped};
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
    ">declared",
];

#[derive(Debug, Serialize)]
struct Report {
    lake: String,
    version: Option<u64>,
    ok: bool,
    ticks: u64,
    dead_letters: u64,
    twice: u64,
    beyond: u64,
    /// Absent (null) where Kafka was not asked, as `phantom`.
    lost: Option<u64>,
    phantom: Option<u64>,
    holes: u64,
    declared: u64,
    #[serde(flatten)]
    mirror: Mirror,
    partitions: Vec<PartitionAudit>,
}

/// The JSON mirror against the log.
#[derive(Debug, Default, Serialize)]
struct Mirror {
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
    let lake = Lake::open(&settings.lake_location).await?;
    let mirrored = json_mirror::list(&lake).await?;
    let engine = Engine::open(lake.clone(), EngineOptions::default()).await?;
    let as_of = version_of(&engine);
    let mut audit = of_tables(&engine).await?;
    if asked {
        audit = against_kafka(settings, audit).await?;
    }
    let files = Snapshot::read(&lake, Table::StockData, as_of).await?.map(|snapshot| snapshot.files).unwrap_or_default();
    let (missing, extra) = mirror_differences(&files, &mirrored, &json_mirror::list(&lake).await?);
    let mut mirror = Mirror { mirror_missing: missing.len(), mirror_extra: extra.len(), ..Mirror::default() };
    mirror.mirror_names = missing.into_iter().chain(extra).take(NAMES_SHOWN).collect();
    if args.mirror {
        mirror.mirror_lines = Some(for_each_coordinate(&engine, STOCK_DATA_JSON, &mut |_, _, _| {}).await?);
    }
    Ok(report(&lake, engine.version(), asked, audit.verdicts(), mirror))
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
        return Err(Failure::failed(format!(
            "the lake records no offsets under {:?}; check --topic and --source with `ticklake status`",
            source.name()
        )));
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

fn report(lake: &Lake, version: Option<u64>, asked: bool, partitions: Vec<PartitionAudit>, mirror: Mirror) -> Report {
    let sum = |count: &dyn Fn(&PartitionAudit) -> u64| partitions.iter().map(count).sum::<u64>();
    let faults = |fault: &Option<Fault>| fault.as_ref().map_or(0, |fault| fault.count);
    let ticks = sum(&|p| p.ticks);
    // Without --mirror nobody says that there is one, or that the lake is at rest.
    let mirrored = mirror.mirror_lines.is_none_or(|lines| lines == ticks && mirror.mirror_missing + mirror.mirror_extra == 0);
    Report {
        lake: lake.display(),
        version,
        ok: partitions.iter().all(PartitionAudit::holds) && mirrored,
        ticks,
        dead_letters: sum(&|p| p.dead_letters),
        twice: sum(&|p| p.twice.count),
        beyond: sum(&|p| p.beyond.count),
        lost: asked.then(|| sum(&|p| faults(&p.lost))),
        phantom: asked.then(|| sum(&|p| faults(&p.phantom))),
        holes: sum(&|p| p.holes),
        declared: sum(&|p| p.declared),
        mirror,
        partitions,
    }
}

fn verdict(report: &Report) -> Result<(), Failure> {
    if report.ok {
        return Ok(());
    }
    let (lost, phantom) = (report.lost.unwrap_or_default(), report.phantom.unwrap_or_default());
    let mirror = match report.mirror.mirror_lines {
        Some(lines) => format!(
            "; the mirror lacks {}, has {} too many and {} for {}",
            counted(report.mirror.mirror_missing as u64, "file"),
            grouped(report.mirror.mirror_extra as u64),
            counted(lines, "line"),
            counted(report.ticks, "tick")
        ),
        None => String::new(),
    };
    Err(Failure::failed(format!(
        "{} is not exactly-once: {lost} lost, {} twice, {phantom} phantom, {} beyond what is committed{mirror}",
        report.lake, report.twice, report.beyond
    )))
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
        place.into_iter().chain(counts).chain(faults).chain([p.holes, p.declared].map(grouped)).collect()
    });
    write!(out, "{}", screen::table_of(&COLUMNS, rows))?;
    for p in &report.partitions {
        let faults =
            [("lost", p.lost.as_ref()), ("twice", Some(&p.twice)), ("phantom", p.phantom.as_ref()), ("beyond", Some(&p.beyond))];
        for (name, fault) in faults.into_iter().filter_map(|(name, fault)| Some((name, fault.filter(|fault| fault.count > 0)?))) {
            let ranges: Vec<String> = fault.at.iter().map(|(from, to)| format!("[{from}, {to})")).collect();
            writeln!(out, "{}/{}: {name} at {}", p.source, p.partition, ranges.join(" "))?;
        }
    }
    let mirror = &report.mirror;
    let missing = counted(mirror.mirror_missing as u64, "file");
    writeln!(out, "JSON mirror: {missing} missing, {} left over", grouped(mirror.mirror_extra as u64))?;
    mirror.mirror_names.iter().try_for_each(|name| writeln!(out, "  {name}"))?;
    match (report.ok, report.lost) {
        (false, _) => Ok(()),
        (true, Some(_)) => writeln!(out, "every message up to the committed offsets is there exactly once"),
        (true, None) => writeln!(out, "nothing is there twice; whether anything is lost, only the topic knows: add --brokers"),
    }
}
