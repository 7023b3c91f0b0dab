"""Owns: the commands an operator has: audit finds each kind of fault and no other, offsets, vacuum, doctor.
Does not own: the proof after crashes (test_kill9.py), settings (test_config.py).
Faults are planted in a copy of a lake in a directory, by hand, as no ingester of ours would leave them.
"""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

import audit
from commands import wait_until
from places import Directory, commits
from topics import Message

FAILED, USAGE, UNAVAILABLE = 1, 2, 3
DAY_S = 86_400
TICK = b'{"symbol":"ACME","time":"2024-05-01T13:00:00Z","price":101.25}'


def run_audit(commands, topic, lake, *more, expect=0) -> dict:
    done = commands.run("ticklake", "audit", "--lake", lake.url, "--brokers", topic.brokers, "--topic", topic.name, "--json", *more, expect=expect)
    if expect:
        assert sum(line.startswith("error: ") for line in done.err.splitlines()) == 1 and any(said in done.err for said in ("not exactly-once", "not its table")), done.err
    return done.json()


def faults(found: dict) -> dict:
    return {name: found[name] for name in ("lost", "twice", "phantom", "beyond") if found[name]}


@pytest.fixture
def lake(commands, own, directory):
    """Two commits: 300 ticks with 3 dead letters, and 40 ticks more."""
    own.topic.create(2)
    own.topic.produce([Message(TICK, b"ACME", n % 2) for n in range(300)] + [Message(b"{", b"k", 1)] * 3)
    commands.ingest(own.topic, directory.url)
    own.topic.produce([Message(TICK, b"ACME", 0)] * 40)
    commands.ingest(own.topic, directory.url)
    assert commits(directory) == [0, 1, 2]
    return directory


def entry(lake: Directory, version: int) -> Path:
    return lake.root / "stock_data" / "_delta_log" / f"{version:020}.json"


def actions(lake: Directory, version: int) -> list[dict]:
    return [json.loads(line) for line in entry(lake, version).read_text().splitlines()]


def write(lake: Directory, version: int, changed: list[dict]):
    entry(lake, version).write_text("".join(json.dumps(action) + "\n" for action in changed))


def added(lake: Directory, version: int) -> dict:
    return next(action["add"] for action in actions(lake, version) if "add" in action)


# ---- audit -------------------------------------------------------------------------------------------------------------


def test_a_good_lake_passes_in_every_way_of_asking(commands, own, lake):
    found = run_audit(commands, own.topic, lake, "--mirror")
    assert found["ok"] and faults(found) == {} and (found["ticks"], found["dead_letters"]) == (340, 3)
    assert (found["mirror_missing"], found["mirror_extra"], found["mirror_lines"]) == (0, 0, 340)
    alone = commands.run("ticklake", "audit", "--lake", lake.url, "--json").json()
    assert alone["ok"] and (alone["lost"], alone["phantom"], alone["holes"]) == (None, None, 0)
    said = commands.run("ticklake", "audit", "--lake", lake.url, "--brokers", own.topic.brokers, "--topic", own.topic.name).out
    assert f"lost 0, twice 0: every message of {own.topic.name} up to the committed offsets is there exactly once" in said


def test_a_file_taken_out_is_never_anything_but_lost(commands, own, lake):
    write(lake, 2, [action for action in actions(lake, 2) if "add" not in action])
    found = run_audit(commands, own.topic, lake, expect=FAILED)
    assert faults(found) == {"lost": 40} and found["mirror_extra"] == 1
    [broken] = [p for p in found["partitions"] if p["lost"]["count"]]
    assert (broken["partition"], broken["lost"]["at"], broken["holes"]) == (0, [[150, 190]], 40)
    assert commands.run("ticklake", "audit", "--lake", lake.url, "--json").json()["holes"] == 40, "without the topic a hole is only a hole"


def test_a_data_file_that_is_missing_is_never_called_corrupt(commands, own, lake):
    add = added(lake, 2)
    (lake.root / "stock_data" / add["path"]).unlink()
    said = commands.run("lake-sql", "--lake", lake.url, "-c", "SELECT count(price), sum(price) FROM stock_data", expect=FAILED).err
    assert add["path"].rsplit("/", 1)[-1] in said and "is gone: the log names it" in said and "corrupt" not in said, said


