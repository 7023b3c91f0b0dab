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
pub(crate) use functions::{catalog, signature::Signature};
pub(crate) use lexer::{Kind as TokenKind, Token, each_token, goes_on, is_number, statements};
pub(crate) use lint::FULL_SCAN;
pub use lint::{Finding, Severity, lint};
pub(crate) use lower::Planner;
pub(crate) use parse::words::Word;
pub(crate) use prepared::PreparedStatements;
pub(crate) use run::{Over, Refusal, Runnable, fault_of, lines, now, prepare, shown};
pub(crate) use stack::Planning;
pub(crate) use tables::{FILE_SIZE, FILES, PARTITIONS, PATH, contract, of_files, of_lake, of_partitions, partition_columns};
pub(crate) use types::Type;
pub(crate) use values::layout::arrow_type;
