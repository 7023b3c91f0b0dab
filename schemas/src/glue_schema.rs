//! Contracts as Glue/Hive columns.
//!
//! Owns: the Hive type names Athena accepts.
//! Does not own: table parameters, formats and SerDes (the lake's `catalog`).

use crate::{ColumnType, Contract};

/// One column as Glue stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlueColumn {
    /// Lower-case name.
    pub name: String,
    /// Hive type name.
    pub kind: &'static str,
    /// Comment, at most 255 bytes.
    pub comment: String,
}

impl ColumnType {
    /// The Hive type name.
    pub fn glue(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::TimestampNtz => "timestamp",
            Self::Bigint => "bigint",
            Self::Int => "int",
            Self::Double => "double",
        }
    }
}

impl Contract {
    /// Every column, partition columns included.
    pub fn glue_columns(&self) -> Vec<GlueColumn> {
        self.columns.iter().map(|c| GlueColumn { name: c.name.clone(), kind: c.kind.glue(), comment: c.doc.clone() }).collect()
    }

    /// The columns inside a data file.
    pub fn glue_file_columns(&self) -> Vec<GlueColumn> {
        self.glue_columns().into_iter().filter(|c| !self.is_partition(&c.name)).collect()
    }

    /// The partition columns, outermost first.
    pub fn glue_partition_keys(&self) -> Vec<GlueColumn> {
        let all = self.glue_columns();
        self.partition_by.iter().filter_map(|p| all.iter().find(|c| &c.name == p).cloned()).collect()
    }
}
