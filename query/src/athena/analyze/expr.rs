//! What expressions mean.
//!
//! Owns: names, operators, predicates, casts, conditionals: Trino's `ExpressionAnalyzer`.
//! Does not own: calls (`call`), literals (`literal`), subqueries' insides (`query`), where aggregates may stand (`select`).
//! Invariant: what comes out is typed throughout, with every coercion written out.

use super::Analyzer;
use super::hints;
use super::literal::literal;
use super::scope::{Bar, Scope, name_parts};
use super::typed::{CurrentValue, Kind, Literal, Typed};
use super::with::OUTSIDE_FROM;
use crate::athena::ast::{ArithmeticOp, Comparison, Current, Expr, ExprKind, Ident, Query, Span, TypeName, UnaryOp};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::functions::catalog;
use crate::athena::functions::resolve::{Argument, resolve};
use crate::athena::types::{Type, can_cast, common_supertype, resolve_name};

pub(super) type Result<T> = std::result::Result<T, AthenaError>;

pub(super) fn mismatch(span: Span, message: impl Into<String>) -> AthenaError {
    AthenaError::at(ErrorName::TypeMismatch, span, message)
}

impl Analyzer<'_> {
    /// An expression in a scope.
    ///
    /// # Errors
    /// Trino's.
    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed> {
        let span = expr.span;
        if let Some(literal) = literal(expr)? {
            return Ok(literal);
        }
        match &expr.kind {
            ExprKind::Column(_) | ExprKind::Field { .. } => self.name(expr, scope),
            ExprKind::Parameter(number) => self.parameter(*number, span),
            ExprKind::Unary { op, of } => self.unary(*op, of, span, scope),
            ExprKind::Arithmetic { op, at, left, right } => {
                let (left, right) = (self.expr(left, scope)?, self.expr(right, scope)?);
                Ok(Typed { span, ..operator(*op, left, right, at.0)? })
            }
            ExprKind::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref(), span, scope)
            }
            ExprKind::Cast { of, to, tries } => self.cast(of, to, *tries, span, scope),
            ExprKind::AtTimeZone { of, zone } => self.at_time_zone(of, zone, span, scope),
            ExprKind::Extract { field, of } => self.extract(field, of, span, scope),
            ExprKind::Row(fields) => {
                let fields = fields.iter().map(|field| self.expr(field, scope)).collect::<Result<Vec<_>>>()?;
                let ty = Type::row(fields.iter().map(|field| field.ty.clone()));
                Ok(Typed::new(Kind::Row(fields), ty, span))
            }
            ExprKind::Array(elements) => {
                let elements = elements.iter().map(|element| self.expr(element, scope)).collect::<Result<Vec<_>>>()?;
                let (elements, ty) = unified("All ARRAY elements", elements)?;
                Ok(Typed::new(Kind::Array(elements), Type::array(ty), span))
            }
            ExprKind::Subscript { base, index } => self.subscript(base, index, span, scope),
            ExprKind::Lambda { .. } => Err(mismatch(span, "Lambda expression should always be used inside a function")),
            ExprKind::Current { what, precision } => Ok(current(*what, *precision, span)),
            ExprKind::Call(call) => self.call(call, scope),
            ExprKind::Grouping(columns) => self.grouping(columns, span, scope),
            ExprKind::Exists(query) => self.exists(query, span, scope),
            ExprKind::Subquery(query) => self.scalar_subquery(query, span, scope),
            ExprKind::InQuery { negated, of, query } => {
                let found = self.in_query(of, query, span, scope)?;
                Ok(negate(*negated, found))
            }
            ExprKind::Quantified { op, all, left, query } => self.quantified(*op, *all, left, query, span, scope),
            ExprKind::Json(call) => self.json(call, span, scope),
            _ => self.predicate(expr, scope),
        }
    }

    fn name(&mut self, expr: &Expr, scope: &Scope<'_>) -> Result<Typed> {
        let span = expr.span;
        if let Some(parts) = name_parts(expr)
            && let Some(field) = scope.find(&parts, span)?
        {
            return Ok(Typed::new(Kind::Column(field.id), field.ty.clone(), span));
        }
        let ExprKind::Field { base, name } = &expr.kind else {
            let parts = name_parts(expr).unwrap_or_default();
            return Err(scope.unknown(&parts, span));
        };
        // A qualified name that is no column may be a field of a row.
        if let Some(parts) = name_parts(base) {
            let is_column = |length: usize| Ok(scope.find(&parts[..length], span)?.is_some());
            if !(1..=parts.len()).map(is_column).collect::<Result<Vec<_>>>()?.contains(&true) {
                let parts = name_parts(expr).unwrap_or_default();
                return Err(scope.unknown(&parts, span));
            }
        }
        let base = self.expr(base, scope)?;
        field_of(base, name, span)
    }

    fn unary(&mut self, op: UnaryOp, of: &Expr, span: Span, scope: &Scope<'_>) -> Result<Typed> {
        let of = self.expr(of, scope)?;
        match op {
            UnaryOp::Plus if of.ty.is_integer() || of.ty.is_floating() => Ok(of),
            UnaryOp::Plus => Err(mismatch(span, format!("Unary '+' operator cannot by applied to {} type", of.ty))),
            UnaryOp::Minus => {
                let ty = of.ty.clone();
                let unfit = |error: AthenaError| match error.name {
                    ErrorName::AmbiguousFunctionCall => error,
                    _ => mismatch(span, format!("Cannot negate {ty}")),
                };
                resolved("$negate", vec![of], span).map_err(unfit)
            }
        }
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        branches: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        span: Span,
        scope: &Scope<'_>,
    ) -> Result<Typed> {
        let operand = operand.map(|operand| self.expr(operand, scope)).transpose()?;
        let (mut whens, mut values) = (Vec::new(), Vec::new());
        let mut common = operand.as_ref().map(|operand| operand.ty.clone());
        for (when, _) in branches {
            let when = self.expr(when, scope)?;
            whens.push(match (&operand, &mut common) {
                (Some(operand), Some(common)) => {
                    let types = format!("{} vs {}", operand.ty, when.ty);
                    *common = common_supertype(common, &when.ty).ok_or_else(|| {
                        mismatch(when.span, format!("CASE operand type does not match WHEN clause operand type: {types}"))
                    })?;
                    when
                }
                _ => boolean(when, |ty| format!("CASE WHEN clause must evaluate to a boolean (actual: {ty})"))?,
            });
        }
        for (_, then) in branches {
            values.push(self.expr(then, scope)?);
        }
        let has_otherwise = otherwise.is_some();
        values.extend(otherwise.map(|otherwise| self.expr(otherwise, scope)).transpose()?);
        let (mut values, ty) = unified("All CASE results", values)?;
        let otherwise = if has_otherwise { values.pop().map(Box::new) } else { None };
        if let (Some(operand), Some(common)) = (operand, common) {
            let operand = operand.coerced(&common);
            let equal = |when: Typed| equals_operand(&operand, when.coerced(&common));
            whens = whens.into_iter().map(equal).collect::<Result<_>>()?;
        }
        let branches = whens.into_iter().zip(values).collect();
        Ok(Typed::new(Kind::Case { branches, otherwise }, ty, span))
    }

    fn cast(&mut self, of: &Expr, to: &TypeName, tries: bool, span: Span, scope: &Scope<'_>) -> Result<Typed> {
        // Trino reports an unknown type of a cast as a mismatch, at the cast.
        let to = resolve_name(to).map_err(|error| match error.name {
            ErrorName::TypeNotFound => mismatch(span, error.message),
            _ => AthenaError { span: Some(span), ..error },
        })?;
        let of = self.expr(of, scope)?;
        if !can_cast(&of.ty, &to) {
            return Err(mismatch(span, format!("Cannot cast {} to {to}", of.ty)));
        }
        Ok(Typed::new(Kind::Cast { of: Box::new(of), tries }, to, span))
    }

    fn at_time_zone(&mut self, of: &Expr, zone: &Expr, span: Span, scope: &Scope<'_>) -> Result<Typed> {
        let (of, zone) = (self.expr(of, scope)?, self.expr(zone, scope)?);
        let ty = match &of.ty {
            Type::Timestamp(p) | Type::TimestampZoned(p) => Type::TimestampZoned(*p),
            Type::Time(p) | Type::TimeZoned(p) => Type::TimeZoned(*p),
            other => {
                let message = format!("Type of value must be a time or timestamp with or without time zone (actual {other})");
                return Err(mismatch(of.span, message));
            }
        };
        match &zone.ty {
            Type::Varchar(_) | Type::IntervalDay => {}
            other => {
                let message = format!("Type of time zone must be a VARCHAR or INTERVAL DAY TO SECOND (actual {other})");
                return Err(mismatch(zone.span, message));
            }
        }
        let arguments = vec![of.coerced(&ty), zone];
        Ok(Typed::new(Kind::Call { name: "$at_timezone", arguments }, ty, span))
    }

    fn extract(&mut self, field: &Ident, of: &Expr, span: Span, scope: &Scope<'_>) -> Result<Typed> {
        let of = self.expr(of, scope)?;
        let (at, ty) = (of.span, of.ty.clone());
        let wrong = || mismatch(at, format!("Cannot extract {} from {ty}", field.text.to_ascii_uppercase()));
        let call = resolved(&field.text.to_ascii_lowercase(), vec![of], span).map_err(|_| wrong())?;
        // A function takes a date for a timestamp; a field is only of what has it.
        let is_coerced = |argument: &Typed| matches!(argument.kind, Kind::Cast { .. }) && argument.ty != ty;
        match &call.kind {
            Kind::Call { arguments, .. } if arguments.iter().any(is_coerced) => Err(wrong()),
            _ => Ok(call),
        }
    }

    fn subscript(&mut self, base: &Expr, index: &Expr, span: Span, scope: &Scope<'_>) -> Result<Typed> {
        let base = self.expr(base, scope)?;
        if let Type::Row(fields) = &base.ty {
            let ExprKind::Integer(digits) = &index.kind else {
                let message = "Subscript expression on ROW requires a constant index";
                return Err(AthenaError::at(ErrorName::ExpressionNotConstant, index.span, message));
            };
            let number: usize = digits.parse().unwrap_or(usize::MAX);
            let Some(field) = number.checked_sub(1).and_then(|i| fields.get(i)) else {
                let message = format!("Subscript index out of bounds: {digits}, max value is {}", fields.len());
                return Err(AthenaError::at(ErrorName::InvalidFunctionArgument, index.span, message));
            };
            let ty = field.ty.clone();
            return Ok(Typed::new(Kind::Field { of: Box::new(base), index: number - 1 }, ty, span));
        }
        let index = self.expr(index, scope)?;
        let message = format!("Cannot use {} for subscript of {}", index.ty, base.ty);
        resolved("$subscript", vec![base, index], span).map_err(|_| mismatch(span, message))
    }

    fn parameter(&mut self, number: usize, span: Span) -> Result<Typed> {
        match self.parameters.get(number) {
            Some(value) => Ok(value.clone()),
            None => Err(AthenaError::at(
                ErrorName::InvalidParameterUsage,
                span,
                format!("Incorrect number of parameters: expected at least {} but found {}", number + 1, self.parameters.len()),
            )),
        }
    }

    /// The plan of a subquery, whose expressions may name the columns around it.
    pub(super) fn subquery(&mut self, query: &Query, scope: &Scope<'_>) -> Result<super::plan::Relation> {
        let bar = if scope.bar == Bar::Outer { Bar::Outer } else { Bar::None };
        let nothing = Scope { fields: Vec::new(), outer: Some(scope), bar };
        let met = self.recursions.len();
        let around = std::mem::replace(&mut self.in_lambda, false);
        let found = self.query(query, &nothing);
        self.in_lambda = around;
        let found = found?;
        match self.recursions.get(met) {
            None => Ok(found),
            Some(at) => Err(AthenaError::at(ErrorName::InvalidRecursiveReference, *at, OUTSIDE_FROM)),
        }
    }
}

