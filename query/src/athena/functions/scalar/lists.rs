//! Arrays and maps as columns of elements.
//!
//! Owns: where a row's elements lie, and columns of arrays put together from elements.
//! Does not own: what a function puts where (`array`, `map`).
//! Invariant: a NULL array has no elements, whatever lies in memory where it is.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, ListArray, StructArray, UInt32Array, new_null_array};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, Field};

use super::{Call, Result};
use crate::athena::error::AthenaError;
use crate::athena::eval::{Column, taken};
use crate::athena::types::Type;
use crate::athena::values::layout::arrow_type;

/// The arrays, or the maps, of a column.
pub(crate) struct Lists {
    column: Column,
    list: ListArray,
    elements: ArrayRef,
    /// Where `elements` begins in what the offsets count.
    base: usize,
}

/// The elements of all rows, one after another.
pub(crate) struct Flat {
    /// The row of each.
    pub(crate) parents: UInt32Array,
    pub(crate) elements: ArrayRef,
    pub(crate) shape: Shape,
}

/// How many elements each row has, one row after another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    ends: Vec<usize>,
    valid: Vec<bool>,
}

/// What an element of an array takes while the array is put together.
pub(crate) const ELEMENT_BYTES: usize = size_of::<Place>();

/// Where a value lies: in which of some arrays, and where in it.
pub(crate) type Place = (usize, usize);

impl Lists {
    pub(crate) fn new(column: Column) -> Result<Self> {
        let list =
            column.values().as_list_opt::<i32>().ok_or_else(|| AthenaError::internal(&"an array is laid out otherwise"))?;
        let list = list.clone();
        let bound = |offset: Option<&i32>| offset.and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
        let (base, end) = (bound(list.offsets().first()), bound(list.offsets().last()));
        let elements = list.values().slice(base, end - base);
        Ok(Self { column, list, elements, base })
    }

    /// Those of a call's argument.
    pub(crate) fn of(call: &Call<'_>, argument: usize) -> Result<Self> {
        Self::new(call.argument(argument)?.clone())
    }

    /// What the places of [`Lists::range`] are of.
    pub(crate) fn elements(&self) -> &ArrayRef {
        &self.elements
    }

    /// Of maps: what the places are of, keys and values.
    pub(crate) fn entries(&self) -> Result<&StructArray> {
        self.elements.as_struct_opt().ok_or_else(|| AthenaError::internal(&"a map is laid out otherwise"))
    }

    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.column.is_null(row)
    }

    pub(crate) fn is_constant(&self) -> bool {
        self.column.is_constant()
    }

    /// Where a row's elements are.
    pub(crate) fn range(&self, row: usize) -> Range<usize> {
        if self.is_null(row) {
            return 0..0;
        }
        let at = self.column.at(row);
        let place = |at: usize| self.list.offsets().get(at).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(self.base);
        place(at) - self.base..place(at + 1) - self.base
    }

    pub(crate) fn len(&self, row: usize) -> usize {
        self.range(row).len()
    }

    /// The elements of all rows.
    pub(crate) fn flat(&self) -> Result<Flat> {
        let (mut parents, mut places, mut shape) = (Vec::new(), Vec::new(), Shape::default());
        let mut in_order = true;
        for row in 0..self.column.rows() {
            let range = self.range(row);
            in_order &= range.is_empty() || range.start == places.len();
            for at in range {
                parents.push(number(row)?);
                places.push(number(at)?);
            }
            shape.end_row(places.len(), !self.is_null(row));
        }
        let is_all = in_order && places.len() == self.elements.len();
        let elements = if is_all { self.elements.clone() } else { taken(&self.elements, &UInt32Array::from(places))? };
        Ok(Flat { parents: UInt32Array::from(parents), elements, shape })
    }
}

impl Shape {
    /// Of so many rows with as many elements as `length` says.
    pub(crate) fn of(rows: usize, mut length: impl FnMut(usize) -> Option<usize>) -> Self {
        let (mut shape, mut end) = (Self::default(), 0);
        for row in 0..rows {
            let length = length(row);
            end += length.unwrap_or(0);
            shape.end_row(end, length.is_some());
        }
        shape
    }

    /// The row's last element was the one before `end`.
    pub(crate) fn end_row(&mut self, end: usize, valid: bool) {
        self.ends.push(end);
        self.valid.push(valid);
    }

    /// Where each row's elements are.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| start..*end)
    }

    /// The row of each element.
    pub(crate) fn parents(&self) -> Result<UInt32Array> {
        let of_row = |(row, range): (usize, Range<usize>)| number(row).map(|row| std::iter::repeat_n(row, range.len()));
        let rows = self.ranges().enumerate().map(of_row).collect::<Result<Vec<_>>>()?;
        Ok(UInt32Array::from_iter_values(rows.into_iter().flatten()))
    }

    /// Arrays of these elements.
    pub(crate) fn list(self, elements: ArrayRef) -> Result<ArrayRef> {
        let offset = |end: usize| i32::try_from(end).map_err(|error| AthenaError::internal(&error));
        let offsets = std::iter::once(Ok(0)).chain(self.ends.into_iter().map(offset)).collect::<Result<Vec<_>>>()?;
        let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
        let nulls = Some(NullBuffer::from(self.valid)).filter(|nulls| nulls.null_count() > 0);
        let list = ListArray::try_new(field, OffsetBuffer::new(ScalarBuffer::from(offsets)), elements, nulls);
        Ok(Arc::new(list.map_err(|error| AthenaError::internal(&error))?))
    }

    /// Maps of these keys and values.
    pub(crate) fn map(self, ty: &Type, keys: ArrayRef, values: ArrayRef) -> Result<ArrayRef> {
        let DataType::List(entry) = arrow_type(ty) else { return Err(AthenaError::internal(&format!("a {ty} is no map"))) };
        self.list(rows_of(entry.data_type(), vec![keys, values])?)
    }
}

