//! Which values are equal, distinct, less.
//!
//! Owns: Trino's comparisons of every type, one by one and as keys of grouping and sorting.
//! Does not own: what a comparison's sides become before it (`analyze`).
//! Invariant: NaN equals nothing, but is not distinct from itself and is ordered above all; -0 is 0; a zoned timestamp is its
//! instant, whatever its zone; a NULL within an array or a row makes equality unknown.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, Decimal128Array, ListArray, StructArray, UInt32Array};
use arrow::compute::kernels::cmp;
use arrow::compute::{SortOptions, interleave};
use arrow::datatypes::{DataType, Decimal128Type, Field, Float32Type, Float64Type};
use arrow::row::{RowConverter, Rows, SortField};

use super::{Column, Result, taken};
use crate::athena::ast::Comparison;
use crate::athena::error::AthenaError;
use crate::athena::types::Type;
use crate::athena::values::layout::{arrow_type, zoned};

/// Compares two columns of one type; NULL where a side is or where it cannot be known.
pub(crate) fn compare(op: Comparison, ty: &Type, a: &Column, b: &Column) -> Result<ArrayRef> {
    if is_nested(ty) {
        return nested(op, ty, a, b);
    }
    if ty.is_floating() {
        return floating(op, a, b);
    }
    let (left, right) = (normal(ty, a.values())?, normal(ty, b.values())?);
    let one = |array: &ArrayRef, column: &Column| -> Box<dyn arrow::array::Datum> {
        if column.is_constant() { Box::new(arrow::array::Scalar::new(array.clone())) } else { Box::new(array.clone()) }
    };
    let (left, right) = (one(&left, a), one(&right, b));
    let kernel = match op {
        Comparison::Equal => cmp::eq,
        Comparison::NotEqual => cmp::neq,
        Comparison::Less => cmp::lt,
        Comparison::LessOrEqual => cmp::lt_eq,
        Comparison::Greater => cmp::gt,
        Comparison::GreaterOrEqual => cmp::gt_eq,
    };
    Ok(Arc::new(kernel(&*left, &*right).map_err(|error| AthenaError::internal(&error))?))
}

/// `IS DISTINCT FROM`.
pub(crate) fn distinct(ty: &Type, a: &Column, b: &Column) -> Result<ArrayRef> {
    let keys = Keys::of_two(ty, a.values(), b.values())?;
    let differ = (0..a.rows()).map(|row| Some(keys.0.row(a.at(row)) != keys.1.row(b.at(row))));
    Ok(Arc::new(differ.collect::<BooleanArray>()))
}

/// Whether values of a type have parts that are compared one after another.
pub(crate) fn is_nested(ty: &Type) -> bool {
    matches!(ty, Type::Array(_) | Type::Map(..) | Type::Row(_))
}

/// As IEEE 754 has it.
fn floating(op: Comparison, a: &Column, b: &Column) -> Result<ArrayRef> {
    let (left, right) = (as_doubles(a.values())?, as_doubles(b.values())?);
    let holds: fn(&f64, &f64) -> bool = match op {
        Comparison::Equal => f64::eq,
        Comparison::NotEqual => f64::ne,
        Comparison::Less => f64::lt,
        Comparison::LessOrEqual => f64::le,
        Comparison::Greater => f64::gt,
        Comparison::GreaterOrEqual => f64::ge,
    };
    let (left, right) = (left.as_primitive::<Float64Type>(), right.as_primitive::<Float64Type>());
    let one = |row: usize| {
        let (i, j) = (a.at(row), b.at(row));
        (!left.is_null(i) && !right.is_null(j)).then(|| holds(&left.value(i), &right.value(j)))
    };
    Ok(Arc::new((0..a.rows()).map(one).collect::<BooleanArray>()))
}

/// Whether a value is no number.
pub(crate) fn is_nan(values: &ArrayRef, at: usize) -> bool {
    match values.data_type() {
        DataType::Float64 => values.as_primitive::<Float64Type>().value(at).is_nan(),
        DataType::Float32 => values.as_primitive::<Float32Type>().value(at).is_nan(),
        _ => false,
    }
}

fn as_doubles(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Float32 => {
            let array = array.as_primitive::<Float32Type>();
            Ok(Arc::new(array.unary::<_, Float64Type>(f64::from)))
        }
        _ => Ok(array.clone()),
    }
}

