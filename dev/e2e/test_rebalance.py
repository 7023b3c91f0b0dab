"""Owns: partitions that move between ingesters while ticks come in: by either protocol, by death, by a process that froze; members
with a name of their own, partitions that are new, partitions taken without a group.
Does not own: large topics and polite members (test_two_ingesters.py), what happens to a topic (test_topic_surprises.py).
"""

import re
import signal

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

import audit
from commands import wait_until

USAGE, UNAVAILABLE, FAILED = 2, 3, 1
PARTITIONS = 6
#: A dead member is missed soon, a new partition found soon.
SOON = ("-X", "session.timeout.ms=2500", "-X", "heartbeat.interval.ms=300", "-X", "topic.metadata.refresh.interval.ms=500")


def taken(one) -> int:
    """How often it was given partitions, an empty hand not counted."""
    return len(re.findall(r"partitions assigned starts=\{\d", one.err()))


def rows(commands, place) -> int:
    return sum(table["rows"] or 0 for table in commands.status(place.url)["tables"])


class Members:
    """Ingesters of one group, and ticks for them."""

    def __init__(self, commands, topic, place, *more):
        self.commands, self.topic, self.place, self.more, self.seed = commands, topic, place, more, 0
        topic.create(PARTITIONS)

    def start(self, *more, age="300ms"):
        args = self.commands.ingest_args(self.topic, self.place.url, "g", "--window-age", age, *SOON, *self.more, *more)
        one = self.commands.start(*args)
        one.until("it has partitions", lambda: taken(one))
        return one

    def produce(self, ticks: int = 3000):
        self.seed += 1
        self.commands.produce(self.topic, "--simulate", "--rate", "max", "--ticks", ticks, "--seed", self.seed)

    def stream(self):
        """Ticks without a pause, until it is told to end."""
        return self.commands.start("ticklake", "produce", "--brokers", self.topic.brokers, "--topic", self.topic.name, "--simulate", "--rate", 20_000)

    def until_all_landed(self, told):
        produced = self.topic.messages()
        wait_until(f"{produced} in the lake", lambda: rows(self.commands, self.place) >= produced, 60, lambda: told.err()[-2000:])

    def audit(self, folder):
        audit.assert_exactly_once(self.commands, self.topic, self.place, folder)
        audit.assert_mirror_has_the_same_rows(self.place)


@pytest.mark.parametrize("assignment", ["cooperative-sticky", "eager"])
def test_members_that_come_go_and_die_under_load_never_cost_or_repeat_a_tick(assignment, commands, own, directory, tmp_path):
    members = Members(commands, own.topic, directory, "--assignment", assignment)
    stream = members.stream()
    first = members.start()
    second = members.start()
    third = members.start()
    first.terminate().expect(0)
    second.kill9()
    fourth = members.start()
    stream.terminate()
    members.until_all_landed(third)
    for one in (third, fourth):
        one.terminate().expect(0)
    members.audit(tmp_path)


def test_a_frozen_process_never_changes_anything_once_another_went_on_and_goes_on_itself(commands, own, directory, tmp_path):
    members = Members(commands, own.topic, directory)
    # It holds what it has read: everything it may do wrong is still before it.
    frozen = members.start(age="4s")
    members.produce()
    frozen.signal(signal.SIGSTOP)
    heir = members.start()
    members.until_all_landed(heir)
    version = commands.status(directory.url)["tables"][0]["version"]
    frozen.signal(signal.SIGCONT)
    frozen.until("it has learnt of it", lambda: "partitions lost" in frozen.err() or "dropping what is buffered" in frozen.err())
    heir.until("it has partitions again", lambda: taken(frozen) >= 2)
    assert commands.status(directory.url)["tables"][0]["version"] == version, "nothing was left to commit"
    members.produce()
    members.until_all_landed(frozen)
    said = [one.terminate().expect(0).json() for one in (frozen, heir)]
    assert all(one["committed"] for one in said) and sum(one["committed"] for one in said) == own.topic.messages(), said
    members.audit(tmp_path)


def test_a_named_member_that_restarts_never_moves_partitions(commands, own, directory, tmp_path):
    members = Members(commands, own.topic, directory, "-X", "session.timeout.ms=20000")
    stays = members.start("--group-instance-id", "a")
    restarts = members.start("--group-instance-id", "b")
    members.produce()
    members.until_all_landed(stays)
    before = taken(stays)
    restarts.terminate().expect(0)
    again = members.start("--group-instance-id", "b")
    members.produce()
    members.until_all_landed(again)
    assert taken(stays) == before
    again.terminate().expect(0)
    stays.terminate().expect(0)
    members.audit(tmp_path)


def test_two_processes_of_one_name_are_never_a_riddle(commands, own, directory):
    members = Members(commands, own.topic, directory)
    first = members.start("--group-instance-id", "a")
    second = members.start("--group-instance-id", "a")
    ended = first.end()
    assert ended.code == FAILED and "--group-instance-id" in ended.err.splitlines()[-1], ended.err
    second.terminate().expect(0)


def test_a_new_partition_never_waits_for_a_restart_nor_loses_its_beginning(commands, own, directory, tmp_path):
    members = Members(commands, own.topic, directory)
    running = members.start()
    members.produce()
    admin = AdminClient({"bootstrap.servers": own.topic.brokers})  # must outlive the answer
    admin.create_partitions([NewPartitions(own.topic.name, PARTITIONS + 2)])[own.topic.name].result(30)
    wait_until("the new partitions are used", lambda: len(own.topic.watermarks()) == PARTITIONS + 2)
    members.produce()
    assert all(high for _, high in own.topic.watermarks().values()), "a tick in every partition"
    members.until_all_landed(running)
    running.terminate().expect(0)
    members.audit(tmp_path)


def test_partitions_taken_by_number_need_no_group_and_never_overlap(commands, own, directory, tmp_path):
    members = Members(commands, own.topic, directory)
    members.produce()
    for some in ("0-2,5", "3,4"):
        said = commands.ingest(own.topic, directory.url, "--partitions", some)
        assert said["committed"] and said["overlaps"] == 0
    members.audit(tmp_path)
    refused = commands.run(*commands.ingest_args(own.topic, directory.url, "g", "--partitions", "4-7"), expect=UNAVAILABLE)
    assert "[6, 7]" in refused.err and "--partitions" in refused.err and len(refused.err.splitlines()) == 1, refused.err
    member = ("--group-instance-id", "a")
    commands.run(*commands.ingest_args(own.topic, directory.url, "g", "--partitions", "0", *member), expect=USAGE)
