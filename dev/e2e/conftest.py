"""Owns: what every test is given: the services, once a session; names of its own, once a test; the commands under test.
Does not own: what the chaos harness needs too: running commands, the servers, where lakes lie, reading them back (dev/testkit).
Invariant: no test sees another's topic, prefix or database, and what a session starts it stops, also when interrupted.
"""

import os
import re
import signal
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.dont_write_bytecode = True

from commands import Commands  # noqa: E402
from places import Bucket, Directory, Place  # noqa: E402
from services import Services, bin_dir  # noqa: E402
from topics import Topic  # noqa: E402

BUCKET = "ticklake-e2e"


def pytest_configure(config):
    """A polite kill ends as Ctrl-C does: fixtures are torn down, services stopped."""
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))


@pytest.fixture(scope="session")
def services(tmp_path_factory):
    """TICKLAKE_E2E_SERVICES=DIR uses servers that `dev/services start DIR` has started, and leaves them running."""
    kept = os.environ.get("TICKLAKE_E2E_SERVICES")
    started = Services(Path(kept) if kept else tmp_path_factory.mktemp("services"))
    yield started
    if not kept:
        started.stop()


@pytest.fixture(scope="session")
def addresses(services) -> dict[str, str]:
    """Kafka, S3 and Glue, as environment variables."""
    env = services.start("kafka", "minio", "moto")
    Bucket(BUCKET, "", env).create()
    return env


@pytest.fixture(scope="session")
def trino_url(services, addresses) -> str:
    """Started by the first test that asks; it takes longer than the others together."""
    return services.start("trino")["TICKLAKE_TRINO_URL"]


@pytest.fixture(scope="session")
def commands(addresses, tmp_path_factory) -> Commands:
    try:
        built = bin_dir()
    except FileNotFoundError as missing:
        pytest.exit(str(missing), 2)
    with Commands(built, addresses, tmp_path_factory.mktemp("commands")) as made:
        yield made


@dataclass
class Own:
    """Names nobody else uses."""

    name: str
    topic: Topic
    database: str

    @classmethod
    def named(cls, stem: str, addresses: dict[str, str]) -> "Own":
        name = f"{re.sub(r'[^0-9A-Za-z]+', '_', stem)[:40].strip('_')}_{uuid.uuid4().hex[:8]}"
        return cls(name=name, topic=Topic(addresses["TICKLAKE_KAFKA_BROKERS"], name), database=name.lower())

    def bucket(self, addresses: dict[str, str]) -> Bucket:
        return Bucket(BUCKET, self.name, addresses)


@pytest.fixture
def own(request, addresses) -> Own:
    return Own.named(request.node.name, addresses)


@pytest.fixture(scope="module")
def module_own(request, addresses) -> Own:
    """For what several tests of a file only read."""
    return Own.named(request.module.__name__, addresses)


@pytest.fixture
def bucket(own, addresses) -> Place:
    return own.bucket(addresses)


@pytest.fixture
def directory(tmp_path) -> Place:
    return Directory(tmp_path / "lake")


@pytest.fixture(params=["directory", "bucket"])
def place(request) -> Place:
    """Every kind of place a lake may lie in."""
    return request.getfixturevalue(request.param)