/// Compares what has parts: the first part that differs decides.
fn nested(op: Comparison, ty: &Type, a: &Column, b: &Column) -> Result<ArrayRef> {
    let ordered = !matches!(op, Comparison::Equal | Comparison::NotEqual);
    let one = |row: usize| -> Result<Option<bool>> {
        let (i, j) = (a.at(row), b.at(row));
        if a.values().is_null(i) || b.values().is_null(j) {
            return Ok(None);
        }
        if !ordered {
            let equal = equal_parts(ty, (a.values(), i), (b.values(), j))?;
            return Ok(equal.map(|equal| equal == (op == Comparison::Equal)));
        }
        let order = order_parts(ty, (a.values(), i), (b.values(), j), false)?;
        Ok(Some(match op {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            _ => order.is_ge(),
        }))
    };
    let values = (0..a.rows()).map(one).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(BooleanArray::from(values)))
}

/// Whether two values are equal; `None` when a NULL within leaves it open.
pub(crate) fn equal(ty: &Type, a: (&ArrayRef, usize), b: (&ArrayRef, usize)) -> Result<Option<bool>> {
    if a.0.is_null(a.1) || b.0.is_null(b.1) {
        return Ok(None);
    }
    if is_nested(ty) {
        return equal_parts(ty, a, b);
    }
    let (a, b) = (Column::new(a.0.slice(a.1, 1)), Column::new(b.0.slice(b.1, 1)));
    let equal = compare(Comparison::Equal, ty, &a, &b)?;
    let equal = equal.as_boolean();
    Ok((!equal.is_null(0)).then(|| equal.value(0)))
}

fn equal_parts(ty: &Type, a: (&ArrayRef, usize), b: (&ArrayRef, usize)) -> Result<Option<bool>> {
    let mut unknown = false;
    let mut all = |equal: Option<bool>| {
        unknown |= equal.is_none();
        equal == Some(false)
    };
    match ty {
        Type::Array(element) => {
            let (a, b) = (elements(a.0, a.1)?, elements(b.0, b.1)?);
            if a.len() != b.len() {
                return Ok(Some(false));
            }
            for i in 0..a.len() {
                if all(equal(element, (&a, i), (&b, i))?) {
                    return Ok(Some(false));
                }
            }
        }
        Type::Row(fields) => {
            let (left, right) = (as_struct(a.0)?, as_struct(b.0)?);
            for (n, field) in fields.iter().enumerate() {
                if all(equal(&field.ty, (left.column(n), a.1), (right.column(n), b.1))?) {
                    return Ok(Some(false));
                }
            }
        }
        Type::Map(key, value) => {
            let (a, b) = (elements(a.0, a.1)?, elements(b.0, b.1)?);
            if a.len() != b.len() {
                return Ok(Some(false));
            }
            let (a, b) = (as_struct(&a)?, as_struct(&b)?);
            let keys = Keys::of_two(key, a.column(0), b.column(0))?;
            for i in 0..a.len() {
                let Some(j) = (0..b.len()).find(|j| keys.0.row(i) == keys.1.row(*j)) else { return Ok(Some(false)) };
                if all(equal(value, (a.column(1), i), (b.column(1), j))?) {
                    return Ok(Some(false));
                }
            }
        }
        _ => return equal(ty, a, b),
    }
    Ok((!unknown).then_some(true))
}

/// The order of two values that have parts: the first part that differs decides.
pub(crate) fn order_parts(ty: &Type, a: (&ArrayRef, usize), b: (&ArrayRef, usize), nan_is_least: bool) -> Result<Ordering> {
    let part = |part: &Type, a: (&ArrayRef, usize), b: (&ArrayRef, usize)| -> Result<Ordering> {
        if a.0.is_null(a.1) || b.0.is_null(b.1) {
            let what = if matches!(ty, Type::Row(_)) {
                "ROW comparison not supported for fields with null elements"
            } else {
                "ARRAY comparison not supported for arrays with null elements"
            };
            return Err(AthenaError::not_supported(what));
        }
        order(part, a, b, nan_is_least)
    };
    match ty {
        Type::Array(element) => {
            let (a, b) = (elements(a.0, a.1)?, elements(b.0, b.1)?);
            for i in 0..a.len().min(b.len()) {
                let order = part(element, (&a, i), (&b, i))?;
                if order.is_ne() {
                    return Ok(order);
                }
            }
            Ok(a.len().cmp(&b.len()))
        }
        Type::Row(fields) => {
            let (left, right) = (as_struct(a.0)?, as_struct(b.0)?);
            for (n, field) in fields.iter().enumerate() {
                let order = part(&field.ty, (left.column(n), a.1), (right.column(n), b.1))?;
                if order.is_ne() {
                    return Ok(order);
                }
            }
            Ok(Ordering::Equal)
        }
        other => Err(AthenaError::internal(&format!("a {other} has no order"))),
    }
}

