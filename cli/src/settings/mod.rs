//! The settings: `ticklake.toml`, then `TICKLAKE__SECTION__KEY` in the environment, then flags; the later wins.
//!
//! Owns: the list of settings, each with its key, flag, default and reading, on a line of its own.
//! Does not own: gathering the three layers (`layers`), what a value looks like (`parse`), the flags' place in clap (`flags`).
//! Invariant: a setting is one line here and one use elsewhere; one that nothing uses does not compile.

mod checks;
mod flags;
mod layers;
mod parse;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

pub(crate) use flags::{
    AllKeys, CatalogKeys, DoctorKeys, Flags, IngestKeys, LakeKeys, LakeTopicKeys, Loaded, ReplayKeys, TopicKeys,
};
use layers::Effective;
pub(crate) use parse::{bytes, duration};
use ticklake_ingest::memory::MEMORY_MAX_LEAST;
use ticklake_ingest::source::kafka::{Assignment, OnGap};
use ticklake_schemas::DEFAULT_TOPIC;

use crate::args::LogFormat;

/// What is known of a setting before it has a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// `section.key`, as in the file.
    pub(crate) key: &'static str,
    /// Its flag, without the dashes; `no-…` is a switch that turns it off.
    pub(crate) flag: &'static str,
    /// What the flag's value stands for.
    pub(crate) value_name: &'static str,
    /// Its value when nobody gives one; empty is none.
    pub(crate) default: &'static str,
    /// What it is for.
    pub(crate) help: &'static str,
}

/// The section of librdkafka's own settings, which have librdkafka's names.
const LIBRDKAFKA: &str = "kafka.librdkafka.";

macro_rules! settings {
    ($($field:ident: $kind:ty = $key:literal, $flag:literal $value_name:literal, $default:expr, $parse:expr, $help:literal;)*) => {
        /// Every setting, read.
        #[derive(Debug, Clone)]
        pub(crate) struct Settings {
            $(pub(crate) $field: $kind,)*
            /// librdkafka's settings by their own names.
            pub(crate) librdkafka: BTreeMap<String, String>,
        }

        /// Every setting there is, librdkafka's own aside.
        pub(crate) const SETTINGS: &[Setting] =
            &[$(Setting { key: $key, flag: $flag, value_name: $value_name, default: $default, help: $help },)*];

        impl Settings {
            fn read(effective: &Effective, faults: &mut Vec<String>) -> Option<Self> {
                $(let $field: Option<$kind> = effective.read($key, $parse, faults);)*
                Some(Self { $($field: $field?,)* librdkafka: effective.librdkafka() })
            }
        }
    };
}

