//! Expressions whose every name and type is known.
//!
//! Owns: their form: what a statement means, nothing of how it is computed.
//! Does not own: finding the meaning (the rest of `analyze`), computing it.
//! Invariant: every implicit cast is there as a `Cast`, so that whoever computes never has to guess a type. Two that are equal
//! mean the same, wherever they were written.

use std::sync::Arc;

use super::plan::Subquery;
use crate::athena::ast::{Comparison, NullTreatment, Span};
use crate::athena::error::AthenaError;
use crate::athena::functions::scalar::sql_json::Form;
use crate::athena::types::Type;

/// A column of one relation of one statement; no two relations share one.
pub(crate) type ColumnId = usize;

/// An expression.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) kind: Kind,
    pub(crate) ty: Type,
    /// Where it was written.
    pub(crate) span: Span,
}

impl PartialEq for Typed {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.ty == other.ty
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Literal(Literal),
    Column(ColumnId),
    /// A function or an operator of the catalog, with arguments of exactly the types it takes.
    Call {
        name: &'static str,
        arguments: Vec<Typed>,
    },
    Cast {
        of: Box<Typed>,
        tries: bool,
    },
    And(Vec<Typed>),
    Or(Vec<Typed>),
    Not(Box<Typed>),
    /// Both of one type.
    Compare {
        op: Comparison,
        left: Box<Typed>,
        right: Box<Typed>,
    },
    Distinct {
        left: Box<Typed>,
        right: Box<Typed>,
    },
    IsNull(Box<Typed>),
    /// All of one type.
    In {
        of: Box<Typed>,
        list: Vec<Typed>,
    },
    Like {
        of: Box<Typed>,
        pattern: Box<Typed>,
        escape: Option<Box<Typed>>,
    },
    /// The first branch whose condition is true; `IF` is one of these.
    Case {
        branches: Vec<(Typed, Typed)>,
        otherwise: Option<Box<Typed>>,
    },
    Coalesce(Vec<Typed>),
    /// `NULL` where both are equal as `common`, else the first.
    NullIf {
        left: Box<Typed>,
        right: Box<Typed>,
        common: Type,
    },
    /// `NULL` where computing it fails.
    Try(Box<Typed>),
    Row(Vec<Typed>),
    Array(Vec<Typed>),
    Field {
        of: Box<Typed>,
        index: usize,
    },
    Lambda {
        parameters: Vec<ColumnId>,
        body: Box<Typed>,
    },
    Aggregate(Box<Aggregate>),
    Window(Box<WindowCall>),
    /// Of the `GROUP BY`: which of these columns the row's grouping set leaves out, as bits.
    Grouping(Vec<Typed>),
    Current(CurrentValue),
    Subquery(Box<Subquery>),
    /// A JSON function of the SQL standard, of the arguments that its form tells.
    Json {
        form: Arc<Form>,
        arguments: Vec<Typed>,
    },
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    /// Integers of every width.
    Integer(i64),
    Double(f64),
    /// The number without its point.
    Decimal(i128),
    String(String),
    Binary(Vec<u8>),
    /// Days since 1970.
    Date(i32),
    /// Picoseconds of the day.
    Time(i64),
    /// Picoseconds since 1970, on the clock of no zone.
    Timestamp(i128),
    /// Picoseconds since 1970 in UTC, and the zone's name.
    TimestampZoned(i128, String),
    /// Milliseconds.
    IntervalDay(i64),
    /// Months.
    IntervalYear(i32),
    /// A text that a type's own reader is to understand: `JSON '…'`, `REAL '…'`.
    Text(String),
}

/// What depends on when or as whom a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CurrentValue {
    Date,
    Time,
    Timestamp,
    LocalTime,
    LocalTimestamp,
    User,
    Catalog,
    Schema,
}

/// A call of an aggregate function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Aggregate {
    pub(crate) name: &'static str,
    pub(crate) arguments: Vec<Typed>,
    pub(crate) distinct: bool,
    pub(crate) order_by: Vec<Sort>,
    pub(crate) filter: Option<Typed>,
    pub(crate) returns: Type,
}

