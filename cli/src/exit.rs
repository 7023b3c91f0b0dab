//! How a run ends: a sentence on stderr and an exit code.
//!
//! Owns: mapping errors to exit codes: 0 ok, 1 failed, 2 usage, 3 a service or what is asked of it is not there, 128 and the
//! signal's number when one ended it.
//! Does not own: the sentences, which come with the errors.

use std::process::ExitCode;

use serde_json::json;
use ticklake_ingest::IngestError;
use ticklake_lake::LakeError;
use tokio::signal::unix::SignalKind;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use crate::args::LogFormat;

/// A run that did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    /// Lines for a person that follow the sentence.
    excerpt: Option<String>,
}

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const UNAVAILABLE: u8 = 3;
const SIGNALLED: u8 = 128;

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), excerpt: None }
    }

    /// The same, with what a person may want to look at.
    pub(crate) fn with_excerpt(self, excerpt: Option<&str>) -> Self {
        Self { excerpt: excerpt.map(str::to_owned), ..self }
    }

    /// The work failed: exit code 1.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(FAILED, message)
    }

    /// The request was wrong: exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, message)
    }

    /// Storage or a service did not answer, or has not what is named: exit code 3.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(UNAVAILABLE, message)
    }

    /// Ended by a signal: exit code 128 and its number.
    pub(crate) fn signalled(signal: SignalKind) -> Self {
        let message = if signal == SignalKind::interrupt() { "interrupted" } else { "terminated" };
        Self::new(signalled(signal), message)
    }

    /// The same, of a question that nobody could answer: exit code 3 where an answer may be 1.
    pub(crate) fn unanswered(self) -> Self {
        Self { code: if self.code == FAILED { UNAVAILABLE } else { self.code }, ..self }
    }

    /// The same, said of something.
    pub(crate) fn context(self, of: &str) -> Self {
        Self { message: format!("{of}: {}", self.message), ..self }
    }

    /// Its sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<LakeError> for Failure {
    fn from(error: LakeError) -> Self {
        let code = if matches!(error, LakeError::Unavailable { .. }) { UNAVAILABLE } else { FAILED };
        Self::new(code, error.to_string())
    }
}

impl From<IngestError> for Failure {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Lake(error) => error.into(),
            IngestError::Unavailable(message) | IngestError::Missing(message) => Self::unavailable(message),
            IngestError::Invalid(message) => Self::failed(message),
        }
    }
}

impl From<tokio::task::JoinError> for Failure {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // The reader of a pipe has had enough (`| head`): that is a success of theirs.
        let code = if error.kind() == std::io::ErrorKind::BrokenPipe { 0 } else { FAILED };
        Self::new(code, format!("writing the result: {error}"))
    }
}

/// What shells say of a process that a signal ended.
pub(crate) fn signalled(signal: SignalKind) -> u8 {
    SIGNALLED.saturating_add(u8::try_from(signal.as_raw_value()).unwrap_or_default())
}

/// Now, as the log's own lines have it.
fn timestamp() -> String {
    let mut text = String::new();
    // Writing to a String never fails.
    SystemTime.format_time(&mut Writer::new(&mut text)).unwrap_or_default();
    text
}

/// Prints the failure, if any, and gives the exit code.
pub(crate) fn code(done: Result<(), Failure>, log_format: LogFormat) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code: 0, .. }) => ExitCode::SUCCESS,
        Err(failure) => {
            match log_format {
                LogFormat::Text => {
                    eprintln!("error: {}", failure.message);
                    failure.excerpt.iter().for_each(|lines| eprintln!("{lines}"));
                }
                // What reads the log reads this line, too; RUST_LOG never hides it.
                LogFormat::Json => {
                    eprintln!("{}", json!({"timestamp": timestamp(), "level": "ERROR", "message": failure.message}))
                }
            }
            ExitCode::from(failure.code)
        }
    }
}
