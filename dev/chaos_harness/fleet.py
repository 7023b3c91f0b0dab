"""Owns: the ingester processes: their lives, what their logs say, their memory, and which deaths nobody asked for.
Does not own: when one is hurt (faults.py), whether what they wrote is right (evidence.py).
Invariant: a process that should run does, a second after it ended at the latest; every end is on record with its last lines.
"""

import re
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from chaos_harness.clock import Clock
from commands import Background, Commands

UNAVAILABLE = 3
RESTART_AFTER_S = 1.0
END_WITHIN_S = 60.0
# A signal that comes before the process has asked for it ends it by itself.
SIGNALS_HEARD_AFTER_S = 2.0
LAST_LINES = 12
COMMITTED = re.compile(r"\bcommitted\b.*\bversion\b")
OVERLAP = "dropping what is buffered"
ASSIGNED = "partitions assigned"


@dataclass
class End:
    """A life that ended."""

    at_s: float
    ingester: str
    code: int | None
    why: str
    expected: bool
    last_lines: list[str] = field(default_factory=list)


class Ingester:
    """One member of the group, through all its lives."""

    def __init__(self, name: str, launch: Callable[[], Background], clock: Clock):
        self.name, self._launch, self._clock = name, launch, clock
        self.process: Background | None = None
        self.wanted = False
        self.asked_to_end: str | None = None
        self.lives = self.overlaps = 0
        self.peak_rss_mb = 0.0
        self.commits: list[float] = []
        self.ends: list[End] = []
        self.since_s = 0.0
        self._assigned = False
        self._lines: list[str] = []
        self._rest = b""
        self._not_before_s = 0.0

    @property
    def running(self) -> bool:
        return self.process is not None

    def start(self):
        self.wanted, self.asked_to_end, self._assigned = True, None, False
        self._lines, self._rest = [], b""
        self.process = self._launch()
        self._log = self.process.err_path.open("rb")
        self.since_s = self._clock.now()
        self.lives += 1

    def signal(self, number: int):
        if self.process and self.process.running():
            self.process.signal(number)

    def end(self, how: int):
        """Asks for an end, by a signal; whoever asks looks at `running` for it to come."""
        self.wanted = False
        if self.running:
            self.asked_to_end = signal.Signals(how).name
            self.signal(signal.SIGCONT)
            self.signal(how)

    def watch(self, away: Callable[[str, float], bool]):
        """Reads what is new. `away`: whether something this ingester needs was away since a moment."""
        now = self._clock.now()
        if self.process is None:
            if self.wanted and now >= self._not_before_s:
                self.start()
            return
        ended = not self.process.running()
        self._read_log(now)
        self._read_memory()
        if ended:
            self._ended(now, away)

    def _read_log(self, now: float):
        *lines, self._rest = (self._rest + self._log.read()).split(b"\n")
        for line in (raw.decode(errors="replace") for raw in lines):
            self._lines = [*self._lines[-(LAST_LINES - 1):], line]
            if COMMITTED.search(line):
                self.commits.append(now)
            self._assigned |= ASSIGNED in line
            self.overlaps += OVERLAP in line

    def _read_memory(self):
        try:
            status = Path(f"/proc/{self.process.process.pid}/status").read_text()
        except OSError:
            return
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        if found:
            self.peak_rss_mb = max(self.peak_rss_mb, int(found[1]) / 1024)

    def _ended(self, now: float, away: Callable[[str, float], bool]):
        code, lived_s = self.process.process.returncode, now - self.since_s
        self._log.close()
        self.process = None
        self._not_before_s = now + RESTART_AFTER_S
        match self.asked_to_end:
            case "SIGKILL":
                return
            case "SIGTERM" | "SIGINT":
                expected = code == 0 or (code == -signal.SIGTERM and lived_s < SIGNALS_HEARD_AFTER_S)
                why = f"after {self.asked_to_end}"
            case _:
                # It may refuse to begin without what it needs, and is started again by whoever runs it.
                expected = code == UNAVAILABLE and not self._assigned and away(self.name, self.since_s)
                why = "would not start while something was away" if expected else "by itself"
        self.ends.append(End(now, self.name, code, why, expected, self._lines[-LAST_LINES:]))

    def gave_up_waiting(self):
        """It was asked to end and did not: that is on record, and it is killed."""
        self.ends.append(End(self._clock.now(), self.name, None, f"still there {END_WITHIN_S:.0f} s after {self.asked_to_end}", False, self._lines))
        self.end(signal.SIGKILL)


class Fleet:
    def __init__(self, commands: Commands, clock: Clock, args: Callable[[str], tuple], env: Callable[[str], dict], names: tuple[str, ...]):
        def launcher(name: str) -> Callable[[], Background]:
            return lambda: commands.start(*args(name), env=env(name))
        self.members = {name: Ingester(name, launcher(name), clock) for name in names}

    def __getitem__(self, name: str) -> Ingester:
        return self.members[name]

    def watch(self, away: Callable[[str, float], bool]):
        for member in self.members.values():
            member.watch(away)

    def running(self) -> list[Ingester]:
        return [member for member in self.members.values() if member.running]

    def ends(self) -> list[End]:
        return sorted((end for member in self.members.values() for end in member.ends), key=lambda end: end.at_s)
