//! What an Athena (Trino 449) statement says, before anything is looked up.
//!
//! Owns: the syntax tree. Its shape follows Trino's grammar, so that what cannot be written there has no place here.
//! Does not own: reading text (`parse`), names and types (`analyze`).
//! Invariant: every node that a message may point at knows its place in the text.

mod call;
mod expr;

use std::fmt;

pub(crate) use call::{
    Bound, Call, Frame, FrameUnit, JsonArgument, JsonCall, JsonFormat, JsonOn, JsonOnError, JsonOutput, JsonPath, JsonWrapper,
    NullTreatment, Over, Overflow, Window,
};
pub(crate) use expr::{
    ArithmeticOp, At, Comparison, Current, Expr, ExprKind, Interval, IntervalUnit, TypeName, TypeNameKind, TypeParameter, UnaryOp,
};

/// A half-open range of bytes of the statement's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A name. Unquoted names are in lower case; quoted ones as written, and Trino compares both without case.
#[derive(Debug, Clone)]
pub(crate) struct Ident {
    pub(crate) text: String,
    /// As written, without quotes: an output column keeps the case that it was given.
    pub(crate) written: String,
    pub(crate) quoted: bool,
    pub(crate) span: Span,
}

/// Two names are one if Trino takes them for one: whatever their case.
impl PartialEq for Ident {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

/// `catalog.schema.table`, outermost first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QualifiedName(pub(crate) Vec<Ident>);

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.iter().enumerate() {
            let dot = if i == 0 { "" } else { "." };
            write!(f, "{dot}{}", part.text)?;
        }
        Ok(())
    }
}

/// A whole statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    Query(Box<Query>),
    /// `EXPLAIN` of a statement; with `analyze`, of its run. The options are in capitals: `("TYPE", "VALIDATE")`.
    Explain {
        analyze: bool,
        options: Vec<(String, String)>,
        statement: Box<Statement>,
    },
    ShowTables {
        from: Option<QualifiedName>,
        like: Option<Like>,
    },
    ShowSchemas {
        from: Option<Ident>,
        like: Option<Like>,
    },
    ShowFunctions {
        from: Option<QualifiedName>,
        like: Option<Like>,
    },
    /// `SHOW COLUMNS FROM`, `DESCRIBE`, `DESC`.
    ShowColumns {
        table: QualifiedName,
        like: Option<Like>,
    },
    /// Athena's `SHOW PARTITIONS t`.
    ShowPartitions {
        table: QualifiedName,
    },
    ShowCreateTable {
        table: QualifiedName,
    },
    ShowCreateView {
        view: QualifiedName,
    },
    /// `text` is that of the statement alone.
    Prepare {
        name: Ident,
        statement: Box<Statement>,
        text: Span,
    },
    Execute {
        name: Ident,
        using: Vec<Expr>,
    },
    /// `EXECUTE IMMEDIATE 'text'`; `span` is the literal's.
    ExecuteImmediate {
        text: String,
        span: Span,
        using: Vec<Expr>,
    },
    Deallocate {
        name: Ident,
    },
    /// A statement that would change something: known by its first words, which are kept for the message.
    Writes {
        words: String,
        span: Span,
    },
    /// A statement of Trino that neither reads data nor writes it (`USE`, `SET`, `SHOW SESSION`, …), known likewise.
    Other {
        words: String,
        span: Span,
    },
}

/// `LIKE 'pattern' ESCAPE 'c'` of a `SHOW` statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Like {
    pub(crate) pattern: String,
    pub(crate) escape: Option<String>,
}

/// A query with everything around its terms.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) with: Vec<NamedQuery>,
    pub(crate) recursive: bool,
    pub(crate) body: Body,
    pub(crate) order_by: Vec<SortItem>,
    pub(crate) offset: Option<Expr>,
    pub(crate) limit: Option<Limit>,
    pub(crate) span: Span,
}

