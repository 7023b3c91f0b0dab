//! What people see: progress on stderr when it is a terminal, tables as wide as the screen, counts.
//!
//! Owns: how progress looks, how wide the screen is.
//! Does not own: the counters (`ingest::Progress`), laying tables out (`query`).

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ticklake_query::{Format, Grid};

const REDRAWS_PER_SECOND: u8 = 10;
/// Narrow enough for any terminal; the figures are cut to what room is left.
const BAR: &str = "{prefix} {bar:16.cyan/dim} {percent:>3}% {wide_msg}";

/// Whether a person watches.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// A bar of known length, hidden when nobody watches.
pub(crate) fn bar(length: u64, what: &str) -> ProgressBar {
    styled(ProgressBar::with_draw_target(Some(length), target()), BAR, what)
}

/// A line without a length, hidden when nobody watches.
pub(crate) fn line(what: &str) -> ProgressBar {
    let line = styled(ProgressBar::with_draw_target(None, target()), "{prefix} {spinner} {wide_msg}", what);
    line.enable_steady_tick(Duration::from_millis(1000 / u64::from(REDRAWS_PER_SECOND)));
    line
}

fn target() -> ProgressDrawTarget {
    if is_watched() { ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND) } else { ProgressDrawTarget::hidden() }
}

fn styled(bar: ProgressBar, template: &str, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_prefix(what.to_owned())
}

/// A table of a result, no wider than the screen.
pub(crate) fn table() -> Format {
    Format::Table { width_max: width() }
}

/// A table of texts, no wider than the screen; a column whose name begins with `>` is aligned to the right.
pub(crate) fn table_of(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let named = columns.iter().map(|name| (name.trim_start_matches('>').to_owned(), name.starts_with('>')));
    let (mut grid, mut text) = (Grid::new(named, width()), String::new());
    for row in rows {
        grid.row(row, &mut text);
    }
    grid.end(&mut text);
    text
}

/// How many characters fit on a line of standard output, where somebody says so: `COLUMNS`, or the terminal.
fn width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    said.or_else(width_of_terminal).filter(|width| *width > 0)
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "the terminal's size has no safe form; the call fills in the struct it is given")]
fn width_of_terminal() -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ writes one `winsize`, and there is one.
    let answered = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) } == 0;
    answered.then_some(usize::from(size.ws_col))
}

#[cfg(not(unix))]
fn width_of_terminal() -> Option<usize> {
    None
}

/// `1 file`, `2 files`.
pub(crate) fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn groups_are_of_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(super::grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
