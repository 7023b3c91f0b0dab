//! The JSON functions of the SQL standard.
//!
//! Owns: their forms, with every clause's default in its place; `JSON_EXISTS`, `JSON_VALUE`, `JSON_QUERY`.
//! Does not own: their meaning in a statement (`analyze::json`), paths (`path`, `walk`), objects and arrays (`construct`).
//! Invariant: a NULL to look into gives NULL; a text that is no JSON is the fault that ON ERROR is about.

mod construct;
mod filter;
mod item;
mod lexer;
pub(crate) mod parse;
pub(crate) mod path;
pub(crate) mod scalar;
pub(crate) mod walk;

use std::cell::Cell;

use arrow::array::{Array as _, ArrayRef, new_null_array};
use arrow::compute::{concat, interleave};

use super::{Arg as _, Bytes, Call, Result, Text};
use crate::athena::error::{AthenaError, ErrorName};
use crate::athena::eval::cast;
use crate::athena::types::{Type, can_cast};
use crate::athena::values::layout::arrow_type;
use item::Item;
use path::Path;
use scalar::Scalar;
use walk::Walk;

/// A function, and what its arguments are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Form {
    /// Of those of `Asked`.
    Exists { asked: Asked, on_error: OnError },
    /// Of those of `Asked`, then of the values that stand for none and for a fault, where there are such.
    Value { asked: Asked, on_empty: Instead, on_error: Instead },
    /// Of those of `Asked`.
    Query { asked: Asked, wrapper: Wrapper, omit_quotes: bool, on_empty: Instead, on_error: Instead, encoding: Encoding },
    /// Of names and values, which take turns; `reads`: which values are JSON.
    Object { reads: Vec<Option<Encoding>>, null_on_null: bool, unique_keys: bool, encoding: Encoding },
    /// Of elements; `reads`: which are JSON.
    Array { reads: Vec<Option<Encoding>>, null_on_null: bool, encoding: Encoding },
}

/// What is asked of the first argument; the others are the path's variables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    pub(crate) path: Path,
    pub(crate) encoding: Encoding,
    /// Names, and which of them are JSON.
    pub(crate) variables: Vec<(String, Option<Encoding>)>,
}

/// What JSON is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// A text, or bytes of UTF-8.
    Utf8,
    Utf16,
    Utf32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnError {
    Truth(Option<bool>),
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapper {
    Without,
    Conditional,
    Always,
}

/// What stands for no item, or for a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instead {
    Null,
    Error,
    EmptyArray,
    EmptyObject,
    /// The argument of this number.
    Argument(usize),
}

impl Form {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "JSON_EXISTS",
            Self::Value { .. } => "JSON_VALUE",
            Self::Query { .. } => "JSON_QUERY",
            Self::Object { .. } => "JSON_OBJECT",
            Self::Array { .. } => "JSON_ARRAY",
        }
    }

    pub(crate) fn compute(&self, call: &Call<'_>) -> Result<ArrayRef> {
        match self {
            Self::Exists { asked, on_error } => call.produce_all(|row| match (asked.found(call, row), on_error) {
                (Ok(items), _) => Ok(items.map(|items| !items.is_empty())),
                (Err(error), OnError::Truth(truth)) if is_forgiven(&error) => Ok(*truth),
                (Err(error), _) => Err(error),
            }),
            Self::Value { asked, on_empty, on_error } => value(call, asked, *on_empty, *on_error),
            Self::Query { asked, wrapper, omit_quotes, on_empty, on_error, encoding } => {
                let text = |row| match queried(call, asked, *wrapper, (*on_empty, *on_error), row)? {
                    Some(Item::Text(text)) if *omit_quotes => Ok(Some(text.to_string())),
                    Some(Item::Sql(Scalar::Text(text, Type::Varchar(_)))) if *omit_quotes => Ok(Some(text.to_string())),
                    item => item.map(|item| written(&item)).transpose(),
                };
                output(call, *encoding, text)
            }
            Self::Object { reads, null_on_null, unique_keys, encoding } => {
                construct::object(call, reads, *null_on_null, *unique_keys, *encoding)
            }
            Self::Array { reads, null_on_null, encoding } => construct::array(call, reads, *null_on_null, *encoding),
        }
    }
}

impl Instead {
    /// JSON that stands for something else.
    fn item(self) -> Option<Item> {
        match self {
            Self::EmptyArray => Some(Item::Array(Vec::new().into())),
            Self::EmptyObject => Some(Item::Object(Vec::new().into())),
            Self::Null | Self::Error | Self::Argument(_) => None,
        }
    }
}

