//! What was typed before, kept on disk.
//!
//! Owns: where the file is, who may read it, what is not kept.
//! Does not own: searching it (`reedline`), the prompt's loop (`prompt`).
//! Invariant: nobody but its owner reads the file; a history that cannot be kept never keeps a prompt from opening.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use reedline::{FileBackedHistory, Reedline};

/// Inputs that are kept; the oldest go.
const INPUTS_MAX: usize = 10_000;
/// An input that begins with it is not kept.
const UNKEPT: &str = " ";
const PRIVATE_FOLDER: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

/// An editor with the history on disk; with it, why there is none.
pub(crate) fn with_history(editor: Reedline) -> (Reedline, Option<String>) {
    let editor = editor.with_history_exclusion_prefix(Some(UNKEPT.to_owned()));
    let Some(file) = file(|name| std::env::var_os(name)) else {
        return (editor, Some("history is not kept: neither XDG_STATE_HOME nor HOME says where".to_owned()));
    };
    match open(&file) {
        Ok(history) => (editor.with_history(Box::new(history)), None),
        Err(why) => (editor, Some(format!("history is not kept: {} cannot be used ({why})", file.display()))),
    }
}

/// `$XDG_STATE_HOME/ticklake/history`, else `~/.local/state/ticklake/history`.
fn file(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
    let named = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = named("XDG_STATE_HOME").or_else(|| Some(named("HOME")?.join(".local/state")))?;
    Some(state.join("ticklake/history"))
}

fn open(file: &Path) -> io::Result<FileBackedHistory> {
    if let Some(folder) = file.parent() {
        DirBuilder::new().recursive(true).mode(PRIVATE_FOLDER).create(folder)?;
    }
    let opened = OpenOptions::new().append(true).create(true).mode(PRIVATE_FILE).open(file)?;
    if opened.metadata()?.permissions().mode() & 0o777 != PRIVATE_FILE {
        opened.set_permissions(Permissions::from_mode(PRIVATE_FILE))?;
    }
    FileBackedHistory::with_file(INPUTS_MAX, file.to_owned()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reedline::{History as _, HistoryItem, SearchDirection, SearchQuery};

    fn kept(file: &Path) -> Vec<String> {
        let all = open(file).unwrap().search(SearchQuery::everything(SearchDirection::Forward, None)).unwrap();
        all.into_iter().map(|item| item.command_line).collect()
    }

    #[test]
    fn a_statement_is_never_cut_nor_lost_to_another_session_nor_shown_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/ticklake/history");
        let (mut one, mut other) = (open(&path).unwrap(), open(&path).unwrap());
        one.save(HistoryItem::from_command_line("SELECT 'é',\n  2;")).unwrap();
        other.save(HistoryItem::from_command_line("SELECT 3;")).unwrap();
        one.sync().unwrap();
        other.sync().unwrap();
        assert_eq!(kept(&path), ["SELECT 'é',\n  2;", "SELECT 3;"]);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(kept(&path).len(), 2);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, PRIVATE_FILE);
    }

    #[test]
    fn a_history_never_lies_where_nobody_said() {
        let from = |variables: &'static [(&str, &str)]| {
            file(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        assert_eq!(from(&[("HOME", "/h")]), Some("/h/.local/state/ticklake/history".into()));
        assert_eq!(from(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]), Some("/s/ticklake/history".into()));
        assert_eq!(from(&[("XDG_STATE_HOME", "relative")]), None);
    }

    #[test]
    fn what_cannot_be_a_history_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        std::fs::write(&path, b"\xff\xfe\n").unwrap();
        assert!(open(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"\xff\xfe\n");
        assert!(open(&path.join("below a file")).is_err());
    }
}
