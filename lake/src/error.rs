//! Why the lake could not do what it was asked, named by what the caller should do about it.
//!
//! Owns: the kinds and their sentences.
//! Does not own: retries (each caller knows its own bounds) and exit codes (`cli`).
//! Invariant: a message reads as one sentence and names the thing, the place and the way out.

/// An error of the lake.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Another writer was faster more often than we are willing to retry. Try again.
    #[error("{table}: gave up after {attempts} commit attempts against other writers; run it again")]
    Conflict {
        /// The table.
        table: String,
        /// Attempts made.
        attempts: u32,
    },
    /// The log already holds what we were about to write. Drop it and seek to `committed`.
    #[error("{topic}/{partition}: offsets [{from}, {to}) are committed up to {committed} already")]
    Overlap {
        /// Topic or source name.
        topic: String,
        /// Kafka partition.
        partition: i32,
        /// Start of our span.
        from: i64,
        /// End of our span.
        to: i64,
        /// The log's next offset.
        committed: i64,
    },
    /// Offsets between the log and our span would be lost. Stop; a person must look.
    #[error(
        "{topic}/{partition}: the lake ends at offset {committed} but the next message to be had is {from}; \
         {lost} offsets are gone (deleted by retention, or the topic was re-created); to go on without them use --on-gap accept, \
         or give this source a new name with --source"
    )]
    Gap {
        /// Topic or source name.
        topic: String,
        /// Kafka partition.
        partition: i32,
        /// The log's next offset.
        committed: i64,
        /// Start of our span.
        from: i64,
        /// `from - committed`.
        lost: i64,
    },
    /// Storage or a service did not answer, or refused. Nothing is half-written; try later or mend access.
    #[error("{what}: {why}")]
    Unavailable {
        /// What was tried, with its place.
        what: String,
        /// Why it failed and what to do.
        why: String,
    },
    /// What is stored contradicts the protocol or itself. A person must look.
    #[error("{what} is corrupt: {why}")]
    Corrupt {
        /// The object.
        what: String,
        /// The contradiction.
        why: String,
    },
    /// What the log names is not there any more. Put it back, or begin anew elsewhere.
    #[error("{what} is gone: {why}")]
    Gone {
        /// The object.
        what: String,
        /// What shows that it was there, and what to do.
        why: String,
    },
    /// The request itself is wrong. Change it.
    #[error("{0}")]
    Invalid(String),
}

impl LakeError {
    /// An `Unavailable` from any error, with the last cause of its chain, on one line.
    pub fn unavailable(what: impl Into<String>, error: &dyn std::error::Error) -> Self {
        Self::Unavailable { what: what.into(), why: one_line(error) }
    }

    /// A `Corrupt` from any error.
    pub fn corrupt(what: impl Into<String>, error: impl std::fmt::Display) -> Self {
        Self::Corrupt { what: what.into(), why: error.to_string().replace('\n', " ") }
    }
}

/// The innermost causes of an error as one line: outer wrappers repeat them, people need them once.
pub(crate) fn one_line(error: &dyn std::error::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut current = Some(error);
    while let Some(e) = current {
        let text = e.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        current = e.source();
    }
    let mut line = parts.join(": ");
    const LINE_CHARS_MAX: usize = 600;
    if let Some((cut, _)) = line.char_indices().nth(LINE_CHARS_MAX) {
        line.truncate(cut);
        line.push('…');
    }
    line
}