settings! {
    kafka_brokers: String = "kafka.brokers", "brokers" "HOST:PORT,…", "", parse::text, "Kafka brokers, host:port separated by commas";
    kafka_topic: String = "kafka.topic", "topic" "NAME", DEFAULT_TOPIC, parse::topic, "Topic";
    kafka_group: String = "kafka.group", "group" "NAME", "ticklake", parse::text, "Consumer group; processes of one group share the partitions";
    kafka_partitions: Option<BTreeSet<i32>> = "kafka.partitions", "partitions" "LIST", "", parse::partitions, "Read these partitions, such as 0-3,7, without joining the group";
    kafka_assignment: Assignment = "kafka.assignment", "assignment" "NAME", "cooperative-sticky", parse::assignment, "How the group hands partitions over: cooperative-sticky (only those that move stop) or eager (all)";
    kafka_group_instance_id: Option<String> = "kafka.group_instance_id", "group-instance-id" "NAME", "", parse::optional, "A name of this process that outlives it, so that a restart within the session moves no partitions";
    kafka_on_gap: OnGap = "kafka.on_gap", "on-gap" "NAME", "stop", parse::on_gap, "When Kafka has deleted offsets before they were read: stop, or accept, go on and declare them given up";
    kafka_source: Option<String> = "kafka.source", "source" "NAME", "", parse::optional, "Name the offsets are recorded under, where two clusters share a topic name; the topic when not given";
    lake_location: String = "lake.location", "lake" "URL|DIR", "", parse::text, "The lake: s3://bucket/prefix or a directory";
    lake_json_mirror: bool = "lake.json_mirror", "no-json-mirror" "", "true", parse::boolean, "Do not write the JSON mirror";
    lake_unavailable_max: Duration = "lake.unavailable_max", "unavailable-max" "DURATION", "10m", parse::duration, "Hold what is gathered for so long while the lake does not answer; then end with exit code 3, nothing lost";
    glue_database: Option<String> = "glue.database", "glue-database" "NAME", "", parse::glue_database, "The Glue database in which the tables are registered";
    window_age_max: Duration = "window.age_max", "window-age" "DURATION", "10s", parse::duration, "Commit at least this often while ticks come";
    window_rows_max: usize = "window.rows_max", "window-rows" "N", "250000", parse::count::<1, 10_000_000>, "Commit at the latest after so many ticks";
    window_bytes_max: usize = "window.bytes_max", "window-bytes" "BYTES", "96MiB", parse::bytes::<1, { 1 << 30 }>, "Commit at the latest when ticks in memory reach so many bytes";
    window_open_partitions_max: usize = "window.open_partitions_max", "open-partitions-max" "N", "1000", parse::count::<1, 100_000>, "Commit at the latest when ticks fall into more than so many event hours, each of which is a file";
    memory_max: usize = "memory.max", "memory-max" "BYTES", "512MiB", parse::bytes::<MEMORY_MAX_LEAST, { usize::MAX }>, "What the process may hold in memory; windows and what is fetched ahead are sized by it";
    metrics_listen: Option<SocketAddr> = "metrics.listen", "metrics" "IP:PORT", "", parse::address, "Serve /metrics, /healthz and /readyz here, such as 127.0.0.1:9464";
    log_format: LogFormat = "log.format", "log-format" "NAME", "text", parse::log_format, "Log lines for people (text), or one JSON object a line (json)";
    rejects_ratio_max: f64 = "rejects.ratio_max", "reject-ratio-max" "SHARE", "0.5", parse::share, "Stop before committing a window of which a larger share than this are not ticks; 1 never stops";
    rejects_count_min: usize = "rejects.count_min", "reject-count-min" "N", "1000", parse::count::<1, 10_000_000>, "Never stop for fewer messages of a window that are not ticks; lower it for a feed of less than that in --window-age";
}

impl Settings {
    /// The name offsets are recorded under.
    pub(crate) fn source(&self) -> &str {
        self.kafka_source.as_deref().unwrap_or(&self.kafka_topic)
    }
}

#[cfg(test)]
mod tests {
    use ticklake_ingest::breaker::RejectLimits;

    use super::*;

    #[test]
    fn no_default_is_ever_refused() {
        let mut faults = Vec::new();
        let settings = Settings::read(&Effective::default(), &mut faults);
        assert!(settings.is_some() && faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn the_defaults_never_differ_from_the_writers() {
        let settings = Settings::read(&Effective::default(), &mut Vec::new()).unwrap();
        let limits = ticklake_lake::window::WindowLimits::default();
        assert_eq!(settings.window_rows_max, limits.rows_max);
        assert_eq!(settings.window_bytes_max, limits.bytes_max);
        assert_eq!(settings.window_age_max, limits.age_max);
        assert_eq!(settings.window_open_partitions_max, limits.open_partitions_max);
        assert_eq!(settings.memory_max, ticklake_ingest::memory::MEMORY_MAX_DEFAULT);
        let rejects = RejectLimits { ratio_max: settings.rejects_ratio_max, count_min: settings.rejects_count_min };
        assert_eq!(rejects, RejectLimits::default());
    }

    #[test]
    fn no_two_settings_share_a_key_or_a_flag() {
        let unique = |names: Vec<&str>| names.iter().collect::<std::collections::BTreeSet<_>>().len() == names.len();
        assert!(unique(SETTINGS.iter().map(|s| s.key).collect()) && unique(SETTINGS.iter().map(|s| s.flag).collect()));
    }
}
