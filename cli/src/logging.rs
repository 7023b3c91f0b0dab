//! Logs: structured lines on stderr, filtered by `RUST_LOG` or the command's default level.
//!
//! Owns: the subscriber.
//! Does not own: what is logged.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. `level` is used for our own crates when `RUST_LOG` is not set; everything else logs from `error`.
pub(crate) fn start(level: &str) {
    let ours = ["ticklake", "ticklake_cli", "ticklake_lake", "ticklake_ingest", "ticklake_query"];
    let default = ours.iter().fold("error".to_owned(), |filter, name| format!("{filter},{name}={level}"));
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let stderr = std::io::stderr;
    let started =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal()).try_init();
    // A second start in one process keeps the first, which is what is wanted.
    drop(started);
}
