//! Paths of the SQL standard's JSON functions, as trees.
//!
//! Owns: what a path is made of.
//! Does not own: reading one (`parse`), walking along one (`walk`, `filter`), the paths of `json_extract` (`values::json::path`).
//! Invariant: a long chain of steps is long here, not deep.

use super::scalar::Scalar;
use crate::athena::ast::Comparison;

/// A path, lax or strict.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Path {
    pub(crate) lax: bool,
    pub(crate) root: Node,
}

/// What gives a sequence of items.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Literal(Scalar),
    Null,
    /// `$`
    Context,
    /// `$name`
    Variable(String),
    /// `last`
    Last,
    /// `@`
    Current,
    Sign {
        negative: bool,
        of: Box<Node>,
    },
    /// Under the name of the operator of SQL.
    Arithmetic {
        operator: &'static str,
        left: Box<Node>,
        right: Box<Node>,
    },
    Steps {
        from: Box<Node>,
        steps: Vec<Step>,
    },
}

/// What leads from items to items.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// `.name`
    Member(String),
    /// `.*`
    Members,
    /// `..name`
    Descendants(String),
    /// `[*]`
    Elements,
    /// `[1, 3 to last]`
    Places(Vec<(Node, Option<Node>)>),
    /// `? (…)`
    Filter(Predicate),
    Method(Method),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Type,
    Size,
    Double,
    /// Of numbers, under the name of the function of SQL.
    Number(&'static str),
    KeyValue,
}

/// What a filter asks of an item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Predicate {
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
    Not(Box<Predicate>),
    IsUnknown(Box<Predicate>),
    Exists(Node),
    Compare { op: Comparison, left: Node, right: Node },
    StartsWith { of: Node, prefix: Node },
}
