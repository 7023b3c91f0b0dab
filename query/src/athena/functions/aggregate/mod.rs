//! What aggregates of the catalog compute of the rows of one group.
//!
//! Owns: DISTINCT and ORDER BY of their arguments; which family computes which aggregate.
//! Does not own: grouping and FILTER (`lower`), frames (`functions::window`).
//! Invariant: the value is that of all rows at once, so that nothing is lost or added up wrongly on the way.

mod average;
mod collect;
mod count;
mod digest;
mod entries;
mod extreme;
mod fold;
mod frequent;
mod hash;
mod histogram;
mod moments;
mod percentile;
mod quantiles;
mod regression;
mod sketch;
mod states;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod welford;

use std::collections::HashSet;

use arrow::array::{ArrayRef, UInt32Array, new_null_array};
use arrow::buffer::OffsetBuffer;

pub(crate) use sketch::SET_BITS;

use super::scalar::{Arg, Produce, Result};
use crate::athena::analyze::typed::Aggregate;
use crate::athena::error::AthenaError;
use crate::athena::eval::compare::Keys;
use crate::athena::eval::rank::sorted;
use crate::athena::eval::{Column, Env, Lambda, Session, list, taken};
use crate::athena::functions::scalar::{Call, not_here};
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;
pub(crate) use states::{Groups, States};

/// Computes an aggregate: one value of the call's rows, which may be none.
pub(crate) type Reduce = fn(&Call<'_>) -> Result<ArrayRef>;

/// What an aggregate is computed from.
pub(crate) enum Way {
    /// From all rows of a group at once.
    Rows(Reduce),
    /// From what it keeps of them.
    States(fn() -> Box<dyn States>),
}

impl Way {
    /// The value of the call's rows.
    pub(crate) fn reduce(&self, call: &Call<'_>) -> Result<ArrayRef> {
        match self {
            Self::Rows(reduce) => reduce(call),
            Self::States(states) => {
                let mut states = states();
                states.add(call, &Groups { of: &vec![0; call.rows], chosen: None, count: 1 })?;
                states.finish(1, call)
            }
        }
    }
}

/// The aggregate of that name, of arguments of these types; `None` when it is not computed here.
pub(crate) fn find(name: &str, types: &[Type], returns: &Type) -> Option<Way> {
    let of_rows = [count::find, collect::find, entries::find, text::find, histogram::find, frequent::find, fold::find];
    let of_types = [average::find, extreme::find, moments::find, percentile::find];
    let of_names = [count::states, regression::find, sketch::find, hash::find];
    let by_types = || of_types.iter().find_map(|family| family(name, types, returns));
    let by_name = || of_names.iter().find_map(|family| family(name)).map(Way::States);
    of_rows.iter().find_map(|family| family(name)).map(Way::Rows).or_else(by_types).or_else(by_name)
}

/// The types of a call's arguments that are values.
pub(crate) fn value_types(call: &Aggregate) -> Vec<Type> {
    let is_value = |ty: &&Type| !matches!(ty, Type::Function(..));
    call.arguments.iter().map(|argument| &argument.ty).filter(is_value).cloned().collect()
}

/// The value of an aggregate of a group's rows: `columns` holds the arguments that are values, then the keys of its ORDER BY.
pub(crate) fn reduce(call: &Aggregate, columns: &[ArrayRef], rows: usize, session: &Session) -> Result<ArrayRef> {
    let types = value_types(call);
    let way = find(call.name, &types, &call.returns).ok_or_else(|| not_here(call.name))?;
    // A lambda knows its parameters alone.
    let env = Env::new(session, 0, Vec::new());
    let lambdas: Vec<Lambda<'_>> = call.arguments.iter().filter_map(|argument| Lambda::of(argument, &env)).collect();
    let mut columns = columns.to_vec();
    let mut rows = rows;
    if call.distinct {
        let first = distinct(&types, &columns)?;
        rows = first.len();
        columns = columns.iter().map(|column| taken(column, &first)).collect::<Result<_>>()?;
    }
    let keys = columns.split_off(types.len().min(columns.len()));
    if is_ordered(call.name) && !call.order_by.is_empty() && rows > 1 {
        let places = sorted(&call.order_by, &keys, rows)?;
        columns = columns.iter().map(|column| taken(column, &places)).collect::<Result<_>>()?;
    }
    let arguments: Vec<Column> = columns.into_iter().map(Column::new).collect();
    let call =
        Call { name: call.name, arguments: &arguments, types: &types, lambdas: &lambdas, returns: &call.returns, rows, session };
    way.reduce(&call)
}

/// Whether an ORDER BY within the call changes what it gives; Trino leaves it out elsewhere.
fn is_ordered(name: &str) -> bool {
    matches!(name, "array_agg" | "listagg" | "map_agg" | "multimap_agg")
}

/// The first of equal rows.
fn distinct(types: &[Type], columns: &[ArrayRef]) -> Result<UInt32Array> {
    let keys = types.iter().zip(columns).map(|(ty, column)| Keys::of(ty, column)).collect::<Result<Vec<_>>>()?;
    let mut seen = HashSet::new();
    let is_new = |row: &u32| seen.insert(keys.iter().map(|key| key.row(*row as usize)).collect::<Vec<_>>());
    let rows = columns.first().map_or(0, |column| column.len());
    Ok((0..u32::try_from(rows).map_err(|error| AthenaError::internal(&error))?).filter(is_new).collect())
}

impl<'c> Call<'c> {
    /// The rows that have no NULL among their arguments.
    fn given(&self) -> impl Iterator<Item = usize> + use<'_, 'c> {
        (0..self.rows).filter(|row| !self.arguments.iter().any(|argument| argument.is_null(*row)))
    }

    /// The rows whose argument of that number is not NULL.
    fn given_of(&self, argument: usize) -> Result<impl Iterator<Item = usize> + use<'c>> {
        let column = self.argument(argument)?;
        Ok((0..self.rows).filter(move |row| !column.is_null(*row)))
    }

    /// An argument's values that are not NULL.
    fn each<A: Arg>(&self, argument: usize) -> Result<impl Iterator<Item = A::Of<'c>> + use<'c, A>> {
        let (column, reader) = (self.argument(argument)?, A::reader(self.values(argument)?)?);
        Ok(self.given_of(argument)?.map(move |row| A::get(&reader, column.at(row))))
    }

    /// The value of a row's argument, which is not NULL.
    fn get<A: Arg>(&self, argument: usize, row: usize) -> Result<A::Of<'c>> {
        Ok(A::get(&A::reader(self.values(argument)?)?, self.place(argument, row)))
    }

    /// The result.
    fn one<R: Produce>(&self, value: Option<R>) -> Result<ArrayRef> {
        R::array(vec![value], self.returns)
    }

    fn null(&self) -> Result<ArrayRef> {
        Ok(new_null_array(&arrow_type(self.returns), 1))
    }

    /// The values of an argument in these rows.
    fn picked(&self, argument: usize, rows: impl IntoIterator<Item = usize>) -> Result<ArrayRef> {
        let place = |row| u32::try_from(self.place(argument, row)).map_err(|error| AthenaError::internal(&error));
        let places: Vec<u32> = rows.into_iter().map(place).collect::<Result<_>>()?;
        taken(self.values(argument)?, &UInt32Array::from(places))
    }

    /// The result that is an array of these elements.
    fn array(&self, elements: ArrayRef) -> Result<ArrayRef> {
        let Type::Array(ty) = self.returns else { return Err(self.wrong_layout()) };
        list(ty, OffsetBuffer::from_lengths([elements.len()]), elements)
    }
}
