//! What calls mean.
//!
//! Owns: functions, lambdas, aggregates, and what Trino's parser takes for functions of its own (`IF`, `COALESCE`, …).
//! Does not own: overloads (`functions`), windows (`window`), where an aggregate may stand (`select`).
//! Invariant: DISTINCT, FILTER, ORDER BY and OVER stand only where Trino has them.

use super::Analyzer;
use super::expr::{Result, boolean, mismatch, unified};
use super::scope::{Field, Scope};
use super::typed::{Aggregate, ColumnId, Kind, Literal, Sort, Typed};
use crate::athena::ast::{Call, Expr, ExprKind, Overflow, SortItem, Span};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::functions::catalog::{self, Kind as FunctionKind};
use crate::athena::functions::resolve::{Argument, Resolved, resolve};
use crate::athena::functions::scalar::not_here;
use crate::athena::types::{Type, can_cast, common_supertype};

/// A lambda's parameters are numbered from here on by how deep they are, so that lambdas that say the same are equal.
const LAMBDA_PARAMETERS: ColumnId = 1 << 40;
/// What Trino's calls may have.
const ARGUMENTS_MAX: usize = 127;

impl Analyzer<'_> {
    pub(super) fn call(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let name = call.name.0.last().map(|name| name.text.to_ascii_lowercase()).unwrap_or_default();
        if call.name.0.len() > 1 {
            return Err(not_registered(&call.name.to_string(), call.span));
        }
        if let Some(fault) = of_pattern(call) {
            return Err(fault);
        }
        if let Some(special) = self.special(&name, call, scope)? {
            return Ok(special);
        }
        let Some(functions) = catalog::named(&name).filter(|functions| functions.kind != FunctionKind::Operator) else {
            return Err(self.fault_of_unknown(&name, call, scope));
        };
        let clauses = check_clauses(call, &name, functions.kind);
        if functions.kind == FunctionKind::Scalar && clauses.is_err() && !call.distinct {
            // A fault of what it is asked of comes first.
            self.filter(call, scope)?;
            self.arguments(&name, call, scope)?;
        }
        clauses?;
        if call.over.is_some() {
            return self.window_call(&name, call, scope);
        }
        let filter = self.filter(call, scope)?;
        let (arguments, resolved) = self.arguments(&name, call, scope)?;
        if functions.kind == FunctionKind::Scalar {
            check_joined(&name, &resolved.arguments, call.span)?;
            let kind = Kind::Call { name: &resolved.signature.name, arguments };
            return Ok(Typed::new(kind, resolved.returns, call.span));
        }
        if call.distinct
            && let Some(wrong) = arguments.iter().find(|argument| !argument.ty.is_comparable())
        {
            return Err(mismatch(call.span, format!("DISTINCT can only be applied to comparable types (actual: {})", wrong.ty)));
        }
        let order_by = self.sorts(&call.order_by, scope)?;
        if call.distinct && order_by.iter().any(|sort| !arguments.contains(&sort.key)) {
            let message = "For aggregate function with DISTINCT, ORDER BY expressions must appear in arguments";
            return Err(AthenaError::at(ErrorName::ExpressionNotInDistinct, call.span, message));
        }
        let name = &resolved.signature.name;
        let returns = resolved.returns;
        let aggregate = Aggregate { name, arguments, distinct: call.distinct, order_by, filter, returns: returns.clone() };
        Ok(Typed::new(Kind::Aggregate(Box::new(aggregate)), returns, call.span))
    }

    /// A function that there is not is told of after the faults of what it is asked of.
    fn fault_of_unknown(&mut self, name: &str, call: &Call, scope: &Scope<'_>) -> AthenaError {
        let unknown = not_registered(name, call.span);
        if call.distinct {
            return distinct_of_values(call);
        }
        let values = call.arguments.iter().filter(|argument| !matches!(argument.kind, ExprKind::Lambda { .. }));
        match values.map(|argument| self.expr(argument, scope)).find_map(Result::err) {
            Some(fault) => AthenaError { rewrite: unknown.rewrite.or(fault.rewrite), ..fault },
            None => unknown,
        }
    }

    /// Arguments, coerced to what the overload takes.
    pub(super) fn arguments(&mut self, name: &str, call: &Call, scope: &Scope<'_>) -> Result<(Vec<Typed>, Resolved<'static>)> {
        if call.arguments.len() > ARGUMENTS_MAX {
            let message = format!("Too many arguments for function call {name}()");
            return Err(AthenaError::at(ErrorName::TooManyArguments, call.span, message));
        }
        let candidates = catalog::signatures(name);
        let mut typed: Vec<Option<Typed>> = Vec::new();
        for argument in &call.arguments {
            let is_lambda = matches!(argument.kind, ExprKind::Lambda { .. });
            typed.push(if is_lambda { None } else { Some(self.expr(argument, scope)?) });
        }
        let types: Vec<Argument> =
            typed.iter().map(|t| t.as_ref().map_or(Argument::Lambda, |t| Argument::Of(t.ty.clone()))).collect();
        // Kept, since lambdas within lambdas would be analyzed twice as often on each level.
        let mut lambdas: Vec<(usize, Typed)> = Vec::new();
        let mut type_lambda = |i: usize, parameters: &[Type]| {
            let at = match place(&lambdas, i, parameters) {
                Some(at) => at,
                None => {
                    lambdas.push((i, self.lambda(&call.arguments[i], parameters, scope)?));
                    lambdas.len() - 1
                }
            };
            Ok(match &lambdas[at].1.ty {
                Type::Function(_, result) => result.as_ref().clone(),
                other => other.clone(),
            })
        };
        let resolved =
            resolve(&candidates, &types, &mut type_lambda).map_err(|why| why.into_error(name, &types, &candidates, call.span))?;
        let mut arguments = Vec::new();
        for (i, ((argument, typed), ty)) in call.arguments.iter().zip(typed).zip(&resolved.arguments).enumerate() {
            arguments.push(match (typed, ty) {
                (Some(typed), ty) => typed.coerced(ty),
                (None, Type::Function(parameters, result)) => {
                    let lambda = match place(&lambdas, i, parameters) {
                        Some(at) => lambdas.swap_remove(at).1,
                        None => self.lambda(argument, parameters, scope)?,
                    };
                    returning(lambda, parameters, result)
                }
                (None, other) => return Err(mismatch(argument.span, format!("a lambda is no {other}"))),
            });
        }
        Ok((arguments, resolved))
    }

    /// A lambda whose parameters have these types.
    fn lambda(&mut self, expr: &Expr, types: &[Type], scope: &Scope<'_>) -> Result<Typed> {
        let ExprKind::Lambda { parameters, body } = &expr.kind else {
            return Err(mismatch(expr.span, "a function was expected"));
        };
        if parameters.len() != types.len() {
            let message = format!("Expected a lambda that takes {} argument(s) but got {}", types.len(), parameters.len());
            return Err(AthenaError::at(ErrorName::InvalidParameterUsage, expr.span, message));
        }
        let fields: Vec<Field> = parameters
            .iter()
            .zip(types)
            .enumerate()
            .map(|(i, (name, ty))| Field {
                relation: Vec::new(),
                name: Some(name.text.clone()),
                ty: ty.clone(),
                id: LAMBDA_PARAMETERS + self.bound + i,
                hidden: false,
            })
            .collect();
        let ids: Vec<ColumnId> = fields.iter().map(|field| field.id).collect();
        let inside = Scope::within(fields, scope);
        self.bound += ids.len();
        let around = std::mem::replace(&mut self.in_lambda, true);
        let body = self.expr(body, &inside);
        self.in_lambda = around;
        self.bound -= ids.len();
        let body = body?;
        self.only_scalar(&body, "Lambda expression")?;
        let ty = Type::Function(types.to_vec(), Box::new(body.ty.clone()));
        Ok(Typed::new(Kind::Lambda { parameters: ids, body: Box::new(body) }, ty, expr.span))
    }

    pub(super) fn filter(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Option<Typed>> {
        let Some(filter) = &call.filter else { return Ok(None) };
        let filter = self.expr(filter, scope)?;
        boolean(filter, |ty| format!("Filter expression must evaluate to a boolean (actual: {ty})")).map(Some)
    }

    /// Sort keys.
    pub(super) fn sorts(&mut self, items: &[SortItem], scope: &Scope<'_>) -> Result<Vec<Sort>> {
        let mut sorts = Vec::new();
        for item in items {
            let key = self.expr(&item.expr, scope)?;
            if !key.ty.is_orderable() {
                let message = format!("ORDER BY can only be applied to orderable types (actual: {})", key.ty);
                return Err(mismatch(key.span, message));
            }
            sorts.push(Sort { key, descending: item.descending, nulls_first: item.nulls_first.unwrap_or(false) });
        }
        Ok(sorts)
    }

    /// What Trino's parser knows by name; `None` for everything else.
    fn special(&mut self, name: &str, call: &Call, scope: &Scope<'_>) -> Result<Option<Typed>> {
        let span = call.span;
        let wrong_count = |message: &str| Err(AthenaError::at(ErrorName::SyntaxError, span, message));
        let count = call.arguments.len();
        match name {
            "if" if !(2..=3).contains(&count) => wrong_count("Invalid number of arguments for 'if' function"),
            "nullif" if count != 2 => wrong_count("Invalid number of arguments for 'nullif' function"),
            "coalesce" if count < 2 => wrong_count("The 'coalesce' function must have at least two arguments"),
            "try" if count != 1 => wrong_count("The 'try' function must have exactly one argument"),
            "format" if count < 2 => wrong_count("The 'format' function must have at least two arguments"),
            "if" => self.if_call(call, scope).map(Some),
            "nullif" => self.null_if(call, scope).map(Some),
            "coalesce" => {
                let operands = self.all(&call.arguments, scope)?;
                let (operands, ty) = unified("All COALESCE operands", operands)?;
                Ok(Some(Typed::new(Kind::Coalesce(operands), ty, span)))
            }
            "try" => {
                let of = self.expr(&call.arguments[0], scope)?;
                let ty = of.ty.clone();
                Ok(Some(Typed::new(Kind::Try(Box::new(of)), ty, span)))
            }
            "format" => self.format(call, scope).map(Some),
            "listagg" => self.listagg(call, scope).map(Some),
            _ => Ok(None),
        }
    }

    fn all(&mut self, exprs: &[Expr], scope: &Scope<'_>) -> Result<Vec<Typed>> {
        exprs.iter().map(|expr| self.expr(expr, scope)).collect()
    }

    fn if_call(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let condition = self.expr(&call.arguments[0], scope)?;
        let condition = boolean(condition, |ty| format!("IF condition must evaluate to a boolean (actual: {ty})"))?;
        let values = self.all(&call.arguments[1..], scope)?;
        if let [then, otherwise] = values.as_slice()
            && common_supertype(&then.ty, &otherwise.ty).is_none()
        {
            let message = format!("Result types for IF must be the same: {} vs {}", then.ty, otherwise.ty);
            return Err(mismatch(call.span, message));
        }
        let (mut values, ty) = unified("Result types for IF", values)?;
        let otherwise = if values.len() == 2 { values.pop().map(Box::new) } else { None };
        let branches = values.pop().map(|then| (condition, then)).into_iter().collect();
        Ok(Typed::new(Kind::Case { branches, otherwise }, ty, call.span))
    }

    fn null_if(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let (left, right) = (self.expr(&call.arguments[0], scope)?, self.expr(&call.arguments[1], scope)?);
        let types = format!("{} vs {}", left.ty, right.ty);
        let common = common_supertype(&left.ty, &right.ty).filter(Type::is_comparable);
        let Some(common) = common else {
            return Err(mismatch(call.span, format!("Types are not comparable with NULLIF: {types}")));
        };
        let ty = left.ty.clone();
        let kind = Kind::NullIf { left: Box::new(left), right: Box::new(right), common };
        Ok(Typed::new(kind, ty, call.span))
    }

    fn format(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        let arguments = self.all(&call.arguments, scope)?;
        if let Some(first) = arguments.first()
            && !matches!(first.ty, Type::Varchar(_))
        {
            let message = format!("Type of first argument to format() must be VARCHAR (actual: {})", first.ty);
            return Err(mismatch(first.span, message));
        }
        if let Some(wrong) = arguments.iter().find(|argument| !can_cast(&argument.ty, &Type::VARCHAR)) {
            let message = format!("Type not supported for formatting: {}", wrong.ty);
            return Err(AthenaError::at(ErrorName::NotSupported, wrong.span, message));
        }
        Ok(Typed::new(Kind::Call { name: "format", arguments }, Type::VARCHAR, call.span))
    }

    /// `LISTAGG`, whose separator and overflow clause Trino passes on as arguments of the function that the catalog has.
    fn listagg(&mut self, call: &Call, scope: &Scope<'_>) -> Result<Typed> {
        if call.over.is_some() {
            let message = "Window function with ORDER BY is not supported";
            return Err(AthenaError::at(ErrorName::NotSupported, call.span, message));
        }
        let arguments = self.all(&call.arguments, scope)?;
        if let Some(value) = arguments.first()
            && !matches!(value.ty, Type::Varchar(_))
        {
            let message = format!("Expected expression of varchar, but the value has {} type", value.ty);
            return Err(mismatch(call.span, message));
        }
        let literal = |value: Literal, ty: Type| Typed::new(Kind::Literal(value), ty, call.span);
        let text = |text: &str| literal(Literal::String(text.to_owned()), Type::VARCHAR);
        let mut arguments: Vec<Typed> = arguments.into_iter().map(|argument| argument.coerced(&Type::VARCHAR)).collect();
        if arguments.len() == 1 {
            arguments.push(text(""));
        }
        let (fails, filler, counts) = match &call.overflow {
            None | Some(Overflow::Error) => (true, "", false),
            Some(Overflow::Truncate { filler, with_count }) => (false, filler.as_deref().unwrap_or("..."), *with_count),
        };
        let flag = |value: bool| literal(Literal::Boolean(value), Type::Boolean);
        arguments.extend([flag(fails), text(filler), flag(counts)]);
        let filter = self.filter(call, scope)?;
        let order_by = self.sorts(&call.order_by, scope)?;
        let aggregate =
            Aggregate { name: "listagg", arguments, distinct: call.distinct, order_by, filter, returns: Type::VARCHAR };
        Ok(Typed::new(Kind::Aggregate(Box::new(aggregate)), Type::VARCHAR, call.span))
    }
}

