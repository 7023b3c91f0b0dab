//! What every catalog must do, run against each implementation.
//!
//! Owns: the suite. Does not own: faults (`memory`), the order of calls (`sync`).
//! Invariant: nothing here knows which catalog it talks to, but for whether it checks versions (moto does not).

use std::collections::BTreeSet;

use super::spec::{LakeTables, partition};
use super::*;

/// Whether the catalog refuses stale versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versions {
    /// As Glue does.
    Checked,
    /// As simulators do.
    Ignored,
}

/// Runs the suite in a database that does not exist yet.
pub(super) async fn run(catalog: &dyn Catalog, database: &str, versions: Versions) {
    let tables = LakeTables::of(&crate::store::parse_location("s3://bucket/conformance").unwrap()).unwrap();
    before_anything_exists(catalog, database, &tables.stock_data).await;
    databases_and_tables(catalog, database, &tables).await;
    updates(catalog, database, &tables.stock_data, versions).await;
    partitions(catalog, database, &tables.stock_data_json).await;
    sizes(catalog, database, &tables.stock_data_json).await;
}

async fn before_anything_exists(catalog: &dyn Catalog, database: &str, table: &TableSpec) {
    assert_eq!(catalog.get_table(database, &table.name).await.unwrap(), None);
    let error = catalog.create_table(database, table).await.unwrap_err();
    assert!(matches!(error, LakeError::Unavailable { .. }), "{error}");
}

async fn databases_and_tables(catalog: &dyn Catalog, database: &str, tables: &LakeTables) {
    assert_eq!(catalog.ensure_database(database).await.unwrap(), Created::Now);
    assert_eq!(catalog.ensure_database(database).await.unwrap(), Created::Already);
    for table in tables.all() {
        assert_eq!(catalog.get_table(database, &table.name).await.unwrap(), None);
        assert_eq!(catalog.create_table(database, table).await.unwrap(), Created::Now);
        let found = catalog.get_table(database, &table.name).await.unwrap().unwrap();
        assert_eq!(&found.spec, table, "nothing is lost on the way");
        let other = TableSpec { location: "s3://elsewhere".into(), ..table.clone() };
        assert_eq!(catalog.create_table(database, &other).await.unwrap(), Created::Already);
        assert_eq!(catalog.get_table(database, &table.name).await.unwrap(), Some(found), "a creation overwrites nothing");
    }
}

async fn updates(catalog: &dyn Catalog, database: &str, table: &TableSpec, versions: Versions) {
    let first = catalog.get_table(database, &table.name).await.unwrap().unwrap();
    let mut noted = first.clone();
    noted.others = OthersNotes { description: Some("ticks".into()), owner: Some("desk".into()), retention_days: 7 };
    let mut changed = table.clone();
    changed.parameters.insert("note".into(), "one".into());
    assert_eq!(catalog.update_table(database, &changed, &noted).await.unwrap(), Updated::Done);
    let second = catalog.get_table(database, &table.name).await.unwrap().unwrap();
    assert_eq!((&second.spec, &second.others), (&changed, &noted.others), "what others noted is carried on");
    if versions == Versions::Checked {
        assert_ne!(second.version, first.version);
        assert_eq!(catalog.update_table(database, table, &first).await.unwrap(), Updated::Overtaken);
        assert_eq!(catalog.get_table(database, &table.name).await.unwrap(), Some(second.clone()));
    }
    let ghost = TableSpec { name: "never_made".into(), ..table.clone() };
    assert_eq!(catalog.update_table(database, &ghost, &second).await.unwrap(), Updated::Overtaken);
}

async fn partitions(catalog: &dyn Catalog, database: &str, json: &TableSpec) {
    assert_eq!(all(catalog, database, json).await, BTreeSet::new());
    let hours: Vec<PartitionSpec> = (0..24).map(|h| partition(json, &("2024-05-01".into(), format!("{h:02}")))).collect();
    assert_eq!(catalog.create_partitions(database, json, &hours[..10]).await.unwrap(), 10);
    assert_eq!(catalog.create_partitions(database, json, &hours).await.unwrap(), 14, "those that exist are no error");
    assert_eq!(all(catalog, database, json).await, hours.iter().cloned().collect(), "pages add up to everything");
    let moved = PartitionSpec { location: "s3://elsewhere".into(), ..hours[0].clone() };
    assert_eq!(catalog.create_partitions(database, json, &[moved]).await.unwrap(), 0);
    assert_eq!(all(catalog, database, json).await, hours.iter().cloned().collect(), "a creation overwrites nothing");

    let gone: Vec<Vec<String>> = hours[..3].iter().map(|p| p.values.clone()).collect();
    assert_eq!(catalog.delete_partitions(database, &json.name, &gone).await.unwrap(), 3);
    assert_eq!(catalog.delete_partitions(database, &json.name, &gone).await.unwrap(), 0, "absent ones are no error");
    assert_eq!(all(catalog, database, json).await, hours[3..].iter().cloned().collect());
}

async fn sizes(catalog: &dyn Catalog, database: &str, json: &TableSpec) {
    let many: Vec<PartitionSpec> =
        (0..=PARTITIONS_PER_CREATE_MAX).map(|n| partition(json, &(format!("day{n}"), "00".into()))).collect();
    let error = catalog.create_partitions(database, json, &many).await.unwrap_err();
    assert!(matches!(error, LakeError::Invalid(_)), "{error}");
    let values: Vec<Vec<String>> = many[..=PARTITIONS_PER_DELETE_MAX].iter().map(|p| p.values.clone()).collect();
    let error = catalog.delete_partitions(database, &json.name, &values).await.unwrap_err();
    assert!(matches!(error, LakeError::Invalid(_)), "{error}");
    assert_eq!(catalog.create_partitions(database, json, &many[1..]).await.unwrap(), PARTITIONS_PER_CREATE_MAX);
    let missing = TableSpec { name: "never_made".into(), ..json.clone() };
    let error = catalog.create_partitions(database, &missing, &many[..1]).await.unwrap_err();
    assert!(matches!(error, LakeError::Unavailable { .. }), "{error}");
}

async fn all(catalog: &dyn Catalog, database: &str, table: &TableSpec) -> BTreeSet<PartitionSpec> {
    let mut found = BTreeSet::new();
    let mut page = None;
    loop {
        let next = catalog.list_partitions(database, &table.name, page).await.unwrap();
        for partition in next.partitions {
            assert!(found.insert(partition.clone()), "{partition:?} stands on two pages");
        }
        page = next.next;
        if page.is_none() {
            return found;
        }
    }
}
