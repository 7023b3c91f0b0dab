//! `\e`: a text in the user's own editor.
//!
//! Owns: which editor, the file between.
//! Does not own: what becomes of the text (`prompt`).
//! Invariant: what is written is shown before it is run; the file is private and goes when the editor is left.

use std::io::{Read as _, Write as _};
use std::process::Command;

use crate::QueryError;

/// Where nobody says.
const EDITOR: &str = "vi";
const SQL_BYTES_MAX: u64 = 16 << 20;

/// The text as the user leaves it.
///
/// # Errors
/// `Sql` when the editor cannot be started, fails, or leaves no text.
pub(crate) fn edited(text: &str) -> Result<String, QueryError> {
    let said = ["VISUAL", "EDITOR"].iter().filter_map(|name| std::env::var(name).ok()).find(|said| !said.trim().is_empty());
    edited_with(&said.unwrap_or_else(|| EDITOR.to_owned()), text)
}

fn edited_with(editor: &str, text: &str) -> Result<String, QueryError> {
    let failed = |what: &dyn std::fmt::Display| {
        QueryError::Sql(format!("{editor} did not edit: {what}; VISUAL or EDITOR says which editor"))
    };
    let mut file = tempfile::Builder::new().prefix("lake-sql-").suffix(".sql").tempfile().map_err(|e| failed(&e))?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).map_err(|e| failed(&e))?;
    // As `git` does: the editor may be said with options.
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or(EDITOR);
    let status = Command::new(program).args(words).arg(file.path()).status().map_err(|e| failed(&e))?;
    if !status.success() {
        return Err(failed(&status));
    }
    // Editors write a new file in the old one's place.
    let left = std::fs::File::open(file.path()).map_err(|e| failed(&e))?;
    let mut text = String::new();
    left.take(SQL_BYTES_MAX).read_to_string(&mut text).map_err(|e| failed(&e))?;
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_that_fails_is_never_taken_for_one_that_wrote() {
        assert_eq!(edited_with("sed -i s/1/2/", "SELECT 1;\n").unwrap(), "SELECT 2;");
        for broken in ["false", "/no/such/editor"] {
            let told = edited_with(broken, "SELECT 1;").unwrap_err().to_string();
            assert!(told.starts_with(broken) && told.contains("EDITOR"), "{told}");
        }
    }
}
