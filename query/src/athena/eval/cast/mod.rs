//! Casts.
//!
//! Owns: what a value of one type is as another, explicitly and where `analyze` put a coercion: which file computes it, arrays,
//! maps and rows by their parts, TRY_CAST.
//! Does not own: which casts there are (`types::can_cast`), the texts of values (`values`).
//! Invariant: a value that is none of the other type is a fault, or NULL under TRY_CAST; never something near it. A part that is
//! none makes the whole NULL.

mod from_json;
mod number;
mod text;
mod time;
mod to_json;

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, ListArray, StructArray, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field};

pub(super) use time::{is_of_today, of_today};

use super::Result;
use super::compare::Keys;
use crate::athena::analyze::typed::{Kind, Typed};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::{Arg, NO_JSON, Produce};
use crate::athena::types::{Type, has_json_keys};
use crate::athena::values::layout::arrow_type;

/// Values of one type as another; `tries`: a fault is NULL.
pub(crate) fn cast(values: &ArrayRef, from: &Type, to: &Type, tries: bool) -> Result<ArrayRef> {
    use Type::*;
    match (from, to) {
        (from, to) if from == to => Ok(values.clone()),
        (Unknown, to) => Ok(new_null_array(&arrow_type(to), values.len())),
        (from, to) if (*from == Json || *to == Json) && !values.is_empty() && !(has_json_keys(from) && has_json_keys(to)) => {
            Err(AthenaError::invalid_cast(format!("Cannot cast {from} to {to}")))
        }
        (from, Json) => to_json::cast(values, from),
        (Json, to) => in_halves(values, to, tries, |values| from_json::cast(values, to)),
        (Array(_) | Map(..) | Row(_), to) => in_halves(values, to, tries, |values| parts(values, from, to)),
        (from, Varchar(_) | Char(_) | Varbinary | Uuid | IpAddress | JoniRegExp | JsonPath | CodePoints | HyperLogLog) => {
            text::cast(values, from, to, tries)
        }
        (from, to) if to.is_numeric() || *to == Boolean => number::cast(values, from, to, tries),
        (from, to) => time::cast(values, from, to, tries),
    }
}

/// The fault of a value that is to be cast: Trino reads a text as JSON and casts it in one step, and takes what is no JSON for what
/// has no such cast.
pub(super) fn of_parsed(fault: AthenaError, of: &Typed, to: &Type) -> AthenaError {
    let is_parsed = matches!(of.kind, Kind::Call { name: "json_parse", .. });
    if is_parsed && matches!(to, Type::Array(_) | Type::Map(..) | Type::Row(_)) && fault.message.starts_with(NO_JSON) {
        return AthenaError::invalid_cast(format!("Cannot cast to {to}. {}", fault.message));
    }
    fault
}

/// Each value that is not NULL as another.
fn each<'a, A: Arg, R: Produce>(
    values: &'a ArrayRef,
    to: &Type,
    tries: bool,
    f: impl Fn(A::Of<'a>) -> Result<R>,
) -> Result<ArrayRef> {
    let reader = A::reader(values)?;
    let one = |at: usize| {
        if values.is_null(at) {
            return Ok(None);
        }
        match f(A::get(&reader, at)) {
            Err(error) if tries && error.is_tried() => Ok(None),
            value => value.map(Some),
        }
    };
    R::array((0..values.len()).map(one).collect::<Result<Vec<_>>>()?, to)
}

/// A cast of whole arrays; when it tries and there is a fault, of halves, until the faulty values are found.
fn in_halves(values: &ArrayRef, to: &Type, tries: bool, f: impl Copy + Fn(&ArrayRef) -> Result<ArrayRef>) -> Result<ArrayRef> {
    match f(values) {
        Err(error) if !tries || !error.is_tried() => Err(error),
        Err(_) if values.len() <= 1 => Ok(new_null_array(&arrow_type(to), values.len())),
        Err(_) => {
            let half = values.len() / 2;
            let first = in_halves(&values.slice(0, half), to, tries, f)?;
            let second = in_halves(&values.slice(half, values.len() - half), to, tries, f)?;
            concat(&[&first, &second]).map_err(|error| AthenaError::internal(&error))
        }
        done => done,
    }
}

