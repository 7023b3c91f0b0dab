//! SQL over the lake: engine, tables, volatility statements, output, prompt.
//!
//! Owns: the DataFusion session, our table providers over Delta snapshots, and how answers are written.
//! Does not own: writing the lake (`lake`), Kafka (`ingest`), arguments and exit codes (`cli`).
//! Invariant: nothing here writes to a lake.

mod athena;
mod context;
mod coordinates;
mod cost;
mod date;
pub mod dead_letters;
mod engine;
mod error;
mod files;
mod interruptible;
mod json_mirror;
mod live;
mod moment;
pub mod output;
mod provider;
mod pruning;
mod read_only;
mod repl;
mod result;
mod run;
mod statistics;
pub mod told;
pub mod volatility;
mod work;

#[cfg(test)]
mod athena_bad_input_tests;
#[cfg(test)]
mod athena_tests;
#[cfg(test)]
mod dead_letters_tests;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use athena::{Finding, Severity, lint};
pub use coordinates::for_each_coordinate;
pub use engine::{Dialect, Engine, EngineOptions};
pub use error::QueryError;
pub use live::{Live, TailRows};
pub use output::{Format, Grid, Shape, write_file, write_result};
pub use repl::{Flow, Session, SessionOptions, prompt, read_script, split_statements};
pub use result::QueryResult;
pub use run::{Ran, run_statements};
pub use work::{Done, Work};
