//! Conditions, and what is computed only where they hold.
//!
//! Owns: AND, OR, NOT, CASE, COALESCE, NULLIF, TRY, IN of a list, LIKE; three-valued logic.
//! Does not own: comparisons (`compare`).
//! Invariant: a term is computed for the rows alone whose value it may change.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, UInt32Array, new_null_array};
use arrow::compute::{concat, interleave};

use super::{Column, Env, Result, compare, eval, of_one, of_two};
use crate::athena::analyze::typed::{Kind, Typed};
use crate::athena::ast::Comparison;
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::functions::scalar::takes_null;
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;
use crate::athena::values::like::Like;

/// Whether a row's condition is one or the other; `None`: unknown.
fn truth(column: &Column, row: usize) -> Option<bool> {
    let values = column.values().as_boolean();
    let at = column.at(row);
    (!values.is_null(at)).then(|| values.value(at))
}

/// AND, or OR when `or`: the first term that is `or` decides, and a constant one before any fault.
pub(super) fn junction(terms: &[Typed], or: bool, env: &Env<'_>) -> Result<Column> {
    let mut result = vec![Some(!or); env.rows];
    let mut open: Vec<u32> = (0..u32::try_from(env.rows).unwrap_or(u32::MAX)).collect();
    for (at, term) in terms.iter().enumerate() {
        if open.is_empty() {
            break;
        }
        let decides = |term: &Typed| known(term, env).is_some_and(|value| truth(&value, 0) == Some(or));
        let values = match eval_rows(term, env, &open) {
            Err(fault) if fault.is_of_rows() && terms[at + 1..].iter().any(decides) => {
                return Ok(Column::constant(Arc::new(BooleanArray::from(vec![or])), env.rows));
            }
            values => values?,
        };
        let mut left = Vec::with_capacity(open.len());
        for (i, row) in open.into_iter().enumerate() {
            let value = truth(&values, i);
            if value == Some(or) {
                result[row as usize] = value;
            } else {
                if value.is_none() {
                    result[row as usize] = None;
                }
                left.push(row);
            }
        }
        open = left;
    }
    Ok(Column::new(Arc::new(BooleanArray::from(result))))
}

pub(super) fn not(values: &ArrayRef) -> Result<ArrayRef> {
    let not = arrow::compute::not(values.as_boolean()).map_err(|error| AthenaError::internal(&error))?;
    Ok(Arc::new(not))
}

pub(super) fn is_null(values: &ArrayRef) -> Result<ArrayRef> {
    let is_null = arrow::compute::is_null(values).map_err(|error| AthenaError::internal(&error))?;
    Ok(Arc::new(is_null))
}

/// A result put together from parts, each for rows of its own.
struct Parts {
    arrays: Vec<ArrayRef>,
    /// By row: which array and where; the first is one NULL.
    places: Vec<(usize, usize)>,
}

impl Parts {
    fn new(ty: &Type, rows: usize) -> Self {
        Self { arrays: vec![new_null_array(&arrow_type(ty), 1)], places: vec![(0, 0); rows] }
    }

    fn put(&mut self, rows: &[u32], values: &Column) {
        for (i, row) in rows.iter().enumerate() {
            self.places[*row as usize] = (self.arrays.len(), values.at(i));
        }
        self.arrays.push(values.values().clone());
    }

    fn finish(self) -> Result<Column> {
        let arrays: Vec<&dyn arrow::array::Array> = self.arrays.iter().map(AsRef::as_ref).collect();
        Ok(Column::new(interleave(&arrays, &self.places).map_err(|error| AthenaError::internal(&error))?))
    }
}

fn all_rows(env: &Env<'_>) -> Vec<u32> {
    (0..u32::try_from(env.rows).unwrap_or(u32::MAX)).collect()
}

/// An expression for some rows.
fn eval_rows(expr: &Typed, env: &Env<'_>, rows: &[u32]) -> Result<Column> {
    if rows.len() == env.rows { eval(expr, env) } else { eval(expr, &env.taken(&UInt32Array::from(rows.to_vec()), expr)?) }
}

/// As [`eval`], but a fault of rows that do not matter is none: they are NULL then.
fn eval_where(expr: &Typed, env: &Env<'_>, matters: impl Fn(usize) -> bool) -> Result<Column> {
    let fault = match eval(expr, env) {
        Err(fault) if fault.is_of_rows() => fault,
        done => return done,
    };
    let rows: Vec<u32> = all_rows(env).into_iter().filter(|row| matters(*row as usize)).collect();
    if rows.len() == env.rows {
        return Err(fault);
    }
    if rows.is_empty() {
        return Ok(null(expr, env));
    }
    let mut parts = Parts::new(&expr.ty, env.rows);
    parts.put(&rows, &eval_rows(expr, env, &rows)?);
    parts.finish()
}

