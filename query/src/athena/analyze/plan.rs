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
        columns: Vec<(ColumnId, String, Type)>,
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
    /// Its rows.
    pub(crate) fn relation(&self) -> &Relation {
        match self {
            Self::Scalar(relation) | Self::Exists(relation) => relation,
            Self::In { relation, .. } | Self::Quantified { relation, .. } => relation,
        }
    }

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

impl Plan {
    /// What this step reads.
    fn inputs(&self) -> Vec<&Self> {
        match self {
            Self::Nothing | Self::Values { .. } | Self::Scan { .. } => Vec::new(),
            Self::Join { left, right, .. } | Self::SetOperation { left, right, .. } => vec![left, right],
            Self::Filter { input, .. }
            | Self::Extend { input, .. }
            | Self::Aggregate { input, .. }
            | Self::Window { input, .. }
            | Self::Distinct { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. }
            | Self::Unnest { input, .. }
            | Self::Sample { input, .. } => vec![input],
        }
    }

    /// Calls `visit` on every expression of this step and those below.
    pub(crate) fn walk_exprs(&self, visit: &mut dyn FnMut(&Typed)) {
        match self {
            Self::Nothing | Self::Scan { .. } | Self::Distinct { .. } => {}
            Self::Values { rows, .. } => rows.iter().flatten().for_each(&mut *visit),
            Self::Filter { condition, .. } => visit(condition),
            Self::Extend { columns, .. } => columns.iter().for_each(|(_, value)| visit(value)),
            Self::Join { on, .. } => on.iter().for_each(&mut *visit),
            Self::Aggregate { keys, calls, .. } => {
                keys.iter().for_each(|(_, key)| visit(key));
                for (_, call) in calls {
                    call.arguments
                        .iter()
                        .chain(call.order_by.iter().map(|sort| &sort.key))
                        .chain(&call.filter)
                        .for_each(&mut *visit);
                }
            }
            Self::Window { calls, .. } => {
                for (_, call) in calls {
                    let kind = super::typed::Kind::Window(Box::new(call.clone()));
                    visit(&Typed::new(kind, call.returns.clone(), Span::default()));
                }
            }
            Self::Sort { by, .. } => by.iter().for_each(|sort| visit(&sort.key)),
            Self::Limit { offset, count, .. } => offset.iter().chain(count).for_each(&mut *visit),
            Self::SetOperation { columns, .. } => {
                columns.iter().flat_map(|column| [&column.left, &column.right]).for_each(&mut *visit)
            }
            Self::Unnest { arrays, .. } => arrays.iter().for_each(|(array, _)| visit(array)),
            Self::Sample { percentage, .. } => visit(percentage),
        }
        self.inputs().into_iter().for_each(|input| input.walk_exprs(visit));
    }

    /// The columns that this step makes.
    pub(crate) fn made(&self) -> Vec<(ColumnId, Type)> {
        match self {
            Self::Values { columns, .. } => columns.clone(),
            Self::Scan { columns, .. } => columns.iter().map(|(id, _, ty)| (*id, ty.clone())).collect(),
            Self::Extend { columns, .. } => columns.iter().map(|(id, value)| (*id, value.ty.clone())).collect(),
            Self::Aggregate { keys, calls, grouping, .. } => {
                let keys = keys.iter().map(|(id, key)| (*id, key.ty.clone()));
                let calls = calls.iter().map(|(id, call)| (*id, call.returns.clone()));
                keys.chain(calls).chain(grouping.iter().map(|(id, _)| (*id, Type::Bigint))).collect()
            }
            Self::Window { calls, .. } => calls.iter().map(|(id, call)| (*id, call.returns.clone())).collect(),
            Self::SetOperation { columns, .. } => columns.iter().map(|column| (column.id, column.ty.clone())).collect(),
            Self::Unnest { arrays, ordinality, .. } => {
                let elements = arrays.iter().flat_map(|(_, columns)| columns.iter().cloned());
                elements.chain(ordinality.map(|id| (id, Type::Bigint))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// All columns made by this step and those below, whether or not they are handed on.
    pub(crate) fn all_made(&self) -> Vec<(ColumnId, Type)> {
        let mut all = self.made();
        self.inputs().into_iter().for_each(|input| all.extend(input.all_made()));
        all
    }
}
