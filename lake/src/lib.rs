//! The lakehouse writer, and the reading side of the Delta log that the query engine stands on.
//!
//! Owns: where a lake is, what its keys are called, windows, encoding, the commit law, mirror and catalog.
//! Does not own: Kafka (`ingest`), SQL (`query`).
//! Invariant: the Delta log is the only truth; everything else can be derived from it again.
//!
//! The doors other crates use return a `BoxFuture`: an `async fn` is compiled by the crate that awaits it, so without the
//! box every crate above would compile the Delta log and the object stores once more, at its own optimisation level.

mod actions;
pub mod audit;
pub mod aws;
pub mod catalog;
pub mod clock;
pub mod commit;
mod counted_store;
pub mod dead_letters;
pub mod encode;
mod error;
mod evolve;
#[cfg(test)]
mod evolve_tests;
#[cfg(test)]
mod faulty_store;
mod histogram;
pub mod json_mirror;
pub mod layout;
mod log;
mod log_offsets;
mod offset_set;
mod offsets;
mod patience;
pub mod probe;
pub mod publish;
mod registration;
mod rejected_before;
pub mod reset;
pub mod snapshot;
pub mod stats;
#[cfg(test)]
mod step_crash_tests;
pub mod store;
pub mod tally;
pub mod vacuum;
mod versions;
pub mod window;

pub use dead_letters::Reject;
pub use error::LakeError;
pub use histogram::Histogram;
pub use offsets::{Cause, Gap, Offsets, SourceId, Span};
pub use snapshot::{AsOf, DataFile, Snapshot};
pub use store::Lake;
pub use versions::Version;
