//! Subqueries within expressions.
//!
//! Owns: what a query gives where a value is expected.
//! Does not own: the query itself (`query`), which correlations can be computed.
//! Invariant: several columns are one row.

use super::Analyzer;
use super::expr::{Result, mismatch};
use super::plan::{Relation, Subquery};
use super::scope::Scope;
use super::typed::{Kind, Typed};
use crate::athena::ast::{Comparison, Expr, Query, Span};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::types::{RowField, Type, common_supertype};

impl Analyzer<'_> {
    pub(super) fn exists(&mut self, query: &Query, span: Span, scope: &Scope<'_>) -> Result<Typed> {
        let relation = self.subquery(query, scope)?;
        Ok(Typed::new(Kind::Subquery(Box::new(Subquery::Exists(relation))), Type::Boolean, span))
    }

    pub(super) fn scalar_subquery(&mut self, query: &Query, span: Span, scope: &Scope<'_>) -> Result<Typed> {
        self.in_no_lambda(span)?;
        let relation = self.subquery(query, scope)?;
        let ty = match relation.fields.as_slice() {
            [one] => one.ty.clone(),
            several => row_of(several),
        };
        Ok(Typed::new(Kind::Subquery(Box::new(Subquery::Scalar(relation, query.span))), ty, span))
    }

    pub(super) fn in_query(&mut self, of: &Expr, query: &Query, span: Span, scope: &Scope<'_>) -> Result<Typed> {
        let of = self.expr(of, scope)?;
        self.in_no_lambda(span)?;
        let relation = self.subquery(query, scope)?;
        let common = self.common(&of, &relation, span)?;
        let of = of.coerced(&common);
        Ok(Typed::new(Kind::Subquery(Box::new(Subquery::In { of, relation })), Type::Boolean, span))
    }

    pub(super) fn quantified(
        &mut self,
        op: Comparison,
        all: bool,
        left: &Expr,
        query: &Query,
        span: Span,
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let left = self.expr(left, scope)?;
        self.in_no_lambda(query.span)?;
        let relation = self.subquery(query, scope)?;
        let common = self.common(&left, &relation, span)?;
        let equality = matches!(op, Comparison::Equal | Comparison::NotEqual);
        if !(common.is_orderable() || equality && common.is_comparable()) {
            let kind = if equality { "comparable" } else { "orderable" };
            let message = format!("Type [{common}] must be {kind} in order to be used in quantified comparison");
            return Err(mismatch(span, message));
        }
        let left = left.coerced(&common);
        Ok(Typed::new(Kind::Subquery(Box::new(Subquery::Quantified { op, all, left, relation })), Type::Boolean, span))
    }

    /// A lambda's body asks no other relation, whatever that is; whether one has rows it may ask.
    fn in_no_lambda(&self, span: Span) -> Result<()> {
        if self.in_lambda {
            return Err(AthenaError::at(ErrorName::NotSupported, span, "Lambda expression cannot contain subqueries"));
        }
        Ok(())
    }

    /// The type both a value and a subquery's rows become.
    fn common(&mut self, value: &Typed, relation: &Relation, span: Span) -> Result<Type> {
        let rows = match relation.fields.as_slice() {
            [one] => one.ty.clone(),
            several => row_of(several),
        };
        common_supertype(&value.ty, &rows).ok_or_else(|| {
            let as_row = |ty: &Type| match ty {
                Type::Row(_) => ty.clone(),
                other => Type::row([other.clone()]),
            };
            let unnamed = Type::row(relation.fields.iter().map(|field| field.ty.clone()));
            let message =
                format!("Value expression and result of subquery must be of the same type: {} vs {unnamed}", as_row(&value.ty));
            AthenaError::at(ErrorName::TypeMismatch, span, message)
        })
    }
}

fn row_of(fields: &[super::scope::Field]) -> Type {
    Type::Row(fields.iter().map(|field| RowField { name: field.name.clone(), ty: field.ty.clone() }).collect())
}
