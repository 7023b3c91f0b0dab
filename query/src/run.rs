//! Runs a text of statements, one after the other, and writes their answers: for a program that has them.
//!
//! Owns: the order, stopping at the first error, and saying which statement it was.
//! Does not own: cutting the text (`repl`), what stays between statements (`repl`), running one (`engine`), writing one (`output`).
//! Invariant: after an error nothing further is run.

use std::io::Write;

use crate::output::{Format, write_result};
use crate::repl::split_statements;
use crate::{Engine, QueryError};

/// What was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ran {
    /// Statements.
    pub statements: usize,
    /// Rows written.
    pub rows: u64,
}

/// Runs every statement of a text and writes the answers to `out`, which is flushed at the end.
///
/// # Errors
/// The first error, naming the statement's number when there are several. What was written before it stays.
pub async fn run_statements(engine: &Engine, sql: &str, format: Format, out: &mut (dyn Write + Send)) -> Result<Ran, QueryError> {
    let statements = split_statements(sql);
    let many = statements.len() > 1;
    let mut ran = Ran::default();
    for (at, statement) in statements.iter().enumerate() {
        if at > 0 && format.stands_apart() {
            writeln!(out)?;
        }
        let rows = run_one(engine, statement, format, out).await.map_err(|e| if many { numbered(e, at + 1) } else { e })?;
        ran = Ran { statements: at + 1, rows: ran.rows + rows };
    }
    out.flush()?;
    Ok(ran)
}

async fn run_one(engine: &Engine, statement: &str, format: Format, out: &mut (dyn Write + Send)) -> Result<u64, QueryError> {
    write_result(engine.sql(statement).await?, format, out).await
}

/// The same of a statement among several.
pub(crate) fn numbered(error: QueryError, number: usize) -> QueryError {
    match error {
        QueryError::Refused { told, excerpt } => QueryError::Refused { told: format!("statement {number}: {told}"), excerpt },
        QueryError::Sql(why) => QueryError::Sql(format!("statement {number}: {why}")),
        QueryError::Resources(why) => QueryError::Resources(format!("statement {number}: {why}")),
        other => other,
    }
}
