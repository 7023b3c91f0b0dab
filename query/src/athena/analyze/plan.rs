//! Relations whose every column is known.
//!
//! Owns: their form, step by step as SQL means them.
//! Does not own: how they are computed.
//! Invariant: a step names only columns of its input, of the query around it, and those it makes.

use std::collections::BTreeSet;

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
    /// `lateral` is where a right side was written that may name columns of the left one.
    Join {
        kind: JoinKind,
        left: Box<Plan>,
        right: Box<Plan>,
        on: Option<Typed>,
        lateral: Option<Span>,
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
    Limit {
        input: Box<Plan>,
        offset: Option<Typed>,
        count: Option<Typed>,
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
    /// A number for each row that no other row has.
    Numbered {
        input: Box<Plan>,
        id: ColumnId,
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
    /// Its one row; `NULL` for none, an error for several. With it, where the query begins.
    Scalar(Relation, Span),
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
            Self::Scalar(relation, _) | Self::Exists(relation) => relation,
            Self::In { relation, .. } | Self::Quantified { relation, .. } => relation,
        }
    }

    /// As `relation`, to be changed.
    pub(super) fn relation_mut(&mut self) -> &mut Relation {
        match self {
            Self::Scalar(relation, _) | Self::Exists(relation) => relation,
            Self::In { relation, .. } | Self::Quantified { relation, .. } => relation,
        }
    }

    /// The value that is compared with the rows.
    pub(crate) fn value(&self) -> Option<&Typed> {
        match self {
            Self::Scalar(..) | Self::Exists(_) => None,
            Self::In { of, .. } | Self::Quantified { left: of, .. } => Some(of),
        }
    }

    /// As `value`, to be changed.
    pub(crate) fn value_mut(&mut self) -> Option<&mut Typed> {
        match self {
            Self::Scalar(..) | Self::Exists(_) => None,
            Self::In { of, .. } | Self::Quantified { left: of, .. } => Some(of),
        }
    }
}

impl Plan {
    /// What this step reads.
    pub(crate) fn inputs(&self) -> Vec<&Self> {
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
            | Self::Sample { input, .. }
            | Self::Numbered { input, .. } => vec![input],
        }
    }

    /// As `inputs`, to be changed.
    pub(super) fn inputs_mut(&mut self) -> Vec<&mut Self> {
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
            | Self::Sample { input, .. }
            | Self::Numbered { input, .. } => vec![input],
        }
    }

    /// The expressions of this step.
    pub(crate) fn exprs(&self) -> Vec<&Typed> {
        match self {
            Self::Nothing | Self::Scan { .. } | Self::Distinct { .. } | Self::Numbered { .. } => Vec::new(),
            Self::Values { rows, .. } => rows.iter().flatten().collect(),
            Self::Filter { condition, .. } => vec![condition],
            Self::Extend { columns, .. } => columns.iter().map(|(_, value)| value).collect(),
            Self::Join { on, .. } => on.iter().collect(),
            Self::Aggregate { keys, calls, .. } => {
                keys.iter().map(|(_, key)| key).chain(calls.iter().flat_map(|(_, call)| call.parts())).collect()
            }
            Self::Window { calls, .. } => calls.iter().flat_map(|(_, call)| call.parts()).collect(),
            Self::Sort { by, .. } => by.iter().map(|sort| &sort.key).collect(),
            Self::Limit { offset, count, .. } => offset.iter().chain(count).collect(),
            Self::SetOperation { columns, .. } => columns.iter().flat_map(|column| [&column.left, &column.right]).collect(),
            Self::Unnest { arrays, .. } => arrays.iter().map(|(array, _)| array).collect(),
            Self::Sample { percentage, .. } => vec![percentage],
        }
    }

    /// As `exprs`, to be changed.
    pub(super) fn exprs_mut(&mut self) -> Vec<&mut Typed> {
        match self {
            Self::Nothing | Self::Scan { .. } | Self::Distinct { .. } | Self::Numbered { .. } => Vec::new(),
            Self::Values { rows, .. } => rows.iter_mut().flatten().collect(),
            Self::Filter { condition, .. } => vec![condition],
            Self::Extend { columns, .. } => columns.iter_mut().map(|(_, value)| value).collect(),
            Self::Join { on, .. } => on.iter_mut().collect(),
            Self::Aggregate { keys, calls, .. } => {
                keys.iter_mut().map(|(_, key)| key).chain(calls.iter_mut().flat_map(|(_, call)| call.parts_mut())).collect()
            }
            Self::Window { calls, .. } => calls.iter_mut().flat_map(|(_, call)| call.parts_mut()).collect(),
            Self::Sort { by, .. } => by.iter_mut().map(|sort| &mut sort.key).collect(),
            Self::Limit { offset, count, .. } => offset.iter_mut().chain(count).collect(),
            Self::SetOperation { columns, .. } => {
                columns.iter_mut().flat_map(|column| [&mut column.left, &mut column.right]).collect()
            }
            Self::Unnest { arrays, .. } => arrays.iter_mut().map(|(array, _)| array).collect(),
            Self::Sample { percentage, .. } => vec![percentage],
        }
    }

    /// The columns that this step makes.
    fn made(&self) -> Vec<(ColumnId, Type)> {
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
            Self::Numbered { id, .. } => vec![(*id, Type::Bigint)],
            _ => Vec::new(),
        }
    }

    /// The columns that this step hands on.
    pub(crate) fn columns(&self) -> Vec<(ColumnId, Type)> {
        let mut all = self.made();
        match self {
            Self::Aggregate { .. } | Self::SetOperation { .. } => {}
            Self::Distinct { input, columns } => {
                all.extend(input.columns().into_iter().filter(|(id, _)| columns.contains(id)));
            }
            _ => self.inputs().into_iter().for_each(|input| all.extend(input.columns())),
        }
        all
    }

    /// The columns that this step and those below name and do not make: those of a query around.
    pub(crate) fn outer_columns(&self) -> BTreeSet<ColumnId> {
        let (mut named, mut made) = (BTreeSet::new(), BTreeSet::new());
        self.gather(&mut named, &mut made);
        named.difference(&made).copied().collect()
    }

    fn gather(&self, named: &mut BTreeSet<ColumnId>, made: &mut BTreeSet<ColumnId>) {
        made.extend(self.made().into_iter().map(|(id, _)| id));
        for expr in self.exprs() {
            named.extend(expr.columns());
            expr.walk(&mut |part| {
                if let super::typed::Kind::Subquery(query) = &part.kind {
                    query.relation().plan.gather(named, made);
                }
                true
            });
        }
        self.inputs().into_iter().for_each(|input| input.gather(named, made));
    }
}
