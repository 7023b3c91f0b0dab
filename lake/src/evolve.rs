//! Whether a table can take what a contract holds, and what it must be given first.
//!
//! Owns: comparing a Delta table's `metaData` with a contract, and the `metaData` under which it has every column.
//! Does not own: when that is written (`commit`, in its next entry), old files (every reader gives NULL for a column they lack).
//! Invariant: pure. A table only gains nullable columns, at its end; what it has is never renamed, retyped or dropped.

use serde_json::{Value, json};
use ticklake_schemas::{CONTRACT_VERSION_KEY, Column, Contract, SINCE_KEY};

/// What a contract asks of a table.
#[derive(Debug, PartialEq)]
pub(crate) enum Evolution<'a> {
    /// Nothing: it has every column.
    Same,
    /// These columns, at its end.
    Add(Vec<&'a Column>),
    /// What no commit can give it, each fault as a clause.
    Refuse(Vec<String>),
}

/// A field of a table's schema.
struct Found {
    name: String,
    kind: String,
    nullable: bool,
    /// The contract version that added it; `None` when no contract says it did.
    since: Option<u64>,
}

/// Compares a table's `metaData` with a contract.
///
/// # Errors
/// Why the `metaData` cannot be understood.
pub(crate) fn evolution<'a>(metadata: &Value, contract: &'a Contract) -> Result<Evolution<'a>, String> {
    let found = fields(metadata)?;
    let mut faults = Vec::new();
    let partitioned: Vec<&str> =
        metadata["partitionColumns"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if partitioned != contract.partition_by {
        let by = |columns: &[&str]| if columns.is_empty() { "nothing".to_owned() } else { columns.join(", ") };
        let wanted: Vec<&str> = contract.partition_by.iter().map(String::as_str).collect();
        faults.push(format!("it is partitioned by {}, and the contract by {}", by(&partitioned), by(&wanted)));
    }
    for field in &found {
        faults.extend(fault(field, contract));
    }
    let missing: Vec<&Column> = contract.columns.iter().filter(|c| found.iter().all(|f| f.name != c.name)).collect();
    for column in missing.iter().filter(|c| c.required) {
        let (name, kind) = (&column.name, column.kind.delta());
        faults.push(format!("the contract requires column {name} ({kind}), and the rows that are there have none"));
    }
    Ok(match (faults.is_empty(), missing.is_empty()) {
        (false, _) => Evolution::Refuse(faults),
        (true, true) => Evolution::Same,
        (true, false) => Evolution::Add(missing),
    })
}

/// What of a table's column contradicts the contract.
fn fault(field: &Found, contract: &Contract) -> Option<String> {
    let Found { name, kind, .. } = field;
    match contract.column(name) {
        Some(column) if column.kind.delta() != kind => {
            Some(format!("column {name} is {kind} there and {} in the contract", column.kind.delta()))
        }
        Some(column) if !field.nullable && !column.required => {
            Some(format!("column {name} ({kind}) is NOT NULL there, and the contract lets it be NULL"))
        }
        Some(_) => None,
        // A newer binary has added it: to our rows it is NULL, as to all that were there before.
        None if field.nullable && field.since.is_some_and(|since| since > u64::from(contract.version)) => None,
        None => Some(format!("column {name} ({kind}) is there and not in the contract, which may neither drop nor rename one")),
    }
}

fn fields(metadata: &Value) -> Result<Vec<Found>, String> {
    let text = metadata["schemaString"].as_str().ok_or("it has no schema")?;
    let schema: Value = serde_json::from_str(text).map_err(|e| format!("its schema is not JSON: {e}"))?;
    let fields = schema["fields"].as_array().ok_or("its schema has no fields")?;
    let found = |field: &Value| {
        Some(Found {
            name: field["name"].as_str()?.to_owned(),
            kind: field["type"].as_str().map_or_else(|| field["type"].to_string(), str::to_owned),
            nullable: field["nullable"].as_bool()?,
            since: field["metadata"][SINCE_KEY].as_u64(),
        })
    };
    fields.iter().map(|field| found(field).ok_or_else(|| format!("its schema has a field that is none: {field}"))).collect()
}

