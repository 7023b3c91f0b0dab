"""Owns: `lake-sql --live`: the lake and what Kafka has beyond it, each tick once, while ticks come and an ingester commits.
Does not own: the seam's own cases (the tests of ingest/src/tail and query/src/repl/session).
Sizes by environment: TICKLAKE_LIVE_QUERIES (120), TICKLAKE_SEED (1).
"""

import json
import os
import subprocess
import threading
import time

from confluent_kafka import Producer

import audit

QUERIES = int(os.environ.get("TICKLAKE_LIVE_QUERIES", 120))
SEED = os.environ.get("TICKLAKE_SEED", "1")
RATE = 20_000
# How old what was known of Kafka before a statement began must be to be in its answer for certain.
FRESH_S = 0.5
# By partition: rows, distinct offsets, the lowest and the highest.
AUDIT = (
    "SELECT array_agg(ARRAY[p, n, d, low, high] ORDER BY p) AS audit FROM (SELECT kafka_partition AS p, count(*) AS n, "
    "count(DISTINCT kafka_offset) AS d, min(kafka_offset) AS low, max(kafka_offset) AS high FROM stock_data GROUP BY kafka_partition)"
)


def live(topic, lake, *more, form="ndjson") -> tuple:
    return ("lake-sql", "--live", "--brokers", topic.brokers, "--topic", topic.name, "--lake", lake, "--format", form, *more)


def audits(done) -> list[dict[int, tuple]]:
    return [{p: tuple(rest) for p, *rest in json.loads(line)["audit"] or []} for line in done.splitlines()]


class Watermarks:
    """Where Kafka ended, and when it was known, polled while others work."""

    def __init__(self, topic):
        self.known, self._topic, self._ends = [], topic, threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def _poll(self):
        while not self._ends.wait(0.1):
            ends = {p: high for p, (_, high) in self._topic.watermarks().items()}
            self.known.append((time.monotonic(), ends))

    def stop(self):
        self._ends.set()
        self._thread.join(30)

    def before(self, at: float) -> dict[int, int]:
        """The newest that was known at a time."""
        known = [ends for when, ends in self.known if when <= at]
        return known[-1] if known else {}


def test_no_live_answer_ever_has_a_tick_twice_or_misses_one_or_goes_back(commands, own, bucket, tmp_path):
    at = ("--brokers", own.topic.brokers, "--topic", own.topic.name)
    producing = commands.start("ticklake", "produce", *at, "--partitions", 4, "--simulate", "--rate", RATE, "--seed", SEED, "--ticks", 100_000_000)
    producing.until("the topic is there and filled", lambda: own.topic.exists() and own.topic.messages() > RATE)
    ingesting = commands.start(*commands.ingest_args(own.topic, bucket.url, "live", "--window-age", "5s"))
    ingesting.until_log("committed")
    watermarks = Watermarks(own.topic)
    before = commands.status(bucket.url)["tables"][0]["version"]
    asked = commands._full(live(own.topic, bucket.url, *[f"--command={AUDIT}"] * QUERIES))
    answers = []
    began = time.monotonic()
    with subprocess.Popen(asked, env=commands.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asking:
        for line in asking.stdout:
            answers.append((time.monotonic(), audits(line)[0]))
        said = asking.stderr.read()
    took = time.monotonic() - began
    watermarks.stop()
    assert asking.returncode == 0 and len(answers) == QUERIES, said
    commits = commands.status(bucket.url)["tables"][0]["version"] - before
    assert commits >= 2, f"{commits} commits were made meanwhile: nothing was proven of their boundaries"
    last: dict[int, int] = {}
    for n, (_, answer) in enumerate(answers):
        for partition, (rows, distinct, low, high) in answer.items():
            assert rows == distinct == high + 1 and low == 0, f"answer {n}, partition {partition}: {rows} rows, {distinct} offsets, {low} to {high}"
            assert high >= last.get(partition, 0), f"answer {n}, partition {partition} went back from {last[partition]} to {high}"
            last[partition] = high
        began_by = answers[n - 1][0] if n else began
        for partition, end in watermarks.before(began_by - FRESH_S).items():
            assert answer[partition][3] + 1 >= end, f"statement {n}: {FRESH_S} s before it partition {partition} ended at {end}: {answer}"
    rows = sum(found[0] for found in answers[-1][1].values())
    print(f"{QUERIES} answers in {took:.1f} s over {commits} commits, the last of {rows} ticks")
    producing.terminate()
    ends = {p: (high, high, low, high - 1) for p, (low, high) in own.topic.watermarks().items()}
    assert audits(commands.run(*live(own.topic, bucket.url, f"--command={AUDIT}")).out)[0] == ends, "beyond the ingester's last commit"
    ingesting.terminate().expect(0)
    commands.ingest(own.topic, bucket.url, group="live")
    assert audits(commands.run(*live(own.topic, bucket.url, f"--command={AUDIT}")).out)[0] == ends, "with everything in the lake"
    audit.assert_exactly_once(commands, own.topic, bucket, tmp_path)


def test_what_a_transaction_took_back_is_never_told_nor_waited_for(commands, own, directory):
    own.topic.create(1)
    commands.run("ticklake", "produce", "--brokers", own.topic.brokers, "--topic", own.topic.name, "--simulate", "--rate", "max", "--ticks", 10)
    commands.ingest(own.topic, directory.url)
    producer = Producer({"bootstrap.servers": own.topic.brokers, "transactional.id": own.name})
    producer.init_transactions(30)
    for price, ends in ((7, producer.commit_transaction), (8, producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(own.topic.name, json.dumps({"symbol": "TXN", "time": 1_700_000_000, "price": price}))
        producer.produce(own.topic.name, "no tick")
        producer.flush(30)
        ends(30)
    done = commands.run(*live(own.topic, directory.url, "--command=SELECT count(*) AS n, max(price) FILTER (WHERE symbol = 'TXN') AS p FROM stock_data"))
    assert json.loads(done.out) == {"n": 11, "p": 7.0}
    told = commands.run(*live(own.topic, directory.url, "--command=\\d+ stock_data", form="csv")).out
    assert f'live ticks,1\nlive offsets,"{own.topic.name} 0:[10,16)"' in told, told


def test_kafka_that_is_away_never_hides_the_lake(commands, own, directory):
    own.topic.create(1)
    commands.run("ticklake", "produce", "--brokers", own.topic.brokers, "--topic", own.topic.name, "--simulate", "--rate", "max", "--ticks", 10)
    commands.ingest(own.topic, directory.url)
    at = ("lake-sql", "--live", "--topic", own.topic.name, "--lake", directory.url, "--format", "csv")
    count = "--command=SELECT count(*) AS n FROM stock_data"
    away = commands.run(*at, "--brokers", "127.0.0.1:1", count, expect=3)
    assert away.out == "" and away.err.startswith("error: ") and "127.0.0.1:1" in away.err, away.err
    off = commands.run(*at, "--brokers", "127.0.0.1:1", "--command=\\live off", count)
    assert off.out == "n\n10\n"
    gone = commands.run(*at[:3], f"{own.topic.name}_other", *at[4:], "--brokers", own.topic.brokers, count, expect=3)
    assert f"topic {own.topic.name}_other does not exist" in gone.err
