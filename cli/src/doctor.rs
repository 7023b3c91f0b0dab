//! `ticklake doctor`: whether everything an ingester will need is there, and what to do where it is not.
//!
//! Owns: which checks are made, printing them.
//! Does not own: the trials of the store (`lake::probe`) and of Kafka (`ingest`).
//! Invariant: what was written to try it is removed again, but for the lake's own directory where it had none; Glue is only read.

use std::io::Write as _;
use std::path::Path;

use serde_json::json;
use ticklake_ingest::source::kafka_probe;
use ticklake_lake::catalog::{Catalog as _, GlueCatalog, check};
use ticklake_lake::clock::SystemClock;
use ticklake_lake::layout::Table;
use ticklake_lake::probe::{Check, probe};
use ticklake_lake::store::parse_location;
use ticklake_lake::{AsOf, Lake, LakeError, Snapshot, SourceId};
use ticklake_schemas::{DEAD_LETTERS, STOCK_DATA, STOCK_DATA_JSON};

use crate::args::DoctorArgs;
use crate::exit::Failure;
use crate::settings::Settings;

/// What queries that spill, and lakes in directories, should find at the least.
const FREE_BYTES_MIN: usize = 64 << 20;

pub(crate) async fn run(args: DoctorArgs) -> Result<(), Failure> {
    let settings = args.settings.load()?;
    let mut checks = Vec::new();
    let mut log = None;
    match Lake::open_or_create(&settings.lake_location).await {
        Ok(lake) => {
            checks.extend(lake_checks(&lake).await);
            // Before Kafka is asked: an ingester at work moves on meanwhile, in Kafka first.
            match Snapshot::offsets(&lake, Table::StockData, AsOf::Latest).await {
                Ok(offsets) => log = Some(offsets),
                Err(e) => checks.push(Check::new("lake: log", Err(e))),
            }
        }
        Err(e) => checks.push(Check::new("lake", Err(e))),
    }
    checks.push(Check::new("disk: temporary files", room(&std::env::temp_dir())));
    if !settings.kafka_brokers.is_empty() {
        let Settings { kafka_brokers, kafka_topic, kafka_group, librdkafka, .. } = settings.clone();
        let (source, on_gap) = (SourceId::new(settings.source()), settings.kafka_on_gap);
        let log = log.map(|offsets| kafka_probe::Log { source, offsets, on_gap });
        let tried = move || kafka_probe::probe(&kafka_brokers, &kafka_topic, &kafka_group, &librdkafka, log.as_ref());
        checks.extend(tokio::task::spawn_blocking(tried).await?);
    }
    if let Some(database) = &settings.glue_database {
        checks.push(Check::new("glue", glue(database, &settings.lake_location).await));
    }
    print(&checks, args.json)?;
    let failed: Vec<&str> = checks.iter().filter(|check| check.found.is_err()).map(|check| check.name).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::unavailable(format!("not in order: {}", failed.join(", ")))) }
}

async fn lake_checks(lake: &Lake) -> Vec<Check> {
    let mut checks = probe(lake, &SystemClock).await;
    if let Ok(folder) = lake.url().to_file_path() {
        checks.push(Check::new("disk: lake", room(&folder)));
    }
    checks
}

/// Whether a folder takes a file of a useful size.
fn room(folder: &Path) -> Result<String, String> {
    let file = folder.join(format!("ticklake-doctor-{}", uuid::Uuid::new_v4().simple()));
    let written = std::fs::write(&file, vec![0; FREE_BYTES_MIN]);
    // A file half written is there, too.
    let removed = std::fs::remove_file(&file);
    let place = folder.display();
    match written.and(removed) {
        Ok(()) => Ok(format!("{place} has room for {} MiB and more", FREE_BYTES_MIN >> 20)),
        Err(e) => Err(format!("{place} does not take {} MiB ({e}); make room, or name another place", FREE_BYTES_MIN >> 20)),
    }
}

/// Reads the tables; creating one that is there changes nothing and shows that creating is allowed.
async fn glue(database: &str, lake: &str) -> Result<String, LakeError> {
    let catalog = GlueCatalog::connect().await;
    check(&catalog, database, &parse_location(lake)?).await?;
    let mut there = Vec::new();
    for name in [STOCK_DATA, STOCK_DATA_JSON, DEAD_LETTERS] {
        let Some(found) = catalog.get_table(database, name).await? else { continue };
        catalog.create_table(database, &found.spec).await?;
        if !found.spec.partition_keys.is_empty() {
            catalog.list_partitions(database, name, None).await?;
        }
        there.push(name);
    }
    if there.is_empty() {
        return Ok(format!("{database} can be read and has none of our tables yet; ingest creates them"));
    }
    Ok(format!("{database} has {}; reading and creating are allowed", there.join(", ")))
}

fn print(checks: &[Check], as_json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if as_json {
        let rows: Vec<_> = checks
            .iter()
            .map(|check| {
                let (Ok(detail) | Err(detail)) = &check.found;
                json!({"check": check.name, "ok": check.found.is_ok(), "detail": detail})
            })
            .collect();
        let ok = checks.iter().all(|check| check.found.is_ok());
        return writeln!(out, "{}", json!({"ok": ok, "checks": rows}));
    }
    for check in checks {
        match &check.found {
            Ok(detail) => writeln!(out, "ok      {:<22} {detail}", check.name)?,
            Err(why) => writeln!(out, "FAILED  {:<22} {why}", check.name)?,
        }
    }
    Ok(())
}
