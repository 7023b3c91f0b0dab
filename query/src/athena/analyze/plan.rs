//! Relations whose every column is known.
//!
//! Owns: their form, step by step as SQL means them.
//! Does not own: how they are computed.
//! Invariant: a step names only columns of its input, of the query around it, and those it makes.

use super::scope::Field;
use super::typed::{Aggregate, ColumnId, Sort, Typed, WindowCall};
use crate::athena::ast::{JoinKind, SampleMethod, SetOp, Span};
use crate::athena::types::Type;

/// A relation and the names of its columns.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Relation {
    pub(crate) plan: Plan,
    pub(crate) fields: Vec<Field>,
}

/// A step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plan {
    /// One row without columns: a `SELECT` without `FROM`.
    Nothing,
    Values {
        columns: Vec<(ColumnId, Type)>,
        rows: Vec<Vec<Typed>>,
    },
    /// Columns of a table, by their names there; `span` is where it is named.
    Scan {
        table: String,
        columns: Vec<(ColumnId, String)>,
        span: Span,
    },
    Filter {
        input: Box<Plan>,
        condition: Typed,
    },
    /// The columns of the input and these.
    Extend {
        input: Box<Plan>,
        columns: Vec<(ColumnId, Typed)>,
    },
    Join {
        kind: JoinKind,
        left: Box<Plan>,
        right: Box<Plan>,
        on: Option<Typed>,
    },
    /// Each set lists the keys it groups by; `sets` holds one set of all keys without `GROUPING SETS`.
    Aggregate {
        input: Box<Plan>,
        keys: Vec<(ColumnId, Typed)>,
        sets: Vec<Vec<usize>>,
        calls: Vec<(ColumnId, Aggregate)>,
        grouping: Vec<(ColumnId, Vec<usize>)>,
    },
    Window {
        input: Box<Plan>,
        calls: Vec<(ColumnId, WindowCall)>,
    },
    /// These columns of the input, every different row once.
    Distinct {
        input: Box<Plan>,
        columns: Vec<ColumnId>,
    },
    Sort {
        input: Box<Plan>,
        by: Vec<Sort>,
    },
    /// `with_ties` keeps rows equal to the last by the sort below.
    Limit {
        input: Box<Plan>,
        offset: Option<Typed>,
        count: Option<Typed>,
        with_ties: bool,
    },
    /// Column by column of both sides.
    SetOperation {
        op: SetOp,
        distinct: bool,
        left: Box<Plan>,
        right: Box<Plan>,
        columns: Vec<SetColumn>,
    },
    Unnest {
        input: Box<Plan>,
        arrays: Vec<(Typed, Vec<(ColumnId, Type)>)>,
        ordinality: Option<ColumnId>,
        outer: bool,
    },
    Sample {
        input: Box<Plan>,
        method: SampleMethod,
        percentage: Typed,
    },
}

/// A column of a set operation: what each side gives for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SetColumn {
    pub(crate) id: ColumnId,
    pub(crate) ty: Type,
    pub(crate) left: Typed,
    pub(crate) right: Typed,
}

/// A subquery within an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Subquery {
    /// Its one row; `NULL` for none, an error for several.
    Scalar(Relation),
    Exists(Relation),
    In {
        of: Typed,
        relation: Relation,
    },
    Quantified {
        op: crate::athena::ast::Comparison,
        all: bool,
        left: Typed,
        relation: Relation,
    },
}

impl Subquery {
    /// The value that is compared with the rows.
    pub(crate) fn value(&self) -> Option<&Typed> {
        match self {
            Self::Scalar(_) | Self::Exists(_) => None,
            Self::In { of, .. } | Self::Quantified { left: of, .. } => Some(of),
        }
    }

    /// As `value`, to be changed.
    pub(crate) fn value_mut(&mut self) -> Option<&mut Typed> {
        match self {
            Self::Scalar(_) | Self::Exists(_) => None,
            Self::In { of, .. } | Self::Quantified { left: of, .. } => Some(of),
        }
    }
}
