//! Casts of JSON.
//!
//! Owns: what JSON is as a value of each type.
//! Does not own: reading JSON (`values::json`), numbers from texts (`number`).
//! Invariant: JSON's null is NULL; what has parts becomes none of what has none.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;

use super::{Result, entries_of, has_duplicates, number, rows_of, text};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg as _, Produce, Text};
use crate::athena::types::{RowField, Type};
use crate::athena::values::float::double;
use crate::athena::values::json::{Json, is_floating};

pub(super) fn cast(values: &ArrayRef, to: &Type) -> Result<ArrayRef> {
    let reader = Text::reader(values)?;
    let read = |at: usize| {
        let text = (!values.is_null(at)).then(|| Text::get(&reader, at));
        // `json_array_get` gives texts without their quotes.
        let none = |text: &str| AthenaError::invalid_cast(format!("Cannot cast '{text}' to {to}"));
        text.map(|text| Json::parse(text).ok_or_else(|| none(text))).transpose()
    };
    let values = (0..values.len()).map(read).collect::<Result<Vec<_>>>()?;
    let values: Vec<Option<&Json>> = values.iter().map(Option::as_ref).collect();
    let nested = matches!(to, Type::Array(_) | Type::Map(..) | Type::Row(_));
    column(&values, to).map_err(|error| match error.is_tried() && nested {
        true => AthenaError { message: format!("Cannot cast to {to}. {}", error.message), ..error },
        false => error,
    })
}

fn column(values: &[Option<&Json>], to: &Type) -> Result<ArrayRef> {
    let present = |value: &Option<&Json>| value.is_some_and(|value| *value != Json::Null);
    match to {
        // A JSON value that is null is one.
        Type::Json => String::array(values.iter().map(|value| value.map(Json::canonical)).collect(), to),
        Type::Array(element) => arrays(values, element, NullBuffer::from_iter(values.iter().map(present))),
        Type::Map(key, value) => maps(values, key, value, NullBuffer::from_iter(values.iter().map(present))),
        Type::Row(fields) => rows(values, to, fields, NullBuffer::from_iter(values.iter().map(present))),
        Type::Boolean => each(values, to, boolean),
        Type::Double => each(values, to, floating),
        Type::Real => each(values, to, real),
        Type::Decimal { precision, scale } => each(values, to, |value| decimal(value, (*precision, *scale))),
        Type::Varchar(most) => each(values, to, |value| varchar(value, *most)),
        integer => each(values, to, |value| whole(value, integer)),
    }
}

fn each<R: Produce>(values: &[Option<&Json>], to: &Type, f: impl Fn(&Json) -> Result<R>) -> Result<ArrayRef> {
    let one = |value: &Option<&Json>| value.filter(|value| **value != Json::Null).map(&f).transpose();
    R::array(values.iter().map(one).collect::<Result<_>>()?, to)
}

fn no_cast(value: &Json, to: &str) -> AthenaError {
    AthenaError::invalid_cast(format!("Cannot cast '{}' to {to}", value.canonical()))
}

fn boolean(value: &Json) -> Result<bool> {
    match value {
        Json::Boolean(value) => Ok(*value),
        Json::Text(text) => number::boolean_of_text(text),
        Json::Number(text) if is_floating(text) => Ok(text.parse().is_ok_and(|value: f64| value != 0.0)),
        Json::Number(text) => text.parse().map(|value: i64| value != 0).map_err(|_| no_cast(value, "boolean")),
        other => Err(no_cast(other, "boolean")),
    }
}

fn floating(value: &Json) -> Result<f64> {
    match value {
        Json::Boolean(value) => Ok(f64::from(u8::from(*value))),
        Json::Number(text) | Json::Text(text) => number::double_of_text(text),
        other => Err(no_cast(other, "double")),
    }
}

fn real(value: &Json) -> Result<f32> {
    match value {
        Json::Boolean(value) => Ok(f32::from(u8::from(*value))),
        Json::Number(text) | Json::Text(text) => number::real_of_text(text),
        other => Err(no_cast(other, "real")),
    }
}

fn whole(value: &Json, to: &Type) -> Result<i64> {
    match value {
        Json::Boolean(value) => Ok(i64::from(*value)),
        Json::Text(text) => number::integer_of_text(text, to),
        Json::Number(text) if is_floating(text) => {
            let rounded = number::double_of_text(text).and_then(|value| number::integer_of_double(value, to));
            rounded.map_err(|_| no_cast(value, to.base()))
        }
        Json::Number(text) => number::integer_of_text(text, to).map_err(|_| no_cast(value, to.base())),
        other => Err(no_cast(other, to.base())),
    }
}

fn decimal(value: &Json, (precision, scale): (u8, u8)) -> Result<i128> {
    let name = || format!("DECIMAL({precision},{scale})");
    match value {
        Json::Boolean(value) => number::decimal_of_text(if *value { "1" } else { "0" }, (precision, scale)),
        Json::Number(text) | Json::Text(text) => {
            number::decimal_of_text(text, (precision, scale)).map_err(|_| no_cast(value, &name()))
        }
        other => Err(no_cast(other, &name())),
    }
}

