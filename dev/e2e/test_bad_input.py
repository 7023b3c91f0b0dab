"""Owns: messages that are not ticks: each in dead_letters with its class and its bytes, each offset accounted for, nothing stopped.
Does not own: the decoder's grammar (its own tests in ingest/src/decode).
"""

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import pytest

import audit
import readers
from topics import Message

REJECT_RS = Path(__file__).resolve().parents[2] / "schemas" / "src" / "reject.rs"
MIB = 1 << 20
TIME = "2024-05-01T13:00:00.123456789Z"


def tick(**members) -> bytes:
    """A valid tick with members changed; None takes one out."""
    whole = {"symbol": "ACME", "time": TIME, "price": 101.25} | members
    return json.dumps({k: v for k, v in whole.items() if v is not None}).encode()


@dataclass
class Case:
    name: str
    value: bytes | None
    reject: str | None = None  # the class in dead_letters; None: a tick, with these columns
    row: dict = field(default_factory=dict)
    key: bytes | None = b"ACME"


BAD = [
    Case("tombstone", None, "tombstone"),
    Case("tombstone_without_key", None, "tombstone", key=None),
    Case("empty", b"", "empty"),
    Case("white_space", b" \r\n\t", "empty"),
    Case("one_mib_of_noise", b"x" * (MIB - 100), "too_large"),
    Case("one_mib_of_valid_json", tick(note="n" * (MIB - 200)), "too_large"),
    Case("not_utf8", b'{"symbol":"\xff\xfe","time":1714568400,"price":1}', "not_utf8"),
    Case("not_utf8_key", b"\x00\xff", "not_utf8", key=b"\xc3\x28\x00"),
    Case("cut_off", tick()[:-1], "malformed_json"),
    Case("words", b"hello", "malformed_json"),
    Case("two_objects", tick() + tick(), "malformed_json"),
    Case("price_bare_nan", tick().replace(b"101.25", b"NaN"), "malformed_json"),
    Case("single_quotes", tick().replace(b'"', b"'"), "malformed_json"),
    Case("array", b"[1,2]", "not_an_object"),
    Case("number", b"17", "not_an_object"),
    Case("null", b"null", "not_an_object"),
    Case("no_symbol", tick(symbol=None), "missing_field"),
    Case("no_price", tick(price=None), "missing_field"),
    Case("no_time", tick(time=None), "missing_field"),
    Case("price_null", tick().replace(b"101.25", b"null"), "missing_field"),
    Case("empty_object", b"{}", "missing_field"),
    Case("price_twice", tick(p=3), "duplicate_field"),
    Case("symbol_empty", tick(symbol=""), "invalid_symbol"),
    Case("symbol_number", tick(symbol=5), "invalid_symbol"),
    Case("symbol_too_long", tick(symbol="S" * 65), "invalid_symbol"),
    Case("price_zero", tick(price=0), "invalid_price"),
    Case("price_negative", tick(price=-1.5), "invalid_price"),
    Case("price_nan", tick(price="NaN"), "invalid_price"),
    Case("price_abc", tick(price="abc"), "invalid_price"),
    Case("price_infinite", tick().replace(b"101.25", b"1e999"), "invalid_price"),
    Case("price_object", tick(price={"v": 1}), "invalid_price"),
    Case("size_negative", tick(size=-1), "invalid_size"),
    Case("time_words", tick(time="yesterday"), "invalid_time"),
    Case("time_13th_month", tick(time="2024-13-01T00:00:00Z"), "invalid_time"),
    Case("time_without_zone", tick(time="2024-05-01 13:00:00"), "invalid_time"),
    Case("time_year_9999", tick(time="9999-12-31T23:59:59Z"), "time_out_of_range"),
    Case("time_year_2100", tick(time="2100-01-01T00:00:00Z"), "time_out_of_range"),
    Case("time_before_1970", tick(time="1969-12-31T23:59:59Z"), "time_out_of_range"),
    Case("sequence_fraction", tick(sequence=1.5), "invalid_field"),
]

GOOD = [
    Case("plain", tick(), row={"symbol": "ACME", "price": 101.25, "time_ns": 1714568400123456789, "dt": "2024-05-01", "hour": "13", "extra": None}),
    Case("no_key", tick(symbol="NOKEY"), row={"symbol": "NOKEY"}, key=None),
    Case("numbers_as_strings", tick(price="99.5", size="7", sequence="42", time="1714568400"),
         row={"price": 99.5, "size": 7.0, "sequence": 42, "time_ns": 1714568400000000000}),
    Case("unknown_fields", tick(note="é\n\"x\"", deep={"a": [1, None]}), row={"extra": {"note": "é\n\"x\"", "deep": {"a": [1, None]}}}),
    Case("aliases", b'{"sym":"ALIAS","t":1714568400123,"p":1e-3,"s":0,"x":7,"q":9}',
         row={"symbol": "ALIAS", "time_ns": 1714568400123000000, "price": 0.001, "size": 0.0, "exchange": "7", "sequence": 9}),
    Case("other_zone", tick(time="2024-05-01T23:30:00+10:30"), row={"time_ns": 1714568400000000000, "hour": "13"}),
    Case("large_but_a_tick", tick(note="n" * (250 * 1024)), row={"symbol": "ACME", "extra": {"note": "n" * (250 * 1024)}}),
    Case("symbol_of_64_bytes", tick(symbol="S" * 64), row={"symbol": "S" * 64}),
    Case("symbol_not_ascii", tick(symbol="日本電産"), row={"symbol": "日本電産"}),
]


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
