//! Expressions and types as written.
//!
//! Owns: their part of the syntax tree.
//! Does not own: calls, windows and JSON clauses (`call`), everything around expressions (`ast`).
//! Invariant: two expressions are one if they say the same, wherever they stand.

use super::{Call, Ident, JsonCall, Over, Query, Span};

#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

/// Two expressions are one if they say the same: where they stand does not matter.
impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// Where an operator stands, which is where Trino puts its faults. What an expression says does not depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At(pub(crate) Span);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExprKind {
    Null,
    Boolean(bool),
    String(String),
    Binary(Vec<u8>),
    /// Decimal digits without `_`, whatever the base they were written in. The number fits into 64 bits. A minus directly before
    /// a number is part of it, as in Trino, here and in the two below: `-2147483648` is an integer.
    Integer(String),
    /// `1.50`: digits and a point, without `_`.
    Decimal(String),
    /// `1.5E0`, without `_`.
    Double(String),
    /// `DATE '…'`, `TIMESTAMP '…'`, `DOUBLE '…'`, `name '…'`: a type and a text.
    Typed {
        ty: TypeName,
        text: String,
    },
    Interval(Interval),
    /// `?`, counted from 0.
    Parameter(usize),
    Column(Ident),
    /// `base.field`: a qualified column or a field of a row.
    Field {
        base: Box<Expr>,
        name: Ident,
    },
    Subscript {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    Row(Vec<Expr>),
    Array(Vec<Expr>),
    Unary {
        op: UnaryOp,
        of: Box<Expr>,
    },
    Arithmetic {
        op: ArithmeticOp,
        at: At,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Not(Box<Expr>),
    /// Two terms or more: a chain of thousands is no deeper than one of two.
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare {
        op: Comparison,
        at: At,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `IS [NOT] DISTINCT FROM`.
    Distinct {
        negated: bool,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `op ALL|ANY|SOME (query)`.
    Quantified {
        op: Comparison,
        all: bool,
        left: Box<Expr>,
        query: Box<Query>,
    },
    Between {
        negated: bool,
        of: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    In {
        negated: bool,
        of: Box<Expr>,
        list: Vec<Expr>,
    },
    InQuery {
        negated: bool,
        of: Box<Expr>,
        query: Box<Query>,
    },
    Like {
        negated: bool,
        of: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<Box<Expr>>,
    },
    IsNull {
        negated: bool,
        of: Box<Expr>,
    },
    Exists(Box<Query>),
    Subquery(Box<Query>),
    Case {
        operand: Option<Box<Expr>>,
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    /// `CAST`, `TRY_CAST`.
    Cast {
        of: Box<Expr>,
        to: TypeName,
        tries: bool,
    },
    AtTimeZone {
        of: Box<Expr>,
        zone: Box<Expr>,
    },
    Extract {
        field: Ident,
        of: Box<Expr>,
    },
    Call(Box<Call>),
    Lambda {
        parameters: Vec<Ident>,
        body: Box<Expr>,
    },
    /// `name OVER window`: a measure of a row pattern, which nothing else is.
    Measure {
        name: Ident,
        over: Box<Over>,
    },
    /// `CURRENT_DATE` and its like, with the precision that was given.
    Current {
        what: Current,
        precision: Option<u32>,
    },
    Grouping(Vec<Expr>),
    /// `JSON_EXISTS`, `JSON_VALUE`, `JSON_QUERY`, `JSON_OBJECT`, `JSON_ARRAY`.
    Json(Box<JsonCall>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnaryOp {
    Plus,
    Minus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArithmeticOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulus,
    Concat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// The same with its sides exchanged.
    pub(crate) fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            other => other,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Current {
    Date,
    Time,
    Timestamp,
    LocalTime,
    LocalTimestamp,
    User,
    Catalog,
    Schema,
    Path,
}

/// `INTERVAL '1-2' YEAR TO MONTH`: the text and the units around it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Interval {
    pub(crate) negative: bool,
    pub(crate) text: String,
    pub(crate) from: IntervalUnit,
    pub(crate) to: Option<IntervalUnit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum IntervalUnit {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

/// A type as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TypeName {
    pub(crate) kind: TypeNameKind,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TypeNameKind {
    /// `varchar(3)`, `decimal(10, 2)`, `bigint`, `array(integer)`: names in lower case.
    Named {
        name: String,
        parameters: Vec<TypeParameter>,
    },
    /// `timestamp(3) with time zone`, `time`: `zoned` says whether it has one.
    Time {
        name: String,
        precision: Option<u32>,
        zoned: bool,
    },
    Row(Vec<(Option<Ident>, TypeName)>),
    /// `INTERVAL DAY TO SECOND`, `INTERVAL YEAR TO MONTH`.
    Interval {
        from: IntervalUnit,
        to: Option<IntervalUnit>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TypeParameter {
    Number(u64),
    Type(TypeName),
}
