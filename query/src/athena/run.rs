//! A statement, from its text to a plan that runs.
//!
//! Owns: the steps between: reading, meaning, lowering; what the answer's columns are called and of which types they are.
//! Does not own: the engine that runs the plan, writing the answer.
//! Invariant: nothing is read before the whole statement is known to be right.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;

use super::analyze::{Analyzer, Tables};
use super::ast::Statement;
use super::error::AthenaError;
use super::eval::Session;
use super::lower::Lowering;
use super::parse::parse;
use super::types::Type;

/// A statement that can be run.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) plan: LogicalPlan,
    /// Names and types of the answer's columns.
    pub(crate) columns: Vec<(String, Type)>,
}

/// Why a statement cannot be run.
#[derive(Debug)]
pub(crate) enum NotPrepared {
    /// It is wrong, or asks for something that is not there.
    Refused(AthenaError),
    /// The engine does not take its plan.
    Engine(DataFusionError),
}

/// The plan of a query over these tables.
pub(crate) fn prepare(
    sql: &str,
    tables: &Tables,
    session: Session,
    providers: &dyn Fn(&str) -> Option<Arc<dyn TableProvider>>,
) -> Result<Prepared, NotPrepared> {
    let Statement::Query(query) = parse(sql).map_err(NotPrepared::Refused)? else {
        return Err(NotPrepared::Refused(AthenaError::not_supported("only queries are run here")));
    };
    let relation = Analyzer::new(tables, Vec::new()).statement(&query).map_err(NotPrepared::Refused)?;
    let named = relation.fields.iter().enumerate();
    let columns = named.map(|(i, field)| (field.name.clone().unwrap_or(format!("_col{i}")), field.ty.clone())).collect();
    let plan = Lowering::new(Arc::new(session), providers).relation(relation).map_err(NotPrepared::Engine)?;
    Ok(Prepared { plan, columns })
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
