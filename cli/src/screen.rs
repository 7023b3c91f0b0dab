//! What people see: progress on stderr when it is a terminal, tables as wide as the screen, counts.
//!
//! Owns: how progress looks, how wide the screen is.
//! Does not own: the counters (`ingest::Progress`), laying tables out (`query`).

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ticklake_query::{Format, Grid, Shape, Work, told};

/// A statement that takes no longer shows no progress.
const SHOWN_AFTER: Duration = Duration::from_millis(500);
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
    Format::Table { width_max: width(), rows_max: None, may_turn: true }
}

/// A result a column a line, for the screen.
pub(crate) fn vertical() -> Format {
    Format::Vertical { width_max: width(), rows_max: None }
}

/// A table of texts, no wider than the screen; a column whose name begins with `>` is aligned to the right.
pub(crate) fn table_of(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let named = columns.iter().map(|name| (name.trim_start_matches('>').to_owned(), name.starts_with('>')));
    let (mut grid, mut text) = (Grid::new(named, Shape::TableThatFits, width()), String::new());
    for row in rows {
        grid.row(row, &mut text);
    }
    grid.end(&mut text);
    text
}

/// How many characters fit on a line of standard output, where somebody says so: `COLUMNS`, or the terminal.
pub(crate) fn width() -> Option<usize> {
    said("COLUMNS").or_else(|| Some(usize::from(terminal()?.ws_col))).filter(|width| *width > 0)
}

/// How many lines fit on the screen of standard output: `LINES`, or the terminal.
pub(crate) fn height() -> Option<usize> {
    said("LINES").or_else(|| Some(usize::from(terminal()?.ws_row))).filter(|height| *height > 0)
}

fn said(variable: &str) -> Option<usize> {
    std::env::var(variable).ok().and_then(|said| said.parse().ok())
}

#[expect(unsafe_code, reason = "the terminal's size has no safe form; the call fills in the struct it is given")]
fn terminal() -> Option<libc::winsize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ writes one `winsize`, and there is one.
    let answered = unsafe { libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size) } == 0;
    answered.then_some(size)
}

/// Shows how far a statement has got, once it takes long, until what is given is dropped. Nothing when nobody watches.
pub(crate) fn watching(work: Work) -> Box<dyn Send> {
    if !is_watched() {
        return Box::new(());
    }
    let show = async move {
        tokio::time::sleep(SHOWN_AFTER).await;
        let shown = Shown(bar(work.done().files_total.max(1), "read"));
        loop {
            let done = work.done();
            shown.0.set_position(done.files);
            let left = if done.files == 0 { String::new() } else { format!(", {} s left", shown.0.eta().as_secs()) };
            shown.0.set_message(format!(
                "{}, {}, {} of {}{left}",
                told::counted(done.rows, "row"),
                told::bytes(done.bytes),
                told::grouped(done.files),
                told::counted(done.files_total, "file"),
            ));
            tokio::time::sleep(Duration::from_millis(1000 / u64::from(REDRAWS_PER_SECOND))).await;
        }
    };
    Box::new(Watching(tokio::spawn(show)))
}

/// A bar that goes with it.
struct Shown(ProgressBar);

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A task that is stopped with it.
struct Watching(tokio::task::JoinHandle<()>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.abort();
    }
}
