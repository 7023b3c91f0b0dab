//! Which of a function's overloads a call means.
//!
//! Owns: Trino's choice (`io.trino.metadata.FunctionResolver`): exact before generic before coerced, then the most specific.
//! Does not own: signatures themselves (`signature`, `catalog`), what the function computes.
//! Invariant: a call that Trino finds ambiguous or unknown is so here.

use super::scalar::takes_null;
use super::signature::{Bindings, Pattern, Signature};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::types::Type;

/// How often Trino looks for the types of a call with lambdas before it gives up.
const SOLUTIONS_MAX: usize = 4;

/// An argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Argument {
    Of(Type),
    /// A lambda, whose result is known once its parameters' types are.
    Lambda,
}

/// Types a lambda: its place among the arguments and its parameters' types in, its result's type out.
pub(crate) type TypeLambda<'a> = dyn FnMut(usize, &[Type]) -> Result<Type, AthenaError> + 'a;

/// A choice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resolved<'a> {
    pub(crate) signature: &'a Signature,
    /// What the arguments must become.
    pub(crate) arguments: Vec<Type>,
    pub(crate) returns: Type,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Unresolved {
    /// No overload takes these arguments.
    NoMatch,
    /// These take them equally well.
    Ambiguous(Vec<String>),
    /// A lambda is wrong in itself.
    Lambda(AthenaError),
}

/// The overload that is meant.
pub(crate) fn resolve<'a>(
    candidates: &[&'a Signature],
    arguments: &[Argument],
    type_lambda: &mut TypeLambda<'_>,
) -> Result<Resolved<'a>, Unresolved> {
    for concrete in [true, false] {
        let mut exact = Vec::new();
        for candidate in candidates.iter().filter(|c| has_type_variables(c) != concrete) {
            exact.extend(bind(candidate, arguments, false, type_lambda)?);
        }
        match exact.len() {
            0 => {}
            1 => return exact.pop().ok_or(Unresolved::NoMatch),
            _ => return Err(ambiguous(&exact)),
        }
    }
    let mut applicable = Vec::new();
    for candidate in candidates {
        applicable.extend(bind(candidate, arguments, true, type_lambda)?);
    }
    most_specific(applicable, arguments)
}

fn has_type_variables(signature: &Signature) -> bool {
    signature.arguments.iter().any(has_variable)
}

fn has_variable(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Variable(_) => true,
        Pattern::Array(element) => has_variable(element),
        Pattern::Map(key, value) => has_variable(key) || has_variable(value),
        Pattern::Row(fields) => fields.iter().any(has_variable),
        Pattern::Function(parameters, result) => parameters.iter().any(has_variable) || has_variable(result),
        _ => false,
    }
}

/// The signature with these arguments; `None` when it does not take them.
fn bind<'a>(
    signature: &'a Signature,
    arguments: &[Argument],
    coerces: bool,
    type_lambda: &mut TypeLambda<'_>,
) -> Result<Option<Resolved<'a>>, Unresolved> {
    let Some(patterns) = signature.expanded(arguments.len()) else { return Ok(None) };
    let mut bindings = Bindings::default();
    for (pattern, argument) in patterns.iter().zip(arguments) {
        let fits = match (pattern, argument) {
            (Pattern::Function(..), argument) => *argument == Argument::Lambda,
            (_, Argument::Lambda) => false,
            (pattern, Argument::Of(ty)) => bindings.bind(pattern, ty, coerces),
        };
        if !fits {
            return Ok(None);
        }
    }
    if !bind_lambdas(&patterns, &mut bindings, type_lambda)? {
        return Ok(None);
    }
    if !signature.admits(&bindings) {
        return Ok(None);
    }
    let types = patterns.iter().map(|pattern| bindings.apply(pattern)).collect::<Option<Vec<_>>>();
    let (Some(types), Some(returns)) = (types, signature.result(&bindings)) else { return Ok(None) };
    Ok(Some(Resolved { signature, arguments: types, returns }))
}

/// Binds what lambdas return, anew while that changes their parameters' types: `reduce` from an integer on may add doubles to it.
fn bind_lambdas(patterns: &[&Pattern], bindings: &mut Bindings, type_lambda: &mut TypeLambda<'_>) -> Result<bool, Unresolved> {
    let mut known: Vec<(usize, Vec<Type>, Type)> = Vec::new();
    for _ in 0..SOLUTIONS_MAX {
        let (before, mut fits) = (bindings.clone(), true);
        for (i, pattern) in patterns.iter().enumerate() {
            let Pattern::Function(parameters, result) = pattern else { continue };
            let Some(parameters) = parameters.iter().map(|p| bindings.apply(p)).collect::<Option<Vec<_>>>() else {
                return Ok(false);
            };
            let same = known.iter().find(|(at, types, _)| *at == i && *types == parameters);
            let ty = match same {
                Some((.., ty)) => ty.clone(),
                None => type_lambda(i, &parameters).map_err(Unresolved::Lambda)?,
            };
            known.push((i, parameters, ty.clone()));
            // What a lambda returns is not coerced, but a variable may come to stand for more.
            if !bindings.bind(result, &ty, has_variable(result)) {
                return Ok(false);
            }
            fits &= bindings.apply(result).as_ref() == Some(&ty);
        }
        if *bindings == before {
            return Ok(fits);
        }
    }
    let what = format!("SignatureBinder.iterativeSolve does not converge after {SOLUTIONS_MAX} iterations.");
    Err(Unresolved::Lambda(AthenaError::internal(&what)))
}

