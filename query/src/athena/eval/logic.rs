//! Conditions, and what is computed only where they hold.
//!
//! Owns: AND, OR, NOT, CASE, COALESCE, NULLIF, TRY, IN of a list, LIKE; three-valued logic.
//! Does not own: comparisons (`compare`).
//! Invariant: a term is computed for the rows alone whose value it may change.

use std::cell::LazyCell;
use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, UInt32Array, new_null_array};
use arrow::compute::{and_kleene, concat, interleave, or_kleene};

use super::{Column, Env, Result, columns_of, compare, eval, of_one, of_two, taken};
use crate::athena::analyze::typed::{Kind, Typed};
use crate::athena::ast::Comparison;
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::functions::scalar::takes_null;
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;
use crate::athena::values::like::Like;
use crate::athena::values::text::padded;

/// Items of a list that are compared one after another.
const FEW: usize = 8;

/// AND, or OR when `or`: the first term that is `or` decides, and a constant one before any fault.
pub(super) fn junction(terms: &[Typed], or: bool, env: &Env<'_>) -> Result<Column> {
    let mut whole = BooleanArray::from(vec![!or; env.rows]);
    for (n, term) in terms.iter().enumerate() {
        let decided = if or { whole.true_count() } else { whole.false_count() };
        if decided == env.rows {
            break;
        }
        // Terms of few rows are computed for those alone; of many, unless one of the others has a fault, for all.
        let rest = if decided * 2 >= env.rows { Some(&terms[n..]) } else { None };
        let value = match rest {
            Some(rest) => {
                let open = open(&whole, or);
                spread(&junction(rest, or, &env.taken(&open, rest)?)?, &open, env.rows)?
            }
            None => match eval(term, env) {
                Ok(value) => value.into_array()?,
                Err(fault) => {
                    let open = open(&whole, or);
                    let again = if decided == 0 { Err(fault) } else { eval(term, &env.taken(&open, [term])?) };
                    let decided = |fault: &AthenaError| known_to_be(&terms[n + 1..], or, env).filter(|_| fault.is_of_rows());
                    match again {
                        Err(fault) => return decided(&fault).ok_or(fault),
                        Ok(values) => spread(&values, &open, env.rows)?,
                    }
                }
            },
        };
        let join = if or { or_kleene } else { and_kleene };
        whole = join(&whole, value.as_boolean()).map_err(|error| AthenaError::internal(&error))?;
        if rest.is_some() {
            break;
        }
    }
    Ok(Column::new(Arc::new(whole)))
}

/// The rows that are not decided.
fn open(whole: &BooleanArray, decided: bool) -> UInt32Array {
    let is_open = |row: &usize| whole.is_null(*row) || whole.value(*row) != decided;
    (0..whole.len()).filter(is_open).filter_map(|row| u32::try_from(row).ok()).collect()
}

/// Values of some rows among all; NULL for the others.
fn spread(values: &Column, of: &UInt32Array, rows: usize) -> Result<ArrayRef> {
    let mut places: Vec<Option<u32>> = vec![None; rows];
    for (i, row) in of.values().iter().enumerate() {
        places[*row as usize] = u32::try_from(values.at(i)).ok();
    }
    taken(values.values(), &UInt32Array::from(places))
}

pub(super) fn not(values: &ArrayRef) -> Result<ArrayRef> {
    let not = arrow::compute::not(values.as_boolean()).map_err(|error| AthenaError::internal(&error))?;
    Ok(Arc::new(not))
}

pub(super) fn is_null(values: &ArrayRef) -> Result<ArrayRef> {
    let is_null = arrow::compute::is_null(values).map_err(|error| AthenaError::internal(&error))?;
    Ok(Arc::new(is_null))
}

/// Whether a row's condition is one or the other; `None`: unknown.
fn truth(column: &Column, row: usize) -> Option<bool> {
    let values = column.values().as_boolean();
    let at = column.at(row);
    (!values.is_null(at)).then(|| values.value(at))
}