/// The order of two values that are not NULL; a NULL within is a fault where it would decide.
pub(crate) fn order(ty: &Type, a: (&ArrayRef, usize), b: (&ArrayRef, usize), nan_is_least: bool) -> Result<Ordering> {
    if is_nested(ty) {
        return order_parts(ty, a, b, nan_is_least);
    }
    let both = interleave(&[a.0.as_ref(), b.0.as_ref()], &[(0, a.1), (1, b.1)]).map_err(|error| AthenaError::internal(&error))?;
    let keys = Keys::in_order(ty, &both, nan_is_least)?;
    Ok(keys.row(0).cmp(&keys.row(1)))
}

/// Whether a NULL is somewhere within a value that is not NULL.
pub(crate) fn has_null_within(ty: &Type, values: &ArrayRef, at: usize) -> Result<bool> {
    if !is_nested(ty) || values.is_null(at) {
        return Ok(false);
    }
    let parts: &[ArrayRef] = match ty {
        Type::Row(_) => &[values.slice(at, 1)],
        _ => &[elements(values, at)?],
    };
    Ok(parts.iter().any(|parts| parts.null_count() > 0 || has_nulls_within(parts)))
}

/// Whether there may be a NULL within one of some values.
pub(crate) fn has_nulls_within(values: &ArrayRef) -> bool {
    let within = |part: &ArrayRef| part.null_count() > 0 || has_nulls_within(part);
    match values.data_type() {
        DataType::List(_) => within(values.as_list::<i32>().values()),
        DataType::Struct(_) => values.as_struct().columns().iter().any(within),
        _ => false,
    }
}

/// As `normal`, with NaN below all numbers when `nan_is_least`, as it is where NULLs are sorted first and where the greatest is sought.
pub(crate) fn normal_in_order(ty: &Type, array: &ArrayRef, nan_is_least: bool) -> Result<ArrayRef> {
    let normal = normal(ty, array)?;
    if nan_is_least { unordered_first(&normal) } else { Ok(normal) }
}

/// The same values, NaN as what Arrow orders below all numbers.
fn unordered_first(values: &ArrayRef) -> Result<ArrayRef> {
    let internal = |error: arrow::error::ArrowError| AthenaError::internal(&error);
    Ok(match values.data_type() {
        DataType::Float64 => {
            let one = |x: f64| if x.is_nan() { -f64::NAN } else { x };
            Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(one))
        }
        DataType::Float32 => {
            let one = |x: f32| if x.is_nan() { -f32::NAN } else { x };
            Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(one))
        }
        DataType::List(field) => {
            let lists = values.as_list::<i32>();
            let elements = unordered_first(lists.values())?;
            let lists = ListArray::try_new(field.clone(), lists.offsets().clone(), elements, lists.nulls().cloned());
            Arc::new(lists.map_err(internal)?)
        }
        DataType::Struct(fields) => {
            let rows = values.as_struct();
            let columns = rows.columns().iter().map(unordered_first).collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new(fields.clone(), columns, rows.nulls().cloned()).map_err(internal)?)
        }
        _ => values.clone(),
    })
}

/// The elements of one array, or the entries of one map.
pub(crate) fn elements(lists: &ArrayRef, at: usize) -> Result<ArrayRef> {
    let lists: &ListArray = lists.as_list_opt().ok_or_else(|| AthenaError::internal(&"an array is laid out otherwise"))?;
    Ok(lists.value(at))
}

fn as_struct(array: &ArrayRef) -> Result<&StructArray> {
    array.as_struct_opt().ok_or_else(|| AthenaError::internal(&"a row is laid out otherwise"))
}

