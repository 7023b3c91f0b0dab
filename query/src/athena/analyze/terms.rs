//! Small expressions put together, and what an expression is made of.
//!
//! Owns: building conditions over columns, taking them apart again.
//! Does not own: what expressions mean (`typed`).
//! Invariant: what is built is typed as if it had been written.

use super::typed::{ColumnId, Kind, Literal, Typed};
use crate::athena::ast::{Comparison, Span};
use crate::athena::types::Type;

impl Typed {
    /// A column.
    pub(crate) fn column(id: ColumnId, ty: &Type) -> Self {
        Self::new(Kind::Column(id), ty.clone(), Span::default())
    }

    /// A truth; `None` is NULL.
    pub(crate) fn boolean(value: Option<bool>) -> Self {
        Self::new(Kind::Literal(value.map_or(Literal::Null, Literal::Boolean)), Type::Boolean, Span::default())
    }

    pub(crate) fn bigint(value: i64) -> Self {
        Self::new(Kind::Literal(Literal::Integer(value)), Type::Bigint, Span::default())
    }

    /// A comparison of two of one type.
    pub(crate) fn compare(op: Comparison, left: Self, right: Self) -> Self {
        let span = left.span;
        Self::new(Kind::Compare { op, left: Box::new(left), right: Box::new(right) }, Type::Boolean, span)
    }

    pub(crate) fn not(of: Self) -> Self {
        let span = of.span;
        Self::new(Kind::Not(Box::new(of)), Type::Boolean, span)
    }

    pub(crate) fn is_null(of: Self) -> Self {
        let span = of.span;
        Self::new(Kind::IsNull(Box::new(of)), Type::Boolean, span)
    }

    /// The whole number that it is written as.
    pub(crate) fn whole_number(&self) -> Option<i64> {
        match &self.kind {
            Kind::Literal(Literal::Integer(value)) => Some(*value),
            Kind::Cast { of, .. } => of.whole_number(),
            _ => None,
        }
    }

    /// All of these; `None` of none.
    pub(crate) fn all(mut terms: Vec<Self>) -> Option<Self> {
        match terms.len() {
            0 | 1 => terms.pop(),
            _ => Some(Self::new(Kind::And(terms), Type::Boolean, Span::default())),
        }
    }

    /// The terms that are all to be true, however they are nested.
    pub(crate) fn terms(self) -> Vec<Self> {
        match self.kind {
            Kind::And(terms) => terms.into_iter().flat_map(Self::terms).collect(),
            _ => vec![self],
        }
    }

    /// `CASE WHEN … THEN … ELSE otherwise END`.
    pub(crate) fn case(branches: Vec<(Self, Self)>, otherwise: Self) -> Self {
        let ty = otherwise.ty.clone();
        Self::new(Kind::Case { branches, otherwise: Some(Box::new(otherwise)) }, ty, Span::default())
    }

    /// The columns it names, those of lambdas' parameters not among them.
    pub(crate) fn columns(&self) -> Vec<ColumnId> {
        let (mut named, mut bound) = (Vec::new(), Vec::new());
        self.walk(&mut |part| {
            match &part.kind {
                Kind::Column(id) if !named.contains(id) => named.push(*id),
                Kind::Lambda { parameters, .. } => bound.extend(parameters.iter().copied()),
                _ => {}
            }
            true
        });
        named.retain(|id| !bound.contains(id));
        named
    }
}
