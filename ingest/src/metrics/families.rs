//! Every metric there is.
//!
//! Owns: names, kinds, labels, meanings, and how each is read off the facts.
//! Does not own: the text around them (`metrics`).
//! Invariant: `docs/metrics.md` says the same, and a test compares them; labels take few values, whatever the feed sends.

use std::time::Duration;

use prometheus_client::metrics::MetricType;
use ticklake_lake::tally::{Conflict, Service};
use ticklake_lake::window::FlushReason;
use ticklake_schemas::RejectClass;

use super::{Scrape, Value};
use crate::memory::MemoryShares;
use crate::progress::Stage;

/// A metric: one row of the documentation.
pub(super) struct Family {
    /// The name, without the `_total` that counters end in.
    pub(super) name: &'static str,
    pub(super) kind: MetricType,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
    pub(super) samples: fn(&Scrape) -> Vec<Sample>,
}

/// Label values in the order of `labels`, and the value.
pub(super) type Sample = (Vec<String>, Value);

const COUNTER: MetricType = MetricType::Counter;
const GAUGE: MetricType = MetricType::Gauge;
const HISTOGRAM: MetricType = MetricType::Histogram;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "ticklake_build_info",
        kind: GAUGE,
        labels: &["version"],
        help: "Always 1; the version is in the label.",
        samples: |_| labelled([(env!("CARGO_PKG_VERSION"), Value::Gauge(1.0))]),
    },
    Family {
        name: "ticklake_ready",
        kind: GAUGE,
        labels: &[],
        help: "1 while /readyz answers 200, else 0.",
        samples: |s| one(Value::Gauge(f64::from(u8::from(s.ready)))),
    },
    Family {
        name: "ticklake_assigned_partitions",
        kind: GAUGE,
        labels: &[],
        help: "Kafka partitions this process reads.",
        samples: |s| one(Value::Gauge(s.standing.cursors.len() as f64)),
    },
    Family {
        name: "ticklake_consumer_lag_offsets",
        kind: GAUGE,
        labels: &["partition"],
        help: "Offsets from the next one to read to Kafka's end.",
        samples: |s| by_partition(s, |s, partition, cursor| Some(s.ends.get(&partition)? - cursor)),
    },
    Family {
        name: "ticklake_buffered_lag_offsets",
        kind: GAUGE,
        labels: &["partition"],
        help: "Offsets read and not yet committed.",
        samples: |s| by_partition(s, |s, partition, cursor| Some(cursor - s.standing.landed.ends.get(&partition)?)),
    },
    Family {
        name: "ticklake_durable_lag_offsets",
        kind: GAUGE,
        labels: &["partition"],
        help: "Offsets from the next one to commit to Kafka's end.",
        samples: |s| by_partition(s, |s, p, _| Some(s.ends.get(&p)? - s.standing.landed.ends.get(&p)?)),
    },
    Family {
        name: "ticklake_freshness_seconds",
        kind: GAUGE,
        labels: &["time"],
        help: "Age of the newest tick this process has committed, by its event time and by its Kafka time.",
        samples: |s| {
            let newest = [("event", s.standing.landed.newest_event_ns), ("kafka", s.standing.landed.newest_kafka_ns)];
            let age = |ns| Value::Gauge(seconds(s.now_ns.saturating_sub(ns)));
            labelled(newest.into_iter().filter_map(|(time, ns)| Some((time, age(ns?)))))
        },
    },
    Family {
        name: "ticklake_uncommitted_age_seconds",
        kind: GAUGE,
        labels: &[],
        help: "How long the oldest message that is read and not committed has been here; 0 when there is none.",
        samples: |s| one(Value::Gauge(s.standing.uncommitted_age(s.now_ns).as_secs_f64())),
    },
    Family {
        name: "ticklake_consumed_messages",
        kind: COUNTER,
        labels: &[],
        help: "Messages taken from Kafka; those read again count again.",
        samples: |s| one(Value::Count(s.consumed)),
    },
    Family {
        name: "ticklake_consumed_bytes",
        kind: COUNTER,
        labels: &[],
        help: "Key and payload bytes of these messages.",
        samples: |s| one(Value::Count(s.consumed_bytes)),
    },
    Family {
        name: "ticklake_committed_ticks",
        kind: COUNTER,
        labels: &[],
        help: "Ticks committed to stock_data.",
        samples: |s| one(Value::Count(s.committed)),
    },
    Family {
        name: "ticklake_committed_files",
        kind: COUNTER,
        labels: &[],
        help: "Data files of these ticks.",
        samples: |s| one(Value::Count(s.files)),
    },
    Family {
        name: "ticklake_committed_bytes",
        kind: COUNTER,
        labels: &[],
        help: "Bytes of these files.",
        samples: |s| one(Value::Count(s.bytes)),
    },
    Family {
        name: "ticklake_dead_letters",
        kind: COUNTER,
        labels: &["class"],
        help: "Dead letters committed.",
        samples: |s| {
            let count = |class| s.standing.classes.get(&class).copied().unwrap_or(0) as u64;
            labelled(RejectClass::ALL.into_iter().map(|class| (class.as_str(), Value::Count(count(class)))))
        },
    },
    Family {
        name: "ticklake_tick_lateness_seconds",
        kind: HISTOGRAM,
        labels: &[],
        help: "Event time to Kafka time of committed ticks; the buckets end at a minute, an hour and a day.",
        samples: |s| one(Value::Spread(s.standing.landed.lateness.clone())),
    },
    Family {
        name: "ticklake_window_flushes",
        kind: COUNTER,
        labels: &["reason"],
        help: "Windows closed.",
        samples: |s| {
            let count = |reason| s.standing.flushes.get(reason).copied().unwrap_or(0);
            labelled(FlushReason::ALL.into_iter().map(|reason| (reason.as_str(), Value::Count(count(reason.as_str())))))
        },
    },
    Family {
        name: "ticklake_commits",
        kind: COUNTER,
        labels: &[],
        help: "Commits to stock_data.",
        samples: |s| one(Value::Count(s.commits)),
    },
    Family {
        name: "ticklake_commit_step_duration_seconds",
        kind: HISTOGRAM,
        labels: &["step"],
        help: "Time of the steps of a publication, whether they succeed or not; encode and upload are by file.",
        samples: |s| labelled(s.lake.steps.iter().map(|(step, spread)| (step.as_str(), Value::Spread(spread.clone())))),
    },
    Family {
        name: "ticklake_commit_conflicts",
        kind: COUNTER,
        labels: &["outcome"],
        help: "Commits that did not simply succeed, by what came of it.",
        samples: |s| {
            let count = |conflict| s.lake.conflicts.get(&conflict).copied().unwrap_or(0);
            let over_entries = Conflict::ALL.into_iter().map(|conflict| (conflict.as_str(), Value::Count(count(conflict))));
            labelled([("overlap", Value::Count(s.overlaps))].into_iter().chain(over_entries))
        },
    },
    Family {
        name: "ticklake_uploaded_file_bytes",
        kind: HISTOGRAM,
        labels: &["table"],
        help: "Sizes of the Parquet files uploaded, whether or not a commit made them visible.",
        samples: |s| labelled(s.lake.files.iter().map(|(table, spread)| (table.name(), Value::Spread(spread.clone())))),
    },
    Family {
        name: "ticklake_memory_used_bytes",
        kind: GAUGE,
        labels: &["stage"],
        help: "Bytes of messages and ticks held in memory.",
        samples: |s| labelled(Stage::ALL.map(|stage| (stage.as_str(), Value::Gauge(s.bytes_at(stage) as f64)))),
    },
    Family {
        name: "ticklake_memory_share_bytes",
        kind: GAUGE,
        labels: &["stage"],
        help: "What a stage may hold of ticklake_memory_max_bytes.",
        samples: |s| {
            let shares = s.standing.memory_max.map(MemoryShares::of);
            let of = |shares: MemoryShares| Stage::ALL.map(|stage| (stage.as_str(), Value::Gauge(shares.at(stage) as f64)));
            shares.map(|shares| labelled(of(shares))).unwrap_or_default()
        },
    },
    Family {
        name: "ticklake_memory_max_bytes",
        kind: GAUGE,
        labels: &[],
        help: "What the process may hold: all stages and a reserve for the process itself.",
        samples: |s| s.standing.memory_max.map(|bytes| one(Value::Gauge(bytes as f64))).unwrap_or_default(),
    },
    Family {
        name: "ticklake_object_store_request_duration_seconds",
        kind: HISTOGRAM,
        labels: &["operation", "status"],
        help: "Time until the object store answered, the client's retries included; _count is the number of requests.",
        samples: |s| requests(s, Service::ObjectStore),
    },
    Family {
        name: "ticklake_glue_request_duration_seconds",
        kind: HISTOGRAM,
        labels: &["operation", "status"],
        help: "Time until Glue answered, the client's retries included; _count is the number of requests.",
        samples: |s| requests(s, Service::Glue),
    },
];

