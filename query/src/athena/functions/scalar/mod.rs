//! What functions of the catalog compute, row by row.
//!
//! Owns: how a call's arguments are read and its results written; which family computes which function.
//! Does not own: which overload is meant (`resolve`), lambdas' bodies and casts (`eval`).
//! Invariant: unless a function says otherwise, a row with a NULL argument gives NULL. The arguments are of exactly the types of
//! the signature, laid out as `values::layout` says.

mod arg;
mod array;
mod binary;
mod build;
mod distribution;
mod extreme;
mod format;
mod json;
mod lists;
mod map;
mod math;
mod operators;
mod regexp;
mod round;
mod session;
mod size;
mod sketch;
pub(crate) mod sql_json;
mod text;
mod time;
mod url;

use arrow::array::ArrayRef;

pub(crate) use arg::{Arg, Bool, Bytes, Double, Int, Integers, Produce, Real, Text, Wide};
pub(crate) use binary::{murmur3_64, xxhash64};
pub(crate) use json::NO_JSON;
pub(crate) use lists::Shape;

use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::eval::{Column, Lambda, Session};
use crate::athena::types::Type;

/// Most bytes of a call's values for the rows of a batch, beyond the fixed ones of numbers.
const ROWS_BYTES_MAX: usize = 128 << 20;
/// Most bytes of one value.
const ROW_BYTES_MAX: usize = 256 << 20;

pub(crate) type Result<T> = std::result::Result<T, AthenaError>;
/// Computes a function: a value for each of the call's rows.
pub(crate) type Compute = fn(&Call<'_>) -> Result<ArrayRef>;

/// A call for the rows of a batch.
pub(crate) struct Call<'c> {
    pub(crate) name: &'static str,
    /// Those that are values; lambdas are left out.
    pub(crate) arguments: &'c [Column],
    pub(crate) types: &'c [Type],
    pub(crate) lambdas: &'c [Lambda<'c>],
    pub(crate) returns: &'c Type,
    pub(crate) rows: usize,
    pub(crate) session: &'c Session,
}

/// The function of that name for arguments of these types; `None` when it is not computed here.
pub(crate) fn find(name: &str, types: &[Type]) -> Option<Compute> {
    let families: [fn(&str) -> Option<Compute>; 17] = [
        array::find,
        binary::find,
        distribution::find,
        extreme::find,
        format::find,
        json::find,
        map::find,
        math::find,
        operators::find,
        regexp::find,
        round::find,
        session::find,
        size::find,
        sketch::find,
        text::find,
        time::find,
        url::find,
    ];
    time::operator(name, types).or_else(|| families.iter().find_map(|family| family(name)))
}

/// The fault of a function that Athena has and this engine does not.
pub(crate) fn not_here(name: &str) -> AthenaError {
    AthenaError::not_supported(format!("the function {} is not computed here yet; Athena has it", name.trim_start_matches('$')))
}

/// Whether two calls with the same arguments may give different values.
pub(crate) fn is_volatile(name: &str) -> bool {
    matches!(name, "random" | "rand" | "uuid" | "shuffle")
}

/// Whether a function with a NULL for this argument may give something else than NULL.
pub(crate) fn takes_null(name: &str, argument: usize) -> bool {
    match name {
        "format" | "greatest" | "least" | "typeof" => true,
        "concat_ws" => argument > 0,
        "reduce" => argument == 1,
        "repeat" => argument == 0,
        _ => false,
    }
}

