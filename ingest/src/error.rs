//! Why ingestion stopped, named by what the caller should do about it.
//!
//! Owns: the kinds and their sentences.
//! Does not own: exit codes (`cli`).

use ticklake_lake::LakeError;

/// An error of the ingester.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The lake's own error.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Kafka does not answer or refuses. Nothing is half-written; mend it and run again.
    #[error("{0}")]
    Unavailable(String),
    /// What is named is not there, such as a topic. Make it, or name another.
    #[error("{0}")]
    Missing(String),
    /// The request itself is wrong, or a person must decide. Change it.
    #[error("{0}")]
    Invalid(String),
}