fn not_registered(name: &str, span: Span) -> AthenaError {
    if catalog::leaves_out(name) {
        return AthenaError { span: Some(span), ..not_here(name) };
    }
    let error = AthenaError::at(ErrorName::FunctionNotFound, span, format!("Function '{name}' not registered"));
    match super::hints::function(name) {
        Some(hint) => error.rewrite(hint),
        None => error,
    }
}

/// `array_join` takes elements that have a text, which its signature does not tell.
fn check_joined(name: &str, arguments: &[Type], span: Span) -> Result<()> {
    match arguments.first() {
        Some(Type::Array(element)) if name == "array_join" && !can_cast(element, &Type::VARCHAR) => {
            Err(AthenaError::at(ErrorName::OperatorNotFound, span, format!("Cannot cast {element} to varchar")))
        }
        _ => Ok(()),
    }
}

/// What belongs into a row pattern only: `count(a.*)`, `RUNNING sum(a)`.
fn of_pattern(call: &Call) -> Option<AthenaError> {
    let at = call.of_pattern?;
    Some(if call.star {
        let message = "label.* syntax is only supported as the only argument of row pattern count function";
        AthenaError::at(ErrorName::InvalidFunctionArgument, at, message)
    } else {
        let message = "RUNNING and FINAL semantics are not supported out of pattern recognition context";
        AthenaError::at(ErrorName::InvalidProcessingMode, at, message)
    })
}