/// Arrays, maps and rows, part by part.
fn parts(values: &ArrayRef, from: &Type, to: &Type) -> Result<ArrayRef> {
    match (from, to) {
        (Type::Array(from), Type::Array(to)) => {
            let lists = visible(values.as_list())?;
            let elements = cast(lists.values(), from, to, false)?;
            relisted(&lists, elements)
        }
        (Type::Map(key, value), Type::Map(to_key, to_value)) => {
            let lists = visible(values.as_list())?;
            let entries = lists.values().as_struct();
            let keys = cast(entries.column(0), key, to_key, false)?;
            let values = cast(entries.column(1), value, to_value, false)?;
            if keys.null_count() > 0 {
                return Err(AthenaError::invalid_cast("map key is null"));
            }
            if has_duplicates(to_key, &keys, lists.value_offsets())? {
                return Err(AthenaError::invalid_cast("duplicate keys"));
            }
            relisted(&lists, entries_of(to_key, to_value, keys, values)?)
        }
        (Type::Row(from), Type::Row(to_fields)) => {
            let rows: &StructArray = values.as_struct();
            let fields = from.iter().zip(to_fields).enumerate();
            let columns = fields.map(|(at, (from, to))| cast(&super::field(values, at)?, &from.ty, &to.ty, false));
            rows_of(to, columns.collect::<Result<_>>()?, rows.len(), rows.nulls().cloned())
        }
        (from, to) => Err(AthenaError::internal(&format!("there is no cast of {from} to {to}"))),
    }
}

/// The same lists, with no elements but those that are in one: a fault of a NULL list's elements is none.
fn visible(lists: &ListArray) -> Result<ListArray> {
    let first = lists.value_offsets().first().copied().unwrap_or(0);
    let last = lists.value_offsets().last().copied().unwrap_or(0);
    let hidden = (0..lists.len()).any(|at| lists.is_null(at) && lists.value_length(at) > 0);
    if first == 0 && last as usize == lists.values().len() && !hidden {
        return Ok(lists.clone());
    }
    let places = arrow::array::UInt32Array::from_iter_values(0..u32::try_from(lists.len()).unwrap_or(u32::MAX));
    let source: ArrayRef = Arc::new(lists.clone());
    Ok(super::taken(&source, &places)?.as_list().clone())
}

fn relisted(lists: &ListArray, elements: ArrayRef) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
    let lists = ListArray::try_new(field, lists.offsets().clone(), elements, lists.nulls().cloned());
    Ok(Arc::new(lists.map_err(|error| AthenaError::internal(&error))?))
}

/// The entries of maps.
fn entries_of(key: &Type, value: &Type, keys: ArrayRef, values: ArrayRef) -> Result<ArrayRef> {
    let fields = vec![Field::new("key", arrow_type(key), true), Field::new("value", arrow_type(value), true)];
    let entries = StructArray::try_new(fields.into(), vec![keys, values], None);
    Ok(Arc::new(entries.map_err(|error| AthenaError::internal(&error))?))
}

fn rows_of(ty: &Type, columns: Vec<ArrayRef>, rows: usize, nulls: Option<arrow::buffer::NullBuffer>) -> Result<ArrayRef> {
    let DataType::Struct(layout) = arrow_type(ty) else { return Err(AthenaError::internal(&"a row is laid out otherwise")) };
    let rows = StructArray::try_new_with_length(layout, columns, nulls, rows);
    Ok(Arc::new(rows.map_err(|error| AthenaError::internal(&error))?))
}

