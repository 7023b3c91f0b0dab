//! Tests of `sync` against the catalog in memory, with its limits, conflicts and outages.

use super::super::memory::{Call, Fault, MemoryCatalog};
use super::super::{OthersNotes, spec};
use super::*;

const DATABASE: &str = "ticks";

fn url() -> Url {
    Url::parse("s3://bucket/lake/").unwrap()
}

fn hours(count: usize) -> BTreeSet<Folder> {
    (0..count).map(|n| (format!("2024-05-{:02}", 1 + n / 24), format!("{:02}", n % 24))).collect()
}

async fn run(catalog: &MemoryCatalog, count: usize) -> Result<SyncReport, LakeError> {
    sync_with(catalog, DATABASE, &url(), &hours(count), Elsewhere::Repoint).await
}

fn writes(catalog: &MemoryCatalog) -> Vec<Call> {
    let reads = [Call::EnsureDatabase, Call::GetTable, Call::ListPartitions];
    catalog.calls().into_iter().filter(|call| !reads.contains(call)).collect()
}

#[tokio::test]
async fn a_second_sync_never_writes() {
    let catalog = MemoryCatalog::with_page(60);
    let first = run(&catalog, 250).await.unwrap();
    let names = ["stock_data", "stock_data_json", "dead_letters"].map(str::to_owned).to_vec();
    let wanted = SyncReport { created_database: true, created_tables: names, created_partitions: 250, ..SyncReport::default() };
    assert_eq!(first, wanted);
    assert_eq!(writes(&catalog), [[Call::CreateTable; 3], [Call::CreatePartitions; 3]].concat(), "250 partitions in three calls");

    catalog.forget_calls();
    let second = run(&catalog, 250).await.unwrap();
    assert_eq!(second, SyncReport { unchanged: 253, ..SyncReport::default() });
    assert!(second.is_unchanged() && !first.is_unchanged());
    assert_eq!(writes(&catalog), []);
}

#[tokio::test]
async fn drift_is_mended_and_what_others_wrote_is_never_lost() {
    let catalog = MemoryCatalog::new();
    run(&catalog, 3).await.unwrap();
    let notes = OthersNotes { description: Some("all ticks".into()), owner: Some("desk".into()), retention_days: 0 };
    catalog.change(DATABASE, "stock_data", |table, others| {
        table.columns[3].kind = "decimal(18,8)".into();
        table.parameters.insert("cost_center".into(), "42".into());
        *others = notes.clone();
    });
    let report = run(&catalog, 4).await.unwrap();
    assert_eq!(report.updated_tables, ["stock_data"]);
    assert_eq!((report.created_partitions, report.unchanged), (1, 5));
    let mended = catalog.get_table(DATABASE, "stock_data").await.unwrap().unwrap();
    assert_eq!(mended.spec.columns, LakeTables::of(&url()).unwrap().stock_data.columns);
    assert_eq!(mended.spec.parameters.get("cost_center").map(String::as_str), Some("42"));
    assert_eq!(mended.others, notes);
}

#[tokio::test]
async fn a_conflict_is_retried_and_never_for_ever() {
    let catalog = MemoryCatalog::new();
    run(&catalog, 1).await.unwrap();
    let harm = |table: &mut TableSpec, _: &mut OthersNotes| table.columns.clear();
    catalog.change(DATABASE, "dead_letters", harm);
    catalog.inject(Call::UpdateTable, Fault::Interference);
    assert_eq!(run(&catalog, 1).await.unwrap().updated_tables, ["dead_letters"]);

    catalog.change(DATABASE, "dead_letters", harm);
    for _ in 0..TABLE_ATTEMPTS_MAX {
        catalog.inject(Call::UpdateTable, Fault::Interference);
    }
    let error = run(&catalog, 1).await.unwrap_err();
    assert!(
        matches!(&error, LakeError::Conflict { table, attempts: TABLE_ATTEMPTS_MAX } if table.contains("ticks.dead_letters")),
        "{error}"
    );
}

#[tokio::test]
async fn wherever_a_sync_breaks_off_the_next_one_finishes_it() {
    let calls = [Call::EnsureDatabase, Call::GetTable, Call::CreateTable, Call::ListPartitions, Call::CreatePartitions];
    for call in calls {
        for fault in [Fault::Outage, Fault::AnswerLost] {
            let catalog = MemoryCatalog::new();
            catalog.inject(call, fault);
            let error = run(&catalog, 130).await.unwrap_err();
            assert!(matches!(error, LakeError::Unavailable { .. }), "{call:?} {fault:?}: {error}");
            run(&catalog, 130).await.unwrap();
            assert!(run(&catalog, 130).await.unwrap().is_unchanged(), "{call:?} {fault:?}");
            assert_eq!(catalog.partition_values(DATABASE, "stock_data_json").len(), 130);
        }
    }
}

