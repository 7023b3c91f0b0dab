//! Which files a filter can do without.
//!
//! Owns: asking DataFusion's pruning about whole files, by partition values and the log's bounds.
//! Does not own: the bounds (`statistics`), row groups and pages (DataFusion's Parquet reader).
//! Invariant: a file is left out only when no row of it can pass; what cannot be decided is read.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, ColumnStatistics, DFSchema, ScalarValue, Statistics};
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;

/// Whether each of the files may hold a row that passes all filters.
///
/// # Errors
/// When a filter does not fit the schema.
pub(crate) fn may_match(state: &dyn Session, schema: &SchemaRef, files: &[&Statistics], filters: &[Expr]) -> Result<Vec<bool>> {
    let all = || vec![true; files.len()];
    let Some(filter) = conjunction(filters.to_vec()) else {
        return Ok(all());
    };
    let filter = state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(schema))?)?;
    let predicate = PruningPredicateBuilder::new().with_file_schema(Arc::clone(schema)).try_build(filter);
    let kept = predicate.and_then(|p| p.prune(&FileBounds { schema, files }));
    match kept {
        Ok(kept) => Ok(kept),
        Err(e) => {
            tracing::debug!(error = %e, "a filter cannot prune files; all are read");
            Ok(all())
        }
    }
}

/// The bounds of many files, a column at a time.
struct FileBounds<'a> {
    schema: &'a Schema,
    files: &'a [&'a Statistics],
}

impl FileBounds<'_> {
    fn values(&self, column: &Column, side: impl Fn(&ColumnStatistics) -> &Precision<ScalarValue>) -> Option<ArrayRef> {
        let (at, field) = self.schema.column_with_name(column.name())?;
        let unknown = ScalarValue::try_new_null(field.data_type()).ok()?;
        let scalars =
            self.files.iter().map(|f| side(&f.column_statistics[at]).get_value().cloned().unwrap_or_else(|| unknown.clone()));
        ScalarValue::iter_to_array(scalars).ok()
    }
}

impl PruningStatistics for FileBounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |c| &c.min_value)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, |c| &c.max_value)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let (at, _) = self.schema.column_with_name(column.name())?;
        let counts = self.files.iter().map(|f| exact(&f.column_statistics[at].null_count));
        Some(Arc::new(counts.collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.files.iter().map(|f| exact(&f.num_rows)).collect::<UInt64Array>()))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

fn exact(count: &Precision<usize>) -> Option<u64> {
    match count {
        Precision::Exact(n) => u64::try_from(*n).ok(),
        Precision::Inexact(_) | Precision::Absent => None,
    }
}