/// A sort key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sort {
    pub(crate) key: Typed,
    pub(crate) descending: bool,
    pub(crate) nulls_first: bool,
}

/// A call over a window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WindowCall {
    pub(crate) name: &'static str,
    pub(crate) arguments: Vec<Typed>,
    pub(crate) null_treatment: Option<NullTreatment>,
    pub(crate) partition_by: Vec<Typed>,
    pub(crate) order_by: Vec<Sort>,
    pub(crate) frame: Option<Frame>,
    pub(crate) returns: Type,
    /// Why it is none, told once all else of its SELECT has a meaning.
    pub(crate) refused: Option<Box<AthenaError>>,
    /// With an ORDER BY of its own its SELECT is one of aggregates.
    pub(crate) is_aggregate: bool,
}

/// The rows around the current one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) unit: crate::athena::ast::FrameUnit,
    pub(crate) start: Bound,
    pub(crate) end: Bound,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bound {
    UnboundedPreceding,
    Preceding(Offset),
    CurrentRow,
    Following(Offset),
    UnboundedFollowing,
}

/// How far from the current row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offset {
    pub(crate) by: Typed,
    /// Of `RANGE`: the sort key so far away.
    pub(crate) edge: Option<Typed>,
}

impl Aggregate {
    /// A call without DISTINCT, ORDER BY and FILTER.
    pub(crate) fn of(name: &'static str, arguments: Vec<Typed>, returns: Type) -> Self {
        Self { name, arguments, distinct: false, order_by: Vec::new(), filter: None, returns }
    }

    /// The expressions it is computed from.
    pub(crate) fn parts(&self) -> Vec<&Typed> {
        self.arguments.iter().chain(self.order_by.iter().map(|sort| &sort.key)).chain(&self.filter).collect()
    }

    /// As `parts`, to be changed.
    pub(crate) fn parts_mut(&mut self) -> Vec<&mut Typed> {
        let keys = self.order_by.iter_mut().map(|sort| &mut sort.key);
        self.arguments.iter_mut().chain(keys).chain(&mut self.filter).collect()
    }
}

impl WindowCall {
    /// A call without arguments that tells places of rows.
    pub(crate) fn ranking(name: &'static str, partition_by: Vec<Typed>, order_by: Vec<Sort>) -> Self {
        let (arguments, null_treatment, frame, returns) = (Vec::new(), None, None, Type::Bigint);
        Self { name, arguments, null_treatment, partition_by, order_by, frame, returns, refused: None, is_aggregate: false }
    }

    /// The expressions it is computed from.
    pub(crate) fn parts(&self) -> Vec<&Typed> {
        let bounds = self.frame.iter().flat_map(|frame| [&frame.start, &frame.end]).flat_map(Bound::parts);
        let keys = self.order_by.iter().map(|sort| &sort.key);
        self.arguments.iter().chain(&self.partition_by).chain(keys).chain(bounds).collect()
    }

    /// As `parts`, to be changed.
    pub(crate) fn parts_mut(&mut self) -> Vec<&mut Typed> {
        let Self { arguments, partition_by, order_by, frame, .. } = self;
        let bounds = frame.iter_mut().flat_map(|frame| [&mut frame.start, &mut frame.end]);
        let keys = order_by.iter_mut().map(|sort| &mut sort.key);
        arguments.iter_mut().chain(partition_by).chain(keys).chain(bounds.flat_map(Bound::parts_mut)).collect()
    }
}

impl Typed {
    pub(crate) fn new(kind: Kind, ty: Type, span: Span) -> Self {
        Self { kind, ty, span }
    }

    /// The same value as a type it can be coerced to.
    pub(crate) fn coerced(self, to: &Type) -> Self {
        if self.ty == *to {
            return self;
        }
        let span = self.span;
        Self { kind: Kind::Cast { of: Box::new(self), tries: false }, ty: to.clone(), span }
    }

