//! What is longer than the screen goes through a pager.
//!
//! Owns: finding out that it is longer, running `$PAGER` (else `less -SRFX`), its end.
//! Does not own: what is written (`output`), whether there is a screen (`cli`), whether it is wanted (`settings`).
//! Invariant: nothing written is lost but by who leaves the pager; the screen is never shared with one that still runs.

use std::io::{self, ErrorKind, Write};
use std::process::{Child, Command, Stdio};

use crate::QueryError;

/// Lines cut at the screen's edge, colours kept, no pager for what fits after all, and what was shown stays on the screen.
const DEFAULT: (&str, &str) = ("less", "-SRFX");
/// What a shell ends with that cannot find a command, or cannot run it.
const NOT_RUN: [i32; 2] = [126, 127];

/// A writer to the screen, or to a pager before it.
pub(super) struct Pager<'a> {
    screen: &'a mut (dyn Write + Send),
    state: State,
}

enum State {
    /// Nothing is shown yet: so many lines may come before it is too long.
    Held(Vec<u8>, usize),
    Shown,
    Paged(Child),
}

impl<'a> Pager<'a> {
    /// Before a screen of so many rows; none where nothing is to be paged.
    pub(super) fn before(screen: &'a mut (dyn Write + Send), rows: Option<usize>) -> Self {
        // The prompt takes a row, too.
        let state = rows.map_or(State::Shown, |rows| State::Held(Vec::new(), rows.saturating_sub(1)));
        Self { screen, state }
    }

    /// Shows what is held, or waits until the person leaves the pager; gives how the writing went.
    pub(super) fn end<T: Default>(mut self, written: Result<T, QueryError>) -> Result<T, QueryError> {
        self.show()?;
        let State::Paged(pager) = &mut self.state else { return written };
        drop(pager.stdin.take());
        let ended = pager.wait()?;
        if ended.code().is_some_and(|code| NOT_RUN.contains(&code)) {
            return Err(QueryError::Sql(
                "PAGER names nothing that can be run; set it to a program such as less, or \\pset pager off".to_owned(),
            ));
        }
        match written {
            // Who leaves has seen enough.
            Err(QueryError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(T::default()),
            written => written,
        }
    }

    fn show(&mut self) -> io::Result<()> {
        if let State::Held(held, _) = &mut self.state {
            let held = std::mem::take(held);
            self.state = State::Shown;
            self.screen.write_all(&held)?;
        }
        Ok(())
    }

    /// What is held is too long: hands it to a pager, or shows it where there is none.
    fn page(&mut self) -> io::Result<()> {
        self.screen.flush()?;
        match command().and_then(|mut command| command.stdin(Stdio::piped()).spawn().ok()) {
            Some(pager) => {
                let State::Held(held, _) = &mut self.state else { return Ok(()) };
                let held = std::mem::take(held);
                self.state = State::Paged(pager);
                self.write_all(&held)
            }
            None => self.show(),
        }
    }
}

/// The pager, if one is wanted.
fn command() -> Option<Command> {
    match std::env::var("PAGER") {
        Ok(pager) if matches!(pager.trim(), "" | "cat") => None,
        Ok(pager) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", &pager]);
            Some(shell)
        }
        Err(_) => {
            let mut less = Command::new(DEFAULT.0);
            less.arg(DEFAULT.1);
            Some(less)
        }
    }
}

impl Write for Pager<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Held(held, lines_left) => {
                held.extend_from_slice(text);
                let lines = text.iter().filter(|byte| **byte == b'\n').count();
                let is_long = lines > *lines_left;
                *lines_left = lines_left.saturating_sub(lines);
                if is_long {
                    self.page()?;
                }
                Ok(text.len())
            }
            State::Shown => self.screen.write(text),
            State::Paged(pager) => match &mut pager.stdin {
                Some(to) => to.write(text),
                None => Err(ErrorKind::BrokenPipe.into()),
            },
        }
    }

    /// What comes next may take its time: what is there is to be seen.
    fn flush(&mut self) -> io::Result<()> {
        self.show()?;
        match &mut self.state {
            State::Paged(pager) => pager.stdin.as_mut().map_or(Ok(()), Write::flush),
            _ => self.screen.flush(),
        }
    }
}

impl Drop for Pager<'_> {
    /// An interrupted statement leaves what it gave to be read.
    fn drop(&mut self) {
        if let State::Paged(pager) = &mut self.state {
            drop(pager.stdin.take());
            let _ = pager.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: Option<usize>, lines: usize) -> (String, bool) {
        let mut screen = Vec::new();
        let mut pager = Pager::before(&mut screen, rows);
        for at in 0..lines {
            writeln!(pager, "{at}").unwrap();
        }
        let is_paged = matches!(pager.state, State::Paged(_));
        pager.end(Ok(())).unwrap();
        (String::from_utf8(screen).unwrap(), is_paged)
    }

    #[test]
    fn what_fits_the_screen_never_meets_a_pager_nor_loses_a_line() {
        assert_eq!(written(Some(4), 3), ("0\n1\n2\n".to_owned(), false));
        assert_eq!(written(None, 100).0.lines().count(), 100);
        let mut screen = Vec::new();
        let mut pager = Pager::before(&mut screen, Some(3));
        pager.write_all(b"first\n").unwrap();
        pager.flush().unwrap();
        pager.write_all(b"1\n2\n3\n4\n").unwrap();
        pager.end(Ok(())).unwrap();
        assert_eq!(screen, b"first\n1\n2\n3\n4\n", "what was shown is not shown again");
    }
}
