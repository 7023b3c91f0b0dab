//! Aggregates over frames.
//!
//! Owns: which aggregates have a faster way than computing each frame anew, and that one.
//! Does not own: those ways (`sums`, `moments`, `extremes`), the aggregates themselves (`functions::aggregate`).
//! Invariant: the faster way gives what computing the frame anew would.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, PrimitiveBuilder, UInt32Array};
use arrow::compute::{cast, concat};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal128Type, Float64Type, Int64Type, UInt32Type};

use super::extremes::Extreme;
use super::fold::{Fold, each};
use super::frames::Frames;
use super::moments::{Covariance, Variance};
use super::number;
use super::sums::{Doubles, Kept, Running, Sum, WideSum};
use super::values::first_known;
use crate::athena::analyze::typed::WindowCall;
use crate::athena::error::AthenaError;
use crate::athena::eval::compare::is_nested;
use crate::athena::eval::{Column, Env, Lambda, eval, taken};
use crate::athena::functions::aggregate;
use crate::athena::functions::aggregate::welford::{of_one, of_two};
use crate::athena::functions::scalar::{Call, Produce as _, Result, not_here};
use crate::athena::types::{DECIMAL_PRECISION_MAX, Type};
use crate::athena::values::layout::arrow_type;

pub(super) fn compute(call: &WindowCall, partition: &Env<'_>) -> Result<ArrayRef> {
    let frames = Frames::of(call, partition)?;
    if call.arguments.is_empty() && call.name == "count" {
        return integers(&frames, |(start, end)| i64::try_from(end - start).ok());
    }
    if call.arguments.iter().any(|argument| matches!(argument.ty, Type::Function(..))) {
        return anew(call, partition, &frames);
    }
    let values = call.arguments.iter().map(|argument| eval(argument, partition)?.into_array());
    let values = values.collect::<Result<Vec<_>>>()?;
    let key = call.arguments.last().map(|argument| &argument.ty).filter(|ty| !is_nested(ty));
    match (call.name, values.as_slice(), key) {
        ("count" | "count_if" | "bool_and" | "every" | "bool_or", [values], _) => counted(call.name, values, &frames),
        ("any_value" | "arbitrary", [values], _) => first_known(values, &frames),
        ("sum" | "avg", [values], _) => added_up(call, values, partition, &frames),
        ("min" | "max", [values], Some(ty)) => extreme(values, &Extreme::of(ty, values, call.name == "max")?, &frames),
        ("min_by" | "max_by", [values, keys], Some(ty)) => {
            extreme(values, &Extreme::of(ty, keys, call.name == "max_by")?, &frames)
        }
        (name, [values], _) if let Some(finish) = of_one(name) => {
            folded::<Float64Type, _>(&Variance { of: Doubles::of(values)? }, call, &frames, |state| Ok(finish(state)))
        }
        (name, [y, x], _) if let Some(finish) = of_two(name) => {
            let both = Covariance { y: Doubles::of(y)?, x: Doubles::of(x)? };
            folded::<Float64Type, _>(&both, call, &frames, |state| Ok(finish(state)))
        }
        _ => anew(call, partition, &frames),
    }
}

/// What is told by how many rows of a frame are so and so.
fn counted(name: &str, values: &ArrayRef, frames: &Frames) -> Result<ArrayRef> {
    let known = Running::of((0..values.len()).map(|at| i64::from(!values.is_null(at))));
    let Some(truths) = values.as_boolean_opt().filter(|_| name != "count") else {
        return integers(frames, |frame| Some(known.within(frame)));
    };
    let truths = Running::of((0..truths.len()).map(|at| i64::from(truths.is_valid(at) && truths.value(at))));
    if name == "count_if" {
        return integers(frames, |frame| Some(truths.within(frame)));
    }
    let one = |frame| {
        let (known, truths) = (known.within(frame), truths.within(frame));
        (known > 0).then_some(if name == "bool_or" { truths > 0 } else { truths == known })
    };
    Ok(Arc::new(frames.iter().map(one).collect::<BooleanArray>()))
}

fn integers(frames: &Frames, value: impl Fn((usize, usize)) -> Option<i64>) -> Result<ArrayRef> {
    let mut built = PrimitiveBuilder::<Int64Type>::with_capacity(frames.rows());
    frames.iter().for_each(|frame| built.append_option(value(frame)));
    Ok(Arc::new(built.finish()))
}

