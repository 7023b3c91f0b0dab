//! What a statement reads, and how far it has got.
//!
//! Owns: adding up what a plan's scans say of themselves.
//! Does not own: the plan (`engine`), how it is shown (`repl`, `cli`).
//! Invariant: asking never waits for the statement, nor slows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use object_store::ObjectMeta;
use object_store::path::Path;

/// A statement's plan, which counts what is done of it.
#[derive(Debug, Clone, Default)]
pub struct Work(Option<Arc<dyn ExecutionPlan>>);

/// Counts of a statement's scans; all grow while it runs but the totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Data files that were read to their end, or to where no more was wanted; pieces of a large one count each.
    pub files: u64,
    /// Data files to read.
    pub files_total: u64,
    /// Rows read of files, after the filters that are applied while reading.
    pub rows: u64,
    /// Bytes read of files.
    pub bytes: u64,
    /// Bytes of all columns of the files to read.
    pub bytes_total: u64,
}

impl Work {
    pub(crate) fn of(plan: Arc<dyn ExecutionPlan>) -> Self {
        Self(Some(plan))
    }

    pub(crate) fn plan(&self) -> Option<&Arc<dyn ExecutionPlan>> {
        self.0.as_ref()
    }

    /// What is done by now.
    pub fn done(&self) -> Done {
        let mut done = Done::default();
        if let Some(plan) = &self.0 {
            for_each_scan(plan, &mut |scan, metrics| {
                let files = files(scan);
                done.files_total += count(files.len());
                done.bytes_total += files.values().map(|file| file.size).sum::<u64>();
                let Some(metrics) = metrics else { return };
                done.files += named(&metrics, "files_processed").min(count(files.len()));
                done.bytes += named(&metrics, "bytes_scanned");
                done.rows += count(metrics.output_rows().unwrap_or_default());
            });
        }
        done
    }
}

/// Every scan of files in a plan.
pub(crate) fn for_each_scan(plan: &Arc<dyn ExecutionPlan>, seen: &mut dyn FnMut(&FileScanConfig, Option<MetricsSet>)) {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>()
        && let Some(scan) = source.data_source().downcast_ref::<FileScanConfig>()
    {
        seen(scan, plan.metrics());
    }
    for child in plan.children() {
        for_each_scan(child, seen);
    }
}

/// The files of a scan, each once: a large one may be read in pieces.
pub(crate) fn files(scan: &FileScanConfig) -> BTreeMap<&Path, &ObjectMeta> {
    let files = scan.file_groups.iter().flat_map(|group| group.iter());
    files.map(|file| (&file.object_meta.location, &file.object_meta)).collect()
}

fn named(metrics: &MetricsSet, name: &str) -> u64 {
    count(metrics.sum_by_name(name).map_or(0, |metric| metric.as_usize()))
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
