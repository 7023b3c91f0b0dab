//! What Athena would say of a text of statements, without running them.
//!
//! Owns: cutting a text into statements, the faults and the warnings of each, with their places.
//! Does not own: the faults themselves (`parse`, `analyze`), showing them (`cli`).
//! Invariant: nothing is read but the text; a statement has one fault at most, and warnings only if it has none.

mod scans;

use self::scans::{Whole, read_whole};
use super::analyze::plan::{Plan, Relation};
use super::analyze::typed::{Kind, Literal, Typed};
use super::analyze::{Analyzer, Tables};
use super::ast::{Span, Statement};
use super::error::{AthenaError, ErrorName, place, width};
use super::excerpt::excerpt;
use super::lexer::{Piece, statements};
use super::parse::parse;
use super::stack;
use super::tables;
use super::types::Type;

/// The warning of a table that no condition narrows.
/// The warning of a statement that reads a table whole.
pub(crate) const FULL_SCAN: &str = "FULL_SCAN";

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Athena refuses the statement.
    Error,
    /// It runs, and probably not as meant.
    Warning,
}

/// Something about a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// Trino's name of an error, a name of ours for a warning: `COLUMN_NOT_FOUND`, `FULL_SCAN`.
    pub name: String,
    /// One sentence.
    pub message: String,
    /// The way to write it, where one is known.
    pub rewrite: Option<String>,
    /// Line and column in the text, both from 1; columns in characters.
    pub line: usize,
    /// See `line`.
    pub column: usize,
    /// How many characters of that line it is about, at least 1.
    pub width: usize,
}

impl Finding {
    /// The line of `text`, which was looked at, with carets under what is meant: two lines.
    pub fn excerpt(&self, text: &str) -> String {
        excerpt(text, self.line, self.column, self.width)
    }
}

/// What a text of statements, separated by semicolons, has wrong, in its order; the number of statements.
pub fn lint(text: &str) -> (usize, Vec<Finding>) {
    let tables = tables::of_lake();
    let mut findings = Vec::new();
    let statements = statements(text);
    for Piece { tokens: statement, whole } in &statements {
        let found = match check(&text[statement.start..statement.end], &tables) {
            Err(error) => vec![of_error(error)],
            Ok(warnings) => {
                let allowed = allowed(&text[whole.start..whole.end]);
                warnings.into_iter().filter(|found| !allowed.contains(&found.name.as_str())).collect()
            }
        };
        findings.extend(found.into_iter().map(|found| found.placed(text, statement.start)));
    }
    (statements.len(), findings)
}

/// The warnings that a statement's own comments say are meant: `-- lint: allow FULL_SCAN, DECIMAL_DIVISION`.
fn allowed(statement: &str) -> Vec<&str> {
    let told = statement.lines().filter_map(|line| line.split_once("-- lint: allow "));
    told.flat_map(|(_, names)| names.split(',')).map(str::trim).collect()
}

/// A finding whose place is still one of the statement.
struct Found {
    severity: Severity,
    name: String,
    message: String,
    rewrite: Option<String>,
    span: Span,
}

impl Found {
    fn warning(name: &str, span: Span, message: String, rewrite: &str) -> Self {
        let rewrite = Some(rewrite.to_owned());
        Self { severity: Severity::Warning, name: name.to_owned(), message, rewrite, span }
    }

    fn placed(self, text: &str, statement: usize) -> Finding {
        let span = Span { start: statement + self.span.start, end: statement + self.span.end };
        let (line, column) = place(text, span.start);
        let width = width(text, span);
        let Self { severity, name, message, rewrite, .. } = self;
        Finding { severity, name, message, rewrite, line, column, width }
    }
}

fn of_error(error: AthenaError) -> Found {
    let AthenaError { name, message, span, rewrite } = error;
    Found { severity: Severity::Error, name: name.text(), message, rewrite, span: span.unwrap_or_default() }
}

fn check(sql: &str, tables: &Tables) -> Result<Vec<Found>, AthenaError> {
    stack::planning(|| check_statement(&parse(sql)?, tables))
}

