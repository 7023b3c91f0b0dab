"""Owns: `ticklake produce` as Kafka sees it: keys, order, repeatability, and files that are not quite right.
Does not own: the simulator's and the readers' inner rules (their own tests in ingest/src/produce).
"""

import json

import pytest

TICKS = 20_000


def test_the_same_seed_never_gives_other_bytes(commands, own, addresses):
    from conftest import Own

    other = Own.named("other", addresses)
    for topic in (own.topic, other.topic):
        said = commands.produce(topic, "--partitions", 3, "--simulate", "--rate", "max", "--ticks", TICKS, "--seed", 7, "--symbols", 50, "--json").json()
        assert said["produced"] == TICKS
    one, two = own.topic.messages_by_partition(), other.topic.messages_by_partition()
    assert one == two and len(one) == 3
    another = Own.named("another", addresses)
    commands.produce(another.topic, "--partitions", 3, "--simulate", "--rate", "max", "--ticks", TICKS, "--seed", 8, "--symbols", 50)
    assert another.topic.messages_by_partition() != one


def test_no_symbol_is_ever_in_two_partitions_or_out_of_order(commands, own):
    commands.produce(own.topic, "--partitions", 3, "--simulate", "--rate", "max", "--ticks", TICKS, "--symbols", 50)
    homes: dict[str, set[int]] = {}
    last: dict[str, int] = {}
    for partition, messages in own.topic.messages_by_partition().items():
        for key, value in messages:
            tick = json.loads(value)
            assert key.decode() == tick["symbol"]
            homes.setdefault(tick["symbol"], set()).add(partition)
            assert tick["sequence"] == last.get(tick["symbol"], tick["sequence"] - 1) + 1, tick
            last[tick["symbol"]] = tick["sequence"]
    assert all(len(partitions) == 1 for partitions in homes.values()) and len(homes) == 50


BAD_LINES = "symbol,time,price\nA,2024-05-01T13:00:00Z,1.5\nB,2024-05-01T13:00:01Z,abc\nC,2024-05-01T13:00:02Z,2.5\nD,never,3\n"


def test_a_bad_row_is_never_passed_over_in_silence(commands, own, tmp_path):
    file = tmp_path / "ticks.csv"
    file.write_text(BAD_LINES)
    done = commands.produce(own.topic, "--partitions", 1, "--replay", file, expect=1)
    assert f"{file}:3" in done.err and "abc" in done.err and "panicked" not in done.err
    assert own.topic.messages() <= 1, "nothing after the bad row was sent"


def test_skipped_rows_are_never_uncounted(commands, own, tmp_path):
    file = tmp_path / "ticks.csv"
    file.write_text(BAD_LINES)
    done = commands.produce(own.topic, "--partitions", 1, "--replay", file, "--skip-bad", "--json")
    assert (done.json()["produced"], done.json()["skipped_bad"]) == (2, 2)
    assert f"{file}:3" in done.err
    assert [json.loads(value)["symbol"] for _, value in own.topic.messages_by_partition()[0]] == ["A", "C"]


@pytest.mark.parametrize("name, text, told", [
    ("absent.csv", None, "absent.csv"),
    ("ticks.txt", "x", "ticks.txt"),
    ("columns.csv", "a,b\n1,2\n", "--map"),
    ("empty.csv", "", "empty.csv"),
])
def test_a_file_that_cannot_be_replayed_never_makes_a_topic(name, text, told, commands, own, tmp_path):
    if text is not None:
        (tmp_path / name).write_text(text)
    done = commands.produce(own.topic, "--replay", tmp_path / name, expect=None)
    assert done.code in (1, 2) and told in done.err and "panicked" not in done.err and len(done.err.splitlines()) <= 2, done.err
    assert not own.topic.exists()
