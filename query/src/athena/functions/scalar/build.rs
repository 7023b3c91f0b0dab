//! Arrays and maps of texts as results.
//!
//! Owns: the texts, keys and values of all rows in a line.
//! Does not own: what is in them, how arrays and maps are laid out (`lists`).
//! Invariant: a row with a NULL argument gives NULL.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};

use super::lists::Shape;
use super::{Call, Result};

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
        let shape = Shape::of(values.len(), |row| Some(values[row].len()));
        shape.list(Arc::new(StringArray::from(values.concat())))
    }
}

/// An array of texts for each row.
pub(crate) fn lists<S: AsRef<str>>(call: &Call<'_>, f: impl Fn(usize) -> Result<Vec<Option<S>>>) -> Result<ArrayRef> {
    let rows = of_rows(call, f)?;
    let shape = shape(&rows);
    let texts: StringArray = rows.into_iter().flatten().flatten().collect();
    shape.list(Arc::new(texts))
}

/// A map with texts as keys for each row.
pub(crate) fn maps<'t, V: Texts>(call: &Call<'_>, f: impl Fn(usize) -> Result<Entries<'t, V>>) -> Result<ArrayRef> {
    let rows = of_rows(call, f)?;
    let shape = shape(&rows);
    let (keys, values): (Vec<&str>, Vec<V>) = rows.into_iter().flatten().flatten().unzip();
    shape.map(call.returns, Arc::new(StringArray::from(keys)), V::array(values)?)
}

fn of_rows<T>(call: &Call<'_>, f: impl Fn(usize) -> Result<T>) -> Result<Vec<Option<T>>> {
    (0..call.rows).map(|row| if call.has_null(row) { Ok(None) } else { f(row).map(Some) }).collect()
}

fn shape<T>(rows: &[Option<Vec<T>>]) -> Shape {
    Shape::of(rows.len(), |row| rows[row].as_ref().map(Vec::len))
}
