//! A statement, from its text to a plan that runs.
//!
//! Owns: the steps between: reading, meaning, lowering; what the answer's columns are called and of which types they are.
//! Does not own: the engine that runs the plan, writing the answer (`output`).
//! Invariant: nothing is read before the whole statement is known to be right.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt as _;
use serde_json::Value;
use ticklake_lake::clock::{Clock as _, SystemClock};

use super::analyze::{Analyzer, Tables};
use super::ast::{Expr, Query, Statement};
use super::error::AthenaError;
use super::eval::Session;
use super::lower::Lowering;
use super::parse::parse;
use super::prepared::{PreparedStatements, check_count};
use super::stack::Planning;
use super::statements::query_for;
use super::types::Type;
use super::values::layout::arrow_type;
use super::values::text::json;
use crate::output::of_json_texts;

/// How DataFusion's scans begin to tell of a filter's fault.
const IN_A_SCAN: &str = "Error evaluating filter predicate";

/// What a statement is run over.
pub(crate) struct Over<'a> {
    pub(crate) tables: &'a Tables,
    pub(crate) providers: &'a dyn Fn(&str) -> Option<Arc<dyn TableProvider>>,
    pub(crate) prepared: &'a PreparedStatements,
    /// Where the lake lies.
    pub(crate) location: &'a str,
}

/// A statement that can be run.
#[derive(Debug)]
pub(crate) enum Runnable {
    /// For its rows; `columns` are names and types of the answer's.
    Query { plan: LogicalPlan, columns: Vec<(String, Type)>, session: Arc<Session> },
    /// For its plan's text; with `analyze`, after it was run.
    Explain { plan: LogicalPlan, analyze: bool },
    /// It is done, and there is nothing to show.
    Done,
}

/// Why a statement cannot be run.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is wrong, or asks for something that is not there. `text` is what the error's place is in.
    Athena { error: AthenaError, text: String },
    /// The engine does not take its plan.
    Engine(DataFusionError),
}

/// A statement's text, and the values of its `?` with the text that they stand in.
struct Asked<'a> {
    text: &'a str,
    using: &'a [Expr],
    using_text: &'a str,
}

impl Asked<'_> {
    fn refused(&self, error: AthenaError) -> Refusal {
        Refusal::Athena { error, text: self.text.to_owned() }
    }

    fn values_refused(&self, error: AthenaError) -> Refusal {
        Refusal::Athena { error, text: self.using_text.to_owned() }
    }
}

/// Reads a statement and says how to run it.
pub(crate) fn prepare(sql: &str, session: Session, over: &Over<'_>) -> Result<Runnable, Refusal> {
    read(&Asked { text: sql, using: &[], using_text: sql }, &Arc::new(session), over)
}

fn read(asked: &Asked<'_>, session: &Arc<Session>, over: &Over<'_>) -> Result<Runnable, Refusal> {
    runnable(parse(asked.text).map_err(|error| asked.refused(error))?, asked, session, over)
}

fn runnable(statement: Statement, asked: &Asked<'_>, session: &Arc<Session>, over: &Over<'_>) -> Result<Runnable, Refusal> {
    let refused = |error| asked.refused(error);
    // The statement that was given apart from its values.
    let execute = |text: &str, using: &[Expr]| {
        check_count(text, using.len()).map_err(refused)?;
        read(&Asked { text, using, using_text: asked.text }, session, over)
    };
    match statement {
        Statement::Query(query) => self::query(&query, asked, session, over),
        Statement::Explain { analyze, options, statement } => explain(analyze, &options, *statement, asked, session, over),
        Statement::Prepare { name, statement, text } => {
            over.prepared.keep(&name, &statement, &asked.text[text.start..text.end]).map_err(refused)?;
            Ok(Runnable::Done)
        }
        Statement::Deallocate { name } => over.prepared.forget(&name).map(|()| Runnable::Done).map_err(refused),
        Statement::Execute { name, using } => execute(&over.prepared.text(&name).map_err(refused)?, &using),
        Statement::ExecuteImmediate { text, using, .. } => execute(&text, &using),
        shown => {
            let text = query_for(&shown, over.tables, over.location).map_err(refused)?;
            read(&Asked { text: &text, using: &[], using_text: &text }, session, over)
        }
    }
}

fn query(query: &Query, asked: &Asked<'_>, session: &Arc<Session>, over: &Over<'_>) -> Result<Runnable, Refusal> {
    let mut analyzer = Analyzer::new(over.tables, Vec::new());
    analyzer.bind(asked.using).map_err(|error| asked.values_refused(error))?;
    let relation = analyzer.statement(query).map_err(|error| asked.refused(error))?;
    let named = relation.fields.iter().enumerate();
    let columns = named.map(|(i, field)| (field.name.clone().unwrap_or(format!("_col{i}")), field.ty.clone())).collect();
    let plan = Lowering::new(Arc::clone(session), over.providers).relation(relation).map_err(Refusal::Engine)?;
    Ok(Runnable::Query { plan, columns, session: Arc::clone(session) })
}

