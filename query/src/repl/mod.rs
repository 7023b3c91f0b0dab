//! `lake-sql` as people and scripts meet it: a session of statements and meta-commands, and the prompt before it.
//!
//! Owns: reading input, meta-commands, what stays between statements.
//! Does not own: running SQL (`engine`), how answers look (`output`), flags and exit codes (`cli`).
//! Invariant: an error or an interrupted statement never ends a session at the prompt.

mod catalog;
mod chart;
mod commands;
mod editor;
mod input;
mod measure;
mod pager;
mod plan;
mod prompt;
mod script;
mod session;
mod settings;
mod variables;

pub use input::split_statements;
pub use prompt::prompt;
pub use script::read_script;
pub use session::{Flow, Session, SessionOptions};