/// Rows, laid out as `layout`, of columns of one length.
pub(crate) fn rows_of(layout: &DataType, columns: Vec<ArrayRef>) -> Result<ArrayRef> {
    let DataType::Struct(fields) = layout else { return Err(AthenaError::internal(&"a row is laid out otherwise")) };
    let rows = StructArray::try_new(fields.clone(), columns, None).map_err(|error| AthenaError::internal(&error))?;
    Ok(Arc::new(rows))
}

/// A place as Arrow counts them.
pub(crate) fn number(place: usize) -> Result<u32> {
    u32::try_from(place).map_err(|error| AthenaError::internal(&error))
}

/// The values of these places of one array; NULL for none.
pub(crate) fn picked(values: &ArrayRef, places: impl IntoIterator<Item = Option<usize>>) -> Result<ArrayRef> {
    let places = places.into_iter().map(|place| place.map(number).transpose()).collect::<Result<Vec<_>>>()?;
    if values.is_empty() {
        return Ok(new_null_array(values.data_type(), places.len()));
    }
    taken(values, &UInt32Array::from(places))
}

/// The values of these places of some arrays.
pub(crate) fn gathered(sources: &[&ArrayRef], places: &[Place]) -> Result<ArrayRef> {
    match sources {
        [source] => picked(source, places.iter().map(|(_, at)| Some(*at))),
        _ => {
            let sources: Vec<_> = sources.iter().map(|source| source.as_ref()).collect();
            interleave(&sources, places).map_err(|error| AthenaError::internal(&error))
        }
    }
}

impl Call<'_> {
    /// Arrays of elements of `sources`: `row` adds the places of a row's. NULL for a row with a NULL among its arguments.
    pub(crate) fn gather(
        &self,
        sources: &[&ArrayRef],
        mut row: impl FnMut(usize, &mut Vec<Place>) -> Result<()>,
    ) -> Result<ArrayRef> {
        let (mut places, mut shape) = (Vec::new(), Shape::default());
        for at in 0..self.rows {
            let valid = !self.has_null(at);
            if valid {
                row(at, &mut places)?;
                self.check_room(places.len() * ELEMENT_BYTES)?;
            }
            shape.end_row(places.len(), valid);
        }
        shape.list(gathered(sources, &places)?)
    }

    /// The type of the elements of an argument's arrays.
    pub(crate) fn element_type(&self, argument: usize) -> Result<&Type> {
        match self.types.get(argument) {
            Some(Type::Array(element)) => Ok(element),
            _ => Err(self.wrong_layout()),
        }
    }

    /// The types of keys and values of an argument's maps.
    pub(crate) fn entry_types(&self, argument: usize) -> Result<(&Type, &Type)> {
        match self.types.get(argument) {
            Some(Type::Map(key, value)) => Ok((key, value)),
            _ => Err(self.wrong_layout()),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::datatypes::Int64Type;

    use super::*;

    /// `[1, 2]`, NULL above 3 and 4, `[]`, `[5]`.
    fn lists() -> ListArray {
        let field = Arc::new(Field::new_list_field(DataType::Int64, true));
        let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, 2, 4, 4, 5]));
        let elements = Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]));
        ListArray::new(field, offsets, elements, Some(NullBuffer::from(vec![true, false, true, true])))
    }

    fn flat(column: Column) -> (Vec<u32>, Vec<i64>, Vec<usize>) {
        let flat = Lists::new(column).unwrap().flat().unwrap();
        let lengths = flat.shape.ranges().map(|range| range.len()).collect();
        (flat.parents.values().to_vec(), flat.elements.as_primitive::<Int64Type>().values().to_vec(), lengths)
    }

    #[test]
    fn what_lies_where_an_array_is_null_is_never_an_element() {
        assert_eq!(flat(Column::new(Arc::new(lists()))), (vec![0, 0, 3], vec![1, 2, 5], vec![2, 0, 0, 1]));
    }

    #[test]
    fn a_part_of_a_column_never_has_another_parts_elements() {
        assert_eq!(flat(Column::new(Arc::new(lists().slice(1, 3)))), (vec![2], vec![5], vec![0, 0, 1]));
        assert_eq!(flat(Column::new(Arc::new(lists().slice(0, 1)))), (vec![0, 0], vec![1, 2], vec![2]));
        assert_eq!(flat(Column::new(Arc::new(lists().slice(2, 1)))), (vec![], vec![], vec![0]));
    }

    #[test]
    fn a_constant_is_never_left_out_of_a_row() {
        let constant = Column::constant(Arc::new(lists().slice(3, 1)), 2);
        assert_eq!(flat(constant), (vec![0, 1], vec![5, 5], vec![1, 1]));
    }

    #[test]
    fn an_array_that_is_put_together_anew_is_never_another() {
        let flat = Lists::new(Column::new(Arc::new(lists()))).unwrap().flat().unwrap();
        let again = flat.shape.list(flat.elements).unwrap();
        assert_eq!(again.as_list::<i32>(), &lists());
    }
}