fn one(value: Value) -> Vec<Sample> {
    vec![(Vec::new(), value)]
}

fn labelled<'a>(samples: impl IntoIterator<Item = (&'a str, Value)>) -> Vec<Sample> {
    samples.into_iter().map(|(label, value)| (vec![label.to_owned()], value)).collect()
}

/// What is known of each assigned partition. Another process may commit what we read, so no difference is below 0.
fn by_partition(s: &Scrape, offsets: fn(&Scrape, i32, i64) -> Option<i64>) -> Vec<Sample> {
    let known = s.standing.cursors.iter().filter_map(|(&partition, &cursor)| Some((partition, offsets(s, partition, cursor)?)));
    known.map(|(partition, n)| (vec![partition.to_string()], Value::Gauge(n.max(0) as f64))).collect()
}

fn requests(s: &Scrape, service: Service) -> Vec<Sample> {
    let asked = s.lake.requests.iter().filter(|(request, _)| request.service == service);
    let labels = |operation: &str, status: &str| vec![operation.to_owned(), status.to_owned()];
    asked.map(|(r, spread)| (labels(r.operation, r.status), Value::Spread(spread.clone()))).collect()
}

/// Below 0 for an event of the future.
fn seconds(ns: i64) -> f64 {
    Duration::from_nanos(ns.unsigned_abs()).as_secs_f64().copysign(ns as f64)
}
