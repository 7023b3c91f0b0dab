//! The state of an ingester as Prometheus and health checks read it.
//!
//! Owns: the OpenMetrics text, what makes an ingester ready.
//! Does not own: the facts (`progress`, `lake::tally`), which metrics there are (`families`), the HTTP server (`cli`).
//! Invariant: nothing is counted here: each scrape is read off facts that are there anyway.

mod families;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::registry::Registry;
use ticklake_lake::Histogram;
use ticklake_lake::tally::{Counts, Step, Tally};

use self::families::FAMILIES;
use crate::progress::{Progress, Stage, Standing};
use crate::source::kafka::Cursors;

/// What the text of [`Metrics::text`] is, as HTTP says it.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How much longer than two windows a message may wait for its commit before the ingester counts as stuck.
const COMMIT_SLACK: Duration = Duration::from_secs(30);

/// The metrics of one ingester.
pub struct Metrics {
    progress: Arc<Progress>,
    lake: Arc<Tally>,
    uncommitted_max: Duration,
}

impl Metrics {
    /// Metrics of an ingester whose windows close after `window_age` at the latest.
    pub fn new(progress: Arc<Progress>, lake: Arc<Tally>, window_age: Duration) -> Self {
        Self { progress, lake, uncommitted_max: window_age * 2 + COMMIT_SLACK }
    }

    /// All metrics at this moment. Blocks: Kafka is asked where it ends, for a second at most.
    pub fn text(&self, now_ns: i64) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.scrape(now_ns)));
        let mut text = String::new();
        encode(&mut text, &registry).expect("writing to a String never fails");
        text
    }

    /// Whether partitions are assigned and committed.
    ///
    /// # Errors
    /// What is missing, as one sentence.
    pub fn readiness(&self, now_ns: i64) -> Result<(), String> {
        let standing = self.progress.standing();
        let age = standing.uncommitted_age(now_ns);
        if standing.cursors.is_empty() {
            Err("no partition is assigned to this process".into())
        } else if age > self.uncommitted_max {
            Err(format!(
                "the oldest message has waited {} s for its commit, longer than {} s; the log says why",
                age.as_secs(),
                self.uncommitted_max.as_secs()
            ))
        } else {
            Ok(())
        }
    }

    fn scrape(&self, now_ns: i64) -> Scrape {
        let progress = &self.progress;
        let ends = progress.ends();
        let standing = progress.standing().clone();
        Scrape {
            now_ns,
            ready: self.readiness(now_ns).is_ok(),
            consumed: Progress::get(&progress.consumed),
            consumed_bytes: Progress::get(&progress.consumed_bytes),
            committed: Progress::get(&progress.committed),
            commits: Progress::get(&progress.commits),
            files: Progress::get(&progress.files),
            bytes: Progress::get(&progress.bytes),
            overlaps: Progress::get(&progress.overlaps),
            fetched: progress.fetched(),
            decoding: progress.decoding.load(Ordering::Relaxed),
            standing,
            lake: self.lake.counts(),
            ends,
        }
    }
}

/// Every fact, at one moment.
#[derive(Debug)]
struct Scrape {
    now_ns: i64,
    ready: bool,
    consumed: u64,
    consumed_bytes: u64,
    committed: u64,
    commits: u64,
    files: u64,
    bytes: u64,
    overlaps: u64,
    fetched: usize,
    decoding: usize,
    standing: Standing,
    lake: Counts,
    ends: Cursors,
}

impl Scrape {
    /// Bytes held at a stage.
    fn bytes_at(&self, stage: Stage) -> usize {
        let in_lake = |step| self.lake.held.get(&step).copied().unwrap_or(0);
        match stage {
            Stage::FetchQueue => self.fetched,
            Stage::Decoding => self.decoding,
            Stage::Filling | Stage::Waiting | Stage::Publishing => self.standing.bytes_at(stage),
            Stage::Encoding => in_lake(Step::Encode),
            Stage::Uploading => in_lake(Step::Upload),
        }
    }
}

/// One value of a metric.
enum Value {
    Count(u64),
    Gauge(f64),
    Spread(Histogram),
}

impl Value {
    fn write(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Count(n) => encoder.encode_counter::<NoLabelSet, u64, u64>(n, None),
            Self::Gauge(x) => encoder.encode_gauge(x),
            Self::Spread(h) => encoder.encode_histogram::<NoLabelSet>(h.sum(), h.count(), &h.buckets(), None),
        }
    }
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in FAMILIES {
            let samples = (family.samples)(self);
            if samples.is_empty() {
                continue;
            }
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, family.kind)?;
            for (labels, value) in &samples {
                let named: Vec<(&str, &str)> = family.labels.iter().copied().zip(labels.iter().map(String::as_str)).collect();
                if named.is_empty() {
                    value.write(&mut metric)?;
                } else {
                    value.write(&mut metric.encode_family(&named)?)?;
                }
            }
        }
        Ok(())
    }
}
