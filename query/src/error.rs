//! Why a statement gave no answer, named by what the caller should do about it.
//!
//! Owns: the kinds, and sorting DataFusion's errors into them.
//! Does not own: the lake's own errors (`LakeError`), exit codes (`cli`).
//! Invariant: a message is one line, without the engine's internal prefixes.

use std::error::Error;

use datafusion::error::DataFusionError;
use ticklake_lake::{Lake, LakeError};
use ticklake_schemas::{DEAD_LETTERS, STOCK_DATA, STOCK_DATA_JSON};

use crate::athena;

const LINE_CHARS_MAX: usize = 1000;

/// An error of the query engine.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The statement is wrong, refused, or fails on this data. Change it.
    #[error("{0}")]
    Sql(String),
    /// Athena refuses the statement. Change it, or ask in the engine's own dialect.
    #[error("{told}")]
    Refused {
        /// Athena's name of the fault, the place, the message and the way out.
        told: String,
        /// The line it is in with carets under it: two lines, where there is a place.
        excerpt: Option<String>,
    },
    /// The lake cannot be read. See [`LakeError`].
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Kafka does not answer, or has not what is named. See that it does, or ask the lake alone.
    #[error("{0}")]
    Unavailable(String),
    /// The statement needs more memory or disk than it may have. Raise the limit or ask for less.
    #[error("{0}")]
    Resources(String),
    /// The answer cannot be written where it should go. A broken pipe is not a fault.
    #[error("the answer cannot be written: {0}")]
    Output(#[from] std::io::Error),
    /// A file for an answer cannot be written; whatever was there is as it was. Choose another, or make room.
    #[error("{0}")]
    File(String),
    /// A bug. Report it.
    #[error("internal error, please report it: {0}")]
    Internal(String),
}

impl QueryError {
    /// What Athena says of a statement.
    pub(crate) fn refused(error: &athena::AthenaError, sql: &str) -> Self {
        Self::Refused { told: one_line(&error.told(sql)), excerpt: error.excerpt(sql) }
    }

    /// The line of the statement that is at fault, with carets, where there is one.
    pub fn excerpt(&self) -> Option<&str> {
        match self {
            Self::Refused { excerpt, .. } => excerpt.as_deref(),
            _ => None,
        }
    }

    /// Sorts an engine's error by what the caller should do; `lake` names the place when storage failed.
    pub(crate) fn from_engine(lake: &Lake, error: &DataFusionError) -> Self {
        if let Some(storage) = storage_cause(error) {
            return Self::Lake(storage_error(lake, storage));
        }
        if let Some(fault) = athena::fault_of(error) {
            return Self::Sql(one_line(&fault.to_string()));
        }
        let root = error.find_root();
        let line = one_line(&match root {
            DataFusionError::SQL(parser, _) => parser.to_string().replace("sql parser error: ", ""),
            DataFusionError::ArrowError(arrow, _) => arrow.to_string(),
            // `message` of this one adds an invitation to DataFusion's issue tracker.
            DataFusionError::Internal(text) => text.clone(),
            other => other.message().into_owned(),
        });
        match root {
            DataFusionError::ResourcesExhausted(_) => Self::Resources(out_of_memory(&line).unwrap_or(line)),
            DataFusionError::ParquetError(_) => Self::Lake(
                unread(lake, &line).unwrap_or_else(|| LakeError::corrupt(format!("a Parquet file of {}", lake.display()), line)),
            ),
            DataFusionError::Internal(_) | DataFusionError::ExecutionJoin(_) => Self::Internal(line),
            DataFusionError::NotImplemented(_) => Self::Sql(format!("not supported: {line}")),
            _ => Self::Sql(unknown_table(&line).unwrap_or(line)),
        }
    }
}

/// What asked for too much, without the pool's other consumers.
fn out_of_memory(line: &str) -> Option<String> {
    let (_, asked) = line.split_once("Failed to allocate additional ")?;
    let (asked, _) = asked.split_once(" for this reservation")?;
    Some(format!("the statement needs more memory than its limit: {asked} do not fit; raise --memory-limit or read less at once"))
}

/// The engine names a table by catalog and schema, which nobody wrote.
fn unknown_table(line: &str) -> Option<String> {
    let name = line.strip_prefix("table 'ticklake.lake.")?.strip_suffix("' not found")?;
    Some(format!("there is no table {name}; there are {STOCK_DATA}, {STOCK_DATA_JSON} and {DEAD_LETTERS}"))
}

/// The object store's error inside an engine's error.
fn storage_cause(error: &DataFusionError) -> Option<&object_store::Error> {
    let mut current: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(e) = current {
        if let Some(found) = e.downcast_ref::<object_store::Error>() {
            return Some(found);
        }
        current = match e.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::ObjectStore(found)) => return Some(found),
            _ => e.source(),
        };
    }
    None
}

fn storage_error(lake: &Lake, error: &object_store::Error) -> LakeError {
    match error {
        object_store::Error::NotFound { path, .. } => gone(lake, path),
        other => lake.unavailable(other),
    }
}

/// The store's error of a file whose footer could not be read, of which the engine keeps nothing but words.
fn unread(lake: &Lake, line: &str) -> Option<LakeError> {
    let (path, why) = line.split_once("Failed to fetch metadata for file ")?.1.split_once(": ")?;
    let why = why.strip_prefix("Object Store error: ")?;
    let is_gone = why.starts_with("Object at location ") && why.contains(" not found: ");
    Some(if is_gone { gone(lake, path) } else { lake.unavailable(&std::io::Error::other(why.to_owned())) })
}

fn gone(lake: &Lake, path: &str) -> LakeError {
    LakeError::Gone {
        what: format!("{}/{path}", lake.display()),
        why:
            "the log names it and the store has it no more; put it back from a backup, or read a newer version if it was vacuumed"
                .into(),
    }
}

/// Any text as one line of bounded length.
pub(crate) fn one_line(text: &str) -> String {
    // A control character would act on the terminal that shows it.
    let shown: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(LINE_CHARS_MAX) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_error_is_never_more_than_one_line() {
        let lake = Lake::open_or_create("memory://").await.unwrap();
        let nested = DataFusionError::Context(
            "while\nplanning".into(),
            Box::new(DataFusionError::Plan("first line\n  second line".into())),
        );
        let error = QueryError::from_engine(&lake, &nested);
        assert!(matches!(&error, QueryError::Sql(text) if text == "first line second line"), "{error:?}");
        let missing = object_store::Error::NotFound { path: "stock_data/a.parquet".into(), source: "404".into() };
        let error = QueryError::from_engine(&lake, &DataFusionError::ObjectStore(Box::new(missing)));
        assert!(matches!(&error, QueryError::Lake(LakeError::Gone { what, .. }) if what.contains("a.parquet")), "{error:?}");
        for (words, part) in [
            ("Object Store error: Object at location /l/a.parquet not found: No such file", "stock_data/a.parquet is gone"),
            ("Object Store error: Generic S3 error: connection refused", "check the directory"),
            ("Invalid Parquet file. Corrupt footer", "is corrupt"),
        ] {
            let text = format!("Failed to fetch metadata for file stock_data/a.parquet: {words}");
            let parquet = datafusion::parquet::errors::ParquetError::General(text);
            let said = QueryError::from_engine(&lake, &DataFusionError::ParquetError(Box::new(parquet))).to_string();
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(one_line(&"x".repeat(5000)).chars().count(), LINE_CHARS_MAX + 1);
    }
}
