"""Owns: `ticklake dlq`: what it lists and shows of a message, and that a message sent back lands once or is rejected once more.
Does not own: the classes and their bytes (test_bad_input.py).
"""

import json
import subprocess
import time
from datetime import datetime, timedelta, timezone

import pytest

import audit
import raw_record
import readers
from commands import wait_until
from topics import Message

ORIGIN = "ticklake-dead-letter"
# A tick may lie 5 minutes after its record; this one is too early for so long, and a tick when sent again after that.
TOO_EARLY_S = 25
TRACE = (("trace", b"\x00\xff"), ("trace", None), ("é", b""))
ESCAPE = b'{"symbol":"\x1b]0;owned\x07","time":1714568400,"price":1'


def messages() -> list[Message]:
    ahead = datetime.now(timezone.utc) + timedelta(seconds=300 + TOO_EARLY_S)
    early = {"symbol": "EARLY", "time": ahead.isoformat(), "price": 7.5}
    return [
        Message(json.dumps(early).encode(), b"EARLY", 0, TRACE),
        Message(b"garbage", None, 0),
        Message(b"\xff\xfe\x00binary", b"\xff\x01", 1, (("kind", b"image"),)),
        Message(ESCAPE, b"ESC", 1),
        Message(None, b"EARLY", 1),
        Message(b'{"symbol":"GOOD","time":1714568400,"price":1}', b"GOOD", 1, TRACE),
    ]


@pytest.fixture(scope="module")
def landed(commands, module_own, addresses):
    """The messages above, ingested; by their (partition, offset), and when they were made."""
    place, topic = module_own.bucket(addresses), module_own.topic
    topic.create(2)
    made = time.time()
    offsets = topic.produce(messages())
    said = commands.ingest(topic, place.url)
    assert (said["committed"], said["dead_letters"]) == (1, 5), said
    return place, topic, offsets, made


def letters(place) -> dict[tuple[int, int], dict]:
    return {(row["kafka_partition"], row["kafka_offset"]): row for row in readers.polars_frame(place, "dead_letters").to_dicts()}


def test_headers_never_lose_their_order_their_bytes_or_their_twins(landed):
    place, _, offsets, _ = landed
    rows = letters(place)
    for at, message in offsets.items():
        if at in rows:
            expected = [[name, readers.base64_of(value)] for name, value in message.headers]
            assert json.loads(rows[at]["headers"] or "[]") == expected
            assert (rows[at]["headers"] is None) == (not message.headers)


def test_a_list_never_hides_a_letter_or_a_class(commands, landed):
    place, topic, _, _ = landed
    listed = commands.run("ticklake", "dlq", "list", "--lake", place.url, "--json").json()
    assert listed["total"] == 5
    assert listed["by_class"] == {"malformed_json": 2, "not_utf8": 1, "time_out_of_range": 1, "tombstone": 1}
    assert {tuple(map(int, row["letter"].split(":"))) for row in listed["dead_letters"]} == letters(place).keys()
    text = commands.run("ticklake", "dlq", "list", "--lake", place.url, "--class", "malformed_json,not_utf8", "--since", "1h", "--limit", 2).out
    assert "3 dead letters: malformed_json 2, not_utf8 1, the newest 2 are shown" in text
    assert "(2 rows)" in text and "\x1b" not in text
    none = commands.run("ticklake", "dlq", "list", "--lake", place.url, "--since", "2100-01-01T00:00:00Z", "--json").json()
    assert none == {"total": 0, "by_class": {}, "dead_letters": []}
    assert commands.run("ticklake", "dlq", "list", "--lake", place.url, "--source", "other").out == "no dead letters\n"
    refused = commands.run("ticklake", "dlq", "list", "--lake", place.url, "--class", "bad", expect=2)
    assert "malformed_json" in refused.err


def test_a_letter_is_shown_as_it_came_and_never_obeyed(commands, landed):
    place, topic, offsets, _ = landed
    for (partition, offset), message in offsets.items():
        if message.value and message.value.startswith(b'{"symbol":"GOOD"'):
            missing = commands.run("ticklake", "dlq", "show", f"{partition}:{offset}", "--lake", place.url, expect=1)
            assert f"no dead letter {partition}:{offset}" in missing.err and "dlq list" in missing.err
            continue
        shown = commands.run("ticklake", "dlq", "show", f"{partition}:{offset}", "--lake", place.url).out
        assert f"{topic.name}/{partition}/{offset}" in shown and "reason" in shown
        assert all(c == "\n" or c.isprintable() for c in shown), shown
        if message.value == ESCAPE:
            assert "\\u{1b}]0;owned" in shown
        if message.value and message.value.startswith(b"\xff"):
            assert "ff fe 00 62 69 6e 61 72 79" in shown and "kind: image" in shown
        raw = [commands.bin_dir / "ticklake", "dlq", "show", f"{partition}:{offset}", "--lake", place.url, "--raw"]
        assert subprocess.run(raw, env=commands.env, stdout=subprocess.PIPE, check=True, timeout=60).stdout == (message.value or b"")