/// Whether a row's condition holds.
fn holds(column: &Column, row: usize) -> bool {
    truth(column, row) == Some(true)
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
    if rows.len() == env.rows { eval(expr, env) } else { eval(expr, &env.taken(&UInt32Array::from(rows.to_vec()), [expr])?) }
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

/// The value of what is the same for all rows, if it has one: of constants, and of what Trino makes constants of.
fn known(expr: &Typed, env: &Env<'_>) -> Option<Column> {
    let is_nothing = |argument: &Typed| known(argument, env).is_some_and(|value| value.is_null(0));
    match &expr.kind {
        _ if env.rows == 0 => None,
        _ if env.is_constant(expr) => eval(expr, env).ok(),
        Kind::Call { name, arguments } => {
            let mut deciding = arguments.iter().enumerate().filter(|(at, _)| !takes_null(name, *at));
            deciding.any(|(_, argument)| is_nothing(argument)).then(|| null(expr, env))
        }
        Kind::Cast { of, .. } | Kind::NullIf { left: of, .. } => is_nothing(of).then(|| null(expr, env)),
        Kind::Compare { left, right, .. } => (is_nothing(left) || is_nothing(right)).then(|| null(expr, env)),
        Kind::Not(of) => of_one(&known(of, env)?, not).ok(),
        Kind::And(terms) => known_to_be(terms, false, env),
        Kind::Or(terms) => known_to_be(terms, true, env),
        Kind::Case { branches, otherwise } => {
            for (when, then) in branches {
                if holds(&known(when, env)?, 0) {
                    return known(then, env);
                }
            }
            otherwise.as_ref().map_or_else(|| Some(null(expr, env)), |otherwise| known(otherwise, env))
        }
        Kind::Coalesce(terms) => {
            for term in terms {
                let value = known(term, env)?;
                if !value.is_null(0) {
                    return Some(value);
                }
            }
            Some(null(expr, env))
        }
        _ => None,
    }
}

/// What decides an AND or an OR, where a term is known to.
fn known_to_be(terms: &[Typed], decided: bool, env: &Env<'_>) -> Option<Column> {
    let decides = |term: &Typed| known(term, env).is_some_and(|value| truth(&value, 0) == Some(decided));
    terms.iter().any(decides).then(|| Column::constant(Arc::new(BooleanArray::from(vec![decided])), env.rows))
}

fn null(expr: &Typed, env: &Env<'_>) -> Column {
    Column::constant(new_null_array(&arrow_type(&expr.ty), 1), env.rows)
}

/// The values of arguments, of which those that decide make the result NULL when they are: what comes after one in a row is not
/// computed there, and beside one that is known beforehand nothing is.
pub(super) fn strict(arguments: &[&Typed], decides: impl Fn(usize) -> bool, env: &Env<'_>) -> Result<Vec<Column>> {
    let is_nothing = |at: usize| decides(at) && known(arguments[at], env).is_some_and(|value| value.is_null(0));
    // Asked only where an argument has a fault: the answer takes a walk over all of them.
    let lazily = LazyCell::new(|| !arguments.iter().all(|argument| env.is_fixed(argument)));
    let mut values: Vec<Column> = Vec::with_capacity(arguments.len());
    for (at, argument) in arguments.iter().enumerate() {
        // What has just failed is not asked again: levels of it would double the work each.
        let is_nothing_beside = || (0..arguments.len()).any(|other| other != at && is_nothing(other));
        let is_decided = |row| values.iter().enumerate().any(|(at, before)| decides(at) && before.is_null(row));
        let matters = |row| !(*lazily && is_decided(row));
        values.push(match eval_where(argument, env, matters) {
            Err(fault) if fault.is_of_rows() && is_nothing_beside() => null(argument, env),
            value => value?,
        });
    }
    Ok(values)
}

pub(super) fn case(branches: &[(Typed, Typed)], otherwise: Option<&Typed>, ty: &Type, env: &Env<'_>) -> Result<Column> {
    let (mut parts, mut open) = (Parts::new(ty, env.rows), all_rows(env));
    for (n, (when, then)) in branches.iter().enumerate() {
        if open.is_empty() {
            break;
        }
        // As in `junction`: where few rows are left, the other branches are computed for those alone.
        if open.len() * 2 <= env.rows {
            let rest = branches[n..].iter().flat_map(|(when, then)| [when, then]).chain(otherwise);
            let rest = case(&branches[n..], otherwise, ty, &env.taken(&UInt32Array::from(open.clone()), rest)?)?;
            parts.put(&open, &rest);
            return parts.finish();
        }
        let (mut chosen, mut left) = (Vec::new(), Vec::new());
        match eval(when, env) {
            Ok(condition) => {
                open.into_iter().for_each(|row| if holds(&condition, row as usize) { chosen.push(row) } else { left.push(row) })
            }
            Err(fault) if open.len() == env.rows => return Err(fault),
            Err(_) => {
                let condition = eval_rows(when, env, &open)?;
                open.into_iter().enumerate().for_each(
                    |(i, row)| {
                        if holds(&condition, i) { chosen.push(row) } else { left.push(row) }
                    },
                );
            }
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
    if list.len() > FEW && env.rows > 0 && !compare::is_nested(&of.ty) && list.iter().all(|item| env.is_constant(item)) {
        let items = list.iter().map(|item| eval(item, env)).collect::<Result<Vec<_>>>()?;
        return of_one(&value, |values| in_constants(&of.ty, values, &items));
    }
    let Some(list) = asked(of, list, env)? else {
        return Ok(Column::constant(Arc::new(BooleanArray::new_null(1)), env.rows));
    };
    let is_nothing = LazyCell::new(|| known(of, env).is_some_and(|value| value.is_null(0)));
    let mut result: Option<Column> = None;
    for item in list {
        // Trino computes all constants first.
        let is_first = LazyCell::new(|| !*is_nothing && (env.is_fixed(of) || env.is_constant(item)));
        let is_open = |row| !value.is_null(row) && result.as_ref().is_none_or(|result| truth(result, row) != Some(true));
        let item = eval_where(item, env, |row| *is_first || is_open(row))?;
        let equal = of_two(&value, &item, |a, b| compare::compare(Comparison::Equal, &of.ty, a, b))?;
        result = Some(match result {
            None => equal,
            Some(before) => {
                let either = |a: &Column, b: &Column| -> Result<ArrayRef> {
                    let (a, b) = (a.clone().into_array()?, b.clone().into_array()?);
                    let either = or_kleene(a.as_boolean(), b.as_boolean());
                    Ok(Arc::new(either.map_err(|error| AthenaError::internal(&error))?))
                };
                of_two(&before, &equal, either)?
            }
        });
    }
    result.ok_or_else(|| AthenaError::internal(&"IN of an empty list"))
}

/// The items that Trino asks. A constant is asked of the list's constants first: a NULL among them decides where one item is left,
/// and is forgotten where several are. `None`: the answer is NULL.
fn asked<'l>(of: &Typed, list: &'l [Typed], env: &Env<'_>) -> Result<Option<Vec<&'l Typed>>> {
    let all = || Ok(Some(list.iter().collect()));
    if env.rows == 0 || !columns_of(of).is_empty() || !env.is_constant(of) {
        return all();
    }
    // A column is no constant, even if all its rows are alike.
    let first = |column: &Column| Column::new(column.values().slice(column.at(0), 1));
    let columns = env.columns.iter().map(|(id, column)| (*id, first(column))).collect();
    let one = Env { session: env.session, rows: 1, columns };
    let value = eval(of, &one)?;
    let (mut left, mut asked, mut has_null) = (Vec::new(), Vec::new(), false);
    for item in list {
        match known(item, &one) {
            Some(known) if known.is_null(0) => has_null = true,
            Some(known) => {
                let equal = of_two(&value, &known, |a, b| compare::compare(Comparison::Equal, &of.ty, a, b))?;
                match truth(&equal, 0) {
                    Some(true) => return all(),
                    Some(false) => asked.push(item),
                    None => has_null = true,
                }
            }
            None => {
                asked.push(item);
                if !left.contains(&item) {
                    left.push(item);
                }
            }
        }
    }
    if !has_null || left.is_empty() || value.is_null(0) {
        return all();
    }
    Ok((left.len() > 1).then_some(asked))
}

/// Whether values are among many constants.
fn in_constants(ty: &Type, values: &ArrayRef, items: &[Column]) -> Result<ArrayRef> {
    let items: Vec<&dyn arrow::array::Array> = items.iter().map(|item| item.values().as_ref()).collect();
    let items = concat(&items).map_err(|error| AthenaError::internal(&error))?;
    let (keys, wanted) = compare::Keys::of_two(ty, values, &items)?;
    // NaN is equal to nothing, not even to itself.
    let is_one = |at: &usize| items.is_valid(*at) && !compare::is_nan(&items, *at);
    let wanted: HashSet<_> = (0..items.len()).filter(is_one).map(|at| wanted.row(at)).collect();
    let otherwise = (items.null_count() == 0).then_some(false);
    let one = |row: usize| {
        let found = values.is_valid(row) && wanted.contains(&keys.row(row));
        if found { Some(true) } else { otherwise.filter(|_| values.is_valid(row)) }
    };
    Ok(Arc::new((0..values.len()).map(one).collect::<BooleanArray>()))
}

pub(super) fn like(of: &Typed, pattern: &Typed, escape: Option<&Typed>, env: &Env<'_>) -> Result<Column> {
    let values = strict(&[Some(of), Some(pattern), escape].into_iter().flatten().collect::<Vec<_>>(), |_| true, env)?;
    if env.rows > 0 && values[0].is_null(0) && env.is_constant(of) {
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
                    (Some(escape), None) => Some(escape),
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
            Type::Char(length) => padded(text, length).into(),
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
