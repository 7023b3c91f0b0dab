//! Contracts as Delta schemas (`schemaString` of the protocol's metaData action).
//!
//! Owns: the Delta type names and the keys under which a table records contract versions.
//! Source: Delta Lake protocol, "Schema Serialization Format".

use serde_json::{Value, json};

use crate::{Column, ColumnType, Contract};

/// Table property: the oldest contract version whose binaries may read the table and append to it.
pub const CONTRACT_VERSION_KEY: &str = "ticklake.contractVersion";
/// Metadata of a field: the contract version that added it. Absent for a column that was always there.
pub const SINCE_KEY: &str = "ticklake.since";

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

impl Column {
    /// The column as a field of Delta's JSON struct.
    ///
    /// Every field is nullable there: Delta readers treat NOT NULL as an invariant that needs a
    /// writer feature, and columns added later read as NULL in old files.
    pub fn delta_field(&self) -> Value {
        let mut metadata = json!({"comment": self.doc});
        if self.since > 1 {
            metadata[SINCE_KEY] = json!(self.since);
        }
        json!({"name": self.name, "type": self.kind.delta(), "nullable": true, "metadata": metadata})
    }
}

impl Contract {
    /// The schema as Delta's JSON struct.
    pub fn delta_schema(&self) -> Value {
        let fields: Vec<Value> = self.columns.iter().map(Column::delta_field).collect();
        json!({"type": "struct", "fields": fields})
    }
}