def test_a_message_sent_back_lands_once_however_often_it_is_sent(commands, landed, tmp_path):
    place, topic, offsets, made = landed

    def replay(*more) -> dict:
        said = commands.run("ticklake", "dlq", "replay", "--lake", place.url, "--brokers", topic.brokers, "--topic", topic.name, "--json", *more).json()
        assert said["selected"] == sum(said[part] for part in ("sent", "already_ticks", "on_their_way", "rejected_again", "tombstones"))
        assert said["letters"] >= said["selected"], "a message counts once, however many letters it has"
        return said

    before = topic.messages()
    assert replay("--dry-run")["sent"] == 4 and topic.messages() == before
    wait_until("the cause of one rejection has gone by itself", lambda: time.time() > made + TOO_EARLY_S + 2)
    first = replay()
    assert (first["sent"], first["tombstones"]) == (4, 1)
    again = replay()
    assert (again["sent"], again["on_their_way"]) == (0, 4), "what is in the topic and not in the lake is not sent again"
    said = commands.ingest(topic, place.url)
    assert (said["committed"], said["dead_letters"]) == (1, 3)
    third = replay("--class", "time_out_of_range")
    assert (third["sent"], third["already_ticks"]) == (0, 1), "it is a tick now"
    before = topic.messages()
    fourth = replay()
    assert [fourth[n] for n in ("letters", "selected", "sent", "already_ticks", "rejected_again", "tombstones")] == [8, 5, 0, 1, 3, 1]
    assert topic.messages() == before, "what was rejected again is not sent again unasked"
    assert commands.ingest(topic, place.url)["consumed"] == 0
    would = replay("--again", "--dry-run")
    assert (would["sent"], would["already_ticks"]) == (3, 1)
    assert replay("--again")["sent"] == 3
    assert (replay("--again")["sent"], replay("--again")["on_their_way"]) == (0, 3), "asked for twice, sent once"
    assert commands.ingest(topic, place.url)["dead_letters"] == 3
    assert (replay()["sent"], replay()["rejected_again"]) == (0, 3)

    came = {f"{topic.name}/{p}/{o}": message for (p, o), message in offsets.items()}
    back = [message for found in topic.read().values() for message in found if any(name == ORIGIN for name, _ in message.headers)]
    assert len(back) == 7
    for message in back:
        *headers, (_, origin) = message.headers
        original = came[origin.decode()]
        assert (message.value, message.key, tuple(headers)) == (original.value, original.key, original.headers)
    ticks = commands.sql(place.url, "SELECT symbol, extra FROM stock_data WHERE extra IS NOT NULL")
    assert [row["symbol"] for row in ticks] == ["EARLY"]
    assert came[json.loads(ticks[0]["extra"])[ORIGIN]].key == b"EARLY"
    audit.assert_exactly_once(commands, topic, place, tmp_path)
    audit.assert_mirror_has_the_same_rows(place)


def test_a_replay_to_nowhere_says_so_and_sends_nothing(commands, landed):
    place, topic, _, _ = landed
    args = ("ticklake", "dlq", "replay", "--lake", place.url, "--topic", topic.name)
    assert "127.0.0.1:9" in commands.run(*args, "--brokers", "127.0.0.1:9", expect=3).err
    lost = commands.run("ticklake", "dlq", "replay", "--lake", place.url, "--topic", "no_such", "--brokers", topic.brokers, expect=3)
    assert "no_such" in lost.err


def test_a_header_name_that_is_not_text_never_stops_the_ingester(commands, own, directory, tmp_path):
    own.topic.create(1)
    raw_record.produce(own.topic.brokers, own.topic.name, b"garbage", [(b"ok", b"1"), (b"\xff\xfe", b"2"), (b"ok", None)])
    own.topic.produce([Message(b'{"symbol":"A","time":1714568400,"price":1}', b"A")])
    done = commands.run(*commands.ingest_args(own.topic, directory.url, "e2e", "--until-end"))
    assert (done.json()["committed"], done.json()["dead_letters"]) == (1, 1)
    assert "panic" not in done.err, "whoever can write to the topic could fill the log"
    [letter] = letters(directory).values()
    assert json.loads(letter["headers"]) == [["ok", readers.base64_of(b"1")], ["\ufffd\ufffd", readers.base64_of(b"2")], ["ok", None]]
    audit.assert_exactly_once(commands, own.topic, directory, tmp_path)
