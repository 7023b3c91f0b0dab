//! The Athena front: statements of Athena's SQL (Trino 449's), with its names, types and errors.
//!
//! Owns: reading a statement, what it means, and the values it gives.
//! Does not own: running its plan, which is DataFusion's.
//! Invariant: what Trino refuses is refused, by the same name and at the same place; what it takes is taken, with the same names and types.

mod analyze;
mod ast;
mod error;
mod eval;
mod excerpt;
mod functions;
#[cfg(test)]
mod golden_tests;
mod lexer;
mod lint;
mod lower;
mod parse;
mod prepared;
mod run;
mod stack;
mod statements;
mod tables;
mod types;
mod values;

pub(crate) use analyze::scope::nearest;
pub(crate) use error::AthenaError;
pub(crate) use lexer::{goes_on, is_open, statements};
pub use lint::{Finding, Severity, lint};
pub(crate) use lower::Planner;
pub(crate) use prepared::PreparedStatements;
pub(crate) use run::{Over, Refusal, Runnable, fault_of, lines, now, prepare, shown};
pub(crate) use stack::Planning;
pub(crate) use tables::{FILE_SIZE, FILES, PARTITIONS, PATH, of_files, of_lake, of_partitions};
pub(crate) use values::layout::arrow_type;
