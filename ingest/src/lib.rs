//! From Kafka to the lake: sources, the decoder, the pipeline; and the producers that feed Kafka.
//!
//! Owns: everything that speaks to Kafka.
//! Does not own: files and commits (`lake`), SQL (`query`).
//! Invariant: a message leaves this crate as a row, as a reject, or not at all before it is committed; never lost in between.

pub mod breaker;
mod collector;
pub mod decode;
pub mod demo_broker;
mod error;
mod landing;
pub mod memory;
pub mod metrics;
pub mod pipeline;
pub mod produce;
pub mod progress;
mod publishing;
pub mod source;
pub mod tail;

pub use error::IngestError;
pub use progress::Progress;
