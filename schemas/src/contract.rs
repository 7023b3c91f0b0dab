//! A table's contract as data, read from the TOML files compiled into the binary.
//!
//! Owns: parsing and the rules a contract must keep.
//! Does not own: what other systems call the types (`arrow_schema`, `delta_schema`, `glue_schema`).
//! Invariant: a `Contract` value has unique lower-case names and its partition columns exist and are strings.

use std::sync::LazyLock;

use serde::Deserialize;

/// The type of a column, in the words of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// UTF-8 text.
    String,
    /// Instant without time zone (always UTC here), microseconds.
    TimestampNtz,
    /// 64-bit signed integer.
    Bigint,
    /// 32-bit signed integer.
    Int,
    /// IEEE 754 double.
    Double,
}

/// Where a column's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnSource {
    /// A field of the JSON message.
    Message,
    /// The Kafka record's own coordinates.
    Kafka,
    /// Computed from other columns.
    Derived,
}

/// One column of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Lower-case name.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Whether every row has a value.
    #[serde(default)]
    pub required: bool,
    /// Where the value comes from.
    pub from: ColumnSource,
    /// Further spellings a message may use.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Whether the Delta log carries minimum and maximum.
    #[serde(default)]
    pub statistics: bool,
    /// The contract version that added it; older files hold none of it.
    #[serde(default = "first_version")]
    pub since: u32,
    /// One line for people.
    pub doc: String,
}

/// A table's contract.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Table name.
    pub name: String,
    /// Raised with every change.
    pub version: u32,
    /// The oldest version whose binaries may read the table and append to it: since then columns were only added.
    pub compatible_from: u32,
    /// Partition columns, outermost first.
    pub partition_by: Vec<String>,
    /// All columns, partition columns included.
    #[serde(rename = "column")]
    pub columns: Vec<Column>,
}

static STOCK_DATA: LazyLock<Contract> = LazyLock::new(|| compiled(include_str!("../stock_data.toml")));
static DEAD_LETTERS: LazyLock<Contract> = LazyLock::new(|| compiled(include_str!("../dead_letters.toml")));

/// The contract of `stock_data` (and of its JSON mirror).
pub fn stock_data() -> &'static Contract {
    &STOCK_DATA
}

/// The contract of `dead_letters`.
pub fn dead_letters() -> &'static Contract {
    &DEAD_LETTERS
}

fn first_version() -> u32 {
    1
}

fn compiled(text: &str) -> Contract {
    Contract::parse(text).expect("the contracts compiled into the binary are checked by this crate's tests")
}

impl Contract {
    /// Reads and checks a contract.
    ///
    /// # Errors
    /// One sentence naming the first rule broken.
    pub fn parse(text: &str) -> Result<Self, String> {
        let contract: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        contract.check()?;
        Ok(contract)
    }

    fn check(&self) -> Result<(), String> {
        let mut seen = std::collections::BTreeSet::new();
        for column in &self.columns {
            if column.name.is_empty() || column.name.chars().any(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
            {
                return Err(format!(
                    "column {:?} of {}: names are lower-case letters, digits and _ (Glue folds case)",
                    column.name, self.name
                ));
            }
            for name in std::iter::once(&column.name).chain(&column.aliases) {
                if !seen.insert(name.as_str()) {
                    return Err(format!("{:?} names two things in {}", name, self.name));
                }
            }
        }
        self.check_growth()?;
        for name in &self.partition_by {
            match self.column(name) {
                Some(c) if c.kind == ColumnType::String && c.required => {}
                _ => return Err(format!("partition column {name:?} of {} must be a required string column", self.name)),
            }
        }
        Ok(())
    }

    /// A table only grows, and at its end: readers of Hive partitions tell columns by their position.
    fn check_growth(&self) -> Result<(), String> {
        if !(1..=self.version).contains(&self.compatible_from) {
            return Err(format!(
                "{} is compatible from {}, but its version is {}",
                self.name, self.compatible_from, self.version
            ));
        }
        for column in self.columns.iter().filter(|c| c.since > 1) {
            if column.required || column.since > self.version {
                return Err(format!(
                    "column {:?} of {} is new in version {}: it must be nullable and no newer than the contract",
                    column.name, self.name, column.since
                ));
            }
        }
        if self.columns.is_sorted_by_key(|c| c.since) {
            Ok(())
        } else {
            Err(format!("columns of {} must be added at the end", self.name))
        }
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Whether `name` is a partition column.
    pub fn is_partition(&self, name: &str) -> bool {
        self.partition_by.iter().any(|p| p == name)
    }

    /// The columns stored inside data files: all but the partition columns, in contract order.
    pub fn file_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| !self.is_partition(&c.name))
    }

    /// The column a message field of that spelling fills, name or alias; `None` for unknown fields.
    pub fn message_column(&self, field: &str) -> Option<&Column> {
        self.columns.iter().find(|c| {
            c.from == ColumnSource::Message && c.name != "extra" && (c.name == field || c.aliases.iter().any(|a| a == field))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_contracts_are_valid() {
        assert_eq!(stock_data().partition_by, ["dt", "hour"]);
        assert_eq!(dead_letters().partition_by, ["dt"]);
        assert_eq!(stock_data().message_column("sym").map(|c| c.name.as_str()), Some("symbol"));
        assert_eq!(stock_data().message_column("kafka_offset"), None, "a message must not set Kafka coordinates");
        assert_eq!(stock_data().message_column("extra"), None, "a message must not set extra directly");
    }

    #[test]
    fn a_contract_that_glue_would_garble_is_refused() {
        let base = |name: &str, alias: &str| {
            format!(
                "name='t'\nversion=1\ncompatible_from=1\npartition_by=[]\n[[column]]\nname='{name}'\ntype='int'\nfrom='message'\naliases=['{alias}']\ndoc=''\n"
            )
        };
        assert!(Contract::parse(&base("Price", "p")).is_err());
        assert!(Contract::parse(&base("price", "price")).is_err());
        assert!(Contract::parse(&base("price", "p")).is_ok());
        assert!(Contract::parse(&base("price", "p").replace("[]", "['price']")).is_err(), "an int cannot be a partition");
    }

    #[test]
    fn a_column_that_old_rows_cannot_have_is_never_promised() {
        let grown = |version: u32, second: &str| {
            format!(
                "name='t'\nversion={version}\ncompatible_from=1\npartition_by=[]\n\
                 [[column]]\nname='a'\ntype='int'\nfrom='kafka'\ndoc=''\n[[column]]\nname='b'\ntype='int'\nfrom='kafka'\ndoc=''\n{second}\n"
            )
        };
        assert!(Contract::parse(&grown(2, "since=2")).is_ok());
        assert!(Contract::parse(&grown(2, "since=2\nrequired=true")).is_err());
        assert!(Contract::parse(&grown(1, "since=2")).is_err(), "the version was not raised");
        assert!(Contract::parse(&grown(2, "since=2\n[[column]]\nname='c'\ntype='int'\nfrom='kafka'\ndoc=''")).is_err());
        assert!(Contract::parse(&grown(2, "since=2").replace("compatible_from=1", "compatible_from=3")).is_err());
    }
}
