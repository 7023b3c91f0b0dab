//! Reads one statement and refuses what would change anything.
//!
//! Owns: which kinds of statement may run.
//! Does not own: planning and running them (`engine`).
//! Invariant: nothing that passes can write to the lake, to a file or to the session.

use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::Statement as Ast;
use datafusion::sql::sqlparser::dialect::GenericDialect;

use crate::QueryError;

/// Why a text is not one statement we run.
pub(crate) enum NotRun {
    /// The engine's parser says so.
    Parser(DataFusionError),
    /// We say so.
    Refused(QueryError),
}

/// Parses exactly one statement that only reads.
pub(crate) fn parse(sql: &str) -> Result<Statement, NotRun> {
    let refused = |why: &str| NotRun::Refused(QueryError::Sql(why.to_owned()));
    let mut parser = DFParserBuilder::new(sql).with_dialect(&GenericDialect {}).build().map_err(NotRun::Parser)?;
    let mut statements = parser.parse_statements().map_err(NotRun::Parser)?;
    let statement = statements.pop_front().ok_or_else(|| refused("there is no statement to run"))?;
    if !statements.is_empty() {
        return Err(refused("give one statement at a time here"));
    }
    if reads_only(&statement) { Ok(statement) } else { Err(NotRun::Refused(refuse(&statement.to_string()))) }
}

/// The same question asked of the plan, where nested writes show.
pub(crate) fn check_plan(plan: &LogicalPlan, sql: &str) -> Result<(), QueryError> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(plan).map_err(|_| refuse(sql))
}

fn reads_only(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(ast) => matches!(
            **ast,
            Ast::Query(_)
                | Ast::Explain { .. }
                | Ast::ExplainTable { .. }
                | Ast::ShowTables { .. }
                | Ast::ShowColumns { .. }
                | Ast::ShowFunctions { .. }
                | Ast::ShowVariable { .. }
        ),
        Statement::Explain(explain) => reads_only(&explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => false,
    }
}

fn refuse(statement: &str) -> QueryError {
    let verb: String = statement.chars().take_while(char::is_ascii_alphabetic).collect();
    let what = if verb.is_empty() { "the statement".to_owned() } else { verb.to_uppercase() };
    QueryError::Sql(format!(
        "{what} is refused: lakes are read-only here; SELECT, SHOW TABLES, SHOW COLUMNS, DESCRIBE and EXPLAIN of them run"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_writes_is_ever_let_through() {
        for text in [
            "CREATE TABLE t AS SELECT 1",
            "create external table t stored as parquet location 'x'",
            "CREATE VIEW v AS SELECT 1",
            "DROP TABLE stock_data",
            "INSERT INTO stock_data VALUES (1)",
            "UPDATE stock_data SET price = 1",
            "DELETE FROM stock_data",
            "COPY stock_data TO 'x.parquet'",
            "EXPLAIN COPY stock_data TO 'x.parquet'",
            "SET datafusion.execution.batch_size = 1",
            "ALTER TABLE stock_data ADD COLUMN x int",
            "TRUNCATE TABLE stock_data",
        ] {
            match parse(text) {
                Err(NotRun::Refused(QueryError::Sql(why))) => assert!(why.contains("read-only here"), "{text}: {why}"),
                _ => panic!("{text} was not refused"),
            }
        }
        for text in [
            "SELECT 1",
            "EXPLAIN SELECT 1",
            "SHOW TABLES",
            "DESCRIBE stock_data",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "VALUES (1)",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        assert!(matches!(parse("SELECT 1; SELECT 2"), Err(NotRun::Refused(_))));
        assert!(matches!(parse(" -- nothing"), Err(NotRun::Refused(_))));
    }
}
