"""Owns: an ingester whose store is slow and whose topic is full: it holds no more than it was told.
Does not own: how fast it is then.
"""

from urllib.parse import urlsplit

import pytest

from commands import Commands
from proxy import Toxiproxy

TICKS, SYMBOLS = 1_000_000, 8_000
EVERY_REQUEST_MS = 2_000
COMMITS = 2
MEMORY_MAX_MIB = 512


@pytest.fixture
def slow_store(commands, addresses, services, own, tmp_path):
    """The commands, with a store that takes two seconds for everything."""
    proxies = Toxiproxy(services.start("toxiproxy")["TICKLAKE_TOXIPROXY_URL"])
    at = proxies.create(own.name, urlsplit(addresses["AWS_ENDPOINT_URL_S3"]).netloc, "127.0.0.1:0")
    proxies.poison(own.name, "slow", {"type": "latency", "attributes": {"latency": EVERY_REQUEST_MS}})
    with Commands(commands.bin_dir, commands.env | {"AWS_ENDPOINT_URL_S3": f"http://{at}"}, tmp_path) as slow:
        yield slow


def peak_rss_mib(pid: int) -> float:
    """The most it ever held, by the kernel's own book."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


def test_a_slow_store_before_a_full_topic_never_takes_more_memory_than_allowed(commands, slow_store, own, bucket):
    commands.produce(own.topic, "--partitions", 8, "--simulate", "--ticks", TICKS, "--symbols", SYMBOLS)
    running = slow_store.start(*slow_store.ingest_args(own.topic, bucket.url))
    running.until(f"{COMMITS} commits", lambda: running.err().count("committed version=") >= COMMITS, within_s=180)
    held = peak_rss_mib(running.process.pid)
    running.kill9()
    assert held < MEMORY_MAX_MIB, f"{held:.0f} MiB"
    print(f"peak RSS {held:.0f} MiB of {MEMORY_MAX_MIB}")