/// The value of what is the same for all rows, if it has one.
pub(super) fn known(expr: &Typed, env: &Env<'_>) -> Option<Column> {
    let is_nothing = |argument: &Typed| known(argument, env).is_some_and(|value| value.is_null(0));
    match &expr.kind {
        _ if env.rows == 0 => None,
        _ if env.is_constant(expr) => eval(expr, env).ok(),
        Kind::Call { name, arguments } => {
            let mut deciding = arguments.iter().enumerate().filter(|(at, _)| !takes_null(name, *at));
            deciding.any(|(_, argument)| is_nothing(argument)).then(|| null(expr, env))
        }
        Kind::NullIf { left, .. } => is_nothing(left).then(|| null(expr, env)),
        _ => None,
    }
}

fn null(expr: &Typed, env: &Env<'_>) -> Column {
    Column::constant(new_null_array(&arrow_type(&expr.ty), 1), env.rows)
}

/// The values of arguments, of which those that decide make the result NULL when they are: what comes after one in a row is not
/// computed there, and beside one that is known beforehand nothing is.
pub(super) fn strict(arguments: &[&Typed], decides: impl Fn(usize) -> bool, env: &Env<'_>) -> Result<Vec<Column>> {
    let is_nothing = |(at, argument): (usize, &&Typed)| decides(at) && known(argument, env).is_some_and(|value| value.is_null(0));
    let lazily = !arguments.iter().all(|argument| env.is_fixed(argument));
    let mut values: Vec<Column> = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let is_decided = |row| values.iter().enumerate().any(|(at, before)| decides(at) && before.is_null(row));
        let matters = |row| !(lazily && is_decided(row));
        values.push(match eval_where(argument, env, matters) {
            Err(fault) if fault.is_of_rows() && arguments.iter().enumerate().any(is_nothing) => null(argument, env),
            value => value?,
        });
    }
    Ok(values)
}

pub(super) fn case(branches: &[(Typed, Typed)], otherwise: Option<&Typed>, ty: &Type, env: &Env<'_>) -> Result<Column> {
    let (mut parts, mut open) = (Parts::new(ty, env.rows), all_rows(env));
    for (when, then) in branches {
        if open.is_empty() {
            break;
        }
        let condition = eval_rows(when, env, &open)?;
        let (mut chosen, mut left) = (Vec::new(), Vec::new());
        for (i, row) in open.into_iter().enumerate() {
            if truth(&condition, i) == Some(true) { chosen.push(row) } else { left.push(row) }
        }
        if !chosen.is_empty() {
            parts.put(&chosen, &eval_rows(then, env, &chosen)?);
        }
        open = left;
    }
    if let Some(otherwise) = otherwise.filter(|_| !open.is_empty()) {
        parts.put(&open, &eval_rows(otherwise, env, &open)?);
    }
    parts.finish()
}

pub(super) fn coalesce(terms: &[Typed], ty: &Type, env: &Env<'_>) -> Result<Column> {
    let (mut parts, mut open) = (Parts::new(ty, env.rows), all_rows(env));
    for term in terms {
        if open.is_empty() {
            break;
        }
        let values = eval_rows(term, env, &open)?;
        parts.put(&open, &values);
        open = open.iter().enumerate().filter(|(i, _)| values.is_null(*i)).map(|(_, row)| *row).collect();
    }
    parts.finish()
}

pub(super) fn null_if(left: &Typed, right: &Typed, common: &Type, env: &Env<'_>) -> Result<Column> {
    let value = eval(left, env)?;
    let other = eval_where(right, env, |row| !value.is_null(row))?;
    let same = |column: &Column, ty: &Type| of_one(column, |values| super::cast(values, ty, common, false));
    let (a, b) = (same(&value, &left.ty)?, same(&other, &right.ty)?);
    let equal = of_two(&a, &b, |a, b| compare::compare(Comparison::Equal, common, a, b))?;
    let equal = equal.into_array()?;
    let kept = arrow::compute::nullif(&value.into_array()?, equal.as_boolean()).map_err(|error| AthenaError::internal(&error))?;
    Ok(Column::new(kept))
}

