"""Owns: what happens to a topic under an ingester: retention that outruns it, deletion, transactions, compaction, messages of any size.
Does not own: who reads which partition (test_rebalance.py), what a message says (test_bad_input.py).
What should have landed is asked of an independent read_committed consumer, message by message.
"""

import signal
import time

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from commands import wait_until
from topics import Message

FAILED, USAGE, UNAVAILABLE = 1, 2, 3
WITHIN_S = 30
TICK = b'{"symbol":"A","time":"2024-05-01T13:00:00Z","price":1.5}'
OFFSETS = """
SELECT kafka_partition AS p, kafka_offset AS o FROM stock_data
UNION ALL SELECT kafka_partition AS p, kafka_offset AS o FROM dead_letters
"""


def landed(commands, place) -> list[tuple[int, int]]:
    return sorted((row["p"], row["o"]) for row in commands.sql(place.url, OFFSETS))


def visible(topic) -> list[tuple[int, int]]:
    """Every message a reader of committed data gets, to the ends."""
    reader = Consumer({"bootstrap.servers": topic.brokers, "group.id": "e2e-visible", "enable.partition.eof": True, "enable.auto.commit": False})
    watermarks = topic.watermarks()
    reader.assign([TopicPartition(topic.name, p, low) for p, (low, _) in watermarks.items()])
    found, open_ends, until = [], set(watermarks), time.monotonic() + WITHIN_S
    while open_ends:
        assert time.monotonic() < until, f"{topic.name}: no end of {open_ends}"
        for message in reader.consume(1000, timeout=0.2):
            if message.error():
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                open_ends.discard(message.partition())
            else:
                found.append((message.partition(), message.offset()))
    reader.close()
    return sorted(found)


def ticks(topic, count: int, partition: int = 0):
    topic.produce([Message(TICK, b"A", partition)] * count)


def delete_before(topic, offset: int, partition: int = 0):
    """As retention does."""
    admin = AdminClient({"bootstrap.servers": topic.brokers})
    for done in admin.delete_records([TopicPartition(topic.name, partition, offset)]).values():
        done.result(WITHIN_S)


def lags(commands, place, topic) -> dict[int, int]:
    asked = commands.status(place.url, "--brokers", topic.brokers, "--topic", topic.name)
    assert not any(row.get("problem") for row in asked["offsets"]), asked
    return {row["partition"]: row["lag"] for row in asked["offsets"]}


def last_error(done) -> str:
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and "panicked" not in done.err, done.err
    return errors[0]


def run_ingest(commands, topic, place, *more, expect=0):
    return commands.run(*commands.ingest_args(topic, place.url, "e2e", "--until-end", *more), expect=expect)


# ---- retention and re-creation -----------------------------------------------------------------------------------------


def test_a_loss_is_never_passed_over_unless_that_was_said(commands, own, directory):
    topic = own.topic
    topic.create(1)
    ticks(topic, 10)
    commands.ingest(topic, directory.url)
    ticks(topic, 10)
    delete_before(topic, 15)
    refused = last_error(run_ingest(commands, topic, directory, expect=FAILED))
    for part in (f"{topic.name}/0", "offset 10", "is 15", "5 offsets", "--on-gap accept", "--source"):
        assert part in refused, refused
    assert landed(commands, directory) == [(0, o) for o in range(10)], "and nothing was written"
    said = run_ingest(commands, topic, directory, "--on-gap", "accept")
    assert said.json()["committed"] == 5 and "offsets are gone" in said.err and "lost=5" in said.err, said.err
    assert landed(commands, directory) == [(0, o) for o in [*range(10), *range(15, 20)]]
    assert run_ingest(commands, topic, directory).json()["consumed"] == 0, "the loss is recorded, and asked about once"
    audited = ("ticklake", "audit", "--lake", directory.url, "--brokers", topic.brokers, "--topic", topic.name)
    said = commands.run(*audited).out
    assert "lost 0, twice 0, given up 5: every other message" in said and "given up [10, 15) gone from Kafka" in said, said
    [partition] = commands.run(*audited, "--json").json()["partitions"]
    assert partition["given_up"] == {"count": 5, "at": [{"from": 10, "to": 15, "cause": "gone"}]}


@pytest.mark.parametrize("on_gap", ["stop", "accept"])
def test_retention_that_outruns_a_running_ingester_costs_only_what_kafka_deleted(on_gap, commands, own, directory):
    topic = own.topic
    topic.create(2)
    ticks(topic, 10)
    running = commands.start(*commands.ingest_args(topic, directory.url, "e2e", "--window-age", "200ms", "--on-gap", on_gap))
    running.until("the first are in the lake", lambda: len(landed_or_none(commands, directory)) == 10)
    running.signal(signal.SIGSTOP)
    for _ in range(5):
        ticks(topic, 100)
    delete_before(topic, 400)
    running.signal(signal.SIGCONT)
    if on_gap == "stop":
        ended = running.end()
        refused = last_error(ended)
        assert ended.code == FAILED and "--on-gap accept" in refused and "is 400" in refused, refused
        kept = landed(commands, directory)
        assert kept == [(0, o) for o in range(len(kept))] and 10 <= len(kept) < 400
        return
    running.until("what Kafka still has is in the lake", lambda: (0, 509) in landed(commands, directory))
    ticks(topic, 5, partition=1)
    running.until("the other partition goes on", lambda: (1, 4) in landed(commands, directory))
    running.terminate().expect(0)
    all_landed = [o for p, o in landed(commands, directory) if p == 0]
    before = [o for o in all_landed if o < 400]
    assert before == list(range(len(before))) and [o for o in all_landed if o >= 400] == list(range(400, 510))
    assert lags(commands, directory, topic) == {0: 0, 1: 0}


