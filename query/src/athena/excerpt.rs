//! The line of a text that a fault is in, with carets under the fault.
//!
//! Owns: cutting long lines, keeping the carets under what they mean.
//! Does not own: the faults (`error`, `lint`).
//! Invariant: two lines, none of them much wider than `SHOWN_MAX`.

use std::fmt::Write as _;

/// Most characters of a line that are shown, and how many of them stand before the fault.
const SHOWN_MAX: usize = 100;
const SHOWN_BEFORE: usize = 60;

/// The line with its number, and carets under `width` characters from `column` on; both count from 1.
pub(super) fn excerpt(text: &str, line: usize, column: usize, width: usize) -> String {
    let whole: Vec<char> = text.lines().nth(line.saturating_sub(1)).unwrap_or("").chars().collect();
    let from = if whole.len() > SHOWN_MAX { column.saturating_sub(SHOWN_BEFORE) } else { 0 };
    // Control characters would move the caret away from what it points at.
    let part: String = whole.iter().skip(from).take(SHOWN_MAX).map(|c| if c.is_control() { ' ' } else { *c }).collect();
    let before = column.saturating_sub(1).saturating_sub(from);
    let carets = "^".repeat(width.min(SHOWN_MAX.saturating_sub(before)).max(1));
    let gutter = " ".repeat(line.to_string().len());
    let mut shown = format!("{line} | {part}\n");
    // Writing to a String cannot fail.
    let _ = write!(shown, "{gutter} | {:before$}{carets}", "");
    shown
}