fn most_specific<'a>(mut applicable: Vec<Resolved<'a>>, arguments: &[Argument]) -> Result<Resolved<'a>, Unresolved> {
    if applicable.is_empty() {
        return Err(Unresolved::NoMatch);
    }
    let specific = representatives(&applicable);
    if specific.len() == 1 {
        return Ok(applicable.swap_remove(specific[0]));
    }
    let casts_only_nulls = |resolved: &Resolved<'_>| {
        resolved.arguments.iter().zip(arguments).all(|(to, from)| match from {
            Argument::Of(Type::Unknown) | Argument::Lambda => true,
            Argument::Of(from) => from == to,
        })
    };
    let nulls_only: Vec<Resolved<'a>> = applicable.iter().filter(|r| casts_only_nulls(r)).cloned().collect();
    if !nulls_only.is_empty() {
        let specific = representatives(&nulls_only);
        applicable = specific.into_iter().map(|i| nulls_only[i].clone()).collect();
    } else {
        applicable = specific.into_iter().map(|i| applicable[i].clone()).collect();
    }
    // Of a NULL, overloads that give the same type give the same NULL, unless they take it for a value.
    let takes = |(at, argument): (usize, &Argument)| {
        *argument == Argument::Of(Type::Unknown) && takes_null(&applicable[0].signature.name, at)
    };
    let gives_one_type =
        applicable.iter().all(|resolved| resolved.returns == applicable[0].returns) && !arguments.iter().enumerate().any(takes);
    if applicable.len() == 1 || gives_one_type { Ok(applicable.swap_remove(0)) } else { Err(ambiguous(&applicable)) }
}

/// One for each group whose members take each other's arguments: the most specific, and of equals the last, as in Trino.
fn representatives(applicable: &[Resolved<'_>]) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for (i, current) in applicable.iter().enumerate() {
        let related = kept
            .iter_mut()
            .find(|other| is_more_specific(current, &applicable[**other]) || is_more_specific(&applicable[**other], current));
        match related {
            None => kept.push(i),
            Some(other) => {
                if is_more_specific(current, &applicable[*other]) {
                    *other = i;
                }
            }
        }
    }
    kept
}

/// Whether whatever `one` takes, `other` takes too.
fn is_more_specific(one: &Resolved<'_>, other: &Resolved<'_>) -> bool {
    let arguments: Vec<Argument> = one
        .arguments
        .iter()
        .map(|ty| if matches!(ty, Type::Function(..)) { Argument::Lambda } else { Argument::Of(ty.clone()) })
        .collect();
    let mut results = |i: usize, _: &[Type]| match &one.arguments[i] {
        Type::Function(_, result) => Ok((**result).clone()),
        other => Ok(other.clone()),
    };
    matches!(bind(other.signature, &arguments, true, &mut results), Ok(Some(_)))
}

fn ambiguous(candidates: &[Resolved<'_>]) -> Unresolved {
    let told = candidates.iter().map(|r| {
        let arguments: Vec<String> = r.arguments.iter().map(ToString::to_string).collect();
        format!("{}({}):{}", r.signature.name, arguments.join(","), r.returns)
    });
    Unresolved::Ambiguous(told.collect())
}

impl Unresolved {
    /// The error of a call of that name with these arguments.
    pub(crate) fn into_error(
        self,
        name: &str,
        arguments: &[Argument],
        candidates: &[&Signature],
        span: crate::athena::ast::Span,
    ) -> AthenaError {
        match self {
            Self::Lambda(error) => error,
            Self::Ambiguous(of) => AthenaError::at(
                ErrorName::AmbiguousFunctionCall,
                span,
                format!(
                    "Could not choose a best candidate operator. Explicit type casts must be added. Candidates are: {}",
                    of.join("; ")
                ),
            ),
            Self::NoMatch if candidates.is_empty() => {
                AthenaError::at(ErrorName::FunctionNotFound, span, format!("Function '{name}' not registered"))
            }
            Self::NoMatch => {
                let given = arguments.iter().map(|argument| match argument {
                    Argument::Of(ty) => ty.to_string(),
                    Argument::Lambda => "<function>".to_owned(),
                });
                let mut expected: Vec<String> = candidates.iter().map(ToString::to_string).collect();
                expected.sort();
                let message = format!(
                    "Unexpected parameters ({}) for function {name}. Expected: {}",
                    given.collect::<Vec<_>>().join(", "),
                    expected.join(", ")
                );
                AthenaError::at(ErrorName::FunctionNotFound, span, message)
            }
        }
    }
}
