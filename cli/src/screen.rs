//! Progress for people: a bar or a line on stderr when it is a terminal, nothing otherwise.
//!
//! Owns: how progress looks.
//! Does not own: the counters (`ingest::Progress`).

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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
