//! `ticklake lint`: what Athena would say of SQL files, without data and without AWS.
//!
//! Owns: reading the files, printing each finding under its line.
//! Does not own: the findings (`query::lint`).
//! Invariant: exit code 0 only if nothing was found in any file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;
use ticklake_query::told::counted;
use ticklake_query::{Finding, Severity, lint, read_script};

use crate::args::LintArgs;
use crate::exit::Failure;

pub(crate) fn run(args: &LintArgs) -> Result<(), Failure> {
    let (mut found, mut statements) = (Vec::new(), 0);
    let mut out = std::io::stdout().lock();
    for file in &args.files {
        let (name, text) = (file.display().to_string(), read(file)?);
        let (count, findings) = lint(&text);
        statements += count;
        if !args.json {
            for finding in &findings {
                write!(out, "{}", shown(&name, &text, finding))?;
            }
        }
        found.extend(findings.into_iter().map(|finding| (name.clone(), finding)));
    }
    if args.json {
        let findings: Vec<_> = found.iter().map(|(file, finding)| as_json(file, finding)).collect();
        writeln!(out, "{}", json!({ "files": args.files.len(), "statements": statements, "findings": findings }))?;
    }
    let looked_at = format!("{} of {}", counted(statements as u64, "statement"), counted(args.files.len() as u64, "file"));
    if found.is_empty() {
        tracing::info!("nothing found in {looked_at}");
        return Ok(());
    }
    Err(Failure::failed(format!("{} in {looked_at}", counted(found.len() as u64, "finding"))))
}

fn read(file: &Path) -> Result<String, Failure> {
    read_script(file).map_err(|e| Failure::usage(format!("{e}; give a file of SQL statements in UTF-8")))
}

fn severity(of: Severity) -> &'static str {
    match of {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn as_json(file: &str, finding: &Finding) -> serde_json::Value {
    let Finding { name, message, rewrite, line, column, .. } = finding;
    let severity = severity(finding.severity);
    json!({
        "file": file, "line": line, "column": column, "severity": severity, "name": name, "message": message, "rewrite": rewrite,
    })
}

/// A finding under the line it is about.
fn shown(file: &str, text: &str, finding: &Finding) -> String {
    let Finding { name, message, rewrite, line, column, .. } = finding;
    let severity = severity(finding.severity);
    let mut shown = format!("{file}:{line}:{column}: {severity} {name}: {message}\n{}\n", finding.excerpt(text));
    if let Some(rewrite) = rewrite {
        let gutter = " ".repeat(line.to_string().len());
        // Writing to a String cannot fail.
        let _ = writeln!(shown, "{gutter}   {rewrite}");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caret_never_stands_beside_what_it_means() {
        let text = "SELECT 1;\nSELECT\tnvl(symbol, 'é')\nFROM stock_data WHERE dt = '2024-05-01';\n";
        let (statements, findings) = lint(text);
        assert_eq!((statements, findings.len()), (2, 1));
        let expected = "\
q.sql:2:8: error FUNCTION_NOT_FOUND: Function 'nvl' not registered
2 | SELECT nvl(symbol, 'é')
  |        ^^^^^^^^^^^^^^^^
    write coalesce(a, b)
";
        assert_eq!(shown("q.sql", text, &findings[0]), expected);
        let long = format!("SELECT {} x FROM t", "1, ".repeat(100));
        let shown = shown("q.sql", &long, &lint(&long).1[0]);
        assert!(shown.lines().all(|line| line.chars().count() < 110), "{shown}");
    }
}
