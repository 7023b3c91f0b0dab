"""Owns: storage that goes away while an ingester works and comes back: the window is held, nothing is lost, nothing ends.
Does not own: storage that stays away (test_midway.py), faults of every kind at once (dev/chaos).
"""

import shutil
import time
from urllib.parse import urlsplit

import pytest

import audit
from commands import Commands
from conftest import BUCKET, Services
from places import Bucket
from proxy import Toxiproxy

TICKS = 20_000
HOLDING, BACK = "the lake is away", "the lake is back"
FAILED, UNAVAILABLE = 1, 3


class OwnStore:
    """A MinIO nobody else needs, to be stopped and started again on its port, and commands that use it."""

    def __init__(self, minio: Services, commands: Commands, own, folder):
        self._minio, env = minio, minio.start("minio")
        self.place = Bucket(BUCKET, own.name, env)
        self.place.create()
        self.commands = Commands(commands.bin_dir, commands.env | env, folder)

    def stop(self):
        self._minio.stop()

    def start(self):
        self._minio.start("minio")


@pytest.fixture
def store(commands, own, tmp_path):
    minio = Services(tmp_path / "minio")
    minio.folder.mkdir()
    try:
        made = OwnStore(minio, commands, own, tmp_path)
        with made.commands:
            yield made
    finally:
        minio.stop()


def start_ingester(store, topic):
    """One that has committed the first ticks."""
    store.commands.produce(topic, "--partitions", 4, "--simulate", "--ticks", TICKS)
    running = store.commands.start(*store.commands.ingest_args(topic, store.place.url, "e2e", "--window-age", "500ms"))
    running.until_log("committed version=")
    return running


def committed(running) -> int:
    """Ticks of the commits its log tells of."""
    words = (word for line in running.err().splitlines() if " committed version=" in line for word in line.split())
    return sum(int(word.removeprefix("ticks=")) for word in words if word.startswith("ticks="))


def test_a_store_that_goes_away_never_ends_the_ingester_nor_costs_a_tick(store, own, tmp_path):
    running = start_ingester(store, own.topic)
    store.stop()
    store.commands.produce(own.topic, "--simulate", "--ticks", TICKS, "--seed", 7)
    running.until_log(HOLDING)
    store.start()
    running.until_log(BACK)
    store.commands.produce(own.topic, "--simulate", "--ticks", TICKS, "--seed", 8)
    running.until("all of it committed", lambda: committed(running) == 3 * TICKS)
    assert running.terminate().expect(0).json()["committed"] == 3 * TICKS
    audit.assert_exactly_once(store.commands, own.topic, store.place, tmp_path)
    audit.assert_mirror_has_the_same_rows(store.place)


def test_a_stop_during_an_outage_never_waits_for_its_end(store, own, tmp_path):
    running = start_ingester(store, own.topic)
    store.stop()
    store.commands.produce(own.topic, "--simulate", "--ticks", TICKS, "--seed", 7)
    running.until_log(HOLDING)
    ended = running.terminate().expect(UNAVAILABLE)
    assert "error: " in ended.err and "stopped while the lake was away" in ended.err and "nothing is lost" in ended.err, ended.err
    store.start()
    assert store.commands.ingest(own.topic, store.place.url)["committed"] >= TICKS, "what was held is read again"
    audit.assert_exactly_once(store.commands, own.topic, store.place, tmp_path)


def test_a_store_that_hangs_is_never_waited_for_beyond_the_time_that_was_said(commands, addresses, services, own, bucket, tmp_path):
    proxies = Toxiproxy(services.start("toxiproxy")["TICKLAKE_TOXIPROXY_URL"])
    at = proxies.create(own.name, urlsplit(addresses["AWS_ENDPOINT_URL_S3"]).netloc, "127.0.0.1:0")
    commands.produce(own.topic, "--partitions", 2, "--simulate", "--ticks", TICKS)
    with Commands(commands.bin_dir, commands.env | {"AWS_ENDPOINT_URL_S3": f"http://{at}"}, tmp_path) as hung:
        running = hung.start(*hung.ingest_args(own.topic, bucket.url, "e2e", "--window-age", "500ms", "--unavailable-max", "15s"))
        running.until_log("committed version=")
        proxies.poison(own.name, "hang", {"type": "timeout", "attributes": {"timeout": 0}})
        commands.produce(own.topic, "--simulate", "--ticks", TICKS, "--seed", 7)
        began = time.monotonic()
        running.until_log(HOLDING, within_s=10)
        ended = running.end()
        assert ended.code == UNAVAILABLE and "unavailable_max is 15 s" in ended.err and "nothing is lost" in ended.err, ended.err
        assert 10 < time.monotonic() - began < 22
    assert commands.ingest(own.topic, bucket.url)["committed"] >= TICKS, "what was held is read again"
    audit.assert_exactly_once(commands, own.topic, bucket, tmp_path)


def test_a_lake_that_was_taken_away_is_never_written_on(commands, own, directory):
    commands.produce(own.topic, "--partitions", 2, "--simulate", "--ticks", 100)
    running = commands.start(*commands.ingest_args(own.topic, directory.url, "e2e", "--window-age", "200ms"))
    running.until_log("committed version=")
    shutil.rmtree(directory.root)
    commands.produce(own.topic, "--simulate", "--ticks", 100, "--seed", 7)
    ended = running.end()
    assert ended.code == FAILED and "stock_data is gone: its log had version" in ended.err, ended.err
    assert not (directory.root / "stock_data" / "_delta_log").exists()
