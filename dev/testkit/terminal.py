"""Owns: a program in a terminal of its own: keys go in, a screen comes out.
Does not own: what the program should show (the tests).
Invariant: nothing waits without a deadline; the program ends with its terminal.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte

from commands import Done, wait_until

READ_BYTES = 65_536
ENTER, TAB, CTRL_C, CTRL_D, CTRL_R, UP = "\r", "\t", "\x03", "\x04", "\x12", "\x1b[A"
PASTE = "\x1b[200~{}\x1b[201~"
# What a program asks a terminal for, and a terminal's answer.
CURSOR_ASKED, MODES = b"\x1b[6n", (termios.ICANON | termios.ECHO | termios.ISIG)


class Terminal:
    """A program behind a pty, drawn by pyte."""

    def __init__(self, args: list[str], env: dict[str, str], columns: int = 100, rows: int = 30):
        self.args = list(map(str, args))
        self.screen = pyte.HistoryScreen(columns, rows, history=5_000, ratio=1)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, theirs = pty.openpty()
        self.resize(columns, rows)
        self.modes = termios.tcgetattr(theirs)
        self._theirs = theirs

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.began = time.monotonic()
        self.process = subprocess.Popen(
            self.args, env=env | {"TERM": "xterm-256color"}, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=own_terminal
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=30)
        os.close(self._ours)
        os.close(self._theirs)

    def resize(self, columns: int, rows: int):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self):
        while select.select([self._ours], [], [], 0)[0]:
            try:
                read = os.read(self._ours, READ_BYTES)
            except OSError:
                return
            self._stream.feed(read)
            for _ in range(read.count(CURSOR_ASKED)):
                os.write(self._ours, f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R".encode())

    def text(self) -> str:
        """All lines, those that have gone up included, without blanks at their ends."""
        self._read()
        gone = ["".join(line[x].data for x in range(self.screen.columns)) for line in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*gone, *self.screen.display]).rstrip()

    def until(self, what, within_s: float = 30) -> str:
        """Waits for a text, or for a condition on all the text; gives the text."""
        holds = what if callable(what) else lambda text: what in text
        wait_until(f"{what!r} on the screen", lambda: holds(self.text()), within_s, lambda: f"--- screen\n{self.text()}\n---")
        return self.text()

    def prompts(self, prompt: str):
        """Waits for an empty prompt: the last of the text, its blank left out."""
        self.until(lambda text: text.endswith(prompt))
        return self

    def type(self, text: str):
        os.write(self._ours, text.encode())

    def enter(self, text: str):
        self.type(text + ENTER)

    def signal(self, number: int):
        os.kill(self.process.pid, number)

    def end(self, within_s: float = 30) -> Done:
        """Waits for the program to end by itself."""
        wait_until(f"{self.args} ended", lambda: (self._read(), self.process.poll() is not None)[1], within_s, self.text)
        return Done(self.args, self.process.returncode, self.text(), "")

    def is_restored(self) -> bool:
        """Whether the terminal is as it was before the program."""
        return termios.tcgetattr(self._theirs)[3] & MODES == self.modes[3] & MODES


def terminate(terminal: Terminal) -> Done:
    terminal.signal(signal.SIGTERM)
    return terminal.end()