/// Whether one of the lists has a key twice.
fn has_duplicates(ty: &Type, keys: &ArrayRef, offsets: &[i32]) -> Result<bool> {
    let keys = Keys::of(ty, keys)?;
    let mut seen = std::collections::HashSet::new();
    Ok(offsets.windows(2).any(|bounds| {
        seen.clear();
        (bounds[0]..bounds[1]).any(|at| !seen.insert(keys.row(usize::try_from(at).unwrap_or(0))))
    }))
}

#[cfg(test)]
mod tests {
    use arrow::array::{StringArray, new_null_array};
    use arrow::buffer::{NullBuffer, OffsetBuffer};
    use serde_json::json;

    use super::*;
    use crate::athena::eval::tests::value_of;
    use crate::athena::values::text;

    fn texts(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    fn shown(ty: &Type, values: &ArrayRef) -> Vec<serde_json::Value> {
        (0..values.len()).map(|at| text::json(ty, values, at).unwrap()).collect()
    }

    #[test]
    fn a_fault_of_one_row_never_touches_another() {
        let (from, to) = (Type::array(Type::VARCHAR), Type::array(Type::Integer));
        let elements = texts(&[Some("0"), Some("1"), None, Some("x"), Some("3"), Some("y")]);
        let field = Arc::new(Field::new_list_field(arrow_type(&Type::VARCHAR), true));
        let nulls = Some(NullBuffer::from(vec![true, true, true, true, false]));
        let offsets = OffsetBuffer::<i32>::from_lengths([1, 2, 1, 1, 1]);
        let lists: ArrayRef = Arc::new(ListArray::try_new(field, offsets, elements, nulls).unwrap());
        let tried = cast(&lists, &from, &to, true).unwrap();
        assert_eq!(shown(&to, &tried), [json!([0]), json!([1, null]), json!(null), json!([3]), json!(null)]);
        assert!(cast(&lists, &from, &to, false).is_err());
        assert_eq!(shown(&to, &cast(&lists.slice(3, 2), &from, &to, false).unwrap()), [json!([3]), json!(null)]);

        let json = texts(&[Some("[1]"), Some("null"), None, Some("{}"), Some("[2,null]")]);
        let tried = cast(&json, &Type::Json, &to, true).unwrap();
        assert_eq!(shown(&to, &tried), [json!([1]), json!(null), json!(null), json!(null), json!([2, null])]);
        let none = cast(&new_null_array(&arrow_type(&from), 2).slice(0, 0), &from, &Type::Json, false).unwrap();
        assert_eq!(none.len(), 0);
    }

    #[test]
    fn a_part_that_is_none_of_the_type_is_never_left_out() {
        for (expression, expected) in [
            ("TRY_CAST(ARRAY['1', 'x'] AS array(integer))", json!(null)),
            ("TRY_CAST(MAP(ARRAY['1', '01'], ARRAY['a', 'b']) AS map(integer, varchar))", json!(null)),
            ("CAST(ROW(1, '2') AS row(a varchar, b integer))", json!(["1", 2])),
            ("TRY_CAST(ROW(1, 'x') AS row(a varchar, b integer))", json!(null)),
            ("CAST(JSON '[1.5, \"2\", null]' AS array(integer))", json!([2, 2, null])),
            ("CAST(ROW(1, 'a') AS json)", json!("{\"\":1,\"\":\"a\"}")),
            ("CAST('10.0.0.1' AS ipaddress)", json!("10.0.0.1")),
            ("TRY_CAST(1e300 AS bigint)", json!(null)),
        ] {
            let value = value_of(expression);
            if value.as_ref().is_err_and(|error| error.starts_with("NOT_SUPPORTED: the function")) {
                continue;
            }
            assert_eq!(value, Ok(expected), "{expression}");
        }
        assert_eq!(
            value_of("CAST(1000 AS varchar(3))"),
            Err("INVALID_CAST_ARGUMENT: Value 1000 cannot be represented as varchar(3)".into())
        );
    }
}