impl<'c> Call<'c> {
    /// A value from each row's argument.
    pub(crate) fn map1<A: Arg, R: Produce>(&self, f: impl Fn(A::Of<'c>) -> R) -> Result<ArrayRef> {
        self.try1::<A, R>(|a| Ok(Some(f(a))))
    }

    /// A value from each row's two arguments.
    pub(crate) fn map2<A: Arg, B: Arg, R: Produce>(&self, f: impl Fn(A::Of<'c>, B::Of<'c>) -> R) -> Result<ArrayRef> {
        self.try2::<A, B, R>(|a, b| Ok(Some(f(a, b))))
    }

    /// A value, NULL or a fault from each row's argument.
    pub(crate) fn try1<A: Arg, R: Produce>(&self, f: impl Fn(A::Of<'c>) -> Result<Option<R>>) -> Result<ArrayRef> {
        let a = A::reader(self.values(0)?)?;
        self.produce(|row| f(A::get(&a, self.place(0, row))))
    }

    /// As [`Call::try1`], of two arguments.
    pub(crate) fn try2<A: Arg, B: Arg, R: Produce>(
        &self,
        f: impl Fn(A::Of<'c>, B::Of<'c>) -> Result<Option<R>>,
    ) -> Result<ArrayRef> {
        let (a, b) = (A::reader(self.values(0)?)?, B::reader(self.values(1)?)?);
        self.produce(|row| f(A::get(&a, self.place(0, row)), B::get(&b, self.place(1, row))))
    }

    /// As [`Call::try1`], of three arguments.
    pub(crate) fn try3<A: Arg, B: Arg, C: Arg, R: Produce>(
        &self,
        f: impl Fn(A::Of<'c>, B::Of<'c>, C::Of<'c>) -> Result<Option<R>>,
    ) -> Result<ArrayRef> {
        let (a, b, c) = (A::reader(self.values(0)?)?, B::reader(self.values(1)?)?, C::reader(self.values(2)?)?);
        self.produce(|row| f(A::get(&a, self.place(0, row)), B::get(&b, self.place(1, row)), C::get(&c, self.place(2, row))))
    }

    /// A value, NULL or a fault for each row that has no NULL among its arguments.
    pub(crate) fn produce<R: Produce>(&self, f: impl Fn(usize) -> Result<Option<R>>) -> Result<ArrayRef> {
        self.produce_all(|row| if self.has_null(row) { Ok(None) } else { f(row) })
    }

    /// Whether a row has a NULL among its arguments.
    pub(crate) fn has_null(&self, row: usize) -> bool {
        self.arguments.iter().any(|argument| argument.is_null(row))
    }

    /// As [`Call::produce`], for rows with NULLs too.
    pub(crate) fn produce_all<R: Produce>(&self, f: impl Fn(usize) -> Result<Option<R>>) -> Result<ArrayRef> {
        let (mut values, mut bytes) = (Vec::with_capacity(self.rows), 0);
        for row in 0..self.rows {
            let value = f(row)?;
            bytes += value.as_ref().map_or(0, R::bytes);
            self.check_room(bytes)?;
            values.push(value);
        }
        R::array(values, self.returns)
    }

    /// A fault where the call's values take too much memory: fewer rows at once are tried then (see `lower`).
    pub(crate) fn check_room(&self, bytes: usize) -> Result<()> {
        let max = if self.rows > 1 { ROWS_BYTES_MAX } else { ROW_BYTES_MAX };
        if bytes <= max {
            return Ok(());
        }
        let message = format!("{} gives more than {} MiB at once", self.name.trim_start_matches('$'), max >> 20);
        Err(AthenaError::of_values(ErrorName::ExceededFunctionMemoryLimit, message))
    }

    /// What is in memory of an argument.
    pub(crate) fn values(&self, argument: usize) -> Result<&'c ArrayRef> {
        self.argument(argument).map(Column::values)
    }

    pub(crate) fn argument(&self, argument: usize) -> Result<&'c Column> {
        self.arguments.get(argument).ok_or_else(|| self.wrong_layout())
    }

    /// Where in memory a row's argument is.
    pub(crate) fn place(&self, argument: usize, row: usize) -> usize {
        self.arguments[argument].at(row)
    }

    /// The one value of a function of which Trino only knows constants, of the first row; `None` for NULL and for no rows.
    pub(crate) fn first<A: Arg>(&self, argument: usize) -> Result<Option<A::Of<'c>>> {
        let column = self.argument(argument)?;
        if self.rows == 0 || column.is_null(0) {
            return Ok(None);
        }
        Ok(Some(A::get(&A::reader(column.values())?, 0)))
    }

    /// The fault of a value that the function does not take.
    pub(crate) fn invalid(&self, message: impl Into<String>) -> AthenaError {
        AthenaError::invalid_argument(message)
    }

    pub(crate) fn wrong_layout(&self) -> AthenaError {
        AthenaError::internal(&format!("the arguments of {} do not lie in memory as its signature says", self.name))
    }
}
