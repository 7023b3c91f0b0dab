//! What conditions mean.
//!
//! Owns: AND, OR, NOT, comparisons, BETWEEN, IN of a list, LIKE, IS NULL, IS DISTINCT FROM.
//! Does not own: IN and comparisons with a query (`subquery`).
//! Invariant: both sides of a comparison are of one type; what comes out is a boolean.

use super::Analyzer;
use super::expr::{Result, boolean, compared, comparison, mismatch, negate, unified};
use super::hints;
use super::scope::Scope;
use super::typed::{Kind, Literal, Typed};
use crate::athena::ast::{Comparison, Expr, ExprKind, Span};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::eval::has_volatile;
use crate::athena::types::{Type, common_supertype};

impl Analyzer<'_> {
    pub(super) fn predicate(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Not(of) => {
                let of = self.expr(of, scope)?;
                let of = boolean(of, |ty| format!("Value of logical NOT expression must evaluate to a boolean (actual: {ty})"))?;
                Ok(Typed::new(Kind::Not(Box::new(of)), Type::Boolean, span))
            }
            ExprKind::And(terms) => Ok(Typed::new(Kind::And(self.terms(terms, scope)?), Type::Boolean, span)),
            ExprKind::Or(terms) => {
                let terms = self.terms(terms, scope)?;
                Ok(Typed::new(as_list(&terms).unwrap_or(Kind::Or(terms)), Type::Boolean, span))
            }
            ExprKind::Compare { op, at, left, right } => {
                let (left, right) = (self.expr(left, scope)?, self.expr(right, scope)?);
                Ok(Typed { span, ..comparison(*op, left, right, at.0)? })
            }
            ExprKind::Distinct { negated, left, right } => {
                let (left, right) = (self.expr(left, scope)?, self.expr(right, scope)?);
                let (left, right) = compared("IS DISTINCT FROM", false, left, right, span)?;
                let distinct = Kind::Distinct { left: Box::new(left), right: Box::new(right) };
                Ok(negate(*negated, Typed::new(distinct, Type::Boolean, span)))
            }
            ExprKind::Between { negated, of, low, high } => self.between(*negated, [of, low, high], span, scope),
            ExprKind::In { negated, of, list } => self.in_list(*negated, of, list, span, scope),
            ExprKind::Like { negated, of, pattern, escape } => {
                let like = self.like(of, pattern, escape.as_deref(), span, scope)?;
                Ok(negate(*negated, like))
            }
            ExprKind::IsNull { negated, of } => {
                let of = self.expr(of, scope)?;
                Ok(negate(*negated, Typed::new(Kind::IsNull(Box::new(of)), Type::Boolean, span)))
            }
            _ => Err(AthenaError::at(ErrorName::NotSupported, span, "this expression is not there yet")),
        }
    }

    fn terms(&mut self, terms: &[Expr], scope: &Scope<'_>) -> Result<Vec<Typed>> {
        let term = |term: &Expr| {
            let term = self.expr(term, scope)?;
            boolean(term, |ty| format!("Logical expression term must evaluate to a boolean (actual: {ty})"))
        };
        terms.iter().map(term).collect()
    }

    /// `BETWEEN` is both comparisons, of one common type.
    fn between(&mut self, negated: bool, three: [&Expr; 3], span: Span, scope: &Scope<'_>) -> Result<Typed> {
        let [of, low, high] = three;
        let (of, low, high) = (self.expr(of, scope)?, self.expr(low, scope)?, self.expr(high, scope)?);
        let common = common_supertype(&of.ty, &low.ty).and_then(|ty| common_supertype(&ty, &high.ty));
        let Some(common) = common.filter(Type::is_orderable) else {
            let error = mismatch(span, format!("Cannot check if {} is BETWEEN {} and {}", of.ty, low.ty, high.ty));
            return Err(error.perhaps_write(hints::compared(&of, &low).or_else(|| hints::compared(&of, &high))));
        };
        let compare = |op, left: &Typed, right: Typed| {
            let (left, right) = (Box::new(left.clone().coerced(&common)), Box::new(right.coerced(&common)));
            Typed::new(Kind::Compare { op, left, right }, Type::Boolean, span)
        };
        let terms = vec![compare(Comparison::GreaterOrEqual, &of, low), compare(Comparison::LessOrEqual, &of, high)];
        Ok(negate(negated, Typed::new(Kind::And(terms), Type::Boolean, span)))
    }

    fn in_list(&mut self, negated: bool, of: &Expr, list: &[Expr], span: Span, scope: &Scope<'_>) -> Result<Typed> {
        let mut all = vec![self.expr(of, scope)?];
        for item in list {
            all.push(self.expr(item, scope)?);
        }
        let (mut all, ty) = unified("IN value and list items", all)?;
        if !ty.is_comparable() {
            return Err(mismatch(span, format!("IN value and list items must be comparable (actual: {ty})")));
        }
        let list = all.split_off(1);
        let of = Box::new(all.swap_remove(0));
        Ok(negate(negated, Typed::new(Kind::In { of, list }, Type::Boolean, span)))
    }

    fn like(&mut self, of: &Expr, pattern: &Expr, escape: Option<&Expr>, span: Span, scope: &Scope<'_>) -> Result<Typed> {
        let mut text = |expr: &Expr, what: &str| {
            let typed = self.expr(expr, scope)?;
            match &typed.ty {
                Type::Varchar(_) | Type::Char(_) => Ok(typed),
                Type::Unknown => Ok(typed.coerced(&Type::VARCHAR)),
                ty => Err(mismatch(typed.span, format!("{what} LIKE expression must evaluate to a varchar (actual: {ty})"))),
            }
        };
        let (of, pattern) = (text(of, "Left side of")?, text(pattern, "Pattern for")?);
        let escape = escape.map(|escape| text(escape, "Escape for")).transpose()?.map(Box::new);
        let like = Kind::Like { of: Box::new(of), pattern: Box::new(pattern), escape };
        Ok(Typed::new(like, Type::Boolean, span))
    }
}

/// `x = 1 OR x = 2 OR …` as `x IN (1, 2, …)`, which is looked up.
fn as_list(terms: &[Typed]) -> Option<Kind> {
    let mut of: Option<&Typed> = None;
    let mut list = Vec::with_capacity(terms.len());
    for term in terms {
        let Kind::Compare { op: Comparison::Equal, left, right } = &term.kind else { return None };
        if !is_safe(right) || of.is_some_and(|of| *of != **left) {
            return None;
        }
        of = Some(left);
        list.push((**right).clone());
    }
    // What may give another value each time is asked each time.
    let of = of.filter(|of| !has_volatile(of))?;
    Some(Kind::In { of: Box::new(of.clone()), list })
}

/// A constant that cannot have a fault: OR would have left it out where an earlier term holds.
fn is_safe(constant: &Typed) -> bool {
    match &constant.kind {
        Kind::Literal(_) => true,
        Kind::Cast { of, .. } => {
            let Kind::Literal(of) = &of.kind else { return false };
            matches!(
                (of, &constant.ty),
                (Literal::Integer(_), Type::Bigint | Type::Double | Type::Real)
                    | (Literal::Decimal(_), Type::Double | Type::Real)
                    | (Literal::String(_), Type::Varchar(_))
            )
        }
        _ => false,
    }
}
