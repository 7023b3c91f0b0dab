//! From what a statement says to what it means.
//!
//! Owns: names, types, coercions, which columns an expression may use where: Trino's `StatementAnalyzer`.
//! Does not own: syntax (`parse`), computing (`lower`).
//! Invariant: no data is looked at: a statement's faults are the same with and without it.

mod aggregation;
mod call;
mod expr;
mod hints;
mod json;
mod literal;
pub(crate) mod plan;
mod predicate;
mod query;
mod relation;
pub(crate) mod scope;
mod select;
mod subquery;
pub(crate) mod typed;
mod window;

use std::collections::BTreeMap;

use super::ast::{Ident, NamedQuery, Query};
use super::error::AthenaError;
use super::types::Type;
use plan::Relation;
use scope::Scope;
use typed::{ColumnId, Typed};

/// The tables a statement may name, with their columns in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    /// The catalog of names without one.
    pub(crate) catalog: String,
    /// The schema; `None`: any name is one.
    pub(crate) schema: Option<String>,
    pub(crate) tables: BTreeMap<String, Vec<(String, Type)>>,
}

/// A query that has a name.
#[derive(Debug, Clone)]
struct Named {
    query: NamedQuery,
    /// How many of the named queries it may mention itself.
    visible: usize,
}

/// The analysis of one statement.
pub(crate) struct Analyzer<'t> {
    tables: &'t Tables,
    /// What stands for the statement's `?`.
    parameters: Vec<Typed>,
    columns: ColumnId,
    /// Queries named by `WITH`, innermost last.
    named: Vec<Named>,
    /// Windows named by `WINDOW`, innermost last.
    windows: Vec<(Ident, window::Resolved)>,
}

impl<'t> Analyzer<'t> {
    /// An analysis over these tables.
    pub(crate) fn new(tables: &'t Tables, parameters: Vec<Typed>) -> Self {
        Self { tables, parameters, columns: 0, named: Vec::new(), windows: Vec::new() }
    }

    /// A whole query.
    ///
    /// # Errors
    /// The first fault, by Trino's name.
    pub(crate) fn statement(&mut self, query: &Query) -> Result<Relation, AthenaError> {
        self.query(query, &Scope::default())
    }

    fn new_column(&mut self) -> ColumnId {
        self.columns += 1;
        self.columns
    }
}
