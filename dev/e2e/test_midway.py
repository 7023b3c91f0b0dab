"""Owns: an ingester that has to give up in the middle of work: it ends by itself, with one sentence and the right exit code,
and the next one goes on exactly once.
Does not own: things that are wrong from the start (test_unreachable.py), death without a word (test_kill9.py).
"""

import audit
from topics import Message

FAILED, UNAVAILABLE = 1, 3
ENDS_WITHIN_S = 90


def errors(done) -> list[str]:
    return [line for line in done.err.splitlines() if line.startswith("error: ")]


def test_a_recreated_topic_never_hangs_the_ingester_nor_mixes_its_offsets_with_the_old_ones(commands, own, directory):
    topic = own.topic
    commands.produce(topic, "--partitions", 2, "--simulate", "--ticks", 2000)
    commands.ingest(topic, directory.url)
    topic.recreate(2)
    commands.produce(topic, "--simulate", "--ticks", 100)
    refused = commands.run(*commands.ingest_args(topic, directory.url, "e2e", "--until-end"), within_s=ENDS_WITHIN_S, expect=FAILED)
    assert len(errors(refused)) == 1 and "re-created" in errors(refused)[0] and "--source" in errors(refused)[0], refused.err
    asked = commands.status(directory.url, "--brokers", topic.brokers, "--topic", topic.name)
    assert all("re-created" in row["problem"] for row in asked["offsets"]), asked
    # The way out it names, taken: the new topic's offsets stand beside the old ones and the audit stays clean.
    assert commands.ingest(topic, directory.url, "--source", f"{topic.name}-2")["committed"] == 100
    rows = commands.sql(directory.url, "SELECT kafka_topic, count(*) AS n, count(DISTINCT kafka_partition * 1000000 + kafka_offset) AS d FROM stock_data GROUP BY kafka_topic ORDER BY n")
    assert rows == [{"kafka_topic": f"{topic.name}-2", "n": 100, "d": 100}, {"kafka_topic": topic.name, "n": 2000, "d": 2000}]


def test_storage_that_fails_midway_never_hangs_the_ingester_nor_loses_a_tick(commands, own, directory, tmp_path):
    topic = own.topic
    commands.produce(topic, "--partitions", 2, "--simulate", "--ticks", 1000)
    patience = ("--window-age", "200ms", "--unavailable-max", "2s")
    running = commands.start(*commands.ingest_args(topic, directory.url, "e2e", *patience))
    running.until_log("committed version=1")
    table, aside = directory.root / "stock_data", directory.root / "aside"
    table.rename(aside)
    table.write_text("not a directory any more")
    commands.produce(topic, "--simulate", "--ticks", 1000, "--seed", 7)
    ended = running.end(within_s=ENDS_WITHIN_S)
    assert ended.code == UNAVAILABLE and len(errors(ended)) == 1 and str(directory.root) in errors(ended)[0], ended.err
    assert "lake.unavailable_max is 2 s" in errors(ended)[0] and "nothing is lost" in errors(ended)[0], ended.err
    table.unlink()
    aside.rename(table)
    commands.ingest(topic, directory.url)
    audit.assert_exactly_once(commands, topic, directory, tmp_path)
    audit.assert_mirror_has_the_same_rows(directory)


def test_a_broken_feed_is_never_eaten_silently(commands, own, directory, tmp_path):
    topic = own.topic
    topic.create(1)
    topic.produce([Message(b"not a tick")] * 1500)
    stopped = commands.run(*commands.ingest_args(topic, directory.url, "e2e", "--until-end"), within_s=ENDS_WITHIN_S, expect=FAILED)
    said = errors(stopped)
    assert len(said) == 1 and "1500 of 1500" in said[0] and "malformed_json" in said[0] and "--reject-ratio-max" in said[0], stopped.err
    assert commands.status(directory.url)["offsets"] == [], "nothing of it is committed"
    taken = commands.ingest(topic, directory.url, "--reject-ratio-max", "1")
    assert (taken["committed"], taken["dead_letters"]) == (0, 1500)