/// The same values, so that Arrow's own equality and order are those of grouping and sorting: one NaN, one zero, instants without
/// zones, maps by their keys.
pub(crate) fn normal(ty: &Type, array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match ty {
        Type::Double => {
            let one = |x: f64| if x.is_nan() { f64::NAN } else { x + 0.0 };
            Arc::new(array.as_primitive::<Float64Type>().unary::<_, Float64Type>(one))
        }
        Type::Real => {
            let one = |x: f32| if x.is_nan() { f32::NAN } else { x + 0.0 };
            Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(one))
        }
        Type::TimestampZoned(_) | Type::TimeZoned(_) => {
            let instants: Decimal128Array = array.as_primitive::<Decimal128Type>().unary(|number| zoned(number).0);
            let instants = instants.with_precision_and_scale(38, 0).map_err(|error| AthenaError::internal(&error))?;
            Arc::new(instants)
        }
        Type::Array(element) if is_changed(element) => {
            let lists: &ListArray = array.as_list();
            let values = normal(element, lists.values())?;
            let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
            let lists = ListArray::try_new(field, lists.offsets().clone(), values, lists.nulls().cloned());
            Arc::new(lists.map_err(|error| AthenaError::internal(&error))?)
        }
        Type::Map(key, value) => sorted_entries(key, value, array)?,
        Type::Row(fields) if fields.iter().any(|field| is_changed(&field.ty)) => {
            let rows: &StructArray = array.as_struct();
            let columns = fields.iter().zip(rows.columns()).map(|(field, column)| normal(&field.ty, column));
            let columns = columns.collect::<Result<Vec<_>>>()?;
            let rows = StructArray::try_new(rows.fields().clone(), columns, rows.nulls().cloned());
            Arc::new(rows.map_err(|error| AthenaError::internal(&error))?)
        }
        _ => array.clone(),
    })
}

/// Whether `normal` changes values of a type.
fn is_changed(ty: &Type) -> bool {
    match ty {
        Type::Double | Type::Real | Type::TimestampZoned(_) | Type::TimeZoned(_) | Type::Map(..) => true,
        Type::Array(element) => is_changed(element),
        Type::Row(fields) => fields.iter().any(|field| is_changed(&field.ty)),
        _ => false,
    }
}

fn sorted_entries(key: &Type, value: &Type, maps: &ArrayRef) -> Result<ArrayRef> {
    let lists: &ListArray = maps.as_list();
    let entries = as_struct(lists.values())?;
    let columns = vec![normal(key, entries.column(0))?, normal(value, entries.column(1))?];
    let keys = Keys::of(key, &columns[0])?;
    let mut places = Vec::with_capacity(entries.len());
    for bounds in lists.offsets().windows(2) {
        let from = places.len();
        places.extend((bounds[0]..bounds[1]).filter_map(|at| u32::try_from(at).ok()));
        places[from..].sort_by(|a, b| keys.row(*a as usize).cmp(&keys.row(*b as usize)));
    }
    let offsets = arrow::buffer::OffsetBuffer::from_lengths(lists.offsets().lengths());
    let entries = StructArray::try_new(entries.fields().clone(), columns, entries.nulls().cloned());
    let entries: ArrayRef = Arc::new(entries.map_err(|error| AthenaError::internal(&error))?);
    let sorted = taken(&entries, &UInt32Array::from(places))?;
    let field = Arc::new(Field::new_list_field(sorted.data_type().clone(), true));
    let maps = ListArray::try_new(field, offsets, sorted, lists.nulls().cloned());
    Ok(Arc::new(maps.map_err(|error| AthenaError::internal(&error))?))
}

/// Values as bytes whose equality is that of `DISTINCT` and whose order is that of `ORDER BY`, NULL last.
pub(crate) struct Keys(Rows);

impl Keys {
    pub(crate) fn of(ty: &Type, array: &ArrayRef) -> Result<Self> {
        let converter = converter(ty)?;
        Ok(Self(rows(&converter, ty, array)?))
    }

    /// Keys in whose order NaN is below all numbers when `nan_is_least`, as it is where the greatest is sought.
    pub(crate) fn in_order(ty: &Type, array: &ArrayRef, nan_is_least: bool) -> Result<Self> {
        let rows = converter(ty)?.convert_columns(&[normal_in_order(ty, array, nan_is_least)?]);
        rows.map(Self).map_err(|error| AthenaError::internal(&error))
    }

    /// Keys of two columns that can be compared with each other.
    pub(crate) fn of_two(ty: &Type, a: &ArrayRef, b: &ArrayRef) -> Result<(Self, Self)> {
        let converter = converter(ty)?;
        Ok((Self(rows(&converter, ty, a)?), Self(rows(&converter, ty, b)?)))
    }

    pub(crate) fn row(&self, at: usize) -> arrow::row::Row<'_> {
        self.0.row(at)
    }
}

/// What makes bytes of values, whose order is that of `ORDER BY`, NULL last, and values of the bytes.
pub(crate) fn converter(ty: &Type) -> Result<RowConverter> {
    let options = SortOptions { descending: false, nulls_first: false };
    let field = SortField::new_with_options(arrow_type(ty), options);
    RowConverter::new(vec![field]).map_err(|error| AthenaError::internal(&error))
}

fn rows(converter: &RowConverter, ty: &Type, array: &ArrayRef) -> Result<Rows> {
    converter.convert_columns(&[normal(ty, array)?]).map_err(|error| AthenaError::internal(&error))
}