def landed_or_none(commands, place) -> list:
    return landed(commands, place) if place.keys("stock_data/") else []


def test_a_topic_recreated_while_it_is_read_never_hangs_nor_mixes_its_offsets_with_the_old_ones(commands, own, directory):
    topic = own.topic
    topic.create(1)
    running = commands.start(*commands.ingest_args(topic, directory.url, "e2e", "--window-age", "200ms", "-X", "topic.metadata.refresh.interval.ms=500"))
    ticks(topic, 20)
    running.until("they are in the lake", lambda: len(landed_or_none(commands, directory)) == 20)
    topic.recreate(1)
    ticks(topic, 3)
    ended = running.end()
    assert ended.code == FAILED and topic.name in last_error(ended), ended.err
    assert landed(commands, directory) == [(0, o) for o in range(20)]
    again = last_error(run_ingest(commands, topic, directory, expect=FAILED))
    for part in (f"{topic.name}/0", "offset 20", "ends at 3", "--source NEWNAME"):
        assert part in again, again
    known = ("--lake", directory.url, "--brokers", topic.brokers, "--topic", topic.name)
    seen = commands.run("ticklake", "doctor", *known, expect=UNAVAILABLE)
    assert "FAILED  kafka: offsets" in seen.out and "--source NEWNAME" in seen.out, seen.out
    assert "FAILED" not in commands.run("ticklake", "doctor", *known, "--source", "anew").out
    for to in (3, 20, 30):
        dead_end = commands.run("ticklake", "offsets", "reset", *known, "--partition", 0, "--to", to, "--yes", expect=FAILED).err
        assert "no reset can mend" in dead_end and "--source NEWNAME" in dead_end, dead_end


# ---- offsets without a message -----------------------------------------------------------------------------------------


class Transactions:
    def __init__(self, topic):
        self.topic = topic
        self.producer = Producer({"bootstrap.servers": topic.brokers, "transactional.id": topic.name})
        self.producer.init_transactions(WITHIN_S)

    def begin(self, count: int):
        self.producer.begin_transaction()
        for _ in range(count):
            self.producer.produce(self.topic.name, value=TICK, key=b"A", partition=0)
        assert self.producer.flush(WITHIN_S) == 0

    def commit(self, count: int):
        self.begin(count)
        self.producer.commit_transaction(WITHIN_S)

    def abort(self, count: int):
        self.begin(count)
        self.producer.abort_transaction(WITHIN_S)


def test_transactions_never_bring_what_was_aborted_nor_leave_offsets_behind(commands, own, directory):
    topic = own.topic
    topic.create(1)
    writer = Transactions(topic)
    writer.commit(5)
    writer.abort(7)
    writer.commit(5)
    said = commands.ingest(topic, directory.url)
    assert said["committed"] == 10 and landed(commands, directory) == visible(topic)
    assert lags(commands, directory, topic) == {0: 0}, "the last marker is accounted for"
    writer.abort(4)
    assert commands.ingest(topic, directory.url)["consumed"] == 0
    assert lags(commands, directory, topic) == {0: 0}, "and so is a transaction that brought nothing"
    writer.begin(3)
    assert commands.ingest(topic, directory.url)["consumed"] == 0, "an open one is not waited for"
    writer.producer.commit_transaction(WITHIN_S)
    assert commands.ingest(topic, directory.url)["committed"] == 3
    assert landed(commands, directory) == visible(topic)
    assert lags(commands, directory, topic) == {0: 0}


def test_holes_of_a_compacted_topic_are_never_taken_for_a_loss(commands, own, directory):
    topic = own.topic
    admin = AdminClient({"bootstrap.servers": topic.brokers})
    hurry = ConfigEntry("log.cleaner.backoff.ms", "100", incremental_operation=AlterConfigOpType.SET)
    for done in admin.incremental_alter_configs([ConfigResource(ResourceType.BROKER, "1", incremental_configs=[hurry])]).values():
        done.result(WITHIN_S)
    topic.create(1, **{"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "100"})
    written = 0

    def compacted():
        nonlocal written
        ticks(topic, 10)  # each round rolls the segment before it
        written += 10
        return len(visible(topic)) < written

    wait_until("the cleaner has been there", compacted, WITHIN_S)
    said = commands.ingest(topic, directory.url)
    left = visible(topic)
    assert said["committed"] < written and set(landed(commands, directory)) >= set(left)
    assert lags(commands, directory, topic) == {0: 0}
    assert commands.ingest(topic, directory.url, group="again")["consumed"] == 0


def test_a_message_beyond_every_fetch_size_never_stops_a_partition(commands, own, directory):
    topic = own.topic
    topic.create(1, **{"max.message.bytes": str(8 << 20)})
    ticks(topic, 3)
    topic.produce([Message(b'{"note":"' + b"x" * (3 << 20) + b'"}')])
    ticks(topic, 3)
    said = commands.ingest(topic, directory.url)
    assert (said["committed"], said["dead_letters"]) == (6, 1)
    assert landed(commands, directory) == visible(topic)


# ---- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["auto.offset.reset=latest", "enable.auto.commit=true", "partition.assignment.strategy=range", "group.id=other"])
def test_a_setting_the_law_depends_on_is_never_taken_from_a_user(setting, commands, own, directory):
    own.topic.create(1)
    refused = last_error(run_ingest(commands, own.topic, directory, "-X", setting, expect=USAGE))
    assert setting.split("=")[0] in refused, refused
    assert directory.keys() == []
