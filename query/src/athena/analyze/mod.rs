//! From what a statement says to what it means.
//!
//! Owns: names, types, coercions, which columns an expression may use where: Trino's `StatementAnalyzer`.
//! Does not own: syntax (`parse`), computing (`lower`).
//! Invariant: no data is looked at: a statement's faults are the same with and without it.

pub(crate) mod aggregation;
mod call;
mod decorrelate;
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
mod terms;
pub(crate) mod typed;
mod window;
mod with;

use std::collections::BTreeMap;

use super::ast::{Expr, Ident, QualifiedName, Query, Span};
use super::error::{AthenaError, ErrorName};
use super::types::Type;
use plan::Relation;
use scope::{Scope, nearest};
use typed::{ColumnId, Typed};
pub(crate) use with::ROUNDS_MAX;

/// Names and types of a table's columns.
pub(crate) type Columns = Vec<(String, Type)>;

/// The tables a statement may name, with their columns in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    /// The catalog of names without one.
    pub(crate) catalog: String,
    /// The schema; `None`: any name is one.
    pub(crate) schema: Option<String>,
    pub(crate) tables: BTreeMap<String, Columns>,
}

/// Where every catalog tells about itself.
const INFORMATION_SCHEMA: &str = "information_schema";
/// What is in the name of a hidden column, and of a table about another.
const HIDDEN: char = '$';

impl Tables {
    /// The table that a name means, and its columns.
    ///
    /// # Errors
    /// `SCHEMA_NOT_FOUND`, `CATALOG_NOT_FOUND`, `TABLE_NOT_FOUND`.
    pub(crate) fn find(&self, name: &QualifiedName, span: Span) -> Result<(&str, &Columns), AthenaError> {
        let (table, qualifiers) = name.0.split_last().map_or(("", &[][..]), |(table, rest)| (table.text.as_str(), rest));
        self.check_schema(qualifiers, span)?;
        match self.tables.get_key_value(&table.to_ascii_lowercase()) {
            Some((name, columns)) => Ok((name, columns)),
            None => {
                let error = AthenaError::at(ErrorName::TableNotFound, span, format!("Table '{name}' does not exist"));
                let own = self.tables.keys().map(String::as_str).filter(|name| !name.contains(HIDDEN));
                let near = nearest(table, self.tables.keys().map(String::as_str));
                match near.is_none().then(|| own.collect::<Vec<_>>().join(", ")) {
                    Some(all) if !all.is_empty() => Err(error.rewrite(format!("there are {all}"))),
                    _ => Err(error.perhaps(near)),
                }
            }
        }
    }

    /// Whether `catalog.schema`, as much of it as is given, is there.
    ///
    /// # Errors
    /// `SCHEMA_NOT_FOUND`, `CATALOG_NOT_FOUND`.
    pub(crate) fn check_schema(&self, qualifiers: &[Ident], span: Span) -> Result<(), AthenaError> {
        let known = [self.schema.as_deref(), Some(self.catalog.as_str())];
        let faults = [("Schema", ErrorName::SchemaNotFound), ("Catalog", ErrorName::CatalogNotFound)];
        for ((asked, known), (kind, error)) in qualifiers.iter().rev().zip(known).zip(faults) {
            let is_known = known.is_none_or(|known| asked.text.eq_ignore_ascii_case(known));
            if !is_known && !asked.text.eq_ignore_ascii_case(INFORMATION_SCHEMA) {
                return Err(AthenaError::at(error, span, format!("{kind} '{}' does not exist", asked.text)));
            }
        }
        Ok(())
    }
}

/// The analysis of one statement.
pub(crate) struct Analyzer<'t> {
    tables: &'t Tables,
    /// What stands for the statement's `?`.
    parameters: Vec<Typed>,
    columns: ColumnId,
    /// How many parameters the lambdas around have.
    bound: usize,
    /// Whether what is looked at is of a lambda, not of a query within it.
    in_lambda: bool,
    /// Queries named by `WITH`, innermost last.
    named: Vec<with::Named>,
    /// Where the step of a recursion was found to name the recursion.
    recursions: Vec<Span>,
    /// Windows named by `WINDOW`, innermost last.
    windows: Vec<(Ident, window::Resolved)>,
    /// How often a query of WITH was looked at.
    instances: usize,
}

impl<'t> Analyzer<'t> {
    /// An analysis over these tables.
    pub(crate) fn new(tables: &'t Tables, parameters: Vec<Typed>) -> Self {
        Self {
            tables,
            parameters,
            columns: 0,
            bound: 0,
            in_lambda: false,
            named: Vec::new(),
            recursions: Vec::new(),
            windows: Vec::new(),
            instances: 0,
        }
    }

    /// What stands for the statement's `?`, in their order.
    ///
    /// # Errors
    /// The first fault of one of them.
    pub(crate) fn bind(&mut self, values: &[Expr]) -> Result<(), AthenaError> {
        self.parameters = values.iter().map(|value| self.expr(value, &Scope::default())).collect::<Result<_, _>>()?;
        Ok(())
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
