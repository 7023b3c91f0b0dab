"""Owns: the servers of dev/services as Python asks for them, and where the commands under test lie.
Does not own: how a server is installed or started (dev/<service>).
Invariant: a start that fails shows what the script said.
"""

import os
import subprocess
from pathlib import Path

DEV = Path(__file__).resolve().parent.parent
START_WITHIN_S = 600


def bin_dir() -> Path:
    """The folder of the built commands, by TICKLAKE_BIN_DIR or CARGO_TARGET_DIR; FileNotFoundError says what to do."""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or DEV.parent / "target")
    found = Path(os.environ.get("TICKLAKE_BIN_DIR") or target / "release").absolute()
    for name in ("ticklake", "lake-sql"):
        if not (found / name).exists():
            raise FileNotFoundError(f"{found / name} is not built; run `cargo build --release --bins` or set TICKLAKE_BIN_DIR")
    return found


class Services:
    """Servers of dev/services in one folder, and the environment that names them."""

    def __init__(self, folder: Path):
        self.folder = folder

    def start(self, *names: str) -> dict[str, str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "start.log"
        with log.open("a") as stderr:  # a file: a pipe would be held open by whoever inherits it
            done = subprocess.run(
                [DEV / "services", "start", self.folder, *names],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=START_WITHIN_S,
            )
        assert done.returncode == 0, f"dev/services start {' '.join(names)} failed:\n{log.read_text()[-4000:]}"
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def stop(self):
        subprocess.run([DEV / "services", "stop", self.folder], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