/// A value where it has one, NULL where computing it is a fault.
pub(super) fn tried(of: &Typed, env: &Env<'_>) -> Result<Column> {
    match eval(of, env) {
        Err(error) if !error.is_tried() => Err(error),
        Err(_) if env.rows <= 1 => Ok(Column::new(new_null_array(&arrow_type(&of.ty), env.rows))),
        Err(_) => {
            let half = env.rows / 2;
            let first = tried(of, &env.slice(0, half, of))?.into_array()?;
            let second = tried(of, &env.slice(half, env.rows - half, of))?.into_array()?;
            Ok(Column::new(concat(&[&first, &second]).map_err(|error| AthenaError::internal(&error))?))
        }
        values => values,
    }
}

/// Whether a value is in a list: unknown if it is not but a NULL is.
pub(super) fn in_list(of: &Typed, list: &[Typed], env: &Env<'_>) -> Result<Column> {
    let value = eval(of, env)?;
    let is_nothing = known(of, env).is_some_and(|value| value.is_null(0));
    let mut result: Option<Column> = None;
    for item in list {
        let is_open = |row| !value.is_null(row) && result.as_ref().is_none_or(|result| truth(result, row) != Some(true));
        // Trino computes all constants first.
        let is_constant = !is_nothing && (env.is_fixed(of) || env.is_constant(item));
        let item = if is_constant { eval(item, env)? } else { eval_where(item, env, is_open)? };
        let equal = of_two(&value, &item, |a, b| compare::compare(Comparison::Equal, &of.ty, a, b))?;
        result = Some(match result {
            None => equal,
            Some(before) => {
                let either = |a: &Column, b: &Column| -> Result<ArrayRef> {
                    let (a, b) = (a.clone().into_array()?, b.clone().into_array()?);
                    let either = arrow::compute::or_kleene(a.as_boolean(), b.as_boolean());
                    Ok(Arc::new(either.map_err(|error| AthenaError::internal(&error))?))
                };
                of_two(&before, &equal, either)?
            }
        });
    }
    result.ok_or_else(|| AthenaError::internal(&"IN of an empty list"))
}

pub(super) fn like(of: &Typed, pattern: &Typed, escape: Option<&Typed>, env: &Env<'_>) -> Result<Column> {
    let values = strict(&[Some(of), Some(pattern), escape].into_iter().flatten().collect::<Vec<_>>(), |_| true, env)?;
    if env.rows > 0 && env.is_constant(of) && values[0].is_null(0) {
        return Ok(Column::constant(Arc::new(BooleanArray::new_null(1)), env.rows));
    }
    let (of_values, patterns, escapes) = (&values[0], &values[1], values.get(2));
    let (texts, pattern_texts) = (of_values.values().as_string::<i32>(), patterns.values().as_string::<i32>());
    let compiled = |row: usize| -> Result<Option<Like>> {
        let escape = match escapes {
            Some(escapes) if escapes.is_null(row) => return Ok(None),
            Some(escapes) => {
                let text = escapes.values().as_string::<i32>().value(escapes.at(row));
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (escape, None) => escape,
                    _ => return Err(AthenaError::invalid_argument("Escape string must be a single character")),
                }
            }
            None => None,
        };
        if patterns.is_null(row) {
            return Ok(None);
        }
        Like::new(pattern_texts.value(patterns.at(row)), escape).map(Some).map_err(AthenaError::invalid_argument)
    };
    let constant = patterns.is_constant() && escapes.is_none_or(Column::is_constant) && env.rows > 0;
    let known = if constant { Some(compiled(0)?) } else { None };
    let padded = |row: usize| -> std::borrow::Cow<'_, str> {
        let text = texts.value(of_values.at(row));
        match of.ty {
            Type::Char(length) => format!("{text:<width$}", width = length as usize).into(),
            _ => text.into(),
        }
    };
    let one = |row: usize| -> Result<Option<bool>> {
        if of_values.is_null(row) {
            return Ok(None);
        }
        match &known {
            Some(like) => Ok(like.as_ref().map(|like| like.matches(&padded(row)))),
            None => Ok(compiled(row)?.map(|like| like.matches(&padded(row)))),
        }
    };
    let values = (0..env.rows).map(one).collect::<Result<Vec<_>>>()?;
    Ok(Column::new(Arc::new(BooleanArray::from(values))))
}

/// The fault of a scalar subquery with several rows.
pub(crate) fn several_rows() -> AthenaError {
    AthenaError::of_values(ErrorName::SubqueryMultipleRows, "Scalar sub-query has returned multiple rows")
}
