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
use super::ast::Statement;
use super::error::AthenaError;
use super::eval::Session;
use super::lower::Lowering;
use super::parse::parse;
use super::stack::Planning;
use super::types::Type;
use super::values::layout::arrow_type;
use super::values::text::json;

/// How DataFusion's scans begin to tell of a filter's fault.
const IN_A_SCAN: &str = "Error evaluating filter predicate";

/// A statement that can be run.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) plan: LogicalPlan,
    /// Names and types of the answer's columns.
    pub(crate) columns: Vec<(String, Type)>,
    pub(crate) session: Arc<Session>,
}

/// Why a statement cannot be run.
#[derive(Debug)]
pub(crate) enum NotPrepared {
    /// It is wrong, or asks for something that is not there.
    Refused(AthenaError),
    /// The engine does not take its plan.
    Engine(DataFusionError),
}

/// The plan of a query over the tables of a lake.
pub(crate) fn prepare(
    sql: &str,
    session: Session,
    providers: &dyn Fn(&str) -> Option<Arc<dyn TableProvider>>,
) -> Result<Prepared, NotPrepared> {
    prepare_over(&super::tables::of_lake(), sql, session, providers)
}

/// The plan of a query over other tables.
pub(crate) fn prepare_over(
    tables: &Tables,
    sql: &str,
    session: Session,
    providers: &dyn Fn(&str) -> Option<Arc<dyn TableProvider>>,
) -> Result<Prepared, NotPrepared> {
    let Statement::Query(query) = parse(sql).map_err(NotPrepared::Refused)? else {
        return Err(NotPrepared::Refused(AthenaError::not_supported("only queries are run in this dialect so far")));
    };
    let relation = Analyzer::new(tables, Vec::new()).statement(&query).map_err(NotPrepared::Refused)?;
    let named = relation.fields.iter().enumerate();
    let columns = named.map(|(i, field)| (field.name.clone().unwrap_or(format!("_col{i}")), field.ty.clone())).collect();
    let session = Arc::new(session);
    let plan = Lowering::new(Arc::clone(&session), providers).relation(relation).map_err(NotPrepared::Engine)?;
    Ok(Prepared { plan, columns, session })
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
        Field::new(name, if is_shown_as_it_lies(ty) { arrow_type(ty) } else { DataType::Utf8 }, true)
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
    )
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