/// Sums and averages.
fn added_up(call: &WindowCall, values: &ArrayRef, partition: &Env<'_>, frames: &Frames) -> Result<ArrayRef> {
    let sums = call.name == "sum";
    match &call.returns {
        Type::Bigint => {
            // As Trino over windows, and there alone: a sum too large goes on from the other end.
            let values = values.as_primitive::<Int64Type>();
            let sum = Running::of(values.iter().map(Option::unwrap_or_default));
            let known = Running::of(values.iter().map(|value| i64::from(value.is_some())));
            integers(frames, |frame| (known.within(frame) > 0).then(|| sum.within(frame)))
        }
        Type::Decimal { .. } => folded::<Decimal128Type, _>(&WideSum::of(values)?, call, frames, |state| {
            let Some(sum) = state.known() else { return Ok(None) };
            let sum = if sums { sum.to_i128() } else { state.average().to_i128() };
            let fits = |sum: &i128| sum.unsigned_abs() < 10_u128.pow(DECIMAL_PRECISION_MAX.into());
            sum.filter(fits).map(Some).ok_or_else(|| AthenaError::out_of_range("Decimal overflow"))
        }),
        ty @ (Type::IntervalDay | Type::IntervalYear) if sums => {
            let mut built: Vec<Option<i64>> = Vec::with_capacity(frames.rows());
            let mut fits = true;
            each(&WideSum::of(values)?, frames, |state| {
                let sum = state.known().map(|sum| sum.to_i128().and_then(|sum| i64::try_from(sum).ok()));
                fits &= sum != Some(None);
                built.push(sum.flatten());
                Ok(())
            })?;
            let built = if fits { i64::array(built, ty).ok() } else { None };
            // What does not fit is told of as everywhere.
            built.map_or_else(|| anew(call, partition, frames), Ok)
        }
        ty => {
            let is_interval = matches!(ty, Type::IntervalDay | Type::IntervalYear);
            let round = |value: f64| if is_interval { (value + 0.5).floor() } else { value };
            let (sum, mut kept, mut bounds) = (Sum { of: Doubles::of(values)? }, Kept::default(), frames.iter());
            folded::<Float64Type, _>(&sum, call, frames, |state| {
                let total = kept.next(&sum.of, bounds.next().unwrap_or_default(), state);
                Ok(state.of(total, !sums).map(round))
            })
        }
    }
}

/// What is made of each frame's fold.
fn folded<T: ArrowPrimitiveType, F: Fold>(
    fold: &F,
    call: &WindowCall,
    frames: &Frames,
    mut finish: impl FnMut(&F::State) -> Result<Option<T::Native>>,
) -> Result<ArrayRef> {
    let returns = arrow_type(&call.returns);
    let is_decimal = matches!(returns, DataType::Decimal128(..));
    let mut built = PrimitiveBuilder::<T>::with_capacity(frames.rows());
    if is_decimal {
        built = built.with_data_type(returns.clone());
    }
    each(fold, frames, |state| {
        built.append_option(finish(state)?);
        Ok(())
    })?;
    cast(&built.finish(), &returns).map_err(|error| AthenaError::internal(&error))
}

/// The values of the rows that each frame's extreme is in.
fn extreme(values: &ArrayRef, keys: &Extreme, frames: &Frames) -> Result<ArrayRef> {
    let mut places = PrimitiveBuilder::<UInt32Type>::with_capacity(frames.rows());
    each(keys, frames, |row| {
        places.append_option(row.map(number).transpose()?);
        Ok(())
    })?;
    taken(values, &places.finish())
}

/// Computes the aggregate of each frame's rows, once for equal frames that follow one another.
fn anew(call: &WindowCall, partition: &Env<'_>, frames: &Frames) -> Result<ArrayRef> {
    let (mut columns, mut types, mut lambdas) = (Vec::new(), Vec::new(), Vec::new());
    for argument in &call.arguments {
        if let Some(lambda) = Lambda::of(argument, partition) {
            lambdas.push(lambda);
        } else {
            columns.push(Column::new(eval(argument, partition)?.into_array()?));
            types.push(argument.ty.clone());
        }
    }
    let way = aggregate::find(call.name, &types, &call.returns).ok_or_else(|| not_here(call.name))?;
    let (mut values, mut places, mut last) = (Vec::new(), Vec::with_capacity(frames.rows()), None);
    for (start, end) in frames.iter() {
        if last != Some((start, end)) {
            let rows = end - start;
            let arguments: Vec<Column> = columns.iter().map(|column| column.slice(start, rows)).collect();
            let (name, returns, session) = (call.name, &call.returns, partition.session);
            values.push(way.reduce(&Call {
                name,
                arguments: &arguments,
                types: &types,
                lambdas: &lambdas,
                returns,
                rows,
                session,
            })?);
            last = Some((start, end));
        }
        places.push(number(values.len() - 1)?);
    }
    let values = concat(&values.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(|error| AthenaError::internal(&error))?;
    taken(&values, &UInt32Array::from(places))
}
