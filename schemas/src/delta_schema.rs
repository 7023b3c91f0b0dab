//! Contracts as Delta schemas (`schemaString` of the protocol's metaData action).
//!
//! Owns: the Delta type names and the key under which a table records its contract version.
//! Source: Delta Lake protocol, "Schema Serialization Format".

use serde_json::{Value, json};

use crate::{ColumnType, Contract};

/// Table property holding the contract version a lake was written under.
pub const CONTRACT_VERSION_KEY: &str = "ticklake.contractVersion";

impl ColumnType {
    /// The Delta primitive type name.
    pub fn delta(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::TimestampNtz => "timestamp_ntz",
            Self::Bigint => "long",
            Self::Int => "integer",
            Self::Double => "double",
        }
    }
}

impl Contract {
    /// The schema as Delta's JSON struct.
    ///
    /// Every field is nullable there: Delta readers treat NOT NULL as an invariant that needs a
    /// writer feature, and columns added later read as NULL in old files.
    pub fn delta_schema(&self) -> Value {
        let fields: Vec<Value> = self
            .columns
            .iter()
            .map(|c| json!({"name": c.name, "type": c.kind.delta(), "nullable": true, "metadata": {"comment": c.doc}}))
            .collect();
        json!({"type": "struct", "fields": fields})
    }
}