#[tokio::test]
async fn a_moved_lake_takes_its_partitions_with_it_and_only_when_told() {
    let catalog = MemoryCatalog::new();
    let old = Url::parse("s3://old/lake/").unwrap();
    sync_with(&catalog, DATABASE, &old, &hours(60), Elsewhere::Refuse).await.unwrap();
    let refused = sync_with(&catalog, DATABASE, &url(), &hours(60), Elsewhere::Refuse).await.unwrap_err().to_string();
    assert!(refused.contains("s3://old/lake/stock_data, not to s3://bucket/lake/stock_data"), "{refused}");

    let report = run(&catalog, 61).await.unwrap();
    assert_eq!((report.updated_tables.len(), report.relocated_partitions, report.created_partitions), (3, 60, 1));
    let deletes = catalog.calls().iter().filter(|c| **c == Call::DeletePartitions).count();
    assert_eq!(deletes, 3, "60 deletions in calls of 25");
    assert!(run(&catalog, 61).await.unwrap().is_unchanged());
}

#[tokio::test]
async fn a_view_of_the_same_name_is_never_overwritten() {
    let catalog = MemoryCatalog::new();
    run(&catalog, 1).await.unwrap();
    catalog.change(DATABASE, "stock_data", |table, _| table.table_type = "VIRTUAL_VIEW".into());
    assert!(matches!(run(&catalog, 1).await, Err(LakeError::Invalid(_))));
}

#[tokio::test]
async fn a_database_name_that_glue_would_change_is_refused_before_any_call() {
    let catalog = MemoryCatalog::new();
    for name in ["", "Ticks", "my db", "a.b", &"x".repeat(256)] {
        let error = sync_with(&catalog, name, &url(), &hours(1), Elsewhere::Repoint).await.unwrap_err();
        assert!(matches!(error, LakeError::Invalid(_)), "{name}: {error}");
    }
    assert_eq!(catalog.calls(), []);
}

#[test]
fn a_file_without_its_partition_values_never_makes_a_partition() {
    let file = |dt: Option<&str>, hour: Option<&str>| DataFile {
        path: "stock_data/x".into(),
        name: "x".into(),
        size_bytes: 1,
        modified_ms: 0,
        partition: [("dt", dt), ("hour", hour)].map(|(k, v)| (k.to_owned(), v.map(str::to_owned))).into(),
        statistics: serde_json::Value::Null,
    };
    let files = [file(Some("2024-05-01"), Some("07")), file(Some("2024-05-01"), Some("07")), file(Some("2024-05-01"), None)];
    let found = folders(&files);
    assert_eq!(found, BTreeSet::from([("2024-05-01".to_owned(), "07".to_owned())]));
    let json = LakeTables::of(&url()).unwrap().stock_data_json;
    let places: Vec<String> = found.iter().map(|f| spec::partition(&json, f).location).collect();
    assert_eq!(places, ["s3://bucket/lake/stock_data_json/dt=2024-05-01/hour=07"]);
}

#[tokio::test]
async fn a_look_at_the_tables_never_writes_and_never_passes_those_of_another_lake() {
    let catalog = MemoryCatalog::new();
    check(&catalog, DATABASE, &url()).await.unwrap();
    run(&catalog, 1).await.unwrap();
    catalog.forget_calls();
    check(&catalog, DATABASE, &url()).await.unwrap();
    let error = check(&catalog, DATABASE, &Url::parse("s3://bucket/other/").unwrap()).await.unwrap_err();
    assert!(matches!(&error, LakeError::Invalid(why) if why.contains("belongs to s3://bucket/lake/stock_data")), "{error}");
    assert!(catalog.calls().iter().all(|call| *call == Call::GetTable), "{:?}", catalog.calls());
    for (database, place) in [("Upper Case", "s3://bucket/lake/"), (DATABASE, "file:///lake/")] {
        let error = check(&catalog, database, &Url::parse(place).unwrap()).await.unwrap_err();
        assert!(matches!(error, LakeError::Invalid(_)), "{error}");
    }
    catalog.inject(Call::GetTable, Fault::Outage);
    assert!(matches!(check(&catalog, DATABASE, &url()).await, Err(LakeError::Unavailable { .. })));
}
