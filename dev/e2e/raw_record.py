"""Owns: a Kafka record no client library would send: header names of any bytes, spoken to the broker over its own protocol.
Does not own: any other record (topics.py).
Invariant: the broker has accepted the record when `produce` returns.
"""

import socket
import struct
import time

WITHIN_S = 10
PRODUCE, VERSION, CORRELATION = 0, 3, 7


def produce(brokers: str, topic: str, value: bytes, headers: list[tuple[bytes, bytes | None]]):
    """To partition 0, whose leader must be the broker named."""
    records = _batch(value, headers)
    name = struct.pack(">h", len(topic)) + topic.encode()
    body = struct.pack(">hhi", -1, -1, WITHIN_S * 1000) + struct.pack(">i", 1) + name + struct.pack(">iii", 1, 0, len(records)) + records
    request = struct.pack(">hhih", PRODUCE, VERSION, CORRELATION, -1) + body
    host, port = brokers.split(":")
    with socket.create_connection((host, int(port)), WITHIN_S) as broker:
        broker.sendall(struct.pack(">i", len(request)) + request)
        stream = broker.makefile("rb")
        answer = stream.read(struct.unpack(">i", stream.read(4))[0])
    error = struct.unpack_from(">h", answer, 4 + 4 + len(name) + 4 + 4)[0]
    assert error == 0, f"the broker refuses the record with error {error}"


def _batch(value: bytes, headers: list[tuple[bytes, bytes | None]]) -> bytes:
    now = int(time.time() * 1000)
    fields = b"\0" + _varint(0) + _varint(0) + _bytes(None) + _bytes(value)
    fields += _varint(len(headers)) + b"".join(_bytes(name) + _bytes(data) for name, data in headers)
    checked = struct.pack(">hiqqqhii", 0, 0, now, now, -1, -1, -1, 1) + _varint(len(fields)) + fields
    rest = struct.pack(">ibI", -1, 2, _crc32c(checked)) + checked
    return struct.pack(">qi", 0, len(rest)) + rest


def _bytes(data: bytes | None) -> bytes:
    return _varint(-1) if data is None else _varint(len(data)) + data


def _varint(number: int) -> bytes:
    number, out = (number << 1) ^ (number >> 63), b""
    while number > 0x7F:
        number, out = number >> 7, out + bytes([number & 0x7F | 0x80])
    return out + bytes([number])


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
