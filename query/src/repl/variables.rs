//! Values that statements take as `:name`.
//!
//! Owns: their names, the literal that a value is, putting literals in.
//! Does not own: parameters of the volatility library (`volatility`), which have types of their own.
//! Invariant: a value is one literal of SQL, whatever its text: nothing of it is ever read as SQL besides.

use std::collections::BTreeMap;

use crate::QueryError;
use crate::athena::{TokenKind, each_token, is_number};

/// Values by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Sets a value: a number if it reads as one, else a text.
    ///
    /// # Errors
    /// `Sql` for a name that none can be.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), QueryError> {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(QueryError::Sql(format!("{name:?} is no name of a value; give letters, digits and underscores")));
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Forgets a value; whether there was one.
    pub(crate) fn unset(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// Every name with the literal that stands for it.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(name, value)| (name.as_str(), literal(value)))
    }

    /// A statement with the literals of known names put in. A `:name` that is not known stays, and is the parser's to refuse.
    pub(crate) fn put_in(&self, sql: &str) -> String {
        if self.0.is_empty() {
            return sql.to_owned();
        }
        let (mut text, mut copied) = (String::with_capacity(sql.len()), 0);
        let mut colon = None;
        for token in each_token(sql) {
            let (start, end) = (token.span.start, token.span.end);
            if let (Some(at), Some(value)) = (colon.filter(|at| at + 1 == start), self.0.get(&sql[start..end])) {
                text.push_str(&sql[copied..at]);
                text.push_str(&literal(value));
                copied = end;
            }
            colon = (token.kind == TokenKind::Colon).then_some(start);
        }
        text.push_str(&sql[copied..]);
        text
    }
}

fn literal(value: &str) -> String {
    let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value);
    if is_number(unsigned) { value.to_owned() } else { format!("'{}'", value.replace('\'', "''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_never_read_as_sql() {
        let mut variables = Variables::default();
        for (name, value) in [("s", "AAPL' OR '1'='1"), ("n", "-1.5e3"), ("v", "1 OR 1"), ("date", "2024-05-01")] {
            variables.set(name, value).unwrap();
        }
        for (sql, put) in [
            ("a = :s", "a = 'AAPL'' OR ''1''=''1'"),
            ("a > :n AND b=:v", "a > -1.5e3 AND b='1 OR 1'"),
            ("dt = :date OR ':s' = \":s\" -- :s", "dt = '2024-05-01' OR ':s' = \":s\" -- :s"),
            ("json_object('a' : n, 'b':unknown)", "json_object('a' : n, 'b':unknown)"),
        ] {
            assert_eq!(variables.put_in(sql), put);
        }
        assert!(variables.set("1a", "").is_err() && variables.set("", "").is_err());
        assert!(variables.unset("s") && !variables.unset("s"));
    }
}
