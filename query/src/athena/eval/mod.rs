//! Expressions computed for the rows of a batch.
//!
//! Owns: which part is computed for which rows, and the values columns have there.
//! Does not own: relations (`lower`), what single functions compute (`functions::scalar`).
//! Invariant: a part is computed only for rows whose value depends on it, as in Trino: `x <> 0 AND 1 / x > 1` divides by no zero.

mod cast;
mod column;
pub(crate) mod compare;
mod literal;
mod logic;
pub(crate) mod rank;
#[cfg(test)]
pub(crate) mod tests;

use std::cell::LazyCell;
use std::sync::{Arc, OnceLock};

use arrow::array::{Array as _, ArrayRef, ListArray, StructArray, UInt32Array, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field};

pub(crate) use cast::cast;
pub(crate) use column::{Column, taken};
pub(crate) use logic::several_rows;

use super::analyze::typed::{ColumnId, CurrentValue, Kind, Typed};
use super::error::AthenaError;
use super::functions::scalar::sql_json::Form;
use super::functions::scalar::{Call, find, is_volatile, not_here, takes_null};
use super::stack;
use super::types::Type;
use super::values::layout::arrow_type;

pub(crate) type Result<T> = std::result::Result<T, AthenaError>;

/// What is the same for a whole statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Session {
    /// When it began: picoseconds since 1970, UTC.
    pub(crate) start: i128,
    pub(crate) user: String,
    pub(crate) catalog: String,
    pub(crate) schema: String,
    /// The first fault of a value that stopped a step of the plan.
    pub(crate) fault: Arc<OnceLock<AthenaError>>,
}

/// The rows that an expression is computed for.
#[derive(Debug, Clone)]
pub(crate) struct Env<'s> {
    pub(crate) session: &'s Session,
    pub(crate) rows: usize,
    columns: Vec<(ColumnId, Column)>,
}

/// A lambda as an argument.
pub(crate) struct Lambda<'e> {
    parameters: &'e [ColumnId],
    body: &'e Typed,
    env: &'e Env<'e>,
}

impl<'s> Env<'s> {
    pub(crate) fn new(session: &'s Session, rows: usize, columns: Vec<(ColumnId, Column)>) -> Self {
        Self { session, rows, columns }
    }

    fn column(&self, id: ColumnId) -> Result<&Column> {
        let found = self.columns.iter().rev().find(|(own, _)| *own == id);
        found.map(|(_, column)| column).ok_or_else(|| AthenaError::internal(&format!("column {id} is not there")))
    }

    /// Whether an expression is of constants alone.
    fn is_fixed(&self, expr: &Typed) -> bool {
        let named = columns_of(expr);
        self.columns.iter().filter(|(id, _)| named.contains(id)).all(|(_, column)| column.is_constant()) && !has_volatile(expr)
    }

    /// Whether it is one that Trino computes before it looks at rows: of constants, and without TRY or a lambda.
    fn is_constant(&self, expr: &Typed) -> bool {
        !waits(expr) && self.is_fixed(expr)
    }

    /// These rows, with the columns that some expressions name.
    fn taken<'e>(&self, rows: &UInt32Array, exprs: impl IntoIterator<Item = &'e Typed>) -> Result<Self> {
        let mut named = Vec::new();
        exprs.into_iter().for_each(|expr| add_columns_of(expr, &mut named));
        let columns = self.columns.iter().filter(|(id, _)| named.contains(id));
        let columns = columns.map(|(id, column)| Ok((*id, column.taken(rows)?)));
        Ok(Self { session: self.session, rows: rows.len(), columns: columns.collect::<Result<_>>()? })
    }

    fn slice(&self, from: usize, rows: usize, expr: &Typed) -> Self {
        let named = columns_of(expr);
        let columns = self.columns.iter().filter(|(id, _)| named.contains(id));
        let columns = columns.map(|(id, column)| (*id, column.slice(from, rows)));
        Self { session: self.session, rows, columns: columns.collect() }
    }
}

/// Whether Trino computes an expression only when it looks at rows, even if it is of constants.
fn waits(expr: &Typed) -> bool {
    let mut waits = false;
    expr.walk(&mut |part| {
        waits |= matches!(part.kind, Kind::Try(_) | Kind::Lambda { .. });
        !waits
    });
    waits
}

