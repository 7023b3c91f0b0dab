//! Aggregates that need their rows.
//!
//! Owns: gathering the rows of each group, over all parts of a plan, until the group is whole.
//! Does not own: what an aggregate makes of them (`functions::aggregate`), aggregates that keep less (`kept`).
//! Invariant: a group's value is computed once, of all its rows, in the order in which they came.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, ListArray, UInt32Array, new_empty_array, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field};
use datafusion::error::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::aggregate::values_of;
use super::expr::fault;
use crate::athena::analyze::typed::Aggregate;
use crate::athena::error::AthenaError;
use crate::athena::eval::{Session, several_rows};
use crate::athena::functions::aggregate::reduce;
use crate::athena::values::layout::arrow_type;

/// The value of a scalar subquery: more than one is a fault.
const SINGLE: &str = "$single";

/// The rows so far.
pub(super) struct Gathered {
    call: Arc<Aggregate>,
    session: Arc<Session>,
    /// The values that a row has, in the parts in which they came.
    columns: Vec<(DataType, Vec<ArrayRef>)>,
    /// The group of each row.
    of: Vec<u32>,
    groups: usize,
    bytes: usize,
}

/// The rows of some groups, one group after another.
struct Sorted {
    columns: Vec<ArrayRef>,
    offsets: OffsetBuffer<i32>,
}

impl Gathered {
    pub(super) fn new(call: Arc<Aggregate>, session: Arc<Session>) -> Self {
        let columns = values_of(&call).map(|value| (arrow_type(&value.ty), Vec::new())).collect();
        Self { call, session, columns, of: Vec::new(), groups: 0, bytes: 0 }
    }

    fn keep(&mut self, values: &[ArrayRef], of: impl Iterator<Item = usize>) -> Result<()> {
        for group in of {
            self.of.push(number(group)?);
        }
        for ((_, parts), values) in self.columns.iter_mut().zip(values) {
            self.bytes += values.get_array_memory_size();
            parts.push(Arc::clone(values));
        }
        Ok(())
    }

    /// Takes the rows of the first groups out; what is left begins with the group after them.
    fn taken(&mut self, emit_to: EmitTo) -> Result<Sorted> {
        let count = match emit_to {
            EmitTo::All => self.groups,
            EmitTo::First(count) => count,
        };
        let whole = |(ty, parts): &(DataType, Vec<ArrayRef>)| match parts.as_slice() {
            [] => Ok(new_empty_array(ty)),
            parts => Ok(concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())?),
        };
        let columns = self.columns.iter().map(whole).collect::<Result<Vec<_>>>()?;
        let mut rows: Vec<u32> = (0..number(self.of.len())?).collect();
        rows.sort_by_key(|row| self.of[*row as usize]);
        let left = rows.split_off(rows.partition_point(|row| (self.of[*row as usize] as usize) < count));
        let mut lengths = vec![0; count];
        rows.iter().for_each(|row| lengths[self.of[*row as usize] as usize] += 1);
        let offsets = OffsetBuffer::from_lengths(lengths);
        let rows = UInt32Array::from(rows);
        let sorted = columns.iter().map(|column| take(column, &rows, None)).collect::<std::result::Result<_, _>>()?;
        let later = left.iter().map(|row| self.of[*row as usize] as usize - count).collect::<Vec<_>>();
        let left = UInt32Array::from(left);
        (self.of, self.bytes, self.groups) = (Vec::new(), 0, self.groups.saturating_sub(count));
        self.columns.iter_mut().for_each(|(_, parts)| parts.clear());
        if !later.is_empty() {
            let rest = columns.iter().map(|column| take(column, &left, None)).collect::<std::result::Result<Vec<_>, _>>()?;
            self.keep(&rest, later.into_iter())?;
        }
        Ok(Sorted { columns: sorted, offsets })
    }

    fn value(&self, columns: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        if self.call.name != SINGLE {
            return reduce(&self.call, columns, rows, &self.session).map_err(fault);
        }
        match (columns.first(), rows) {
            (Some(values), 1) => Ok(Arc::clone(values)),
            (_, 0) => Ok(new_null_array(&arrow_type(&self.call.returns), 1)),
            _ => Err(fault(several_rows())),
        }
    }
}

/// Groups and rows as they are counted here.
fn number(place: usize) -> Result<u32> {
    u32::try_from(place).map_err(|error| fault(AthenaError::internal(&error)))
}

fn lists(sorted: Sorted) -> Result<Vec<ArrayRef>> {
    let list = |values: ArrayRef| {
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        Ok(Arc::new(ListArray::try_new(field, sorted.offsets.clone(), values, None)?) as ArrayRef)
    };
    sorted.columns.into_iter().map(list).collect()
}

impl GroupsAccumulator for Gathered {
    fn update_batch(&mut self, values: &[ArrayRef], of: &[usize], chosen: Option<&BooleanArray>, count: usize) -> Result<()> {
        self.groups = self.groups.max(count);
        let Some(chosen) = chosen else { return self.keep(values, of.iter().copied()) };
        let filtered = values.iter().map(|values| arrow::compute::filter(values, chosen));
        let filtered = filtered.collect::<std::result::Result<Vec<_>, _>>()?;
        let is_chosen = |row: usize| chosen.is_valid(row) && chosen.value(row);
        self.keep(&filtered, of.iter().enumerate().filter(|(row, _)| is_chosen(*row)).map(|(_, group)| *group))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let Sorted { columns, offsets } = self.taken(emit_to)?;
        let mut values = vec![new_empty_array(&arrow_type(&self.call.returns))];
        for (start, length) in offsets.iter().zip(offsets.lengths()) {
            let start = usize::try_from(*start).unwrap_or(0);
            let rows: Vec<ArrayRef> = columns.iter().map(|column| column.slice(start, length)).collect();
            values.push(self.value(&rows, length)?);
        }
        Ok(concat(&values.iter().map(AsRef::as_ref).collect::<Vec<_>>())?)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        lists(self.taken(emit_to)?)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], of: &[usize], count: usize) -> Result<()> {
        self.groups = self.groups.max(count);
        let mut groups: Option<Vec<usize>> = None;
        let mut values: Vec<ArrayRef> = Vec::new();
        for states in states.iter().filter_map(|states| states.as_list_opt::<i32>()) {
            let (from, to) = (states.value_offsets()[0], states.value_offsets()[states.len()]);
            let bound = |offset: i32| usize::try_from(offset).unwrap_or(0);
            values.push(states.values().slice(bound(from), bound(to - from)));
            let each = || states.offsets().lengths().zip(of).flat_map(|(length, group)| std::iter::repeat_n(*group, length));
            groups.get_or_insert_with(|| each().collect());
        }
        self.keep(&values, groups.unwrap_or_default().into_iter())
    }

    fn convert_to_state(&self, values: &[ArrayRef], chosen: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |values| values.len());
        let mut each = Self::new(Arc::clone(&self.call), Arc::clone(&self.session));
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), chosen, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        // In the end the rows lie there twice: as they came, and group by group.
        2 * self.bytes + self.of.capacity() * size_of::<u32>()
    }
}
