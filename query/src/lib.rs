//! SQL over the lake: engine, tables, volatility statements, output, prompt.
//!
//! Owns: the DataFusion session, our table providers over Delta snapshots, and how answers are written.
//! Does not own: writing the lake (`lake`), Kafka (`ingest`), arguments and exit codes (`cli`).
//! Invariant: nothing here writes to a lake.

mod athena;
mod coordinates;
mod date;
pub mod dead_letters;
mod engine;
mod error;
mod files;
mod interruptible;
mod json_mirror;
pub mod output;
mod prompt;
mod provider;
mod pruning;
mod read_only;
mod run;
mod split;
mod statistics;
pub mod volatility;

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
pub use engine::{Dialect, Engine, EngineOptions, QueryResult};
pub use error::QueryError;
pub use output::{Format, Grid, write_result};
pub use prompt::prompt;
pub use run::{Ran, run_statements};
pub use split::{before_quit, split_statements};