/// The columns an expression names, its lambdas' parameters among them.
pub(crate) fn columns_of(expr: &Typed) -> Vec<ColumnId> {
    let mut named = Vec::new();
    add_columns_of(expr, &mut named);
    named
}

fn add_columns_of(expr: &Typed, named: &mut Vec<ColumnId>) {
    expr.walk(&mut |part| {
        if let Kind::Column(id) = part.kind
            && !named.contains(&id)
        {
            named.push(id);
        }
        true
    });
}

impl<'e> Lambda<'e> {
    /// An argument that is a lambda, computed among these rows.
    pub(crate) fn of(argument: &'e Typed, env: &'e Env<'e>) -> Option<Self> {
        match &argument.kind {
            Kind::Lambda { parameters, body } => Some(Self { parameters, body, env }),
            _ => None,
        }
    }

    /// The body's values for elements: `parents` tells the row each belongs to, `arguments` the parameters' values.
    pub(crate) fn apply(&self, parents: &UInt32Array, arguments: Vec<ArrayRef>) -> Result<ArrayRef> {
        let mut env = self.env.taken(parents, [self.body])?;
        env.columns.extend(self.parameters.iter().copied().zip(arguments.into_iter().map(Column::new)));
        eval(self.body, &env)?.into_array()
    }
}

/// The values of an expression.
///
/// # Errors
/// The fault of the first value that has one.
pub(crate) fn eval(expr: &Typed, env: &Env<'_>) -> Result<Column> {
    stack::computing(|| value(expr, env))
}

fn value(expr: &Typed, env: &Env<'_>) -> Result<Column> {
    match &expr.kind {
        Kind::Literal(value) => Ok(Column::constant(literal::array(value, &expr.ty)?, env.rows)),
        Kind::Column(id) => env.column(*id).cloned(),
        Kind::Call { name, arguments } => call(expr, name, arguments, env),
        Kind::Cast { of, .. } if cast::is_of_today(&of.ty, &expr.ty) => {
            of_one(&eval(of, env)?, |values| cast::of_today(values, &of.ty, &expr.ty, env.session.start))
        }
        Kind::Cast { of, tries } => {
            let values = eval(of, env).map_err(|fault| if *tries { fault } else { cast::of_parsed(fault, of, &expr.ty) })?;
            of_one(&values, |values| cast(values, &of.ty, &expr.ty, *tries))
        }
        Kind::And(terms) => logic::junction(terms, false, env),
        Kind::Or(terms) => logic::junction(terms, true, env),
        Kind::Not(of) => of_one(&eval(of, env)?, logic::not),
        Kind::Compare { op, left, right } => {
            let ty = &left.ty;
            // One that is NULL spares the other; of constants, only what Trino compares without computing it.
            let lazily = LazyCell::new(|| !(env.is_fixed(left) && env.is_fixed(right)));
            let is_unwrapped = |at: usize| match &[left, right][at].kind {
                Kind::Cast { .. } => true,
                Kind::Call { name, .. } => matches!(*name, "date_trunc" | "year"),
                _ => false,
            };
            let values = logic::strict(&[left, right], |at| is_unwrapped(1 - at) || *lazily, env)?;
            of_two(&values[0], &values[1], |a, b| compare::compare(*op, ty, a, b))
        }
        Kind::Distinct { left, right } => {
            let ty = &left.ty;
            of_two(&eval(left, env)?, &eval(right, env)?, |a, b| compare::distinct(ty, a, b))
        }
        Kind::IsNull(of) => of_one(&eval(of, env)?, logic::is_null),
        Kind::In { of, list } => logic::in_list(of, list, env),
        Kind::Like { of, pattern, escape } => logic::like(of, pattern, escape.as_deref(), env),
        Kind::Case { branches, otherwise } => logic::case(branches, otherwise.as_deref(), &expr.ty, env),
        Kind::Coalesce(terms) => logic::coalesce(terms, &expr.ty, env),
        Kind::NullIf { left, right, common } => logic::null_if(left, right, common, env),
        Kind::Try(of) => logic::tried(of, env),
        Kind::Row(fields) => row(fields, &expr.ty, env),
        Kind::Array(elements) => array(elements, &expr.ty, env),
        Kind::Field { of, index } => of_one(&eval(of, env)?, |values| field(values, *index)),
        Kind::Current(what) => current(*what, &expr.ty, env),
        Kind::Json { form, arguments } => json(form, arguments, &expr.ty, env),
        Kind::Lambda { .. } | Kind::Aggregate(_) | Kind::Window(_) | Kind::Grouping(_) | Kind::Subquery(_) => {
            Err(AthenaError::internal(&"a part of an expression was left that is no value"))
        }
    }
}

