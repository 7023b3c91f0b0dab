"""Owns: running the commands under test: to their end within a deadline, or in the background until a condition holds.
Does not own: what they should do (the tests).
Invariant: nothing waits without a deadline; every process started here is ended here, by its own id; a failure shows stderr.
"""

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

STDERR_SHOWN_CHARS = 3000
RUN_WITHIN_S = 120
POLL_S = 0.005


@dataclass
class Done:
    """A command that ended."""

    args: list[str]
    code: int
    out: str
    err: str

    def json(self) -> dict:
        """What `--json` printed: one object and nothing else."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"{self.args}: stdout is not one JSON object ({error}): {self.out[:500]!r}") from None

    def expect(self, code: int) -> "Done":
        assert self.code == code, f"{' '.join(self.args)}\nexit code {self.code}, not {code}; stderr:\n{self.err[-STDERR_SHOWN_CHARS:]}"
        return self


def wait_until(what: str, condition: Callable[[], object], within_s: float = 60, told: Callable[[], str] = str):
    """Asks until the answer is true, and returns it. `told` says what is known when the time is up."""
    until = time.monotonic() + within_s
    while not (answer := condition()):
        assert time.monotonic() < until, f"not within {within_s} s: {what}\n{told()}"
        time.sleep(POLL_S)
    return answer


class Background:
    """A command that runs while the test looks at what it does."""

    def __init__(self, args: list[str], env: dict[str, str], out: Path, err: Path):
        self.args, self._out, self.err_path = args, out, err
        with out.open("w") as stdout, err.open("w") as stderr:
            self.process = subprocess.Popen(args, env=env, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)

    def running(self) -> bool:
        return self.process.poll() is None

    def err(self) -> str:
        return self.err_path.read_text(errors="replace")

    def until(self, what: str, condition: Callable[[], object], within_s: float = 60):
        """Waits for a condition; a process that ends before it is a failure."""
        def asked():
            answer = condition()
            assert answer or self.running() or condition(), (
                f"{' '.join(self.args)}\nended with {self.process.returncode} before: {what}\n{self.err()[-STDERR_SHOWN_CHARS:]}"
            )
            return answer
        return wait_until(what, asked, within_s, lambda: self.err()[-STDERR_SHOWN_CHARS:])

    def until_log(self, text: str, within_s: float = 60):
        return self.until(f"{text!r} in the log", lambda: text in self.err(), within_s)

    def signal(self, number: int):
        self.process.send_signal(number)

    def kill9(self):
        self.process.kill()
        self.process.wait(timeout=30)

    def end(self, within_s: float = RUN_WITHIN_S) -> Done:
        """Waits for it to end by itself."""
        try:
            self.process.wait(timeout=within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{' '.join(self.args)}\nstill runs after {within_s} s\n{self.err()[-STDERR_SHOWN_CHARS:]}") from None
        return Done(self.args, self.process.returncode, self._out.read_text(), self.err())

    def terminate(self, within_s: float = 60) -> Done:
        self.signal(signal.SIGTERM)
        return self.end(within_s)


class Commands:
    """`ticklake` and `lake-sql`, with the services' addresses in their environment."""

    def __init__(self, bin_dir: Path, addresses: dict[str, str], folder: Path):
        self.bin_dir, self.folder = bin_dir, folder
        own = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TICKLAKE_", "RUST_"))}
        # No look-up of an instance's role: a test machine has none, and asking takes seconds.
        self.env = own | addresses | {"AWS_EC2_METADATA_DISABLED": "true", "NO_COLOR": "1"}
        self._started: list[Background] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self._started:
            if one.running():
                one.kill9()

    def _full(self, args: tuple) -> list[str]:
        return [str(self.bin_dir / args[0]), *map(str, args[1:])]

    def run(self, *args, within_s: float = RUN_WITHIN_S, env: dict[str, str | None] | None = None, expect: int | None = 0) -> Done:
        """Runs to the end. `env` changes or (None) removes variables; `expect=None` takes any exit code."""
        changed = {k: v for k, v in (self.env | (env or {})).items() if v is not None}
        full = self._full(args)
        try:
            done = subprocess.run(full, env=changed, stdin=subprocess.DEVNULL, capture_output=True, timeout=within_s)
        except subprocess.TimeoutExpired as late:
            raise AssertionError(f"{' '.join(full)}\nstill runs after {within_s} s\n{(late.stderr or b'')[-STDERR_SHOWN_CHARS:].decode(errors='replace')}") from None
        done = Done(full, done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace"))
        return done if expect is None else done.expect(expect)

    def start(self, *args, env: dict[str, str] | None = None) -> Background:
        stem = self.folder / f"{len(self._started):03d}-{args[1]}"
        started = Background(self._full(args), self.env | (env or {}), stem.with_suffix(".out"), stem.with_suffix(".err"))
        self._started.append(started)
        return started

    # ---- the commands the tests use most -------------------------------------------------------------------------

    def ingest_args(self, topic, lake, group: str = "e2e", *more) -> tuple:
        """A group of the topic's own: a killed member keeps its place in a group until its session ends."""
        at = ("--brokers", topic.brokers, "--topic", topic.name, "--group", f"{topic.name}-{group}")
        return ("ticklake", "ingest", *at, "--lake", lake, "--json", *more)

    def ingest(self, topic, lake, *more, group: str = "e2e", **options) -> dict:
        """`ingest --until-end`, to its end; what it says about itself."""
        return self.run(*self.ingest_args(topic, lake, group, "--until-end", *more), **options).json()

    def produce(self, topic, *more, **options) -> Done:
        return self.run("ticklake", "produce", "--brokers", topic.brokers, "--topic", topic.name, *more, **options)

    def sql(self, lake, statement: str, *more) -> list[dict]:
        """A statement's rows, by `lake-sql`."""
        done = self.run("lake-sql", "--lake", lake, "--format", "ndjson", f"--command={statement}", *more)
        return [json.loads(line) for line in done.out.splitlines()]

    def status(self, lake, *more) -> dict:
        return self.run("ticklake", "status", "--lake", lake, "--json", *more).json()
