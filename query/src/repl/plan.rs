//! A plan as a tree that people read: `\plan`, `\plan+`.
//!
//! Owns: a line for each step: what it is, and with measures the rows, bytes and time of it.
//! Does not own: the plan (`engine`), running it (`session`).
//! Invariant: steps stand below the step that they feed, in the plan's own order.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use datafusion::physical_expr::{PhysicalExpr, split_conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;

use object_store::path::Path;

use crate::told;
use crate::work::{Work, files, for_each_scan};

/// What of a step is shown, characters.
const STEP_CHARS_MAX: usize = 160;

/// The tree of a plan; `is_measured` when it was run.
pub(super) fn tree(work: &Work, is_measured: bool) -> String {
    let Some(plan) = work.plan() else { return "it reads no table\n".to_owned() };
    let mut text = String::new();
    branch(plan, "", "", is_measured, &mut text);
    text
}

fn branch(step: &Arc<dyn ExecutionPlan>, first: &str, rest: &str, is_measured: bool, text: &mut String) {
    let line = scan(step).unwrap_or_else(|| DisplayableExecutionPlan::new(step.as_ref()).one_line().to_string());
    let line = line.trim_end();
    let cut = line.char_indices().nth(STEP_CHARS_MAX).map_or(line.len(), |(at, _)| at);
    let more = if cut < line.len() { "…" } else { "" };
    let measures = if is_measured { measured(step) } else { String::new() };
    let _ = writeln!(text, "{first}{}{more}{measures}", &line[..cut]);
    let children = step.children();
    for (at, child) in children.iter().enumerate() {
        let (own, below) = if at + 1 == children.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        branch(child, &format!("{rest}{own}"), &format!("{rest}{below}"), is_measured, text);
    }
}

/// A scan of files: of which table, how many, which columns and under what condition.
fn scan(step: &Arc<dyn ExecutionPlan>) -> Option<String> {
    let mut text = None;
    if step.children().is_empty() {
        for_each_scan(step, &mut |scan, _| {
            let files = files(scan);
            let table = files
                .keys()
                .next()
                .and_then(|path| path.prefix_match(&Path::default())?.next().map(|part| part.as_ref().to_owned()));
            let source = scan.file_source();
            let schema = source.table_schema().table_schema();
            let read = source.projection().map(|projection| projection.column_indices()).unwrap_or_default();
            let columns: Vec<&str> =
                read.iter().filter_map(|at| schema.fields().get(*at)).map(|field| field.name().as_str()).collect();
            let filter = source.filter().map_or_else(String::new, |filter| condition(&filter));
            let bytes = told::bytes(files.values().map(|file| file.size).sum());
            text = Some(format!(
                "Scan {}: {} of {bytes}, columns {}{filter}",
                table.unwrap_or_default(),
                told::counted(files.len() as u64, "file"),
                columns.join(", "),
            ));
        });
    }
    text
}

/// A scan's condition as far as it has a form that people read: what else is there is checked above, too.
fn condition(filter: &Arc<dyn PhysicalExpr>) -> String {
    let parts = split_conjunction(filter).into_iter().map(ToString::to_string).filter(|part| !part.contains("athena_"));
    let parts: Vec<String> = parts.map(|part| without_places(&part)).collect();
    if parts.is_empty() { String::new() } else { format!(" where {}", parts.join(" AND ")) }
}

/// `price@3` as `price`.
fn without_places(text: &str) -> String {
    let mut pieces = text.split('@');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.trim_start_matches(|c: char| c.is_ascii_digit()))
}

fn measured(step: &Arc<dyn ExecutionPlan>) -> String {
    let Some(metrics) = step.metrics() else { return String::new() };
    let mut parts = Vec::new();
    parts.extend(metrics.output_rows().map(|rows| told::counted(rows as u64, "row")));
    let bytes = metrics.sum_by_name("bytes_scanned").map(|bytes| told::bytes(bytes.as_usize() as u64));
    parts.extend(bytes.map(|bytes| format!("{bytes} read")));
    let nanos = metrics.elapsed_compute().and_then(|nanos| u64::try_from(nanos).ok());
    parts.extend(nanos.map(|nanos| told::time(Duration::from_nanos(nanos))));
    let spilled = metrics.spilled_bytes().filter(|bytes| *bytes > 0);
    parts.extend(spilled.map(|bytes| format!("{} spilled", told::bytes(bytes as u64))));
    if parts.is_empty() { String::new() } else { format!("  [{}]", parts.join(", ")) }
}
