//! What a statement would read, and what Athena would ask for it.
//!
//! Owns: adding up the columns that a plan reads of the row groups and pages that its filter leaves, from footers alone.
//! Does not own: the plan and the footers (`engine`), how it is told (`repl`).
//! Invariant: no data page is read; what a filter drops within a page is counted still.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::physical_plan::parquet::{
    PagePruningAccessPlanFilter, ParquetAccessPlan, ParquetFileMetrics, RowGroupAccess, RowGroupAccessPlanFilter,
};
use datafusion::parquet::arrow::arrow_reader::RowSelection;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::page_index::offset_index::PageLocation;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_optimizer::pruning::build_pruning_predicate;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectMeta;

use crate::work::{Work, files, for_each_scan};
use crate::{Engine, QueryError};

/// What Athena asks for each byte that it scans, US dollars: 5 $ for a TB of 10^12 bytes.
/// Source: <https://aws.amazon.com/athena/pricing/>.
const DOLLARS_PER_BYTE: f64 = 5e-12;
/// What Athena counts at least for a statement, bytes.
const BYTES_LEAST: u64 = 10 << 20;
const READS_AT_ONCE: usize = 16;

/// A statement's cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Cost {
    /// Files that are read.
    pub(crate) files: u64,
    /// Bytes of the columns that are read, as they are stored.
    pub(crate) bytes: u64,
    /// Bytes of those files with all their columns.
    pub(crate) bytes_whole: u64,
}

impl Cost {
    /// What Athena would count, bytes.
    pub(crate) fn bytes_billed(&self) -> u64 {
        self.bytes.max(BYTES_LEAST)
    }

    /// US dollars.
    pub(crate) fn dollars(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a price of petabytes is told to four digits")]
        let bytes = self.bytes_billed() as f64;
        bytes * DOLLARS_PER_BYTE
    }

    /// Reads footers to find out what a statement would read.
    ///
    /// # Errors
    /// `Lake` when a footer cannot be read.
    pub(crate) async fn of(engine: &Engine, work: &Work) -> Result<Self, QueryError> {
        let mut scans = Vec::new();
        if let Some(plan) = work.plan() {
            for_each_scan(plan, &mut |scan, _| scans.push(Scan::of(scan)));
        }
        let mut cost = Self::default();
        for scan in &scans {
            let read = futures::stream::iter(&scan.files).map(|file| async move {
                if !scan.is_columnar {
                    return Ok::<_, QueryError>((file.size, file.size));
                }
                let footer = engine.footer(file).await?;
                Ok((scan.bytes(&footer, file.location.as_ref()), file.size))
            });
            let read: Vec<(u64, u64)> = read.buffer_unordered(READS_AT_ONCE).try_collect().await?;
            for (bytes, whole) in read {
                cost.files += 1;
                cost.bytes += bytes;
                cost.bytes_whole += whole;
            }
        }
        Ok(cost)
    }
}

/// Files of a plan's scan, and what of them is read.
struct Scan {
    files: Vec<ObjectMeta>,
    is_columnar: bool,
    columns: BTreeSet<String>,
    filter: Option<Arc<dyn PhysicalExpr>>,
    schema: datafusion::arrow::datatypes::SchemaRef,
}

impl Scan {
    fn of(scan: &FileScanConfig) -> Self {
        let source = scan.file_source();
        // Partition columns stand in filters, too; a file says nothing of them.
        let schema = Arc::clone(source.table_schema().table_schema());
        let filter = source.filter();
        let mut columns: BTreeSet<String> =
            filter.iter().flat_map(collect_columns).map(|column| column.name().to_owned()).collect();
        let projected = source.projection().map(|projection| projection.column_indices());
        let projected = projected.unwrap_or_else(|| (0..schema.fields().len()).collect());
        columns.extend(projected.into_iter().filter_map(|at| schema.fields().get(at).map(|field| field.name().clone())));
        Self {
            files: files(scan).into_values().cloned().collect(),
            is_columnar: source.file_type() == "parquet",
            columns,
            filter,
            schema,
        }
    }

    fn bytes(&self, footer: &ParquetMetaData, name: &str) -> u64 {
        let kept = self.kept(footer, name);
        let groups = footer.row_groups().iter().zip(kept.inner()).enumerate();
        let of_group = |(at, (group, access)): (usize, (&RowGroupMetaData, &RowGroupAccess))| {
            let columns = group.columns().iter().enumerate();
            let read = columns
                .filter(|(_, column)| column.column_path().parts().first().is_some_and(|root| self.columns.contains(root)));
            let bytes = |(number, column): (usize, &ColumnChunkMetaData)| {
                let pages = footer.offset_index().and_then(|index| index.get(at)?.get(number));
                match (access, pages) {
                    (RowGroupAccess::Skip, _) => 0,
                    (RowGroupAccess::Selection(rows), Some(pages)) => of_pages(rows, column, pages.page_locations()),
                    _ => column.byte_range().1,
                }
            };
            read.map(bytes).sum::<u64>()
        };
        groups.map(of_group).sum()
    }

    /// What the filter leaves of a file, by the statistics of its row groups and pages.
    fn kept(&self, footer: &ParquetMetaData, name: &str) -> ParquetAccessPlan {
        let all = ParquetAccessPlan::new_all(footer.num_row_groups());
        let Some(filter) = &self.filter else { return all };
        let metrics = ParquetFileMetrics::new(0, name, &ExecutionPlanMetricsSet::new());
        let columns = footer.file_metadata().schema_descr();
        let mut groups = RowGroupAccessPlanFilter::new(all);
        if let Some(pruning) = build_pruning_predicate(Arc::clone(filter), &self.schema, &Count::default()) {
            groups.prune_by_statistics(&self.schema, columns, footer.row_groups(), &pruning, &metrics);
        }
        let pages = PagePruningAccessPlanFilter::new(filter, Arc::clone(&self.schema));
        pages.prune_plan_with_page_index(groups.build(), &self.schema, columns, footer, &metrics)
    }
}

/// The pages of a column that have one of the rows, and the dictionary before the first of all.
fn of_pages(rows: &RowSelection, column: &ColumnChunkMetaData, pages: &[PageLocation]) -> u64 {
    let ranges = rows.scan_ranges(pages);
    let first = pages.first().and_then(|page| u64::try_from(page.offset).ok());
    let dictionary = first.map_or(0, |first| first.saturating_sub(column.byte_range().0));
    if ranges.is_empty() { 0 } else { dictionary + ranges.iter().map(|range| range.end - range.start).sum::<u64>() }
}