/// The `metaData` under which the table has every column of the contract; `None` when it has them already.
///
/// # Errors
/// Every reason why it never can, as clauses of one sentence.
pub(crate) fn evolved(metadata: &Value, contract: &Contract) -> Result<Option<Value>, String> {
    let added = match evolution(metadata, contract)? {
        Evolution::Same => Vec::new(),
        Evolution::Add(columns) => columns,
        Evolution::Refuse(faults) => return Err(faults.join(", ")),
    };
    let mut grown = metadata.clone();
    if !added.is_empty() {
        let text = metadata["schemaString"].as_str().unwrap_or_default();
        let mut schema: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if let Some(fields) = schema["fields"].as_array_mut() {
            fields.extend(added.into_iter().map(Column::delta_field));
        }
        grown["schemaString"] = json!(schema.to_string());
    }
    let known = metadata["configuration"][CONTRACT_VERSION_KEY].as_str().and_then(|text| text.parse::<u32>().ok());
    if known.is_some_and(|version| version < contract.compatible_from) {
        grown["configuration"][CONTRACT_VERSION_KEY] = json!(contract.compatible_from.to_string());
    }
    Ok((grown != *metadata).then_some(grown))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ticklake_schemas::{ColumnSource, ColumnType};

    use super::*;

    const TYPES: [ColumnType; 5] =
        [ColumnType::String, ColumnType::TimestampNtz, ColumnType::Bigint, ColumnType::Int, ColumnType::Double];

    fn column(name: &str, kind: ColumnType, since: u32) -> Column {
        let (name, doc) = (name.to_owned(), format!("{name}, added in {since}"));
        Column { name, kind, required: false, from: ColumnSource::Kafka, aliases: vec![], statistics: false, since, doc }
    }

    fn contract(columns: Vec<Column>) -> Contract {
        let version = columns.iter().map(|c| c.since).max().unwrap_or(1);
        Contract { name: "t".into(), version, compatible_from: 1, partition_by: vec!["a".into()], columns }
    }

    /// The `metaData` a table of that contract is created with.
    fn table(contract: &Contract) -> Value {
        json!({
            "id": "x", "format": {"provider": "parquet", "options": {}}, "schemaString": contract.delta_schema().to_string(),
            "partitionColumns": contract.partition_by,
            "configuration": {CONTRACT_VERSION_KEY: contract.compatible_from.to_string(), "owner.note": "keep"},
        })
    }

    fn two() -> Contract {
        contract(vec![column("a", ColumnType::String, 1), column("b", ColumnType::Double, 1)])
    }

    fn three() -> Contract {
        contract([two().columns, vec![column("c", ColumnType::Bigint, 2)]].concat())
    }

    fn refused(table: &Value, contract: &Contract) -> String {
        evolved(table, contract).expect_err("this must be refused")
    }

    #[test]
    fn a_new_column_is_added_at_the_end_and_nothing_else_is_touched() {
        let grown = evolved(&table(&two()), &three()).unwrap().unwrap();
        let (old, new): (Value, Value) = (
            serde_json::from_str(table(&two())["schemaString"].as_str().unwrap()).unwrap(),
            serde_json::from_str(grown["schemaString"].as_str().unwrap()).unwrap(),
        );
        assert_eq!(new["fields"].as_array().unwrap()[..2], old["fields"].as_array().unwrap()[..]);
        assert_eq!(new["fields"][2]["name"], "c");
        assert_eq!(new["fields"][2]["nullable"], true);
        let mut rest = grown.clone();
        rest["schemaString"] = table(&two())["schemaString"].clone();
        assert_eq!(rest, table(&two()), "id, properties and partitioning stay");
        assert_eq!(evolved(&grown, &three()), Ok(None), "once is enough");
    }

    #[test]
    fn an_older_binary_never_mistakes_a_newer_column_for_one_that_was_dropped() {
        assert_eq!(evolution(&table(&three()), &two()), Ok(Evolution::Same), "added in 2, and this contract is 1");
        let mut later = two();
        later.version = 3;
        assert!(refused(&table(&three()), &later).contains("column c (long) is there and not in the contract"));
    }

    #[test]
    fn what_readers_of_old_files_cannot_follow_is_refused_by_name_and_type() {
        let mut retyped = two();
        retyped.columns[1].kind = ColumnType::String;
        assert_eq!(refused(&table(&two()), &retyped), "column b is double there and string in the contract");
        let mut renamed = two();
        renamed.columns[1].name = "bb".into();
        assert!(refused(&table(&two()), &renamed).contains("column b (double) is there and not in the contract"));
        let mut required = three();
        required.columns[2].required = true;
        assert!(refused(&table(&two()), &required).contains("requires column c (long)"));
        let mut repartitioned = two();
        repartitioned.partition_by = vec![];
        assert_eq!(refused(&table(&two()), &repartitioned), "it is partitioned by a, and the contract by nothing");
        let mut strict = table(&two());
        strict["schemaString"] =
            json!(strict["schemaString"].as_str().unwrap().replace("\"nullable\":true", "\"nullable\":false"));
        assert!(refused(&strict, &two()).contains("column b (double) is NOT NULL there"));
        let mut nested = table(&two());
        nested["schemaString"] = json!(nested["schemaString"].as_str().unwrap().replace("\"double\"", "{\"type\":\"array\"}"));
        assert!(refused(&nested, &two()).contains("column b is {\"type\":\"array\"} there and double in the contract"));
        assert!(evolution(&json!({}), &two()).is_err());
    }

    #[test]
    fn an_incompatible_contract_locks_older_binaries_out_with_its_first_commit() {
        let mut contract = three();
        contract.compatible_from = 2;
        let grown = evolved(&table(&two()), &contract).unwrap().unwrap();
        assert_eq!(grown["configuration"][CONTRACT_VERSION_KEY], "2");
        assert_eq!(grown["configuration"]["owner.note"], "keep");
    }

    fn columns() -> impl Strategy<Value = Vec<Column>> {
        prop::collection::vec((0..TYPES.len(), 1_u32..5), 1..8).prop_map(|drawn| {
            let mut columns: Vec<Column> =
                drawn.iter().enumerate().map(|(at, (kind, since))| column(&format!("c{at}"), TYPES[*kind], *since)).collect();
            columns.sort_by_key(|c| c.since);
            columns[0] = column("a", ColumnType::String, 1);
            columns
        })
    }

    proptest! {
        /// Every way from an older contract to a newer one ends with the same columns, in any number of steps.
        #[test]
        fn no_road_of_upgrades_ends_elsewhere(all in columns(), stops in prop::collection::vec(1_u32..5, 0..4)) {
            let at = |version: u32| contract(all.iter().filter(|c| c.since <= version).cloned().collect());
            let mut found = table(&at(1));
            for stop in stops.into_iter().chain([4]) {
                // A binary older than the table finds nothing to do and nothing to refuse.
                if let Some(grown) = evolved(&found, &at(stop)).unwrap() {
                    found = grown;
                }
                prop_assert_eq!(evolved(&found, &at(stop)), Ok(None));
            }
            let names = |metadata: &Value| fields(metadata).unwrap().into_iter().map(|f| (f.name, f.kind)).collect::<Vec<_>>();
            let mut ends = (names(&found), names(&table(&at(4))));
            ends.0.sort();
            ends.1.sort();
            prop_assert_eq!(ends.0, ends.1);
        }

        /// Whatever is done to one column, the table is either left alone, grown by that column, or refused by its name.
        #[test]
        fn no_change_of_a_column_goes_unnoticed(all in columns(), which in 0_usize..8, kind in 0..TYPES.len(), act in 0..4) {
            let before = contract(all);
            let which = which % before.columns.len();
            let mut after = before.clone();
            let name = before.columns[which].name.clone();
            let changed = match act {
                0 => { after.columns[which].kind = TYPES[kind]; TYPES[kind] != before.columns[which].kind }
                1 => { after.columns.remove(which); true }
                2 => { after.columns[which].name = "renamed".into(); true }
                _ => { after.columns.push(column("new", TYPES[kind], before.version)); false }
            };
            match evolution(&table(&before), &after).unwrap() {
                Evolution::Refuse(faults) => {
                    prop_assert!(changed, "{:?}", faults);
                    prop_assert!(faults[0].contains(&format!("column {name} ")), "{:?}", faults);
                }
                Evolution::Add(columns) => prop_assert!(!changed && columns.len() == 1 && columns[0].name == "new"),
                Evolution::Same => prop_assert!(!changed && act == 0),
            }
        }
    }
}
