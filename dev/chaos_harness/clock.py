"""Owns: seconds since the run began, by which everything here is told.
Does not own: event times of ticks (feed.py).
"""

import time


class Clock:
    def __init__(self):
        self._began = time.monotonic()
        self.began_at = time.time()

    def now(self) -> float:
        return time.monotonic() - self._began

    def wall(self, at_s: float) -> str:
        """UTC time of day of a moment of the run."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.began_at + at_s))
