//! What Athena says of a statement it does not run.
//!
//! Owns: the names of Trino's errors that this front gives, and the text with the place in the statement.
//! Does not own: finding the fault (`parse`, `analyze`, `functions`).
//! Invariant: one fault, one error: its name is Trino's, its place is where Trino puts it.

use std::fmt;

use super::ast::Span;
use super::excerpt::excerpt;

/// Trino's name for a fault (`io.trino.spi.StandardErrorCode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ErrorName {
    AmbiguousFunctionCall,
    AmbiguousName,
    CatalogNotFound,
    ColumnNotFound,
    DivisionByZero,
    DuplicateNamedQuery,
    DuplicateParameterName,
    DuplicateWindowName,
    ExceededFunctionMemoryLimit,
    ExpressionNotAggregate,
    ExpressionNotConstant,
    ExpressionNotInDistinct,
    ExpressionNotScalar,
    FunctionNotAggregate,
    FunctionNotFound,
    FunctionNotWindow,
    GenericInternalError,
    InvalidArguments,
    InvalidCastArgument,
    InvalidColumnReference,
    InvalidFunctionArgument,
    InvalidLimitClause,
    InvalidLiteral,
    InvalidOrderBy,
    InvalidParameterUsage,
    InvalidPartitionBy,
    InvalidPath,
    InvalidProcessingMode,
    InvalidRecursiveReference,
    InvalidWindowFrame,
    InvalidWindowReference,
    JsonInputConversionError,
    JsonOutputConversionError,
    JsonValueResultError,
    MismatchedColumnAliases,
    MissingColumnAliases,
    MissingGroupBy,
    MissingOrderBy,
    MissingOver,
    NestedAggregation,
    NestedWindow,
    NotFound,
    NotSupported,
    NullTreatmentNotAllowed,
    NumericValueOutOfRange,
    OperatorNotFound,
    PathEvaluationError,
    SchemaNotFound,
    SubqueryMultipleRows,
    SyntaxError,
    TableNotFound,
    TooManyArguments,
    TooManyGroupingSets,
    TypeMismatch,
    TypeNotFound,
}

impl ErrorName {
    /// In Trino's spelling: `COLUMN_NOT_FOUND`.
    pub(crate) fn text(self) -> String {
        let name = format!("{self:?}");
        let mut text = String::with_capacity(name.len() + 8);
        for (i, c) in name.char_indices() {
            if i > 0 && c.is_ascii_uppercase() {
                text.push('_');
            }
            text.push(c.to_ascii_uppercase());
        }
        text
    }
}

/// A fault of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AthenaError {
    pub(crate) name: ErrorName,
    pub(crate) message: String,
    /// Where; `None` for what shows only when values are computed.
    pub(crate) span: Option<Span>,
    /// How to write it so that it works.
    pub(crate) rewrite: Option<String>,
}

impl AthenaError {
    /// A fault at a place of the statement.
    pub(crate) fn at(name: ErrorName, span: Span, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), span: Some(span), rewrite: None }
    }

    /// A fault of values: it has no place.
    pub(crate) fn of_values(name: ErrorName, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), span: None, rewrite: None }
    }

    pub(crate) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::of_values(ErrorName::InvalidFunctionArgument, message)
    }

    pub(crate) fn invalid_cast(message: impl Into<String>) -> Self {
        Self::of_values(ErrorName::InvalidCastArgument, message)
    }

    pub(crate) fn out_of_range(message: impl Into<String>) -> Self {
        Self::of_values(ErrorName::NumericValueOutOfRange, message)
    }

    pub(crate) fn division_by_zero() -> Self {
        Self::of_values(ErrorName::DivisionByZero, "Division by zero")
    }

    pub(crate) fn not_supported(message: impl Into<String>) -> Self {
        Self::of_values(ErrorName::NotSupported, message)
    }

    /// In one line: the name, the place in the statement, the message and the way out.
    pub(crate) fn told(&self, sql: &str) -> String {
        let place = self.span.map_or_else(String::new, |span| {
            let (line, column) = place(sql, span.start);
            format!("line {line}:{column}: ")
        });
        let rewrite = self.rewrite.as_ref().map_or_else(String::new, |rewrite| format!("; {rewrite}"));
        format!("{}: {place}{}{rewrite}", self.name.text(), self.message)
    }

    /// The line that it is in, with carets; `None` for what has no place.
    pub(crate) fn excerpt(&self, sql: &str) -> Option<String> {
        let span = self.span?;
        let (line, column) = place(sql, span.start);
        Some(excerpt(sql, line, column, width(sql, span)))
    }

    /// What should never happen: a fault of this program's.
    pub(crate) fn internal(why: &dyn fmt::Display) -> Self {
        Self::of_values(ErrorName::GenericInternalError, why.to_string())
    }

    /// Whether it is a row's, so that there is none where the row does not matter.
    pub(crate) fn is_of_rows(&self) -> bool {
        self.name != ErrorName::GenericInternalError
    }

    /// Whether `TRY` makes it a NULL: faults of values, and no others.
    pub(crate) fn is_tried(&self) -> bool {
        matches!(
            self.name,
            ErrorName::DivisionByZero
                | ErrorName::InvalidCastArgument
                | ErrorName::InvalidFunctionArgument
                | ErrorName::NumericValueOutOfRange
        )
    }

    /// With the name that was perhaps meant.
    pub(crate) fn perhaps(self, near: Option<&str>) -> Self {
        match near {
            Some(near) => self.rewrite(format!("did you mean {near}?")),
            None => self,
        }
    }

    /// With the way out.
    pub(crate) fn rewrite(mut self, how: impl Into<String>) -> Self {
        self.rewrite = Some(how.into());
        self
    }

    /// With the way that works, where one is known.
    pub(crate) fn perhaps_write(mut self, how: Option<String>) -> Self {
        self.rewrite = how.or(self.rewrite);
        self
    }
}

impl fmt::Display for AthenaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name.text(), self.message)
    }
}

impl std::error::Error for AthenaError {}

/// Line and column of a byte of a text, both counted from 1; columns in code points.
pub(crate) fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// How many characters of its first line a range of a text has, at least 1.
pub(crate) fn width(text: &str, span: Span) -> usize {
    text.get(span.start..span.end).and_then(|about| about.lines().next()).map_or(1, |line| line.chars().count().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_never_has_another_name_than_trinos() {
        assert_eq!(ErrorName::ColumnNotFound.text(), "COLUMN_NOT_FOUND");
        assert_eq!(ErrorName::ExpressionNotInDistinct.text(), "EXPRESSION_NOT_IN_DISTINCT");
    }

    #[test]
    fn a_place_is_counted_in_characters_from_one() {
        assert_eq!(place("é x", 3), (1, 3));
        assert_eq!(place("a\nbé\nc", 6), (3, 1));
    }
}