/// A call of a function or operator of the catalog whose arguments are no lambdas.
pub(super) fn resolved(name: &str, arguments: Vec<Typed>, span: Span) -> Result<Typed> {
    let candidates = catalog::signatures(name);
    let types: Vec<Argument> = arguments.iter().map(|argument| Argument::Of(argument.ty.clone())).collect();
    let resolved = resolve(&candidates, &types, &mut |_, _| Ok(Type::Unknown))
        .map_err(|why| why.into_error(name, &types, &candidates, span))?;
    let arguments = arguments.into_iter().zip(&resolved.arguments).map(|(argument, ty)| argument.coerced(ty)).collect();
    Ok(Typed::new(Kind::Call { name: &resolved.signature.name, arguments }, resolved.returns, span))
}

/// A condition that nobody looks at where a value is NULL.
fn unless_null(value: &Typed, condition: Typed) -> Typed {
    let span = condition.span;
    let of = |kind| Typed::new(kind, Type::Boolean, span);
    let is_known = of(Kind::Not(Box::new(of(Kind::IsNull(Box::new(value.clone()))))));
    of(Kind::And(vec![is_known, condition]))
}

/// Whether the operand of a CASE is what a WHEN names, both of one type.
fn equals_operand(operand: &Typed, when: Typed) -> Result<Typed> {
    let (at, may_fault) = (when.span, !matches!(when.kind, Kind::Literal(_) | Kind::Column(_)));
    let equal = comparison(Comparison::Equal, operand.clone(), when, at)?;
    Ok(if may_fault { unless_null(operand, equal) } else { equal })
}

