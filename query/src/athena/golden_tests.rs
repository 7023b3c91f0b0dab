//! Every statement of `query/tests/athena`, answered by a real Trino (`dev/oracle`), run here.
//!
//! Names and types of the columns, every value, and the name of every fault are Trino's; doubles to 1e-12, since the last digit of
//! a sum is nobody's to promise. What is known to differ is listed by name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use serde_json::Value;

use super::Planner;
use super::analyze::Tables;
use super::error::{AthenaError, place};
use super::eval::Session;
use super::prepared::PreparedStatements;
use super::run::{Over, Refusal, Runnable, fault_of, prepare};
use super::values::layout::arrow_type;
use super::values::text::json;

/// Relative difference of doubles that counts as none.
const TOLERANCE: f64 = 1e-12;

/// Statements that are known to be answered otherwise, by a part of their text, and why.
const KNOWN: [(&str, &str); 3] = [
    ("(VALUES 1e100", "doubles that cancel out are added in no promised order"),
    ("(VALUES 0.1e0, 0.2e0, 0.3e0, -0.6e0)", "doubles that cancel out are added in no promised order"),
    ("MATCH_RECOGNIZE", "not there"),
];

/// Columns by name and type, and rows.
type Answer = (Vec<(String, String)>, Vec<Value>);

async fn answer(context: &SessionContext, sql: &str) -> Result<Answer, AthenaError> {
    let tables = Tables { catalog: "hive".into(), schema: Some("default".into()), tables: BTreeMap::new() };
    let (user, catalog, schema) = ("analyst".into(), "hive".into(), "default".into());
    let session = Session { start: 1_704_189_000_123 * 1_000_000_000, user, catalog, schema, fault: Arc::default() };
    let of_engine = |error: DataFusionError| match fault_of(&error) {
        Some(fault) => fault.clone(),
        None if matches!(error.find_root(), DataFusionError::NotImplemented(_)) => AthenaError::not_supported(error.to_string()),
        None => AthenaError::internal(&error),
    };
    let over = Over { tables: &tables, providers: &|_| None, prepared: &PreparedStatements::default(), location: "memory://" };
    let (plan, columns) = match prepare(sql, session, &over) {
        Ok(Runnable::Query { plan, columns, .. }) => (plan, columns),
        Ok(other) => return Err(AthenaError::internal(&format!("no query: {other:?}"))),
        Err(Refusal::Athena { error, .. }) => return Err(error),
        Err(Refusal::Engine(error)) => return Err(of_engine(error)),
    };
    let frame = context.execute_logical_plan(plan).await.map_err(of_engine)?;
    let mut rows = Vec::new();
    for batch in frame.collect().await.map_err(of_engine)? {
        for ((name, ty), values) in columns.iter().zip(batch.columns()) {
            if *values.data_type() != arrow_type(ty) {
                return Err(AthenaError::internal(&format!("{name} is {}, not {ty}", values.data_type())));
            }
        }
        for row in 0..batch.num_rows() {
            let values = columns.iter().zip(batch.columns()).map(|((_, ty), values)| json(ty, values, row));
            rows.push(values.collect::<Result<Vec<_>, _>>()?.into());
        }
    }
    Ok((columns.into_iter().map(|(name, ty)| (name, spelled(&ty.to_string()))).collect(), rows))
}

/// Trino's client spells types with more blanks, and intervals in capitals.
fn spelled(ty: &str) -> String {
    ty.to_lowercase().replace(", ", ",")
}

fn expected(line: &Value) -> Result<Answer, String> {
    if let Some(name) = line["error"].as_str() {
        return Err(name.to_owned());
    }
    let text = |value: &Value| value.as_str().expect("a name or a type").to_owned();
    let columns = line["columns"].as_array().expect("an answer");
    let rows = line["rows"].as_array().expect("an answer").clone();
    Ok((columns.iter().map(|column| (text(&column[0]), spelled(&text(&column[1])))).collect(), rows))
}

fn agree(ours: &Result<Answer, AthenaError>, theirs: &Result<Answer, String>, ordered: bool) -> bool {
    match (ours, theirs) {
        (Ok((columns, rows)), Ok((their_columns, their_rows))) => {
            let sorted = |rows: &[Value]| {
                let mut rows = rows.to_vec();
                if !ordered {
                    rows.sort_by_key(ToString::to_string);
                }
                Value::Array(rows)
            };
            columns == their_columns && same(&sorted(rows), &sorted(their_rows))
        }
        (Err(error), Err(name)) => error.name.text() == *name,
        _ => false,
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w))),
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()),
            _ => false,
        },
        _ => a == b,
    }
}

/// Whether Trino's message has the place that ours has; `None` when one of them has none.
fn is_there(sql: &str, error: &AthenaError, line: &Value) -> Option<bool> {
    let message = line["message"].as_str().filter(|message| message.starts_with("line "))?;
    let (row, column) = place(sql, error.span?.start);
    Some(message.starts_with(&format!("line {row}:{column}:")))
}

fn lines() -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/athena");
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let family = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        lines.extend(text.lines().map(|line| (family.clone(), serde_json::from_str(line).unwrap())));
    }
    lines
}

#[tokio::test]
async fn no_statement_is_answered_otherwise_than_by_trino() {
    let state = SessionStateBuilder::new().with_default_features().with_query_planner(Arc::new(Planner));
    let context = SessionContext::new_with_state(state.with_config(SessionConfig::new().with_target_partitions(2)).build());
    let mut families: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let (mut wrong, mut placed, mut known) = (Vec::new(), (0, 0), 0);
    for (family, line) in lines() {
        let sql = line["sql"].as_str().unwrap();
        let (ours, theirs) = (answer(&context, sql).await, expected(&line));
        if let (Err(error), Err(_)) = (&ours, &theirs) {
            is_there(sql, error, &line).into_iter().for_each(|there| {
                placed.0 += usize::from(there);
                placed.1 += 1;
            });
        }
        let agrees = agree(&ours, &theirs, line["ordered"] == Value::Bool(true));
        let score = families.entry(family).or_default();
        score.1 += 1;
        score.0 += usize::from(agrees);
        match (agrees, KNOWN.iter().any(|(part, _)| sql.contains(part))) {
            (false, false) => wrong.push(format!("{sql}\n  Trino: {theirs:?} {}\n  ours:  {ours:?}", line["message"])),
            (false, true) => known += 1,
            _ => {}
        }
    }
    let (right, all) = families.values().fold((0, 0), |(right, all), (r, a)| (right + r, all + a));
    for (family, (right, all)) in &families {
        println!("{family}: {right} of {all}");
    }
    println!("{right} of {all} as in Trino, {known} known not to be; {} of {} faults at their place", placed.0, placed.1);
    assert!(wrong.is_empty(), "{} statements:\n{}", wrong.len(), wrong.join("\n"));
    assert!(all > 2500 && placed.0 * 100 > placed.1 * 60, "{all} {placed:?}");
}

#[test]
fn every_known_difference_is_one() {
    let all = lines();
    for (part, why) in KNOWN {
        assert!(all.iter().any(|(_, line)| line["sql"].as_str().unwrap().contains(part)), "{part}: {why}");
    }
}
