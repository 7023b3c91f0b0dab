"""Owns: messages that are not ticks: each in dead_letters with its class and its bytes, each offset accounted for, nothing stopped.
Does not own: the decoder's grammar (its own tests in ingest/src/decode).
"""

import base64
import json
import re
from datetime import datetime, timezone
from pathlib import Path

import pytest

import audit
import readers
from messages import BAD, GOOD, MIB
from topics import Message

REJECT_RS = Path(__file__).resolve().parents[2] / "schemas" / "src" / "reject.rs"


@pytest.fixture(scope="module")
def landed(commands, module_own, addresses, tmp_path_factory):
    """Every case, spread over two partitions among valid ticks, and where each landed in Kafka."""
    place, topic = module_own.bucket(addresses), module_own.topic
    topic.create(2, **{"max.message.bytes": str(2 * MIB)})
    cases = [case for pair in zip(BAD, (GOOD * len(BAD))[: len(BAD)]) for case in pair] + GOOD
    messages = [Message(case.value, case.key, number // 3 % 2) for number, case in enumerate(cases)]
    by_message = {id(message): case for message, case in zip(messages, cases)}
    offsets = {place: by_message[id(message)] for place, message in topic.produce(messages).items()}
    before = datetime.now(timezone.utc)
    said = commands.ingest(topic, place.url)
    return {"place": place, "offsets": offsets, "said": said, "before": before}


def by_offset(rows: list[dict]) -> dict[tuple[int, int], dict]:
    found = {(row["kafka_partition"], row["kafka_offset"]): row for row in rows}
    assert len(found) == len(rows), "an offset twice in one table"
    return found


def test_every_class_there_is_has_a_case():
    classes = set(re.findall(r'=> "(\w+)"', REJECT_RS.read_text()))
    assert classes == {case.reject for case in BAD}


def test_no_bad_message_stops_the_ingester_or_is_counted_as_a_tick(landed):
    good = sum(case.reject is None for case in landed["offsets"].values())
    said = landed["said"]
    assert (said["consumed"], said["committed"], said["dead_letters"]) == (len(landed["offsets"]), good, len(landed["offsets"]) - good)


def test_no_bad_message_loses_its_class_its_bytes_or_its_place(landed, module_own):
    rows = by_offset(readers.polars_frame(landed["place"], "dead_letters").to_dicts())
    expected = {place: case for place, case in landed["offsets"].items() if case.reject}
    assert {place: row["class"] for place, row in rows.items()} == {place: case.reject for place, case in expected.items()}
    for place, case in expected.items():
        row = rows[place]
        assert decoded(row["payload_base64"]) == case.value, case.name
        assert decoded(row["key_base64"]) == case.key, case.name
        assert row["reason"] and "\n" not in row["reason"] and len(row["reason"]) < 400, case.name
        assert row["kafka_topic"] == module_own.topic.name
        assert row["dt"] == f"{row['kafka_time']:%Y-%m-%d}"
        assert abs((row["kafka_time"].replace(tzinfo=timezone.utc) - landed["before"]).total_seconds()) < 120


def decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)


def test_no_good_message_is_rejected_or_changed(landed):
    rows = by_offset(readers.polars_frame(landed["place"]).to_dicts())
    expected = {place: case for place, case in landed["offsets"].items() if not case.reject}
    assert rows.keys() == expected.keys()
    for place, case in expected.items():
        row = rows[place]
        if isinstance(case.row.get("extra"), dict):
            row = row | {"extra": json.loads(row["extra"])}
        assert {column: row[column] for column in case.row} == case.row, case.name


def test_lake_sql_never_counts_classes_otherwise_than_polars(commands, landed):
    rows = commands.sql(landed["place"].url, "SELECT class, COUNT(*) AS n FROM dead_letters GROUP BY class ORDER BY class")
    theirs = readers.polars_frame(landed["place"], "dead_letters").group_by("class").len().sort("class").rows()
    assert [(row["class"], row["n"]) for row in rows] == theirs


def test_no_offset_is_missing_or_repeated(commands, module_own, landed, tmp_path):
    audit.assert_exactly_once(commands, module_own.topic, landed["place"], tmp_path)
    audit.assert_mirror_has_the_same_rows(landed["place"])


def test_a_topic_of_nothing_but_garbage_never_stands_still(commands, own, directory, tmp_path):
    own.topic.create(1)
    own.topic.produce([Message(b"garbage")] * 100)
    said = commands.ingest(own.topic, directory.url)
    assert (said["committed"], said["dead_letters"]) == (0, 100)
    assert commands.ingest(own.topic, directory.url, group="again")["consumed"] == 0, "the offsets advanced"
    assert commands.sql(directory.url, "SELECT COUNT(*) AS n FROM stock_data") == [{"n": 0}]
    audit.assert_exactly_once(commands, own.topic, directory, tmp_path)