/// An arithmetic operator.
fn operator(op: ArithmeticOp, left: Typed, right: Typed, span: Span) -> Result<Typed> {
    let (name, sign) = match op {
        ArithmeticOp::Add => ("$add", "+"),
        ArithmeticOp::Subtract => ("$subtract", "-"),
        ArithmeticOp::Multiply => ("$multiply", "*"),
        ArithmeticOp::Divide => ("$divide", "/"),
        ArithmeticOp::Modulus => ("$modulus", "%"),
        ArithmeticOp::Concat => return resolved("concat", vec![left, right], span),
    };
    let message = format!("Cannot apply operator: {} {sign} {}", left.ty, right.ty);
    resolved(name, vec![left, right], span).map_err(|error| match error.name {
        ErrorName::FunctionNotFound => mismatch(span, message),
        _ => error,
    })
}

/// Both sides as their common type.
pub(super) fn compared(sign: &str, ordered: bool, left: Typed, right: Typed, span: Span) -> Result<(Typed, Typed)> {
    let common = common_supertype(&left.ty, &right.ty);
    let fits = |ty: &Type| if ordered { ty.is_orderable() } else { ty.is_comparable() };
    let Some(common) = common.filter(fits) else {
        let error = mismatch(span, format!("Cannot apply operator: {} {sign} {}", left.ty, right.ty));
        return Err(error.perhaps_write(hints::compared(&left, &right)));
    };
    Ok((left.coerced(&common), right.coerced(&common)))
}

