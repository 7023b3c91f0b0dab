//! `SHOW` and `DESCRIBE`: the query that each of them stands for.
//!
//! Owns: what they show, under the names that Trino (for `SHOW PARTITIONS`, Athena) gives it.
//! Does not own: reading them (`parse`), running the query (`run`).
//! Invariant: a table that is not there is a fault at the statement's beginning, as in Trino.

use super::analyze::Tables;
use super::ast::{Ident, Like, QualifiedName, Span, Statement};
use super::error::{AthenaError, ErrorName};
use super::tables::{self, PARTITIONS};
use ticklake_schemas::{GlueColumn, STOCK_DATA_JSON};

/// The way out of what is refused.
const SHOWN: &str = "queries, SHOW, DESCRIBE, EXPLAIN, PREPARE and EXECUTE run";

/// A query in place of a statement that shows something; `location` is where the lake lies.
///
/// # Errors
/// A table or schema that is not there; `NOT_SUPPORTED` for what writes and for whatever else is not here.
pub(super) fn query_for(statement: &Statement, tables: &Tables, location: &str) -> Result<String, AthenaError> {
    let here = Span::default();
    match statement {
        Statement::ShowTables { from, like } => {
            tables.check_schema(from.as_ref().map_or(&[], |from| &from.0), here)?;
            let names = tables.tables.keys().filter(|name| !name.contains('$')).map(|name| vec![name.clone()]);
            Ok(rows(&["Table"], names.collect(), like.as_ref()))
        }
        Statement::ShowSchemas { from, like } => {
            let schema = Ident { text: "default".into(), written: "default".into(), quoted: false, span: here };
            let catalog: Vec<Ident> = from.iter().cloned().chain([schema]).collect();
            tables.check_schema(if from.is_some() { &catalog } else { &[] }, here)?;
            let own = tables.schema.clone().unwrap_or("default".to_owned());
            Ok(rows(&["Schema"], vec![vec![own]], like.as_ref()))
        }
        Statement::ShowColumns { table, like } => {
            let (table, columns) = tables.find(table, here)?;
            let visible = columns.iter().filter(|(name, _)| !name.starts_with('$'));
            let all = visible.map(|(name, ty)| {
                let (extra, comment) = described(table, name);
                vec![name.clone(), ty.to_string(), extra, comment]
            });
            Ok(rows(&["Column", "Type", "Extra", "Comment"], all.collect(), like.as_ref()))
        }
        Statement::ShowPartitions { table } => partitions(table, tables),
        Statement::ShowCreateTable { table } => {
            let (table, _) = tables.find(table, here)?;
            let lines = created(table, location).ok_or_else(|| not_here(&format!("SHOW CREATE TABLE of {table}"), here))?;
            Ok(rows(&["Create Table"], lines.into_iter().map(|line| vec![line]).collect(), None))
        }
        Statement::ShowCreateView { view } => {
            Err(AthenaError::at(ErrorName::TableNotFound, here, format!("View '{view}' does not exist")))
        }
        Statement::ShowFunctions { .. } => {
            let error = not_here("SHOW FUNCTIONS", here);
            Err(error.rewrite("the functions are those of Trino 449, which its documentation lists"))
        }
        Statement::Writes { words, span } => {
            Err(AthenaError::at(ErrorName::NotSupported, *span, format!("{words} is refused: lakes are read-only here; {SHOWN}")))
        }
        Statement::Other { words, span } => Err(not_here(words, *span)),
        other => Err(AthenaError::internal(&format!("a statement that shows nothing: {other:?}"))),
    }
}

fn not_here(what: &str, span: Span) -> AthenaError {
    AthenaError::at(ErrorName::NotSupported, span, format!("{what} is not there; {SHOWN}"))
}

/// Rows of texts in their order, under these names; `LIKE` is of the first.
fn rows(columns: &[&str], rows: Vec<Vec<String>>, like: Option<&Like>) -> String {
    let quoted = |text: &String| format!("'{}'", text.replace('\'', "''"));
    let row = |(n, row): (usize, &Vec<String>)| format!("({n}, {})", row.iter().map(quoted).collect::<Vec<_>>().join(", "));
    let values: Vec<String> = rows.iter().enumerate().map(row).collect();
    let names: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
    let names = names.join(", ");
    // Of no rows the types are not to be seen.
    let nothing = format!("(0{})", ", ''".repeat(columns.len()));
    let (values, mut condition) =
        if values.is_empty() { (nothing, "false".to_owned()) } else { (values.join(", "), "true".to_owned()) };
    if let (Some(like), Some(first)) = (like, columns.first()) {
        let escape = like.escape.as_ref().map_or(String::new(), |escape| format!(" ESCAPE {}", quoted(escape)));
        condition = format!("{condition} AND \"{first}\" LIKE {}{escape}", quoted(&like.pattern));
    }
    format!("SELECT {names} FROM (VALUES {values}) AS t (n, {names}) WHERE {condition} ORDER BY n")
}

/// `dt=2024-05-01/hour=13`, a row each.
fn partitions(table: &QualifiedName, tables: &Tables) -> Result<String, AthenaError> {
    let here = Span::default();
    let (name, _) = tables.find(table, here)?;
    let columns = tables::partition_columns(name);
    if columns.is_empty() {
        return Err(AthenaError::at(ErrorName::NotSupported, here, format!("Table '{name}' has no partitions")));
    }
    let value = |column: &String| format!("'{column}=' || \"{column}\"");
    let partition = columns.iter().map(value).collect::<Vec<_>>().join(" || '/' || ");
    Ok(format!("SELECT {partition} AS \"partition\" FROM \"{name}{PARTITIONS}\" ORDER BY 1"))
}

/// What the contract says of a table's column beyond its type: whether files are chosen by it, and what it holds.
fn described(table: &str, column: &str) -> (String, String) {
    let column = tables::contract(table).and_then(|contract| contract.column(column));
    let extra = column.filter(|column| tables::partition_columns(table).contains(&column.name)).map_or("", |_| "partition key");
    (extra.to_owned(), column.map_or_else(String::new, |column| column.doc.clone()))
}

/// The lines of the statement that registers a table in Athena by hand; `None` for what is no table of its own.
fn created(table: &str, location: &str) -> Option<Vec<String>> {
    let contract = tables::contract(table)?;
    let mut lines = vec![format!("CREATE EXTERNAL TABLE `{table}`")];
    if table == STOCK_DATA_JSON {
        let columns = |columns: Vec<GlueColumn>| -> Vec<String> {
            let last = columns.len().saturating_sub(1);
            let line = |(i, column): (usize, GlueColumn)| {
                format!("  `{}` {}{}", column.name, column.kind, if i == last { ")" } else { "," })
            };
            columns.into_iter().enumerate().map(line).collect()
        };
        lines[0].push_str(" (");
        lines.extend(columns(contract.glue_file_columns()));
        lines.push("PARTITIONED BY (".to_owned());
        lines.extend(columns(contract.glue_partition_keys()));
        lines.push("ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'".to_owned());
    }
    lines.push(format!("LOCATION '{location}/{table}'"));
    if table != STOCK_DATA_JSON {
        lines.push("TBLPROPERTIES ('table_type' = 'DELTA')".to_owned());
    }
    Some(lines)
}