    /// Calls `visit` on this and everything within it, from the outside in, while it says to go on inwards.
    pub(crate) fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self) -> bool) {
        if visit(self) {
            for child in self.children() {
                child.walk(visit);
            }
        }
    }

    fn children(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::Literal(_) | Kind::Column(_) | Kind::Current(_) => Vec::new(),
            Kind::Call { arguments: terms, .. } | Kind::And(terms) | Kind::Or(terms) | Kind::Coalesce(terms) => {
                terms.iter().collect()
            }
            Kind::Row(terms) | Kind::Array(terms) | Kind::Grouping(terms) => terms.iter().collect(),
            Kind::Json { arguments, .. } => arguments.iter().collect(),
            Kind::Cast { of, .. } | Kind::Not(of) | Kind::IsNull(of) | Kind::Try(of) => vec![of],
            Kind::Field { of, .. } | Kind::Lambda { body: of, .. } => vec![of],
            Kind::Compare { left, right, .. } | Kind::Distinct { left, right } | Kind::NullIf { left, right, .. } => {
                vec![left, right]
            }
            Kind::In { of, list } => std::iter::once(&**of).chain(list).collect(),
            Kind::Like { of, pattern, escape } => [&**of, pattern].into_iter().chain(escape.as_deref()).collect(),
            Kind::Case { branches, otherwise } => {
                branches.iter().flat_map(|(when, then)| [when, then]).chain(otherwise.as_deref()).collect()
            }
            Kind::Aggregate(call) => call.parts(),
            Kind::Subquery(query) => query.value().into_iter().collect(),
            Kind::Window(call) => call.parts(),
        }
    }

    /// As `children`, to be changed.
    fn children_mut(&mut self) -> Vec<&mut Self> {
        match &mut self.kind {
            Kind::Literal(_) | Kind::Column(_) | Kind::Current(_) => Vec::new(),
            Kind::Call { arguments: terms, .. } | Kind::And(terms) | Kind::Or(terms) | Kind::Coalesce(terms) => {
                terms.iter_mut().collect()
            }
            Kind::Row(terms) | Kind::Array(terms) | Kind::Grouping(terms) => terms.iter_mut().collect(),
            Kind::Json { arguments, .. } => arguments.iter_mut().collect(),
            Kind::Cast { of, .. } | Kind::Not(of) | Kind::IsNull(of) | Kind::Try(of) => vec![of],
            Kind::Field { of, .. } | Kind::Lambda { body: of, .. } => vec![of],
            Kind::Compare { left, right, .. } | Kind::Distinct { left, right } | Kind::NullIf { left, right, .. } => {
                vec![left, right]
            }
            Kind::In { of, list } => std::iter::once(&mut **of).chain(list).collect(),
            Kind::Like { of, pattern, escape } => [&mut **of, pattern].into_iter().chain(escape.as_deref_mut()).collect(),
            Kind::Case { branches, otherwise } => {
                branches.iter_mut().flat_map(|(when, then)| [when, then]).chain(otherwise.as_deref_mut()).collect()
            }
            Kind::Aggregate(call) => call.parts_mut(),
            Kind::Subquery(query) => query.value_mut().into_iter().collect(),
            Kind::Window(call) => call.parts_mut(),
        }
    }

    /// The same, with what `replace` gives for a part instead of that part; from the outside in.
    pub(crate) fn replaced(mut self, replace: &mut impl FnMut(&Self) -> Option<Self>) -> Self {
        if let Some(other) = replace(&self) {
            return other;
        }
        for child in self.children_mut() {
            let taken = std::mem::replace(child, Self::new(Kind::Literal(Literal::Null), Type::Unknown, Span::default()));
            *child = taken.replaced(replace);
        }
        self
    }
}

impl Bound {
    fn parts(&self) -> impl Iterator<Item = &Typed> {
        let offset = match self {
            Self::Preceding(offset) | Self::Following(offset) => Some(offset),
            _ => None,
        };
        offset.into_iter().flat_map(|offset| std::iter::once(&offset.by).chain(&offset.edge))
    }

    /// As `parts`, to be changed.
    fn parts_mut(&mut self) -> impl Iterator<Item = &mut Typed> {
        let offset = match self {
            Self::Preceding(offset) | Self::Following(offset) => Some(offset),
            _ => None,
        };
        offset.into_iter().flat_map(|offset| std::iter::once(&mut offset.by).chain(&mut offset.edge))
    }
}
