"""Owns: what `ingest --metrics` answers while it works on real Kafka, MinIO and Glue endpoint, and `--log-format json`.
Does not own: the names of the metrics (a unit test compares them with docs/metrics.md).
Invariant: the text is read by Prometheus' own OpenMetrics parser, which refuses what does not conform.
"""

import json
import socket
import time

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from topics import Message

USAGE, UNAVAILABLE = 2, 3
PARTITIONS = 3
FRESH, OLD = 300, 7
DAY_S = 86_400


class Server:
    """An ingester's --metrics address, on a port nobody had a moment ago."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % free.getsockname()[1]

    def get(self, path: str) -> requests.Response | None:
        """None while nothing answers."""
        try:
            return requests.get(f"http://{self.address}{path}", timeout=5)
        except requests.RequestException:
            return None

    def status(self, path: str) -> int | None:
        answer = self.get(path)
        return answer.status_code if answer is not None else None

    def scrape(self) -> "Scrape":
        return Scrape(self.get("/metrics").text)


class Scrape:
    def __init__(self, text: str):
        self.samples = [s for family in text_string_to_metric_families(text) for s in family.samples]

    def values(self, name: str, **labels: str) -> list[float]:
        return [s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items()]

    def sum(self, name: str, **labels: str) -> float:
        return sum(self.values(name, **labels))

    def by(self, label: str, name: str) -> dict[str, float]:
        return {s.labels[label]: s.value for s in self.samples if s.name == name}


def tick(time_s: float) -> bytes:
    return json.dumps({"symbol": "AAA", "time": int(time_s * 1000), "price": 1.5}).encode()


def start(commands, topic, lake, server, group, *more):
    return commands.start(*commands.ingest_args(topic, lake, group, "--metrics", server.address, "--window-age", "300ms", *more))


def test_a_scrape_never_differs_from_what_happened(commands, own, bucket):
    own.topic.create(PARTITIONS)
    now = time.time()
    ticks = [Message(tick(now), b"AAA", n % PARTITIONS) for n in range(FRESH)]
    ticks += [Message(tick(now - 2 * DAY_S), b"AAA", n % PARTITIONS) for n in range(OLD)]
    bad = [Message(b"{", b"AAA", 0), Message(None, b"AAA", 1), Message(b"[1]", b"AAA", 2), Message(b"{", b"AAA", 2)]
    own.topic.produce(ticks + bad)
    server = Server()
    life = start(commands, own.topic, bucket.url, server, "one", "--glue-database", own.database)
    life.until("an answer", lambda: server.status("/healthz") == 200)

    def landed():
        seen = server.scrape()
        durable = seen.values("ticklake_durable_lag_offsets") == [0] * PARTITIONS and seen.sum("ticklake_consumed_messages_total") > 0
        registered = seen.values("ticklake_commit_step_duration_seconds_count", step="catalog")
        return seen if durable and registered else None

    seen = life.until("every offset durable", landed)
    assert seen.sum("ticklake_committed_ticks_total") == len(ticks)
    assert server.get("/metrics").headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    for lag in ("consumer", "buffered", "durable"):
        assert seen.by("partition", f"ticklake_{lag}_lag_offsets") == {str(p): 0 for p in range(PARTITIONS)}, lag
    assert seen.sum("ticklake_assigned_partitions") == PARTITIONS and seen.values("ticklake_ready") == [1]
    assert server.status("/readyz") == 200 and server.status("/") == 404
    assert seen.sum("ticklake_consumed_messages_total") == len(ticks + bad)
    classes = {k: v for k, v in seen.by("class", "ticklake_dead_letters_total").items() if v}
    assert classes == {"malformed_json": 2, "tombstone": 1, "not_an_object": 1}
    lateness = seen.by("le", "ticklake_tick_lateness_seconds_bucket")
    assert lateness == {"60.0": FRESH, "3600.0": FRESH, "86400.0": FRESH, "+Inf": len(ticks)}
    assert 0 <= seen.sum("ticklake_freshness_seconds", time="kafka") < 120
    assert seen.values("ticklake_uncommitted_age_seconds") == [0]
    # What the lake itself says: one commit of ticks an entry, its files and their bytes.
    said = {table["name"]: table for table in commands.status(bucket.url)["tables"]}
    commits = seen.sum("ticklake_commits_total")
    assert said["stock_data"]["version"] == commits and said["stock_data"]["files"] == seen.sum("ticklake_committed_files_total")
    assert seen.sum("ticklake_uploaded_file_bytes_sum", table="stock_data") == seen.sum("ticklake_committed_bytes_total")
    assert seen.sum("ticklake_window_flushes_total", reason="age") == commits
    steps = seen.by("step", "ticklake_commit_step_duration_seconds_count")
    assert steps["commit"] == steps["rejects"] == steps["mirror"] == commits and steps["encode"] == steps["upload"] >= commits, steps
    store = "ticklake_object_store_request_duration_seconds_count"
    assert seen.sum(store, operation="put_if_absent", status="ok") > commits, "entries of two tables"
    assert seen.sum(store, status="failed") == seen.sum(store, status="denied") == 0
    glue = "ticklake_glue_request_duration_seconds_count"
    assert seen.sum(glue, operation="CreateTable", status="ok") == 3 and seen.sum(glue, operation="GetTable", status="not_found") == 3

    own.topic.produce([Message(tick(now), b"AAA", 0)])
    life.until("the next tick committed", lambda: server.scrape().sum("ticklake_committed_ticks_total") == len(ticks) + 1)
    assert life.terminate().expect(0).json()["committed"] == len(ticks) + 1


def test_a_standby_is_never_ready_before_it_has_partitions(commands, own, directory):
    own.topic.create(1)
    first, second = Server(), Server()
    leader = start(commands, own.topic, directory.url, first, "pair")
    leader.until("the first is ready", lambda: first.status("/readyz") == 200)
    standby = start(commands, own.topic, directory.url, second, "pair")
    standby.until("the second is alive", lambda: second.status("/healthz") == 200)
    waiting = second.get("/readyz")
    assert waiting.status_code == 503 and "no partition" in waiting.text
    assert second.scrape().values("ticklake_ready") == [0] and not second.scrape().values("ticklake_durable_lag_offsets")
    leader.terminate().expect(0)
    standby.until("the second is ready", lambda: second.status("/readyz") == 200)
    standby.terminate().expect(0)


def test_lag_never_stands_still_while_the_ingester_does(commands, own, directory):
    """What is produced while the window fills is in the lag, and leaves it with the commit."""
    own.topic.create(1)
    server = Server()
    life = commands.start(*commands.ingest_args(own.topic, directory.url, "g", "--metrics", server.address, "--window-rows", 50, "--window-age", "1h"))
    life.until("it is ready", lambda: server.status("/readyz") == 200)
    own.topic.produce([Message(tick(time.time()), b"AAA", 0)] * 49)

    def lags():
        seen = server.scrape()
        return [seen.sum(f"ticklake_{lag}_lag_offsets") for lag in ("consumer", "buffered", "durable")]

    life.until("49 are buffered", lambda: lags() == [0, 49, 49])
    seen = server.scrape()
    assert seen.sum("ticklake_uncommitted_age_seconds") > 0
    for stage in ("decoding", "filling"):
        assert 0 < seen.sum("ticklake_memory_used_bytes", stage=stage) < seen.sum("ticklake_memory_share_bytes", stage=stage), stage
    own.topic.produce([Message(tick(time.time()), b"AAA", 0)])
    life.until("all are durable", lambda: lags() == [0, 0, 0])
    assert server.scrape().sum("ticklake_window_flushes_total", reason="rows") == 1
    life.terminate().expect(0)


@pytest.mark.parametrize("address,code,part", [("taken", UNAVAILABLE, "another program"), ("192.0.2.1:9464", USAGE, "this machine"), ("nonsense", USAGE, "--metrics")])
def test_an_address_that_cannot_be_had_is_told_before_anything_is_made(address, code, part, commands, own, directory):
    own.topic.create(1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:%d" % taken.getsockname()[1] if address == "taken" else address
        args = commands.ingest_args(own.topic, directory.url, "g", "--until-end", "--metrics", address)
        done = commands.run(*args, expect=code)
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and part in errors[0] and address in errors[0] and done.out == "", done.err
    assert directory.keys() == []


def test_json_logs_never_hold_a_line_that_is_not_json(commands, own, directory):
    own.topic.create(1)
    own.topic.produce([Message(tick(time.time()), b"AAA", 0)])
    args = commands.ingest_args(own.topic, directory.url, "g", "--until-end", "--log-format", "json")
    lines = [json.loads(line) for line in commands.run(*(arg for arg in args if arg != "--json")).err.splitlines()]
    committed = [line for line in lines if line.get("message") == "committed"]
    assert len(committed) == 1 and committed[0]["ticks"] == 1 and committed[0]["level"] == "INFO", lines
    own.topic.name += "_absent"
    failed = commands.run(*commands.ingest_args(own.topic, directory.url, "g", "--log-format", "json"), expect=UNAVAILABLE)
    lines = [json.loads(line) for line in failed.err.splitlines()]
    assert lines[-1]["level"] == "ERROR" and own.topic.name in lines[-1]["message"], lines