fn explain(
    analyze: bool,
    options: &[(String, String)],
    statement: Statement,
    asked: &Asked<'_>,
    session: &Arc<Session>,
    over: &Over<'_>,
) -> Result<Runnable, Refusal> {
    let not_there = |what: &str| {
        Err(asked.refused(AthenaError::not_supported(format!("{what} is not there; EXPLAIN and EXPLAIN ANALYZE of a query are"))))
    };
    if matches!(statement, Statement::Prepare { .. } | Statement::Deallocate { .. } | Statement::Explain { .. }) {
        return not_there("EXPLAIN of a statement without a plan");
    }
    let mut validates = false;
    for (option, value) in options {
        match (option.as_str(), value.as_str()) {
            ("TYPE", "VALIDATE") => validates = true,
            ("FORMAT", "TEXT") | ("TYPE", "LOGICAL" | "DISTRIBUTED") => {}
            _ => return not_there(&format!("EXPLAIN ({option} {value})")),
        }
    }
    match runnable(statement, asked, session, over)? {
        Runnable::Query { .. } if validates => {
            let text = "SELECT true AS \"Valid\"";
            read(&Asked { text, using: &[], using_text: text }, session, over)
        }
        Runnable::Query { plan, .. } => Ok(Runnable::Explain { plan, analyze }),
        other => Ok(other),
    }
}

/// A statement that begins now.
pub(crate) fn now() -> Session {
    Session {
        start: i128::from(SystemClock.now_ns()) * 1000,
        user: "ticklake".to_owned(),
        catalog: super::tables::CATALOG.to_owned(),
        schema: "default".to_owned(),
        fault: Arc::default(),
    }
}

/// An answer's rows under its columns' names; what only Athena has a form for, as text.
pub(crate) fn shown(
    rows: SendableRecordBatchStream,
    columns: Vec<(String, Type)>,
    session: Arc<Session>,
) -> SendableRecordBatchStream {
    let field = |(name, ty): &(String, Type)| {
        match ty {
            _ if is_shown_as_it_lies(ty) => Field::new(name, arrow_type(ty), true),
            // Their texts are JSON, and formats of JSON nest them.
            Type::Array(_) | Type::Row(_) | Type::Map(..) => of_json_texts(Field::new(name, DataType::Utf8, true)),
            _ => Field::new(name, DataType::Utf8, true),
        }
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let made = Arc::clone(&schema);
    let shown = rows.map(move |batch| {
        let batch = batch.map_err(|error| with_fault(error, &session))?;
        let values = columns.iter().zip(batch.columns()).map(|((_, ty), values)| as_shown(ty, values));
        let values = values.collect::<Result<Vec<_>, _>>().map_err(|fault| DataFusionError::External(Box::new(fault)))?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&made), values, &options)?)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, Planning::new(shown)))
}

/// A scan tells in words alone what stopped it: the fault itself was kept.
fn with_fault(error: DataFusionError, session: &Session) -> DataFusionError {
    match (error.find_root(), session.fault.get()) {
        (DataFusionError::ParquetError(_), Some(fault)) if error.to_string().contains(IN_A_SCAN) => {
            DataFusionError::External(Box::new(fault.clone()))
        }
        _ => error,
    }
}

/// A text as an answer, a row each line.
pub(crate) fn lines(column: &str, text: &str) -> Result<RecordBatch, DataFusionError> {
    let lines: StringArray = text.lines().map(Some).collect();
    let schema = Arc::new(Schema::new(vec![Field::new(column, DataType::Utf8, true)]));
    Ok(RecordBatch::try_new(schema, vec![Arc::new(lines)])?)
}

/// Types that every format writes by itself.
fn is_shown_as_it_lies(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Boolean
            | Type::Tinyint
            | Type::Smallint
            | Type::Integer
            | Type::Bigint
            | Type::Real
            | Type::Double
            | Type::Varchar(_)
            | Type::Date
    ) || matches!(ty, Type::Array(element) if is_shown_as_it_lies(element))
}

fn as_shown(ty: &Type, values: &ArrayRef) -> Result<ArrayRef, AthenaError> {
    if is_shown_as_it_lies(ty) {
        return Ok(Arc::clone(values));
    }
    let one = |at: usize| {
        Ok(match json(ty, values, at)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        })
    };
    Ok(Arc::new((0..values.len()).map(one).collect::<Result<StringArray, AthenaError>>()?))
}

/// The fault of a statement's values, if that is what stopped the engine.
pub(crate) fn fault_of(error: &DataFusionError) -> Option<&AthenaError> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(fault) = error.downcast_ref::<AthenaError>() {
            return Some(fault);
        }
        cause = match error.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(&**inner),
            Some(DataFusionError::Shared(inner)) => Some(&**inner),
            Some(DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner)) => Some(&**inner),
            _ => error.source(),
        };
    }
    None
}
