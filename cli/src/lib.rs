//! The command line: parse, wire, run.
//!
//! Owns: flags, wiring, what is printed, exit codes.
//! Does not own: anything a library user would want; that is in `lake`, `ingest` and `query`.
//! Invariant: results on stdout, everything else on stderr; exit codes 0 ok, 1 failed, 2 usage,
//! 3 storage or service unavailable, 130 interrupted.

mod args;
mod catalog;
mod demo;
mod demo_report;
mod dlq;
mod dlq_replay;
mod exit;
mod heap;
mod ingest;
mod logging;
mod metrics_server;
mod produce;
mod resources;
mod screen;
mod signals;
mod sql;
mod status;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Command, LakeSqlArgs, LogFormat, TicklakeArgs};
use crate::exit::Failure;

/// Runs `ticklake`.
pub fn ticklake() -> ExitCode {
    let args = TicklakeArgs::parse();
    let log_format = args.log_format();
    logging::start(args.log_level(), log_format);
    if matches!(args.command, Command::Ingest(_) | Command::Demo(_)) {
        heap::share_between_threads();
    }
    let done = on_runtime(async {
        match args.command {
            Command::Demo(args) => demo::run(args).await,
            Command::Produce(args) => produce::run(args).await,
            Command::Ingest(args) => ingest::run(args).await,
            Command::Sql(args) => sql::run(args).await,
            Command::Status(args) => status::run(args).await,
            Command::Catalog(args) => catalog::run(args).await,
            Command::Dlq(args) => dlq::run(args).await,
        }
    });
    exit::code(done, log_format)
}

/// Runs `lake-sql`.
pub fn lake_sql() -> ExitCode {
    let args = LakeSqlArgs::parse();
    logging::start("warn", LogFormat::Text);
    exit::code(on_runtime(sql::run(args)), LogFormat::Text)
}

fn on_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::failed(format!("the async runtime cannot start: {e}")))?;
    let done = runtime.block_on(work);
    // A blocking call that will not end (a broker that never answers) must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    done
}