/// A comparison.
pub(super) fn comparison(op: Comparison, left: Typed, right: Typed, span: Span) -> Result<Typed> {
    let (sign, ordered) = match op {
        Comparison::Equal => ("=", false),
        Comparison::NotEqual => ("<>", false),
        Comparison::Less => ("<", true),
        Comparison::LessOrEqual => ("<=", true),
        Comparison::Greater => (">", true),
        Comparison::GreaterOrEqual => (">=", true),
    };
    let (left, right) = compared(sign, ordered, left, right, span)?;
    let compare = Kind::Compare { op, left: Box::new(left), right: Box::new(right) };
    Ok(Typed::new(compare, Type::Boolean, span))
}

/// The field of a row.
fn field_of(base: Typed, name: &Ident, span: Span) -> Result<Typed> {
    let Type::Row(fields) = &base.ty else {
        return Err(mismatch(span, "Expression is not of type ROW".to_owned()));
    };
    let named = |(_, field): &(usize, &crate::athena::types::RowField)| {
        field.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(&name.text))
    };
    let mut found = fields.iter().enumerate().filter(named);
    match (found.next(), found.next()) {
        (Some((index, field)), None) => {
            let ty = field.ty.clone();
            Ok(Typed::new(Kind::Field { of: Box::new(base), index }, ty, span))
        }
        (None, _) => Err(AthenaError::at(ErrorName::ColumnNotFound, span, format!("Column '{}' cannot be resolved", name.text))),
        (Some(_), Some(_)) => {
            Err(AthenaError::at(ErrorName::AmbiguousName, span, format!("Ambiguous row field reference: {}", name.text)))
        }
    }
}

