"""Owns: kill -9 of an ingester at named and at random moments, dead letters among the ticks, and the audit after it.
Does not own: failing services, machines that stop, two ingesters at once (the chaos harness and test_two_ingesters.py).
A moment is something seen from outside (an object in the lake, a line in the log), never a time; which random ones is a matter of
TICKLAKE_SEED (1), how many of TICKLAKE_KILLS (4). A life has a group of its own: the broker keeps a killed member's place
until its session ends, which one test sits out.
"""

import itertools
import os
import random

import pytest

import audit
from places import commits
from topics import Message

KILLS = int(os.environ.get("TICKLAKE_KILLS", 4))
SEED = int(os.environ.get("TICKLAKE_SEED", 1))
PARTITIONS = 4
FIRST_TICKS, MORE_TICKS = 100_000, 30_000
GARBAGE = [b"{", b"", None, b"[1]", b'{"symbol":"A"}', b"\xff\xfe", b'{"symbol":"A","time":1,"price":0}']


class Feed:
    """Ticks with dead letters among them, enough for the next life."""

    def __init__(self, commands, topic):
        self.commands, self.topic, self.seeds = commands, topic, itertools.count(SEED)
        topic.create(PARTITIONS)
        self.more(FIRST_TICKS)

    def more(self, ticks: int = MORE_TICKS):
        for _ in range(2):
            self.topic.produce([Message(value, b"k", partition) for value in GARBAGE for partition in range(PARTITIONS)])
            self.commands.produce(self.topic, "--simulate", "--rate", "max", "--ticks", ticks // 2, "--seed", next(self.seeds))


def assigned(life, place):
    life.until_log("partitions assigned")


def new_objects(prefix: str, count: int):
    def moment(life, place):
        before = set(place.keys(prefix))
        life.until(f"{count} new objects in {prefix or 'the lake'}", lambda: len(set(place.keys(prefix)) - before) >= count)
    moment.__name__ = f"{count}_objects_in_{prefix or 'lake'}"
    return moment


def new_commits(count: int):
    def moment(life, place):
        before = len(commits(place))
        # Version 0 makes the table and holds no ticks.
        life.until(f"{count} commits", lambda: len(commits(place)) >= max(before, 1) + count)
    moment.__name__ = f"{count}_commits"
    return moment


def random_moments(count: int) -> list:
    chance = random.Random(SEED)
    prefixes = ["", "stock_data/dt=", "stock_data/_delta_log/", "stock_data_json/", "dead_letters/"]
    return [new_objects(chance.choice(prefixes), chance.randint(1, 4)) for _ in range(count)]


MOMENTS = [assigned, new_commits(1), new_objects("dead_letters/dt=", 1), new_objects("stock_data/dt=", 1), new_objects("stock_data_json/", 1), new_commits(3)]


def live_and_die(commands, own, place, moment, group: str):
    life = commands.start(*commands.ingest_args(own.topic, place.url, group, "--window-rows", 5_000, "--window-age", "1s"))
    moment(life, place)
    assert life.running(), life.err()
    life.kill9()


def assert_nothing_lost_or_repeated(commands, own, place, tmp_path, group: str):
    commands.ingest(own.topic, place.url, group=group)
    audit.assert_exactly_once(commands, own.topic, place, tmp_path)
    audit.assert_mirror_has_the_same_rows(place)
    [dead] = commands.sql(place.url, "SELECT COUNT(*) AS n, COUNT(DISTINCT class) AS classes FROM dead_letters")
    assert dead["n"] % len(GARBAGE) == 0 and dead["classes"] == len({*GARBAGE}), dead


def test_kill_9_at_any_moment_never_loses_or_repeats_a_message(commands, own, place, tmp_path):
    feed = Feed(commands, own.topic)
    for number, moment in enumerate(MOMENTS + random_moments(KILLS)):
        live_and_die(commands, own, place, moment, f"life-{number}")
        feed.more()
    assert_nothing_lost_or_repeated(commands, own, place, tmp_path, "last-life")


def test_a_successor_in_the_killed_ones_group_never_repeats_its_work(commands, own, directory, tmp_path):
    """The broker gives the dead member's partitions away only when its session has ended: up to 45 s by Kafka's default."""
    Feed(commands, own.topic)
    live_and_die(commands, own, directory, new_commits(2), "heirs")
    assert_nothing_lost_or_repeated(commands, own, directory, tmp_path, "heirs")


@pytest.mark.parametrize("moment", [new_objects("stock_data_json/", 1)], ids=["after_a_mirror_file"])
def test_what_a_killed_one_left_unmirrored_never_stays_so(moment, commands, own, directory):
    """Every commit, not only those after the restart, is in the mirror once a successor has opened the lake."""
    Feed(commands, own.topic)
    live_and_die(commands, own, directory, moment, "first")
    for key in directory.keys("stock_data_json/"):
        (directory.root / key).unlink()
    commands.ingest(own.topic, directory.url, group="second")
    audit.assert_mirror_has_the_same_rows(directory)
