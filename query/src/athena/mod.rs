//! The Athena front: statements of Athena's SQL (Trino 449's), with its names, types and errors.
//!
//! Owns: reading a statement, and what it means.
//! Does not own: running it, which is still the engine's own dialect's.
//! Invariant: what Trino refuses is refused, by the same name and at the same place; what it takes is taken, with the same names and types.

mod analyze;
mod ast;
mod error;
pub(crate) mod eval;
mod functions;
#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod golden_values;
mod lexer;
mod lint;
mod lower;
mod parse;
mod run;
mod tables;
mod types;
mod values;

pub use lint::{Finding, Severity, lint};

#[cfg(test)]
pub(crate) use eval::tests::row_of as eval_goldens;