/// A function of one column: of a constant, once.
fn of_one(column: &Column, f: impl FnOnce(&ArrayRef) -> Result<ArrayRef>) -> Result<Column> {
    let values = f(column.values())?;
    Ok(if column.is_constant() { Column::constant(values, column.rows()) } else { Column::new(values) })
}

/// A function of two columns: of constants, once.
fn of_two(a: &Column, b: &Column, f: impl FnOnce(&Column, &Column) -> Result<ArrayRef>) -> Result<Column> {
    let rows = a.rows();
    if a.is_constant() && b.is_constant() && rows > 0 {
        return Ok(Column::constant(f(&a.slice(0, 1), &b.slice(0, 1))?, rows));
    }
    Ok(Column::new(f(a, b)?))
}

fn call<'e>(expr: &Typed, name: &'static str, arguments: &'e [Typed], env: &Env<'_>) -> Result<Column> {
    let is_value = |argument: &&Typed| !matches!(argument.kind, Kind::Lambda { .. });
    let types: Vec<Type> = arguments.iter().filter(is_value).map(|argument| argument.ty.clone()).collect();
    let compute = find(name, &types).ok_or_else(|| not_here(name))?;
    let lambda = |argument: &'e Typed| match &argument.kind {
        Kind::Lambda { parameters, body } => Some((parameters.as_slice(), &**body)),
        _ => None,
    };
    let lambdas: Vec<_> = arguments.iter().filter_map(lambda).collect();
    let of_values: Vec<&Typed> = arguments.iter().filter(is_value).collect();
    let decides = |at: usize| !takes_null(name, at);
    let mut values = logic::strict(&of_values, decides, env)?;
    let is_known = |at: usize| (values[at].is_constant() && !waits(of_values[at])) || env.is_constant(of_values[at]);
    let is_nothing = |at: usize| decides(at) && values[at].is_null(0) && is_known(at);
    if env.rows > 0 && (0..values.len()).any(is_nothing) {
        return Ok(Column::constant(new_null_array(&arrow_type(&expr.ty), 1), env.rows));
    }
    // Of constants alone a value is computed once; a fault of no rows is none.
    let once = env.rows > 0
        && values.iter().all(Column::is_constant)
        && lambdas.iter().all(|(parameters, body)| columns_of(body).iter().all(|id| parameters.contains(id)))
        && !is_volatile(name)
        && !lambdas.iter().any(|(_, body)| has_volatile(body));
    let rows = if once { 1 } else { env.rows };
    if once {
        values = values.iter().map(|value| value.slice(0, 1)).collect();
    }
    let lambdas: Vec<Lambda<'_>> = lambdas.into_iter().map(|(parameters, body)| Lambda { parameters, body, env }).collect();
    let call = Call { name, arguments: &values, types: &types, lambdas: &lambdas, returns: &expr.ty, rows, session: env.session };
    let result = compute(&call)?;
    Ok(if once { Column::constant(result, env.rows) } else { Column::new(result) })
}

fn json(form: &Form, arguments: &[Typed], ty: &Type, env: &Env<'_>) -> Result<Column> {
    let mut values = arguments.iter().map(|argument| eval(argument, env)).collect::<Result<Vec<_>>>()?;
    let once = env.rows > 0 && values.iter().all(Column::is_constant);
    let rows = if once { 1 } else { env.rows };
    if once {
        values = values.iter().map(|value| value.slice(0, 1)).collect();
    }
    let types: Vec<Type> = arguments.iter().map(|argument| argument.ty.clone()).collect();
    let call =
        Call { name: form.name(), arguments: &values, types: &types, lambdas: &[], returns: ty, rows, session: env.session };
    let result = form.compute(&call)?;
    Ok(if once { Column::constant(result, env.rows) } else { Column::new(result) })
}

