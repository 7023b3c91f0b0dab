//! Calls, windows and the clauses of JSON functions, as written.
//!
//! Owns: their part of the syntax tree.
//! Does not own: expressions (`expr`).
//! Invariant: a special form that Trino resolves as a call is one here.

use super::{Expr, Ident, QualifiedName, SortItem, Span, TypeName};

/// A function call, and the special forms that Trino resolves as calls, under the name and with the arguments of the function they
/// call: `POSITION(a IN b)` is `strpos(b, a)`, `SUBSTRING(a FROM b)` is `substr(a, b)`, `TRIM(LEADING a FROM b)` is `ltrim(b, a)`,
/// `NORMALIZE(a)` is `normalize(a, 'NFC')`, `LISTAGG(a, b)` is `listagg(a, b)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: QualifiedName,
    pub(crate) arguments: Vec<Expr>,
    /// `count(*)`.
    pub(crate) star: bool,
    pub(crate) distinct: bool,
    pub(crate) order_by: Vec<SortItem>,
    pub(crate) filter: Option<Box<Expr>>,
    pub(crate) null_treatment: Option<NullTreatment>,
    pub(crate) over: Option<Over>,
    /// `LISTAGG … ON OVERFLOW`, as written.
    pub(crate) overflow: Option<Overflow>,
    /// What only a row pattern's function takes: `RUNNING` or `FINAL` before its name, or a variable as in `count(a.*)`.
    pub(crate) of_pattern: Option<Span>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NullTreatment {
    Ignore,
    Respect,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Overflow {
    Error,
    Truncate { filler: Option<String>, with_count: bool },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Over {
    Named(Ident),
    Window(Window),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    pub(crate) base: Option<Ident>,
    pub(crate) partition_by: Vec<Expr>,
    pub(crate) order_by: Vec<SortItem>,
    pub(crate) frame: Option<Frame>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Frame {
    pub(crate) unit: FrameUnit,
    pub(crate) start: Bound,
    /// `None` when only a start was written: then it ends at the current row.
    pub(crate) end: Option<Bound>,
    /// A row pattern was written around the frame: recognised for its message only.
    pub(crate) pattern: bool,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameUnit {
    Rows,
    Range,
    Groups,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bound {
    UnboundedPreceding,
    Preceding(Box<Expr>),
    CurrentRow,
    Following(Box<Expr>),
    UnboundedFollowing,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JsonCall {
    Exists {
        input: JsonPath,
        on_error: Option<JsonOnError>,
    },
    Value {
        input: JsonPath,
        returning: Option<TypeName>,
        on_empty: Option<JsonOn>,
        on_error: Option<JsonOn>,
    },
    Query {
        input: JsonPath,
        returning: Option<JsonOutput>,
        wrapper: JsonWrapper,
        keep_quotes: Option<bool>,
        on_empty: Option<JsonOn>,
        on_error: Option<JsonOn>,
    },
    Object {
        members: Vec<(Expr, JsonArgument)>,
        null_on_null: bool,
        unique_keys: bool,
        returning: Option<JsonOutput>,
    },
    Array {
        elements: Vec<JsonArgument>,
        null_on_null: bool,
        returning: Option<JsonOutput>,
    },
}

/// `FORMAT JSON`, and what the JSON's text is encoded in where that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonFormat {
    Plain,
    Utf8,
    Utf16,
    Utf32,
}

/// A value, and the format that was written after it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonArgument {
    pub(crate) value: Expr,
    pub(crate) format: Option<JsonFormat>,
}

/// The type after `RETURNING`, and the format that was written after it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonOutput {
    pub(crate) ty: TypeName,
    pub(crate) format: Option<JsonFormat>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonPath {
    pub(crate) input: JsonArgument,
    pub(crate) path: String,
    pub(crate) path_span: Span,
    /// `AS name`: recognised for its message only.
    pub(crate) name: Option<Ident>,
    pub(crate) passing: Vec<(JsonArgument, Ident)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonWrapper {
    Without,
    Conditional,
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonOnError {
    True,
    False,
    Unknown,
    Error,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JsonOn {
    Null,
    Error,
    EmptyArray,
    EmptyObject,
    Default(Box<Expr>),
}
