//! The command line: parse, wire, run.
//!
//! Owns: flags, wiring, what is printed, exit codes.
//! Does not own: anything a library user would want; that is in `lake`, `ingest` and `query`.
//! Invariant: results on stdout, everything else on stderr; exit codes as `exit` says.

mod args;
mod audit;
mod catalog;
mod config;
mod demo;
mod demo_report;
mod dlq;
mod dlq_replay;
mod doctor;
mod exit;
mod heap;
mod ingest;
mod lint;
mod live;
mod logging;
mod metrics_server;
mod offsets;
mod produce;
mod resources;
mod screen;
mod settings;
mod signals;
mod sql;
mod status;
mod vacuum;
mod vol;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Command, IngestArgs, LakeSqlArgs, LogFormat, TicklakeArgs};
use crate::exit::Failure;

/// Runs `ticklake`.
pub fn ticklake() -> ExitCode {
    match TicklakeArgs::parse().command {
        Command::Ingest(args) => ingest(args),
        Command::Demo(args) => {
            heap::share_between_threads();
            told(demo::run(args))
        }
        Command::Produce(args) => told(produce::run(args)),
        Command::Sql(args) => told(sql::run(args)),
        Command::Lint(args) => told(async move { lint::run(&args) }),
        Command::Vol(args) => told(vol::run(args)),
        Command::Status(args) => told(status::run(args)),
        Command::Audit(args) => told(audit::run(args)),
        Command::Doctor(args) => told(doctor::run(args)),
        Command::Offsets(args) => told(offsets::run(args)),
        Command::Vacuum(args) => told(vacuum::run(args)),
        Command::Config(args) => told(async move { config::run(&args) }),
        Command::Catalog(args) => told(catalog::run(args)),
        Command::Dlq(args) => told(dlq::run(args)),
    }
}

/// Runs `lake-sql`.
pub fn lake_sql() -> ExitCode {
    told(sql::run(LakeSqlArgs::parse()))
}

/// A command that logs for people.
fn told(work: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    logging::start("warn", LogFormat::Text);
    exit::code(on_runtime(work), LogFormat::Text)
}

/// The one whose settings say how it logs, faults among them included.
fn ingest(args: IngestArgs) -> ExitCode {
    heap::share_between_threads();
    let loaded = args.settings.load_all();
    let log_format = loaded.log_format();
    // It tells its commits unless a progress line does.
    logging::start(if screen::is_watched() { "warn" } else { "info" }, log_format);
    exit::code(loaded.settings.and_then(|settings| on_runtime(ingest::run(args, settings))), log_format)
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
