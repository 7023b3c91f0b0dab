use super::analyze::Tables;
use super::eval::Session;
use super::lower::Planner;
use super::run::{NotPrepared, fault_of, prepare};
use super::values::text::json;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use serde_json::Value;
use std::sync::Arc;

async fn rows(context: &SessionContext, sql: &str) -> Result<Value, String> {
    let tables = Tables { catalog: "hive".into(), schema: Some("default".into()), tables: Default::default() };
    let session = Session { start: 1_704_189_000_123 * 1_000_000_000, user: "analyst".into(), catalog: "hive".into(), schema: "default".into() };
    let prepared = prepare(sql, &tables, session, &|_| None).map_err(|why| match why {
        NotPrepared::Refused(error) => error.to_string(),
        NotPrepared::Engine(error) => fault_of(&error).map_or_else(|| format!("PLAN {error}"), ToString::to_string),
    })?;
    let told = |error: datafusion::error::DataFusionError| fault_of(&error).map_or_else(|| format!("ENGINE {error}"), ToString::to_string);
    let frame = context.execute_logical_plan(prepared.plan).await.map_err(told)?;
    let batches = frame.collect().await.map_err(told)?;
    let mut rows = Vec::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let values: Result<Vec<Value>, _> =
                prepared.columns.iter().zip(batch.columns()).map(|((_, ty), values)| json(ty, values, row)).collect();
            rows.push(Value::Array(values.map_err(|e| e.to_string())?));
        }
    }
    Ok(Value::Array(rows))
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Number(a), Value::Number(b)) => {
            a == b || matches!((a.as_f64(), b.as_f64()), (Some(a), Some(b)) if (a - b).abs() <= 1e-12 * a.abs().max(b.abs()))
        }
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w))),
        _ => a == b,
    }
}

#[test]
fn values() {
    let state = SessionStateBuilder::new().with_default_features().with_config(SessionConfig::new().with_target_partitions(2)).with_query_planner(Arc::new(Planner)).build();
    let context = SessionContext::new_with_state(state);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let families = std::env::var("FAMILY").unwrap_or_default();
    let only = std::env::var("ONLY").unwrap_or_default();
    let (mut right, mut all) = (0, 0);
    let folder = std::env::var("GOLDENS").unwrap_or("/work/wt/athena/query/tests/athena".into());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let family = path.file_stem().unwrap().to_string_lossy().into_owned();
        if !families.is_empty() && !families.split(',').any(|f| f == family) { continue; }
        let (mut r, mut n) = (0, 0);
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let sql = line["sql"].as_str().unwrap();
            if !sql.contains(&only) { continue; }
            n += 1;
            let ours = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(rows(&context, sql)))).unwrap_or(Err("PANIC".into()));
            let theirs = match line["error"].as_str() { Some(e) => Err(e.to_owned()), None => Ok(line["rows"].clone()) };
            let agree = match (&ours, &theirs) {
                (Ok(a), Ok(b)) if line["ordered"] == Value::Bool(true) => same(a, b),
                (Ok(a), Ok(b)) => {
                    let sorted = |v: &Value| { let mut v = v.as_array().unwrap().clone(); v.sort_by_key(|r| r.to_string()); Value::Array(v) };
                    same(&sorted(a), &sorted(b))
                }
                (Err(a), Err(b)) => a.starts_with(b.as_str()),
                _ => false };
            if agree { r += 1 } else { println!("[{family}] {sql}\n   Trino: {} {}\n   ours:  {}", theirs.map_or_else(|e| e, |r| r.to_string()), line["message"], ours.map_or_else(|e| e, |r| r.to_string())); }
        }
        println!("FAMILY {family} {r} of {n}");
        right += r; all += n;
    }
    println!("TOTAL {right} of {all} as in Trino");
}
