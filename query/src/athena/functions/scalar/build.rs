//! Arrays and maps of texts as results.
//!
//! Owns: laying them out.
//! Does not own: what is in them.
//! Invariant: a row with a NULL argument gives NULL.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, StringArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef};

use super::{Call, Result};
use crate::athena::error::AthenaError;
use crate::athena::values::layout::arrow_type;

/// A map's keys and values.
pub(crate) type Entries<'t, V> = Vec<(&'t str, V)>;

/// What is the value of a map of texts.
pub(crate) trait Texts: Sized {
    fn array(values: Vec<Self>) -> Result<ArrayRef>;
}

impl Texts for &str {
    fn array(values: Vec<Self>) -> Result<ArrayRef> {
        Ok(Arc::new(StringArray::from(values)))
    }
}

impl Texts for Vec<&str> {
    fn array(values: Vec<Self>) -> Result<ArrayRef> {
        let lengths = values.iter().map(Vec::len).collect::<Vec<_>>();
        let texts = StringArray::from(values.concat());
        list(&lengths, Arc::new(texts), None)
    }
}

/// An array of texts for each row.
pub(crate) fn lists<S: AsRef<str>>(call: &Call<'_>, f: impl Fn(usize) -> Result<Vec<Option<S>>>) -> Result<ArrayRef> {
    let rows = of_rows(call, f)?;
    let nulls = rows.iter().map(Option::is_some).collect::<NullBuffer>();
    let lengths = rows.iter().map(|row| row.as_ref().map_or(0, Vec::len)).collect::<Vec<_>>();
    let texts: StringArray = rows.into_iter().flatten().flatten().collect();
    list(&lengths, Arc::new(texts), Some(nulls))
}

/// A map with texts as keys for each row.
pub(crate) fn maps<'t, V: Texts>(call: &Call<'_>, f: impl Fn(usize) -> Result<Entries<'t, V>>) -> Result<ArrayRef> {
    let rows = of_rows(call, f)?;
    let nulls = rows.iter().map(Option::is_some).collect::<NullBuffer>();
    let lengths = rows.iter().map(|row| row.as_ref().map_or(0, Vec::len)).collect::<Vec<_>>();
    let (keys, values): (Vec<&str>, Vec<V>) = rows.into_iter().flatten().flatten().unzip();
    let DataType::List(field) = arrow_type(call.returns) else { return Err(call.wrong_layout()) };
    let DataType::Struct(fields) = field.data_type() else { return Err(call.wrong_layout()) };
    let columns = vec![Arc::new(StringArray::from(keys)) as ArrayRef, V::array(values)?];
    let entries = StructArray::try_new(fields.clone(), columns, None).map_err(|error| AthenaError::internal(&error))?;
    list_of(field, &lengths, Arc::new(entries), Some(nulls))
}

fn of_rows<T>(call: &Call<'_>, f: impl Fn(usize) -> Result<T>) -> Result<Vec<Option<T>>> {
    let has_null = |row: usize| call.arguments.iter().any(|argument| argument.is_null(row));
    (0..call.rows).map(|row| if has_null(row) { Ok(None) } else { f(row).map(Some) }).collect()
}

fn list(lengths: &[usize], texts: ArrayRef, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    list_of(Arc::new(Field::new_list_field(DataType::Utf8, true)), lengths, texts, nulls)
}

fn list_of(field: FieldRef, lengths: &[usize], elements: ArrayRef, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::from_lengths(lengths.iter().copied());
    let list = ListArray::try_new(field, offsets, elements, nulls).map_err(|error| AthenaError::internal(&error))?;
    Ok(Arc::new(list))
}