def test_a_file_added_again_is_never_anything_but_twice(commands, own, lake):
    add = added(lake, 2)
    copy = add | {"path": add["path"].replace("part-00000", "part-00009")}
    shutil.copy(lake.root / "stock_data" / add["path"], lake.root / "stock_data" / copy["path"])
    write(lake, 2, actions(lake, 2) + [{"add": copy}])
    found = run_audit(commands, own.topic, lake, expect=FAILED)
    assert faults(found) == {"twice": 40} and found["mirror_missing"] == 1
    assert commands.run("ticklake", "audit", "--lake", lake.url, expect=FAILED).out.count("twice at [150, 190)") == 1


def test_rows_that_no_offset_accounts_for_never_pass(commands, own, lake):
    write(lake, 2, [action for action in actions(lake, 2) if "txn" not in action])
    assert faults(run_audit(commands, own.topic, lake, expect=FAILED)) == {"beyond": 40}


def test_rows_of_messages_that_kafka_never_had_never_pass(commands, own, lake):
    own.topic.recreate(2)
    own.topic.produce([Message(TICK, b"ACME", 0)] * 200)
    found = run_audit(commands, own.topic, lake, expect=FAILED)
    assert faults(found) == {"phantom": 153}, "the other partition of the new topic is empty"


def test_a_mirror_that_is_not_the_table_fails_when_it_is_asked_for(commands, own, lake):
    [first, *_] = [lake.root / key for key in lake.keys("stock_data_json/")]
    first.rename(first.with_name("part-left-over.json.gz"))
    found = run_audit(commands, own.topic, lake)
    assert (found["mirror_missing"], found["mirror_extra"]) == (1, 1) and len(found["mirror_names"]) == 2
    run_audit(commands, own.topic, lake, "--mirror", expect=FAILED)


def test_an_audit_of_one_source_never_speaks_of_another(commands, own, lake):
    commands.ingest(own.topic, lake.url, "--source", "second", group=f"{own.name}-second")
    for name, ticks in ((own.topic.name, 340), ("second", 340)):
        found = run_audit(commands, own.topic, lake, "--mirror", "--source", name)
        assert {p["source"] for p in found["partitions"]} == {name} and (found["ticks"], found["mirror_lines"]) == (ticks, ticks)
    for nothing in ("--brokers", "--source", "--topic"):
        refused = commands.run("ticklake", "audit", "--lake", lake.url, nothing, "", expect=USAGE)
        assert f"{nothing}: kafka" in refused.err and "is empty" in refused.err, refused.err


def test_a_source_the_log_does_not_know_never_passes(commands, own, lake):
    done = commands.run("ticklake", "audit", "--lake", lake.url, "--brokers", own.topic.brokers, "--topic", own.topic.name, "--source", "typo", expect=UNAVAILABLE)
    assert "typo" in done.err and "--source" in done.err


def test_an_audit_that_could_not_look_never_says_that_anything_is_lost(commands, own, lake, tmp_path):
    for more in (["--lake", tmp_path / "absent"], ["--lake", lake.url, "--brokers", own.topic.brokers, "--topic", "no_such"], ["--lake", lake.url, "--brokers", "127.0.0.1:9"]):
        done = commands.run("ticklake", "audit", *more, "--json", expect=UNAVAILABLE)
        assert done.out == "" and done.err.count("error: ") == 1, done.err


