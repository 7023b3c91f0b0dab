//! From what a statement says to what it means.
//!
//! Owns: names, types, coercions, which columns an expression may use where: Trino's `StatementAnalyzer`.
//! Does not own: syntax (`parse`), computing (`lower`).
//! Invariant: no data is looked at: a statement's faults are the same with and without it.

mod aggregation;
mod call;
mod decorrelate;
mod expr;
mod hints;
mod literal;
pub(crate) mod plan;
mod predicate;
mod query;
mod relation;
pub(crate) mod scope;
mod select;
mod subquery;
mod terms;
pub(crate) mod typed;
mod window;
mod with;

use std::collections::BTreeMap;

use super::ast::{Ident, Query, Span};
use super::error::AthenaError;
use super::types::Type;
use plan::Relation;
use scope::Scope;
use typed::{ColumnId, Typed};
pub(crate) use with::ROUNDS_MAX;

/// The tables a statement may name, with their columns in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    /// The catalog of names without one.
    pub(crate) catalog: String,
    /// The schema; `None`: any name is one.
    pub(crate) schema: Option<String>,
    pub(crate) tables: BTreeMap<String, Vec<(String, Type)>>,
}

/// The analysis of one statement.
pub(crate) struct Analyzer<'t> {
    tables: &'t Tables,
    /// What stands for the statement's `?`.
    parameters: Vec<Typed>,
    columns: ColumnId,
    /// Queries named by `WITH`, innermost last.
    named: Vec<with::Named>,
    /// Where the step of a recursion was found to name the recursion.
    recursions: Vec<Span>,
    /// Windows named by `WINDOW`, innermost last.
    windows: Vec<(Ident, window::Resolved)>,
}

impl<'t> Analyzer<'t> {
    /// An analysis over these tables.
    pub(crate) fn new(tables: &'t Tables, parameters: Vec<Typed>) -> Self {
        Self { tables, parameters, columns: 0, named: Vec::new(), recursions: Vec::new(), windows: Vec::new() }
    }

    /// A whole query.
    ///
    /// # Errors
    /// The first fault, by Trino's name.
    pub(crate) fn statement(&mut self, query: &Query) -> Result<Relation, AthenaError> {
        let relation = self.as_written(query)?;
        self.as_joins(relation)
    }

    /// A whole query whose subqueries are still within its expressions.
    pub(crate) fn as_written(&mut self, query: &Query) -> Result<Relation, AthenaError> {
        self.query(query, &Scope::default())
    }

    /// The same with joins in place of subqueries.
    pub(crate) fn as_joins(&mut self, relation: Relation) -> Result<Relation, AthenaError> {
        let wanted = relation.fields.iter().map(|field| field.id).collect();
        Ok(Relation { plan: self.without_subqueries(relation.plan, &wanted)?, fields: relation.fields })
    }

    fn new_column(&mut self) -> ColumnId {
        self.columns += 1;
        self.columns
    }
}