fn check_statement(statement: &Statement, tables: &Tables) -> Result<Vec<Found>, AthenaError> {
    match statement {
        Statement::Query(query) => {
            let mut analyzer = Analyzer::new(tables, vec![unknown_value(); PARAMETERS_MAX]);
            let relation = analyzer.as_written(query)?;
            let found = warnings(&relation);
            analyzer.as_joins(relation).map(|_| found)
        }
        Statement::Explain { statement, .. } | Statement::Prepare { statement, .. } => check_statement(statement, tables),
        Statement::Writes { words, span } => {
            let message =
                format!("{words} is not looked at: lakes are read-only here, and so are the statements that are checked");
            Err(AthenaError::at(ErrorName::NotSupported, *span, message))
        }
        _ => Ok(Vec::new()),
    }
}

/// Most `?` of a statement that are looked at.
const PARAMETERS_MAX: usize = 1000;

/// What a `?` may be: of any type.
fn unknown_value() -> Typed {
    Typed::new(Kind::Literal(Literal::Null), Type::Unknown, Span::default())
}

fn warnings(relation: &Relation) -> Vec<Found> {
    let mut found = Vec::new();
    for Whole { table, span, partition_columns } in read_whole(relation) {
        let message = format!("{table} is read whole: no condition narrows {}", partition_columns.join(", "));
        found.push(Found::warning(FULL_SCAN, span, message, "add a condition such as dt >= '2024-05-01'"));
    }
    divisions(&relation.plan, &mut found);
    found.sort_by_key(|found| found.span.start);
    found
}

/// The divisions that are of decimals because of how a literal is written.
fn divisions(plan: &Plan, found: &mut Vec<Found>) {
    for expr in plan.exprs() {
        expr.walk(&mut |typed| {
            match &typed.kind {
                Kind::Call { name: "$divide", arguments } if is_of_decimal_literals(arguments) => found.push(division(typed)),
                Kind::Subquery(query) => divisions(&query.relation().plan, found),
                _ => {}
            }
            true
        });
    }
    plan.inputs().into_iter().for_each(|input| divisions(input, found));
}

/// Whether a division is one of decimals because a literal has a point.
fn is_of_decimal_literals(arguments: &[Typed]) -> bool {
    let is_decimal = |typed: &Typed| matches!(typed.ty, Type::Decimal { .. });
    let mut has_literal = false;
    for argument in arguments {
        // What is no decimal hands no decimal on: the literals within it do not matter.
        argument.walk(&mut |typed| {
            has_literal |= matches!(typed.kind, Kind::Literal(Literal::Decimal(_)));
            is_decimal(typed)
        });
    }
    has_literal && arguments.iter().all(is_decimal)
}

