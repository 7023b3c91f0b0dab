//! What has to change in a catalog: pure comparisons of what is registered with what should be.
//!
//! Owns: which differences count, and what of others is kept.
//! Does not own: reading or writing a catalog (`sync`).
//! Invariant: a repaired table needs no repair; parameters that are not ours survive.

use std::collections::{BTreeMap, BTreeSet};

use super::spec::{Folder, PATH_PARAMETER, partition};
use super::{FormatSpec, FoundTable, PartitionSpec, TableSpec};
use crate::LakeError;

/// What to make of the partitions of the JSON mirror.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartitionPlan {
    /// Not registered yet.
    pub create: Vec<PartitionSpec>,
    /// Registered at another place: to be deleted, then created.
    pub relocate: Vec<PartitionSpec>,
    /// Registered as they should be.
    pub unchanged: usize,
}

/// Whether two locations are the same place, however they are spelled.
pub fn same_place(a: &str, b: &str) -> bool {
    fn plain(location: &str) -> &str {
        let rest = ["s3://", "s3a://", "s3n://"].iter().find_map(|scheme| location.strip_prefix(scheme));
        rest.unwrap_or(location).trim_end_matches('/')
    }
    plain(a) == plain(b)
}

/// What to write so that the table is as wanted, others' parameters kept; `None` when it is already.
pub fn repair(found: &TableSpec, wanted: &TableSpec) -> Option<TableSpec> {
    let repaired = TableSpec {
        location: if same_place(&found.location, &wanted.location) { found.location.clone() } else { wanted.location.clone() },
        format: FormatSpec {
            serde_parameters: merge(&found.format.serde_parameters, &wanted.format.serde_parameters),
            ..wanted.format.clone()
        },
        parameters: merge(&found.parameters, &wanted.parameters),
        ..wanted.clone()
    };
    (repaired != *found).then_some(repaired)
}

/// All of `found`, with the values of `wanted` where they say something else.
fn merge(found: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut merged = found.clone();
    for (key, value) in wanted {
        let same = |old: &String| if key == PATH_PARAMETER { same_place(old, value) } else { old.eq_ignore_ascii_case(value) };
        if !found.get(key).is_some_and(same) {
            merged.insert(key.clone(), value.clone());
        }
    }
    merged
}

/// Refuses to turn something that was never ours into a table of ours.
///
/// # Errors
/// `Invalid` naming what stands in the way.
pub fn check_ours(database: &str, found: &FoundTable) -> Result<(), LakeError> {
    let spec = &found.spec;
    let iceberg = spec.parameters.get("table_type").is_some_and(|t| t.eq_ignore_ascii_case("iceberg"));
    let other = match spec.table_type.as_str() {
        "VIRTUAL_VIEW" => "a view",
        super::glue::RESOURCE_LINK => "a resource link",
        _ if iceberg => "an Iceberg table",
        _ => return Ok(()),
    };
    Err(LakeError::Invalid(format!(
        "{database}.{} is {other}, not ticklake's table; drop it or choose another --glue-database",
        spec.name
    )))
}

/// Compares the registered partitions with the folders of the log. Partitions the log does not know stay.
pub fn partitions(json: &TableSpec, found: &[PartitionSpec], folders: &BTreeSet<Folder>) -> PartitionPlan {
    let known: BTreeMap<&[String], &str> = found.iter().map(|p| (p.values.as_slice(), p.location.as_str())).collect();
    let mut plan = PartitionPlan::default();
    for folder in folders {
        let wanted = partition(json, folder);
        match known.get(wanted.values.as_slice()) {
            None => plan.create.push(wanted),
            Some(place) if same_place(place, &wanted.location) => plan.unchanged += 1,
            Some(_) => plan.relocate.push(wanted),
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::super::OthersNotes;
    use super::super::spec::LakeTables;
    use super::*;

    fn tables() -> LakeTables {
        LakeTables::of(&crate::store::parse_location("s3://b/lake").unwrap()).unwrap()
    }

    #[test]
    fn a_table_that_only_differs_in_spelling_is_never_rewritten() {
        let wanted = tables().stock_data;
        let mut found = wanted.clone();
        found.location = "s3a://b/lake/stock_data/".into();
        found.format.serde_parameters.insert("path".into(), "s3://b/lake/stock_data/".into());
        found.parameters.insert("table_type".into(), "DELTA".into());
        found.parameters.insert("delta.lastUpdateVersion".into(), "7".into());
        assert_eq!(repair(&found, &wanted), None);
        assert!(!same_place("s3://b/lake/stock_data", "s3://b/lake/stock_data_json"));
        assert!(!same_place("s3://b/Lake", "s3://b/lake"), "keys know case");
    }

    #[test]
    fn every_drift_is_mended_at_once_and_foreign_parameters_survive() {
        for wanted in tables().all() {
            let damage: [fn(&mut TableSpec); 7] = [
                |t| t.columns[0].kind = "int".into(),
                |t| drop(t.columns.pop()),
                |t| t.location = "s3://elsewhere/stock_data".into(),
                |t| drop(t.parameters.remove("classification")),
                |t| t.format.serde = "org.openx.data.jsonserde.JsonSerDe".into(),
                |t| t.format.serde_parameters.clear(),
                |t| t.table_type.clear(),
            ];
            for harm in damage {
                let mut found = wanted.clone();
                found.parameters.insert("owner.note".into(), "keep".into());
                harm(&mut found);
                let mended = repair(&found, wanted).expect("drift is seen");
                assert_eq!(mended.parameters.get("owner.note").map(String::as_str), Some("keep"));
                assert_eq!(repair(&mended, wanted), None, "a repaired table needs no repair");
            }
        }
    }

    #[test]
    fn a_view_or_an_iceberg_table_is_never_overwritten() {
        let ours = FoundTable { spec: tables().stock_data, version: "0".into(), others: OthersNotes::default() };
        assert!(check_ours("ticks", &ours).is_ok());
        let mut view = ours.clone();
        view.spec.table_type = "VIRTUAL_VIEW".into();
        let mut iceberg = ours;
        iceberg.spec.parameters.insert("table_type".into(), "ICEBERG".into());
        for (other, word) in [(view, "view"), (iceberg, "Iceberg")] {
            let error = check_ours("ticks", &other).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("ticks.stock_data"), "{error}");
        }
    }

    #[test]
    fn partitions_are_told_apart_by_place_and_strangers_are_left_alone() {
        let json = tables().stock_data_json;
        let folder = |hour: &str| ("2024-05-01".to_owned(), hour.to_owned());
        let mut there = partition(&json, &folder("08"));
        there.location.push('/');
        let mut astray = partition(&json, &folder("09"));
        astray.location = "s3://old/lake/stock_data_json/dt=2024-05-01/hour=09".into();
        let stranger = partition(&json, &folder("23"));
        let wanted = BTreeSet::from(["08", "09", "10"].map(folder));
        let plan = partitions(&json, &[there, astray, stranger], &wanted);
        assert_eq!(plan.unchanged, 1);
        assert_eq!(plan.relocate, [partition(&json, &folder("09"))]);
        assert_eq!(plan.create, [partition(&json, &folder("10"))]);
    }
}
