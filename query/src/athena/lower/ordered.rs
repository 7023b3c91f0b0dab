//! Orders that a NULL within a value would decide.
//!
//! Owns: refusing them: arrays and rows are compared part by part, and no part has an order with NULL.
//! Does not own: the order itself (`eval::compare`), sorting (DataFusion).
//! Invariant: of rows that follow one another a NULL within decides only where all before it is alike; a sort that meets none of
//! those has compared no value with such a NULL.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::Result;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt as _;

use super::block::Step;
use super::expr::{fault, name_of};
use crate::athena::analyze::typed::ColumnId;
use crate::athena::error::AthenaError;
use crate::athena::eval::compare::has_nulls_within;

/// Rows in an order, by columns in their normal form.
#[derive(Debug)]
pub(super) struct Ordered {
    pub(super) by: Vec<(ColumnId, SortOptions)>,
}

impl Ordered {
    pub(super) fn sort_names(&self) -> Vec<(String, SortOptions)> {
        self.by.iter().map(|(id, options)| (name_of(*id), *options)).collect()
    }
}

/// The keys of the last row seen.
#[derive(Debug, Default)]
pub(super) struct Before(Option<Vec<ArrayRef>>);

impl Before {
    /// Looks at rows that follow those before, by their keys.
    pub(super) fn check(&mut self, rows: &RecordBatch, names: &[String]) -> Result<()> {
        let Some(last) = rows.num_rows().checked_sub(1) else { return Ok(()) };
        let keys: Vec<ArrayRef> = names.iter().filter_map(|name| rows.column_by_name(name).cloned()).collect();
        let before = self.0.replace(keys.iter().map(|key| key.slice(last, 1)).collect());
        let nested = |keys: &[ArrayRef]| keys.iter().any(has_nulls_within);
        if !nested(&keys) && !before.as_deref().is_some_and(nested) {
            return Ok(());
        }
        if let Some(before) = before {
            decided(before.iter().zip(&keys).map(|(a, b)| (a, 0, b, 0)))?;
        }
        (1..=last).try_for_each(|row| decided(keys.iter().map(|key| (key, row - 1, key, row))))
    }
}

/// Two rows, key by key.
fn decided<'k>(keys: impl Iterator<Item = (&'k ArrayRef, usize, &'k ArrayRef, usize)>) -> Result<()> {
    for (a, i, b, j) in keys {
        if !are_alike(a, i, b, j).map_err(fault)? {
            break;
        }
    }
    Ok(())
}

/// Whether two values are one; a fault where a NULL within leaves it open.
fn are_alike(a: &ArrayRef, i: usize, b: &ArrayRef, j: usize) -> std::result::Result<bool, AthenaError> {
    if a.is_null(i) || b.is_null(j) {
        return Ok(a.is_null(i) && b.is_null(j));
    }
    let part = |what: &str, a: &ArrayRef, i: usize, b: &ArrayRef, j: usize| match a.is_null(i) || b.is_null(j) {
        true => Err(AthenaError::not_supported(format!("{what} null elements"))),
        false => are_alike(a, i, b, j),
    };
    match a.data_type() {
        DataType::List(_) => {
            let (a, b) = (a.as_list::<i32>().value(i), b.as_list::<i32>().value(j));
            for at in 0..a.len().min(b.len()) {
                if !part("ARRAY comparison not supported for arrays with", &a, at, &b, at)? {
                    return Ok(false);
                }
            }
            Ok(a.len() == b.len())
        }
        DataType::Struct(_) => {
            for (a, b) in a.as_struct().columns().iter().zip(b.as_struct().columns()) {
                if !part("ROW comparison not supported for fields with", a, i, b, j)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(a.slice(i, 1).to_data() == b.slice(j, 1).to_data()),
    }
}

/// The same rows, unless their order is none.
pub(super) fn checked(input: SendableRecordBatchStream, schema: SchemaRef, step: Arc<Step>) -> SendableRecordBatchStream {
    let Step::Ordered(ordered) = &*step else { return input };
    let names: Vec<String> = ordered.sort_names().into_iter().map(|(name, _)| name).collect();
    let mut before = Before::default();
    let rows = input.map(move |rows| rows.and_then(|rows| before.check(&rows, &names).map(|()| rows)));
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}