fn varchar(value: &Json, most: Option<u32>) -> Result<String> {
    let written = match value {
        Json::Boolean(value) => value.to_string(),
        Json::Number(text) if is_floating(text) => double(number::double_of_text(text)?),
        Json::Number(text) | Json::Text(text) => text.clone(),
        other => return Err(no_cast(other, "varchar")),
    };
    match most {
        Some(most) if written.chars().count() > most as usize => Err(text::beyond(&written, most)),
        _ => Ok(written),
    }
}

/// Of a value that is another than expected: as Trino's reader names it.
fn token(value: &Json) -> String {
    match value {
        Json::Array(_) => "[".to_owned(),
        Json::Object(_) => "{".to_owned(),
        Json::Text(text) => text.clone(),
        other => other.canonical(),
    }
}

fn arrays(values: &[Option<&Json>], element: &Type, nulls: NullBuffer) -> Result<ArrayRef> {
    let (mut elements, mut lengths) = (Vec::new(), Vec::with_capacity(values.len()));
    for value in values {
        match value {
            Some(Json::Array(own)) => {
                elements.extend(own.iter().map(Some));
                lengths.push(own.len());
            }
            None | Some(Json::Null) => lengths.push(0),
            Some(other) => {
                return Err(AthenaError::invalid_cast(format!("Expected a json array, but got {}", token(other))));
            }
        }
    }
    lists(lengths, column(&elements, element)?, nulls)
}

fn lists(lengths: Vec<usize>, elements: ArrayRef, nulls: NullBuffer) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    let lists = ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), elements, Some(nulls));
    Ok(Arc::new(lists.map_err(|error| AthenaError::internal(&error))?))
}

fn maps(values: &[Option<&Json>], key: &Type, value: &Type, nulls: NullBuffer) -> Result<ArrayRef> {
    let (mut names, mut members, mut lengths) = (Vec::new(), Vec::new(), Vec::with_capacity(values.len()));
    for json in values {
        match json {
            Some(Json::Object(own)) => {
                names.extend(own.iter().map(|(name, _)| Json::Text(name.clone())));
                members.extend(own.iter().map(|(_, member)| Some(member)));
                lengths.push(own.len());
            }
            None | Some(Json::Null) => lengths.push(0),
            Some(other) => {
                return Err(AthenaError::invalid_cast(format!("Expected a json object, but got {}", token(other))));
            }
        }
    }
    let keys = column(&names.iter().map(Some).collect::<Vec<_>>(), key)?;
    if has_duplicates(key, &keys, &OffsetBuffer::<i32>::from_lengths(lengths.clone()))? {
        return Err(AthenaError::invalid_cast("Duplicate map keys are not allowed"));
    }
    let entries = entries_of(key, value, keys, column(&members, value)?)?;
    lists(lengths, entries, nulls)
}

/// Rows are arrays of their fields in order, or objects of their fields by name.
fn rows(values: &[Option<&Json>], ty: &Type, fields: &[RowField], nulls: NullBuffer) -> Result<ArrayRef> {
    let mut columns: Vec<Vec<Option<&Json>>> = vec![Vec::with_capacity(values.len()); fields.len()];
    for value in values {
        let own: Vec<Option<&Json>> = match value {
            None | Some(Json::Null) => vec![None; fields.len()],
            Some(Json::Array(own)) if own.len() == fields.len() => own.iter().map(Some).collect(),
            Some(Json::Array(own)) => {
                let what = if own.len() > fields.len() { "Expected json array ending" } else { "Unexpected token when cast: ]" };
                return Err(AthenaError::invalid_cast(what));
            }
            Some(Json::Object(members)) => by_name(members, fields)?,
            Some(other) => {
                return Err(AthenaError::invalid_cast(format!("Expected a json array or object, but got {}", token(other))));
            }
        };
        for (column, value) in columns.iter_mut().zip(own) {
            column.push(value);
        }
    }
    let columns = columns.iter().zip(fields).map(|(values, field)| column(values, &field.ty));
    rows_of(ty, columns.collect::<Result<_>>()?, values.len(), Some(nulls))
}

/// Names are compared without their case; what is no field is left out.
fn by_name<'j>(members: &'j [(String, Json)], fields: &[RowField]) -> Result<Vec<Option<&'j Json>>> {
    let anonymous = "Cannot cast a JSON object to anonymous row type. Input must be a JSON array.";
    if fields.iter().any(|field| field.name.is_none()) {
        return Err(AthenaError::invalid_cast(anonymous));
    }
    let of_field = |field: &RowField| {
        let name = field.name.as_deref().unwrap_or("").to_lowercase();
        let mut found = members.iter().filter(|(member, _)| member.to_lowercase() == name);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(AthenaError::invalid_cast(format!("Duplicate field: {name}"))),
            (first, None) => Ok(first.map(|(_, value)| value)),
        }
    };
    fields.iter().map(of_field).collect()
}
