//! Statements that wait under a name for their values: `PREPARE`, `EXECUTE`, `DEALLOCATE PREPARE`.
//!
//! Owns: the names and texts of one session.
//! Does not own: running them (`run`).
//! Invariant: what is kept can be read; whether it makes sense shows when it is run, as in Trino.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ast::{Ident, Statement};
use super::error::{AthenaError, ErrorName};
use super::lexer::{Kind, tokens};

/// Most statements that a session keeps.
const KEPT_MAX: usize = 1000;

/// The statements of a session.
#[derive(Debug, Default)]
pub(crate) struct PreparedStatements(Mutex<BTreeMap<String, String>>);

impl PreparedStatements {
    /// Keeps a statement, in place of the one that had its name.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` for a statement about such statements, and when there are too many.
    pub(super) fn keep(&self, name: &Ident, statement: &Statement, text: &str) -> Result<(), AthenaError> {
        let kind = match statement {
            Statement::Prepare { .. } => Some("Prepare"),
            Statement::Execute { .. } => Some("Execute"),
            Statement::ExecuteImmediate { .. } => Some("ExecuteImmediate"),
            Statement::Deallocate { .. } => Some("Deallocate"),
            _ => None,
        };
        if let Some(kind) = kind {
            return Err(AthenaError::not_supported(format!("Invalid statement type for prepared statement: {kind}")));
        }
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX && !kept.contains_key(&name.text) {
            let message = format!("{KEPT_MAX} prepared statements are the most there may be; DEALLOCATE PREPARE one of them");
            return Err(AthenaError::not_supported(message));
        }
        kept.insert(name.text.clone(), text.to_owned());
        Ok(())
    }

    /// The text kept under a name.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub(super) fn text(&self, name: &Ident) -> Result<String, AthenaError> {
        self.kept().get(&name.text).cloned().ok_or_else(|| not_found(name))
    }

    /// Forgets a statement.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub(super) fn forget(&self, name: &Ident) -> Result<(), AthenaError> {
        self.kept().remove(&name.text).map(|_| ()).ok_or_else(|| not_found(name))
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        // What is kept is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_found(name: &Ident) -> AthenaError {
    AthenaError::of_values(ErrorName::NotFound, format!("Prepared statement not found: {}", name.text))
}

/// Whether as many values are given as a statement has `?`.
///
/// # Errors
/// `INVALID_PARAMETER_USAGE`.
pub(super) fn check_count(text: &str, given: usize) -> Result<(), AthenaError> {
    let expected = tokens(text).iter().filter(|token| token.kind == Kind::Question).count();
    if expected == given {
        return Ok(());
    }
    let message = format!("Incorrect number of parameters: expected {expected} but found {given}");
    Err(AthenaError::of_values(ErrorName::InvalidParameterUsage, message))
}