pub(super) fn negate(negated: bool, of: Typed) -> Typed {
    let span = of.span;
    if negated { Typed::new(Kind::Not(Box::new(of)), Type::Boolean, span) } else { of }
}

/// The same, as a boolean.
pub(super) fn boolean(of: Typed, message: impl FnOnce(&Type) -> String) -> Result<Typed> {
    match &of.ty {
        Type::Boolean => Ok(of),
        Type::Unknown => Ok(of.coerced(&Type::Boolean)),
        other => Err(mismatch(of.span, message(other))),
    }
}

/// All of them as their common type.
pub(super) fn unified(what: &str, all: Vec<Typed>) -> Result<(Vec<Typed>, Type)> {
    let mut common = Type::Unknown;
    for one in &all {
        common = common_supertype(&common, &one.ty).ok_or_else(|| {
            let mut types: Vec<String> = Vec::new();
            for one in &all {
                let text = one.ty.to_string();
                if !types.contains(&text) {
                    types.push(text);
                }
            }
            let message = format!(
                "{what} must be the same type or coercible to a common type. Cannot find common type between {common} and {}, all types (without duplicates): [{}]",
                one.ty,
                types.join(", ")
            );
            mismatch(one.span, message)
        })?;
    }
    Ok((all.into_iter().map(|one| one.coerced(&common)).collect(), common))
}

fn current(what: Current, precision: Option<u32>, span: Span) -> Typed {
    let digits = precision.and_then(|p| u8::try_from(p).ok()).unwrap_or(3);
    let (value, ty) = match what {
        Current::Date => (CurrentValue::Date, Type::Date),
        Current::Time => (CurrentValue::Time, Type::TimeZoned(digits)),
        Current::Timestamp => (CurrentValue::Timestamp, Type::TimestampZoned(digits)),
        Current::LocalTime => (CurrentValue::LocalTime, Type::Time(digits)),
        Current::LocalTimestamp => (CurrentValue::LocalTimestamp, Type::Timestamp(digits)),
        Current::User => (CurrentValue::User, Type::VARCHAR),
        Current::Catalog => (CurrentValue::Catalog, Type::VARCHAR),
        Current::Schema => (CurrentValue::Schema, Type::VARCHAR),
        Current::Path => return Typed::new(Kind::Literal(Literal::String(String::new())), Type::VARCHAR, span),
    };
    Typed::new(Kind::Current(value), ty, span)
}
