//! A script's text.
//!
//! Owns: reading it from a file or standard input, what no script is.
//! Does not own: what is in it (`input`).
//! Invariant: no more than `SCRIPT_BYTES_MAX` bytes are read.

use crate::QueryError;

/// A script larger than this is data that went astray.
const SCRIPT_BYTES_MAX: u64 = 16 << 20;

/// The text of a script, without the byte order mark that some editors begin it with.
///
/// # Errors
/// `Sql` for a file that cannot be read as text, or is too large to be a script.
pub fn read_script(file: &std::path::Path) -> Result<String, QueryError> {
    use std::io::Read as _;
    let mut text = String::new();
    let from: (String, std::io::Result<Box<dyn std::io::Read>>) = if file == std::path::Path::new("-") {
        ("standard input".to_owned(), Ok(Box::new(std::io::stdin())))
    } else {
        (file.display().to_string(), std::fs::File::open(file).map(|file| Box::new(file) as _))
    };
    let (name, opened) = from;
    let read = opened.and_then(|from| from.take(SCRIPT_BYTES_MAX + 1).read_to_string(&mut text));
    let read = read.map_err(|e| QueryError::Sql(format!("{name} cannot be read as SQL: {e}")))?;
    if read as u64 > SCRIPT_BYTES_MAX {
        return Err(QueryError::Sql(format!("{name} is larger than {SCRIPT_BYTES_MAX} bytes, which no script is")));
    }
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
