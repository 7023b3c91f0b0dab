"""Owns: messages of every kind with what must become of each: every dead-letter class there is, and ticks of many spellings.
Does not own: sending them (topics.py), the check (e2e/test_bad_input.py, chaos_harness/evidence.py).
"""

import json
from dataclasses import dataclass, field

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