fn division(typed: &Typed) -> Found {
    let digits = match &typed.ty {
        Type::Decimal { scale: 0, .. } => "no digit".to_owned(),
        Type::Decimal { scale: 1, .. } => "1 digit".to_owned(),
        Type::Decimal { scale, .. } => format!("{scale} digits"),
        other => other.to_string(),
    };
    let message = format!("a literal with a point is a decimal: this division keeps {digits} after the point");
    Found::warning("DECIMAL_DIVISION", typed.span, message, "write the literal as a double: 1e0 instead of 1.0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(usize, usize, String)> {
        lint(text).1.into_iter().map(|finding| (finding.line, finding.column, finding.name)).collect()
    }

    #[test]
    fn a_finding_never_stands_in_another_statement_than_its_own() {
        let text = "SELECT 1; -- ; no\nSELECT ';' FROM stock_data WHERE dt = 'x';\n\n  SELECT symbl\nFROM stock_data WHERE hour = '14';;";
        assert_eq!(lint(text).0, 3);
        assert_eq!(names(text), [(4, 10, "COLUMN_NOT_FOUND".to_owned())]);
        assert_eq!(lint(text).1[0].rewrite.as_deref(), Some("did you mean symbol?"));
        assert_eq!(lint(" -- nothing\n;").0, 0);
    }

    #[test]
    fn the_widely_copied_query_is_never_let_through_without_the_way_out() {
        let copied = "SELECT symbol, date(time) AS day, AVG(price) FROM stock_data WHERE dt > '2024' GROUP BY symbol, day";
        let (_, findings) = lint(copied);
        assert_eq!((findings.len(), findings[0].name.as_str(), findings[0].width), (1, "COLUMN_NOT_FOUND", 3));
        assert!(findings[0].rewrite.as_deref().is_some_and(|how| how.contains("GROUP BY 2")), "{findings:?}");
    }

    #[test]
    fn a_whole_table_is_never_read_unnoticed_nor_is_what_is_narrowed_complained_of() {
        assert_eq!(names("SELECT max(price) FROM stock_data"), [(1, 24, "FULL_SCAN".to_owned())]);
        assert_eq!(names("SELECT a.price FROM stock_data a JOIN stock_data_json b ON a.dt = b.dt AND a.dt = '2024-05-01'"), []);
        let nested = "WITH t AS (SELECT * FROM stock_data) SELECT symbol FROM t WHERE dt = '2024-05-01' AND price > (SELECT avg(price) FROM stock_data)";
        assert_eq!(names(nested), [(1, 119, "FULL_SCAN".to_owned())]);
    }

    #[test]
    fn a_division_of_decimals_is_never_taken_for_one_of_doubles() {
        let found = |sql| names(sql).into_iter().map(|(_, column, name)| (column, name)).collect::<Vec<_>>();
        let at = |columns: &[usize]| columns.iter().map(|column| (*column, "DECIMAL_DIVISION".to_owned())).collect::<Vec<_>>();
        assert_eq!(found("SELECT 1.0 / 3, 1e0 / 3, 1.0 / price FROM stock_data WHERE dt = ''"), at(&[8]));
        assert_eq!(found("SELECT count(*) * 1.0 / 1000000, 1 / (1 + 0.06), if(true, 1, 0.5) / 3"), at(&[8, 34, 50]));
        assert_eq!(found("SELECT CAST(1.0 AS double) / 3, DECIMAL '1.0' / 3, length('1.0') / 3"), at(&[33]));
    }

    #[test]
    fn what_would_write_is_never_passed_over() {
        assert_eq!(names("EXPLAIN CREATE TABLE t AS SELECT 1"), [(1, 9, "NOT_SUPPORTED".to_owned())]);
        assert_eq!(names("SELECT ? + 1; EXECUTE q USING 1"), []);
    }

    #[test]
    fn no_text_is_too_strange() {
        let deep = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
        let long = format!("SELECT 1 WHERE {}", vec!["1 = 2"; 10_000].join(" OR "));
        let strange =
            ["SELECT '", "SELECT \"a", "/* ", "\0", "é", "SELECT 1 FROM stock_data WHERE dt = 'é' AND x", ";;;", &deep, &long];
        for text in strange {
            let (_, findings) = lint(text);
            assert!(findings.len() < 3, "{text:.40}: {findings:?}");
        }
        assert_eq!(lint(&long).1, []);
    }

    #[test]
    fn nothing_is_ever_found_in_the_statements_that_we_ship() {
        for statement in crate::volatility::ALL {
            let found = lint(&statement.with::<&str, &str>(&[]).unwrap()).1;
            assert!(found.is_empty(), "{}: {found:?}", statement.name);
        }
    }

    #[test]
    fn a_comment_never_allows_more_than_it_says_nor_in_another_statement() {
        let text = "-- lint: allow FULL_SCAN\nSELECT 1.0 / 3, symbol FROM stock_data;\nSELECT symbol FROM stock_data;\nSELECT 1.0 / 3 FROM stock_data -- lint: allow FULL_SCAN, DECIMAL_DIVISION\n;SELECT x -- lint: allow COLUMN_NOT_FOUND\n";
        let expected = [(2, 8, "DECIMAL_DIVISION"), (3, 20, "FULL_SCAN"), (5, 9, "COLUMN_NOT_FOUND")];
        assert_eq!(names(text), expected.map(|(line, column, name)| (line, column, name.to_owned())));
    }
}