/// Whether an expression may give other values the next time.
pub(crate) fn has_volatile(expr: &Typed) -> bool {
    let mut found = false;
    expr.walk(&mut |part| {
        found |= matches!(part.kind, Kind::Call { name, .. } if is_volatile(name));
        !found
    });
    found
}

fn row(fields: &[Typed], ty: &Type, env: &Env<'_>) -> Result<Column> {
    let values = fields.iter().map(|field| eval(field, env)).collect::<Result<Vec<_>>>()?;
    let once = env.rows > 0 && values.iter().all(Column::is_constant);
    let rows = if once { 1 } else { env.rows };
    let values = values.into_iter().map(|value| value.slice(0, rows).into_array()).collect::<Result<Vec<_>>>()?;
    let DataType::Struct(layout) = arrow_type(ty) else { return Err(AthenaError::internal(&"a row is laid out otherwise")) };
    let row = StructArray::try_new_with_length(layout, values, None, rows).map_err(|error| AthenaError::internal(&error))?;
    Ok(if once { Column::constant(Arc::new(row), env.rows) } else { Column::new(Arc::new(row)) })
}

fn array(elements: &[Typed], ty: &Type, env: &Env<'_>) -> Result<Column> {
    let Type::Array(element) = ty else { return Err(AthenaError::internal(&"an array is no array")) };
    let values = elements.iter().map(|element| eval(element, env)).collect::<Result<Vec<_>>>()?;
    let once = env.rows > 0 && values.iter().all(Column::is_constant);
    let rows = if once { 1 } else { env.rows };
    let values = values.into_iter().map(|value| value.slice(0, rows).into_array()).collect::<Result<Vec<_>>>()?;
    let length = values.len();
    let all = match values.as_slice() {
        [] => arrow::array::new_empty_array(&arrow_type(element)),
        some => concat(&some.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(|error| AthenaError::internal(&error))?,
    };
    // They lie column by column and are wanted row by row.
    let place = |i: usize| u32::try_from(i % length.max(1) * rows + i / length.max(1));
    let places: Vec<u32> =
        (0..rows * length).map(place).collect::<std::result::Result<_, _>>().map_err(|e| AthenaError::internal(&e))?;
    let all = taken(&all, &UInt32Array::from(places))?;
    let list = list(element, OffsetBuffer::from_repeated_length(length, rows), all)?;
    Ok(if once { Column::constant(list, env.rows) } else { Column::new(list) })
}

/// A column of arrays, none of them NULL.
pub(crate) fn list(element: &Type, offsets: OffsetBuffer<i32>, elements: ArrayRef) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(arrow_type(element), true));
    let list = ListArray::try_new(field, offsets, elements, None).map_err(|error| AthenaError::internal(&error))?;
    Ok(Arc::new(list))
}

/// A field of rows, NULL where the row is.
pub(crate) fn field(rows: &ArrayRef, index: usize) -> Result<ArrayRef> {
    let rows =
        rows.as_any().downcast_ref::<StructArray>().ok_or_else(|| AthenaError::internal(&"a row is laid out otherwise"))?;
    let field = rows.columns().get(index).ok_or_else(|| AthenaError::internal(&"a row has no such field"))?;
    let Some(nulls) = rows.nulls() else { return Ok(field.clone()) };
    let absent = arrow::array::BooleanArray::new(!nulls.inner(), None);
    arrow::compute::nullif(field, &absent).map_err(|error| AthenaError::internal(&error))
}

fn current(what: CurrentValue, ty: &Type, env: &Env<'_>) -> Result<Column> {
    let session = env.session;
    let value = match what {
        CurrentValue::User => literal::text(&session.user),
        CurrentValue::Catalog => literal::text(&session.catalog),
        CurrentValue::Schema => literal::text(&session.schema),
        CurrentValue::Date
        | CurrentValue::Time
        | CurrentValue::Timestamp
        | CurrentValue::LocalTime
        | CurrentValue::LocalTimestamp => literal::now(session.start, ty)?,
    };
    Ok(Column::constant(value, env.rows))
}