def test_markers_and_aborted_messages_are_never_called_lost(commands, own, directory):
    own.topic.create(1)
    producer = Producer({"bootstrap.servers": own.topic.brokers, "transactional.id": own.name})
    producer.init_transactions(30)
    for end in (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        for _ in range(10):
            producer.produce(own.topic.name, value=TICK, key=b"ACME")
        producer.flush(30)  # or an abort would take back what was never sent
        end(30)
    commands.ingest(own.topic, directory.url)
    found = run_audit(commands, own.topic, directory)
    assert found["ok"] and found["ticks"] == 20 and found["holes"] >= 12, found


def test_a_compacted_topic_is_never_taken_for_phantoms(commands, own, directory):
    own.topic.create(1, **{"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "100"})
    own.topic.produce([Message(TICK, b"ACME", 0)] * 50)
    commands.ingest(own.topic, directory.url)

    def forgotten():
        """Once Kafka has forgotten messages whose rows stay, rows are not held against it; every answer until then is a pass, too."""
        own.topic.produce([Message(TICK, b"ACME", 0)])  # closes the segment that the cleaner leaves alone
        return run_audit(commands, own.topic, directory)["partitions"][0]["phantom"] is None
    wait_until("the topic was compacted", forgotten, within_s=120)


# ---- offsets -----------------------------------------------------------------------------------------------------------


def test_a_reset_forward_is_declared_and_nothing_else_is_lost(commands, own, lake):
    at = ("ticklake", "offsets", "reset", "--lake", lake.url, "--topic", own.topic.name, "--partition", 0, "--json")
    own.topic.produce([Message(TICK, b"ACME", 0)] * 100)
    before = commits(lake)
    assert "--yes" in commands.run(*at, "--to", 250, expect=USAGE).err and commits(lake) == before
    done = commands.run(*at, "--to", 250, "--yes")
    assert "60" in done.err and "never be read" in done.err and done.json()["from"] == 190
    commands.ingest(own.topic, lake.url)
    found = run_audit(commands, own.topic, lake)
    assert found["ok"] and found["given_up"] == 60 and found["ticks"] == 380
    said = commands.run("ticklake", "audit", "--lake", lake.url, "--brokers", own.topic.brokers, "--topic", own.topic.name).out
    assert "lost 0, twice 0, given up 60: every other message" in said, said
    assert f"{own.topic.name}/0: given up [190, 250) stepped over by `offsets reset`" in said, said
    show = ("ticklake", "offsets", "show", "--lake", lake.url)
    shown = {row["partition"]: row for row in commands.run(*show, "--source", own.topic.name, "--json").json()["offsets"]}
    assert "no offsets under" in commands.run(*show, "--source", "typo", expect=FAILED).err
    assert shown[0]["offset"] == 290 and shown[0]["given_up"] == [{"from": 190, "to": 250, "cause": "reset"}] and shown[1]["given_up"] == []
    [info] = [action["commitInfo"] for action in actions(lake, 3) if "commitInfo" in action]
    assert info["operation"] == "RESET OFFSETS" and info["operationParameters"]["to"] == "250"


def test_a_reset_never_makes_a_row_twice(commands, own, lake, tmp_path):
    at = ("ticklake", "offsets", "reset", "--lake", lake.url, "--topic", own.topic.name, "--partition", 0, "--yes")
    refused = commands.run(*at, "--to", 189, expect=FAILED)
    assert "rows twice" in refused.err and "--source" in refused.err and commits(lake) == [0, 1, 2]
    commands.run(*at, "--to", 1000)
    commands.run(*at, "--to", 190)
    own.topic.produce([Message(TICK, b"ACME", 0)] * 10)
    commands.ingest(own.topic, lake.url)
    audit.assert_exactly_once(commands, own.topic, lake, tmp_path)
    assert run_audit(commands, own.topic, lake)["given_up"] == 0


def test_a_reset_to_where_kafka_has_nothing_is_never_made(commands, own, lake):
    own.topic.produce([Message(TICK, b"ACME", 0)] * 100)
    at = ("ticklake", "offsets", "reset", "--lake", lake.url, "--topic", own.topic.name, "--yes", "--json")
    asked = ("--brokers", own.topic.brokers)
    beyond = commands.run(*at, *asked, "--partition", 0, "--to", 291, expect=FAILED)
    assert "from offset 0" in beyond.err and "up to 290" in beyond.err and "high watermark" in beyond.err, beyond.err
    assert "2 partitions and no 7" in commands.run(*at, *asked, "--partition", 7, "--to", 5, expect=FAILED).err
    commands.run(*at, "--brokers", "127.0.0.1:9", "--partition", 0, "--to", 250, expect=UNAVAILABLE)
    assert commits(lake) == [0, 1, 2]
    assert "not checked" not in commands.run(*at, *asked, "--partition", 0, "--to", 290).err
    assert "was not checked" in commands.run(*at, "--partition", 0, "--to", 1000).err


# ---- what is printed ---------------------------------------------------------------------------------------------------


def test_a_table_is_never_broken_by_a_narrow_screen(commands, own, lake):
    brokers = ("--brokers", own.topic.brokers, "--topic", own.topic.name)
    for args in (["status", *brokers], ["audit"], ["offsets", "show"], ["dlq", "list"], ["sql", "-c", "SELECT * FROM stock_data LIMIT 2"]):
        wide = commands.run("ticklake", *args, "--lake", lake.url).out
        narrow = commands.run("ticklake", *args, "--lake", lake.url, env={"COLUMNS": "40"}).out
        assert "-+-" in wide and "-+-" not in narrow and "-[ RECORD 1 ]-" in narrow, narrow
        names = wide.splitlines()[[n for n, line in enumerate(wide.splitlines()) if "-+-" in line][-1] - 1]
        for name in names.split("|"):
            assert f"\n{name.strip()} " in narrow, f"{name} is not in\n{narrow}"


def test_a_table_that_is_not_there_is_named_as_it_was_written(commands, own, lake):
    said = commands.run("ticklake", "sql", "--lake", lake.url, "-c", "SELECT * FROM nope", expect=FAILED).err
    assert "Table 'nope' does not exist; there are dead_letters, stock_data, stock_data_json" in said, said
    said = commands.run("ticklake", "sql", "--lake", lake.url, "--lenient", "-c", "SELECT * FROM nope", expect=FAILED).err
    assert "no table nope" in said and "stock_data_json" in said and "ticklake.lake" not in said, said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_producer_that_is_stopped_says_by_what(number, code, commands, own):
    own.topic.create(1)
    running = commands.start("ticklake", "produce", "--brokers", own.topic.brokers, "--topic", own.topic.name, "--simulate", "--rate", 100)
    running.until("ticks come", own.topic.messages)
    running.signal(number)
    assert running.end().code == code


# ---- vacuum ------------------------------------------------------------------------------------------------------------


def test_vacuum_never_touches_what_a_reader_needs(commands, own, lake, tmp_path):
    add = added(lake, 2)
    orphan = lake.root / "stock_data" / add["path"].replace("part-00000", "part-00777")
    young = orphan.with_name(orphan.name.replace("00777", "00778"))
    for path in (orphan, young):
        shutil.copy(lake.root / "stock_data" / add["path"], path)
    for path in [orphan, *(p for p in lake.root.rglob("*") if p.is_file() and p != young)]:
        os.utime(path, (time.time() - 30 * DAY_S,) * 2)
    vacuum = ("ticklake", "vacuum", "--lake", lake.url, "--json")
    before = lake.keys()
    would = commands.run(*vacuum, "--dry-run").json()
    assert [gone["key"] for gone in would["removed"]] == [orphan.relative_to(lake.root).as_posix()] and lake.keys() == before
    assert commands.run(*vacuum).json()["files"] == 1
    assert lake.keys() == [key for key in before if key != would["removed"][0]["key"]]
    assert run_audit(commands, own.topic, lake, "--mirror")["ok"]
    assert commands.sql(lake.url, "SELECT count(*) AS n FROM stock_data", "--as-of", "1") == [{"n": 300}]


# ---- doctor ------------------------------------------------------------------------------------------------------------


def doctor(commands, lake, topic, *more, expect=0, **options) -> dict[str, dict]:
    at = ("--lake", lake, "--brokers", topic.brokers, "--topic", topic.name, "--json")
    done = commands.run("ticklake", "doctor", *at, *more, expect=expect, **options)
    assert done.json()["ok"] == (expect == 0)
    return {check["check"]: check for check in done.json()["checks"]}


def test_a_healthy_place_passes_and_keeps_nothing_of_the_trial(commands, own, place):
    own.topic.create(2)
    more = ["--glue-database", own.database] if place.url.startswith("s3:") else []
    checks = doctor(commands, place.url, own.topic, *more)
    assert {"lake: conditional put", "lake: delete", "lake: clock", "kafka: topic", "kafka: group"} <= set(checks)
    assert place.keys() == []


def test_what_is_wrong_is_never_hidden_by_something_else(commands, own, bucket):
    own.topic.create(1)
    own.topic.name += "_missing"
    checks = doctor(commands, "s3://ticklake-no-such-bucket/x", own.topic, "--glue-database", own.database, expect=UNAVAILABLE, env={"AWS_ENDPOINT_URL_GLUE": "http://127.0.0.1:9"})
    failed = {name: check["detail"] for name, check in checks.items() if not check["ok"]}
    assert set(failed) == {"lake", "kafka: topic", "glue"}, checks
    assert "create it first" in failed["lake"] and "--topic" in failed["kafka: topic"] and "AWS_ENDPOINT_URL_GLUE" in failed["glue"]
