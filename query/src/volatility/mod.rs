//! The volatility library: ready-made statements over the lake's tables, one file each in `query/volatility`.
//!
//! Owns: which there are, finding one by its name, its text with parameters put in.
//! Does not own: what a head says (`head`), what values are (`value`), running a text (`run`).
//! Invariant: every text is portable: with its parameters put in it runs unchanged here, on Athena and on Trino 449, with the
//! same rows. What two files share is the same to the byte.

mod head;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;
mod text;
mod value;

use std::collections::BTreeMap;

pub use head::{Head, Parameter};

use crate::QueryError;
use crate::athena::nearest;

/// A statement of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    /// Its name: its file's, and the one on the command line.
    pub name: &'static str,
    /// Its file: a head of comments, then the statement, without a semicolon.
    pub file: &'static str,
}

/// The files of these names.
macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(Statement { name: $name, file: include_str!(concat!("../../volatility/", $name, ".sql")) }),*]
    };
}

/// All of them, alike ones together.
pub const ALL: &[Statement] = files![
    "close_to_close",
    "close_to_close_zero_mean",
    "parkinson",
    "garman_klass",
    "rogers_satchell",
    "gk_yz",
    "yang_zhang",
    "ewma",
    "atr",
    "bollinger",
    "vwap_bands",
    "realised_variance_calendar",
    "realised_variance_ticks",
    "bipower",
    "minrv",
    "medrv",
    "semivariance",
    "tsrv",
    "realised_kernel",
    "har",
    "ohlcv_bars",
    "volatility_over_time",
    "top_movers",
    "hourly_realized_volatility",
    "daily_average",
    "audit",
];

/// The statement of that name.
///
/// # Errors
/// `Sql`, with the nearest name, when there is none.
pub fn by_name(name: &str) -> Result<Statement, QueryError> {
    ALL.iter().find(|statement| statement.name == name).copied().ok_or_else(|| {
        let near = nearest(name, ALL.iter().map(|statement| statement.name));
        let way =
            near.map_or_else(|| "`ticklake vol list` names those there are".to_owned(), |near| format!("did you mean {near}?"));
        QueryError::Sql(format!("the volatility library has no statement {name:?}; {way}"))
    })
}

impl Statement {
    /// What its head says.
    ///
    /// # Errors
    /// `Internal` for a head that is not written as one; a test reads them all.
    pub fn head(&self) -> Result<Head, QueryError> {
        head::read(self.file).map_err(|why| QueryError::Internal(format!("{}.sql: {why}", self.name)))
    }

    /// The text to run or to paste, with these values put in for its parameters and their defaults for the others. Its head
    /// says the values.
    ///
    /// # Errors
    /// `Sql`, in one sentence, for a parameter that it does not have, one given twice, or a value that is none of its type.
    pub fn with<N: AsRef<str>, V: AsRef<str>>(&self, given: &[(N, V)]) -> Result<String, QueryError> {
        let head = self.head()?;
        let mut values: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, value) in given {
            let (name, value) = (name.as_ref(), value.as_ref());
            if !head.parameters.iter().any(|parameter| parameter.name == name) {
                return Err(QueryError::Sql(self.unknown(&head, name)));
            }
            if values.insert(name, value).is_some() {
                return Err(QueryError::Sql(format!("parameter {name} of {} is given twice; give it once", self.name)));
            }
        }
        let mut literals: BTreeMap<&str, String> = BTreeMap::new();
        for parameter in &head.parameters {
            let value = chosen(&head, &values, parameter);
            let literal = parameter.kind.literal(value).map_err(|wanted| {
                QueryError::Sql(format!("{value:?} is no value of {} of {}; give {wanted}", parameter.name, self.name))
            })?;
            literals.insert(&parameter.name, literal);
        }
        let line = |parameter: &Parameter| head::line(parameter, chosen(&head, &values, parameter));
        let lines: Vec<String> = head.parameters.iter().map(line).collect();
        text::put_in(self.file, &lines, &literals).map_err(|why| QueryError::Internal(format!("{}.sql: {why}", self.name)))
    }

    fn unknown(&self, head: &Head, name: &str) -> String {
        let names = || head.parameters.iter().map(|parameter| parameter.name.as_str());
        let near = nearest(name, names()).map_or_else(String::new, |near| format!("did you mean {near}? "));
        let all = names().collect::<Vec<_>>().join(", ");
        let has = if all.is_empty() { "it has none".to_owned() } else { format!("it has {all}") };
        format!("{} has no parameter {name:?}; {near}{has}", self.name)
    }
}

/// The value given, or the default: its own, or what holds for the parameter that it points to.
fn chosen<'v>(head: &'v Head, given: &BTreeMap<&str, &'v str>, parameter: &'v Parameter) -> &'v str {
    if let Some(value) = given.get(parameter.name.as_str()) {
        return value;
    }
    let other = parameter.default.strip_prefix(':').and_then(|name| head.parameters.iter().find(|other| other.name == name));
    other.map_or(&parameter.default, |other| given.get(other.name.as_str()).copied().unwrap_or(&other.default))
}
