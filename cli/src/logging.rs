//! Logs: structured lines on stderr, for people or as JSON objects, filtered by `RUST_LOG` or the command's default level.
//!
//! Owns: the subscriber.
//! Does not own: what is logged.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;

/// Starts logging. `level` is used for our own crates when `RUST_LOG` is not set; everything else logs from `error`, save
/// delta-rs, which calls an error what our commit loop tries again, and librdkafka, whose errors we tell ourselves.
pub(crate) fn start(level: &str, format: LogFormat) {
    let ours = ["ticklake", "ticklake_cli", "ticklake_lake", "ticklake_ingest", "ticklake_query"];
    let default = ours.iter().fold("error,deltalake_core=off,rdkafka=off,librdkafka=off".to_owned(), |filter, name| {
        format!("{filter},{name}={level}")
    });
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let stderr = std::io::stderr;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let started = match format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    // A second start in one process keeps the first, which is what is wanted.
    drop(started);
}