fn distinct_of_values(call: &Call) -> AthenaError {
    AthenaError::at(ErrorName::FunctionNotAggregate, call.span, "DISTINCT is not supported for non-aggregation functions")
}

/// DISTINCT, FILTER and ORDER BY belong to aggregates, null treatment to functions that give another row's value.
fn check_clauses(call: &Call, name: &str, kind: FunctionKind) -> Result<()> {
    let wrong = |name, message: String| Err(AthenaError::at(name, call.span, message));
    if kind == FunctionKind::Scalar {
        if call.over.is_some() {
            return wrong(ErrorName::FunctionNotWindow, format!("Not a window function: {name}"));
        }
        if call.distinct {
            return Err(distinct_of_values(call));
        }
        if call.filter.is_some() {
            return wrong(ErrorName::FunctionNotAggregate, "Filter is only valid for aggregation functions".into());
        }
        if !call.order_by.is_empty() {
            return wrong(ErrorName::FunctionNotAggregate, "ORDER BY is only valid for aggregation functions".into());
        }
    }
    if kind == FunctionKind::Window && !call.order_by.is_empty() {
        return wrong(ErrorName::FunctionNotAggregate, "ORDER BY is only valid for aggregation functions".into());
    }
    let is_of_values = matches!(name, "lag" | "lead" | "first_value" | "last_value" | "nth_value");
    if !is_of_values && call.null_treatment.is_some() {
        let message = format!("Cannot specify null treatment clause for {name} function");
        return wrong(ErrorName::NullTreatmentNotAllowed, message);
    }
    if kind == FunctionKind::Window && call.over.is_none() {
        let message = format!("Window function system.builtin.{name} requires an OVER clause");
        return wrong(ErrorName::MissingOver, message);
    }
    Ok(())
}

/// Where the lambda of this argument is that was analyzed for parameters of these types.
fn place(lambdas: &[(usize, Typed)], argument: usize, types: &[Type]) -> Option<usize> {
    let takes = |lambda: &Typed| matches!(&lambda.ty, Type::Function(own, _) if own == types);
    lambdas.iter().position(|(own, lambda)| *own == argument && takes(lambda))
}

/// A lambda, its value coerced to the type that is asked for.
fn returning(lambda: Typed, types: &[Type], result: &Type) -> Typed {
    let Typed { kind: Kind::Lambda { parameters, body }, span, .. } = lambda else { return lambda };
    let ty = Type::Function(types.to_vec(), Box::new(result.clone()));
    Typed::new(Kind::Lambda { parameters, body: Box::new(body.coerced(result)) }, ty, span)
}
