"""Owns: two ingesters in one consumer group: a large topic to its end, and members that come and go while ticks come in.
Does not own: crashes (test_kill9.py).
Sizes by environment: TICKLAKE_TICKS (1,000,000), TICKLAKE_SEED (1).
"""

import os

import audit

TICKS = int(os.environ.get("TICKLAKE_TICKS", 1_000_000))
SEED = os.environ.get("TICKLAKE_SEED", "1")
WINDOW = ("--window-rows", 20_000, "--window-age", "1s")


def rows(commands, place) -> int:
    return sum(table["rows"] or 0 for table in commands.status(place.url)["tables"])  # the mirror has no count


def test_two_ingesters_of_one_group_never_lose_or_repeat_a_tick(commands, own, bucket, tmp_path):
    commands.produce(own.topic, "--partitions", 8, "--simulate", "--rate", "max", "--ticks", TICKS, "--seed", SEED)
    assert own.topic.messages() == TICKS
    both = [commands.start(*commands.ingest_args(own.topic, bucket.url, "pair", "--until-end", *WINDOW)) for _ in range(2)]
    said = [one.end(within_s=300).expect(0).json() for one in both]
    assert sum(one["committed"] for one in said) == TICKS, f"what each says it committed: {said}"
    audit.assert_exactly_once(commands, own.topic, bucket, tmp_path)
    audit.assert_mirror_has_the_same_rows(bucket)


def test_a_member_that_comes_or_goes_never_costs_a_tick(commands, own, bucket, tmp_path):
    round_ticks = TICKS // 10
    produced = 0

    def produce():
        nonlocal produced
        commands.produce(own.topic, "--partitions", 8, "--simulate", "--rate", "max", "--ticks", round_ticks, "--seed", SEED)
        produced += round_ticks

    def start():
        one = commands.start(*commands.ingest_args(own.topic, bucket.url, "pair", *WINDOW))
        one.until_log("partitions assigned")
        return one

    produce()
    first = start()
    produce()
    second = start()  # takes half of the partitions from the first while it works
    produce()
    second.until("both have committed", lambda: "committed" in first.err() and "committed" in second.err())
    said = [first.terminate().expect(0).json()]
    produce()
    second.until("everything is in the lake", lambda: rows(commands, bucket) == produced, within_s=120)
    said.append(second.terminate().expect(0).json())
    assert sum(one["committed"] for one in said) == produced, f"what each says it committed: {said}"
    assert all(one["committed"] for one in said)
    audit.assert_exactly_once(commands, own.topic, bucket, tmp_path)
    audit.assert_mirror_has_the_same_rows(bucket)