/// Whether an ON ERROR clause is about a fault.
fn is_forgiven(error: &AthenaError) -> bool {
    matches!(
        error.name,
        ErrorName::PathEvaluationError
            | ErrorName::JsonInputConversionError
            | ErrorName::JsonOutputConversionError
            | ErrorName::JsonValueResultError
    )
}

impl Asked {
    /// The items at the path's end; `None` of a NULL.
    fn found(&self, call: &Call<'_>, row: usize) -> Result<Option<Vec<Item>>> {
        let Some(context) = json_argument(call, 0, self.encoding, row)? else { return Ok(None) };
        let mut variables = Vec::with_capacity(self.variables.len());
        for (i, (name, reads)) in self.variables.iter().enumerate() {
            let value = match reads {
                Some(encoding) => json_argument(call, i + 1, *encoding, row)?,
                None => Some(argument(call, i + 1, row)?.unwrap_or(Item::Null)),
            };
            variables.push((name.clone(), value));
        }
        let (lax, session) = (self.path.lax, call.session);
        let walk = Walk { lax, context: &context, variables: &variables, session, objects: Cell::new(0) };
        walk.along(&self.path).map(Some)
    }
}

/// An argument that is JSON; `None` of a NULL.
fn json_argument(call: &Call<'_>, at: usize, encoding: Encoding, row: usize) -> Result<Option<Item>> {
    let column = call.argument(at)?;
    if column.is_null(row) {
        return Ok(None);
    }
    let no_json =
        |_| AthenaError::of_values(ErrorName::JsonInputConversionError, "conversion to JSON failed: the text is no JSON");
    if call.types.get(at) != Some(&Type::Varbinary) {
        let text = Text::get(&Text::reader(column.values())?, column.at(row));
        return Item::read(text).map(Some).map_err(no_json);
    }
    let bytes = Bytes::get(&Bytes::reader(column.values())?, column.at(row));
    let text = match encoding {
        Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        Encoding::Utf16 => {
            let units = bytes.chunks(2).map(|unit| unit.iter().rev().fold(0, |whole, byte| whole << 8 | u16::from(*byte)));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        Encoding::Utf32 => {
            let units = bytes.chunks(4).map(|unit| unit.iter().rev().fold(0, |whole, byte| whole << 8 | u32::from(*byte)));
            units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
    };
    Item::read(&text).map(Some).map_err(no_json)
}

/// An argument that is a value of SQL; `None` of a NULL.
fn argument(call: &Call<'_>, at: usize, row: usize) -> Result<Option<Item>> {
    let column = call.argument(at)?;
    if column.is_null(row) {
        return Ok(None);
    }
    Ok(Some(Item::Sql(Scalar::of(column.values(), column.at(row), &call.types[at])?)))
}

fn output_fault(message: &str) -> AthenaError {
    AthenaError::of_values(ErrorName::JsonOutputConversionError, format!("conversion from JSON failed: {message}"))
}

/// The item that JSON_QUERY finds; `None` of a NULL, or where NULL stands for it.
fn queried(
    call: &Call<'_>,
    asked: &Asked,
    wrapper: Wrapper,
    (on_empty, on_error): (Instead, Instead),
    row: usize,
) -> Result<Option<Item>> {
    let found = match asked.found(call, row) {
        Ok(None) => return Ok(None),
        Ok(Some(items)) if items.is_empty() => {
            let is_fault = on_empty == Instead::Error;
            return if is_fault { Err(output_fault("JSON path found no items")) } else { Ok(on_empty.item()) };
        }
        Ok(Some(items)) => single(items, wrapper),
        Err(error) => Err(error),
    };
    match found {
        Err(error) if is_forgiven(&error) && on_error != Instead::Error => Ok(on_error.item()),
        item => item.map(Some),
    }
}

/// The one item, or an array of all.
fn single(mut items: Vec<Item>, wrapper: Wrapper) -> Result<Item> {
    if let Some(Item::Sql(value)) = items.iter().find(|item| !item.is_json()) {
        let ty = value.ty();
        let why = format!("JSON path returned a scalar SQL value of type {ty} that cannot be represented as JSON");
        return Err(output_fault(&why));
    }
    let wraps = match wrapper {
        Wrapper::Without => false,
        Wrapper::Always => true,
        Wrapper::Conditional => !matches!(items.as_slice(), [Item::Array(_) | Item::Object(_)]),
    };
    if wraps {
        return Ok(Item::Array(items.into()));
    }
    match (items.pop(), items.is_empty()) {
        (Some(item), true) => Ok(item),
        _ => Err(output_fault("JSON path found multiple items")),
    }
}

fn value_fault(message: &str) -> AthenaError {
    AthenaError::of_values(ErrorName::JsonValueResultError, format!("cannot extract SQL scalar from JSON: {message}"))
}

/// The values that JSON_VALUE finds, cast to what it returns: those of one type at once.
fn value(call: &Call<'_>, asked: &Asked, on_empty: Instead, on_error: Instead) -> Result<ArrayRef> {
    // For each row one of the arrays, and where in it: NULL is the first, then come the arguments.
    let layout = arrow_type(call.returns);
    let mut arrays = vec![new_null_array(&layout, 1)];
    for argument in call.arguments {
        let fits = *argument.values().data_type() == layout;
        arrays.push(if fits { argument.values().clone() } else { arrays[0].clone() });
    }
    let instead = |behaviour: Instead, row: usize, error: AthenaError| match behaviour {
        Instead::Argument(at) => Ok((at + 1, call.place(at, row))),
        Instead::Error => Err(error),
        _ => Ok((0, 0)),
    };
    let mut places = vec![(0, 0); call.rows];
    let mut found: Vec<(Type, Vec<usize>, Vec<ArrayRef>)> = Vec::new();
    for (row, place) in places.iter_mut().enumerate() {
        match scalar_found(asked.found(call, row)) {
            Ok(Found::Null) => {}
            Ok(Found::None) => *place = instead(on_empty, row, value_fault("JSON path found no items"))?,
            Ok(Found::One(scalar)) => match found.iter_mut().find(|(ty, ..)| *ty == scalar.ty()) {
                Some((_, rows, values)) => {
                    rows.push(row);
                    values.push(scalar.array()?);
                }
                None => found.push((scalar.ty(), vec![row], vec![scalar.array()?])),
            },
            Err(error) if is_forgiven(&error) => *place = instead(on_error, row, error)?,
            Err(error) => return Err(error),
        }
    }
    for (ty, rows, values) in found {
        let values = joined(&values)?;
        let values = match can_cast(&ty, call.returns) {
            true => cast(&values, &ty, call.returns, true)?,
            false => new_null_array(&layout, rows.len()),
        };
        for (at, row) in rows.into_iter().enumerate() {
            places[row] = if values.is_null(at) {
                let returns = call.returns;
                let why = format!("Cannot cast value of type {ty} to declared return type of function JSON_VALUE: {returns}");
                instead(on_error, row, value_fault(&why))?
            } else {
                (arrays.len(), at)
            };
        }
        arrays.push(values);
    }
    let arrays: Vec<&dyn arrow::array::Array> = arrays.iter().map(AsRef::as_ref).collect();
    interleave(&arrays, &places).map_err(|error| AthenaError::internal(&error))
}

fn joined(values: &[ArrayRef]) -> Result<ArrayRef> {
    concat(&values.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(|error| AthenaError::internal(&error))
}

/// What JSON_VALUE finds.
enum Found {
    Null,
    None,
    One(Scalar),
}

fn scalar_found(items: Result<Option<Vec<Item>>>) -> Result<Found> {
    let no_scalar = || value_fault("JSON path found an item that cannot be converted to an SQL value");
    match items?.as_deref() {
        None | Some([Item::Null | Item::Missing]) => Ok(Found::Null),
        Some([]) => Ok(Found::None),
        Some([item]) => item.scalar().map(Found::One).ok_or_else(no_scalar),
        Some(_) => Err(value_fault("JSON path found multiple items")),
    }
}

fn written(item: &Item) -> Result<String> {
    let mut text = String::new();
    item.write(&mut text)?;
    Ok(text)
}

/// Items as texts, or as bytes of an encoding.
fn encoded(call: &Call<'_>, encoding: Encoding, f: impl Fn(usize) -> Result<Option<Item>>) -> Result<ArrayRef> {
    output(call, encoding, |row| f(row)?.map(|item| written(&item)).transpose())
}

fn output(call: &Call<'_>, encoding: Encoding, f: impl Fn(usize) -> Result<Option<String>>) -> Result<ArrayRef> {
    if *call.returns != Type::Varbinary {
        return call.produce_all(f);
    }
    call.produce_all(|row| {
        let bytes = |text: String| match encoding {
            Encoding::Utf8 => text.into_bytes(),
            Encoding::Utf16 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf32 => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
        };
        Ok(f(row)?.map(bytes))
    })
}