/// `name (columns) AS (query)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NamedQuery {
    pub(crate) name: Ident,
    pub(crate) columns: Option<Vec<Ident>>,
    pub(crate) query: Query,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Limit {
    /// `LIMIT n`; `LIMIT ALL` is no limit.
    Rows(Expr),
    /// `FETCH FIRST [n] ROWS ONLY | WITH TIES`; no count is one row.
    Fetch { count: Option<Expr>, with_ties: bool, span: Span },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Select(Box<Select>),
    SetOperation {
        op: SetOp,
        distinct: bool,
        left: Box<Body>,
        right: Box<Body>,
        span: Span,
    },
    /// `VALUES expr, expr`: each a row, a `ROW` expression of its columns or a single column.
    Values {
        rows: Vec<Expr>,
        span: Span,
    },
    /// `TABLE t`.
    Table {
        name: QualifiedName,
        span: Span,
    },
    /// `( query )`.
    Nested(Box<Query>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetOp {
    Union,
    Intersect,
    Except,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Select {
    pub(crate) distinct: bool,
    pub(crate) items: Vec<SelectItem>,
    pub(crate) from: Vec<Relation>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group_by: Option<GroupBy>,
    pub(crate) having: Option<Expr>,
    pub(crate) windows: Vec<(Ident, Window)>,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SelectItem {
    Expr {
        expr: Expr,
        alias: Option<Ident>,
    },
    /// `*`
    All {
        span: Span,
    },
    /// `expr.*`, `expr.* AS (a, b)`.
    AllOf {
        of: Expr,
        aliases: Vec<Ident>,
        span: Span,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GroupBy {
    /// `GROUP BY DISTINCT`: grouping sets that are the same count once.
    pub(crate) distinct: bool,
    pub(crate) elements: Vec<Grouping>,
    pub(crate) span: Span,
}

/// A grouping set is the list of its expressions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Grouping {
    Simple(Vec<Expr>),
    Rollup(Vec<Vec<Expr>>),
    Cube(Vec<Vec<Expr>>),
    Sets(Vec<Vec<Expr>>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SortItem {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    /// As written; Trino's default is last in either direction.
    pub(crate) nulls_first: Option<bool>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Relation {
    pub(crate) kind: RelationKind,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RelationKind {
    /// `version` is `FOR VERSION|TIMESTAMP AS OF expr`.
    Table {
        name: QualifiedName,
        version: Option<Box<Expr>>,
    },
    Subquery {
        query: Box<Query>,
        lateral: bool,
    },
    Unnest {
        arrays: Vec<Expr>,
        ordinality: bool,
    },
    /// `TABLE(function(...))`.
    Function {
        call: Box<TableCall>,
    },
    Alias {
        of: Box<Relation>,
        name: Ident,
        columns: Option<Vec<Ident>>,
    },
    Sample {
        of: Box<Relation>,
        method: SampleMethod,
        percentage: Box<Expr>,
    },
    Join {
        kind: JoinKind,
        left: Box<Relation>,
        right: Box<Relation>,
        on: JoinOn,
    },
    /// Recognised for its message only.
    MatchRecognize,
    /// Recognised for its message only.
    JsonTable,
}

/// A call of a table function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableCall {
    pub(crate) name: QualifiedName,
    pub(crate) arguments: Vec<TableArgument>,
    pub(crate) span: Span,
}

/// `value` or `name => value`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableArgument {
    pub(crate) name: Option<Ident>,
    pub(crate) value: TableArgumentValue,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TableArgumentValue {
    Expr(Expr),
    /// `TABLE(…)`, recognised for its message only.
    Table,
    /// `DESCRIPTOR(…)`, recognised for its message only.
    Descriptor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SampleMethod {
    Bernoulli,
    System,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinKind {
    /// Also the comma.
    Cross,
    Inner,
    Left,
    Right,
    Full,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JoinOn {
    Nothing,
    Condition(Box<Expr>),
    Using(Vec<Ident>),
    Natural,
}
