"""Owns: the proof after a run, from the broker's topic and the lake's files, read by software we did not write.
Does not own: `ticklake audit`, which must come to the same, and the words of the report (report.py).
Invariant: a check gives the number of things that are wrong, 0 when all is well; files are read a few at a time, so that a
long run needs no more memory than a short one.
"""

import base64
import gzip
import hashlib
import io
import json
import time
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import boto3
import pyarrow
import pyarrow.compute
import pyarrow.parquet

import readers
from chaos_harness.feed import HEADER, Feed
from places import Bucket, commits
from topics import Topic

AT_ONCE = 8
TOLD_MAX = 3
COLUMNS = ["symbol", "time_ns", "price", "size", "bid", "ask", "exchange", "sequence", "extra", "kafka_partition", "kafka_offset"]
DEAD_COLUMNS = ["kafka_partition", "kafka_offset", "class", "key_base64", "payload_base64"]
OFFSETS = ["kafka_partition", "kafka_offset"]
TABLES = {"stock_data", "stock_data_json", "dead_letters"}


@dataclass
class Check:
    name: str
    wrong: int
    told: str = ""


Offset = tuple[int, int]


@dataclass
class Truth:
    """What the topic holds, as its own records say to who reads what is committed."""

    watermarks: dict[int, tuple[int, int]]
    poison: dict[Offset, tuple] = field(default_factory=dict)  # class, digest of key, digest of value
    late: dict[Offset, str] = field(default_factory=dict)  # folder
    numbers: Counter = field(default_factory=Counter)
    offsets: dict[int, array] = field(default_factory=lambda: defaultdict(lambda: array("q")))

    @property
    def messages(self) -> int:
        return sum(map(len, self.offsets.values()))

    @property
    def without_message(self) -> int:
        """Offsets of aborted messages, and of the markers that end transactions."""
        return sum(high - low for low, high in self.watermarks.values()) - self.messages


def truth(topic: Topic) -> Truth:
    found = Truth(topic.watermarks())
    for record in topic.records():
        found.offsets[record.partition()].append(record.offset())
        for name, value in record.headers() or ():
            if name == HEADER:
                kind, number, what = value.decode().split(" ", 2)
                found.numbers[number] += 1
                place = record.partition(), record.offset()
                if kind == "late":
                    found.late[place] = what
                elif kind == "poison":
                    found.poison[place] = (what, digest(record.key()), digest(record.value()))
    return found


def digest(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()


def acknowledged(feed: Feed, found: Truth) -> Check:
    missing = feed.acknowledged - found.numbers.keys()
    missing_of_all = feed.sent.total - found.messages
    told = f"{feed.sent.total:,} acknowledged, {found.messages:,} in the topic and {found.without_message:,} offsets without a message"
    return Check("acknowledged but not in Kafka", max(len(missing), missing_of_all, 0), told)


# ---- the lake's files --------------------------------------------------------------------------------------------------


@dataclass
class Landed:
    """What one pass over the lake's files found."""

    ticks: int = 0
    dead_letters: int = 0
    files: int = 0
    commits: int = 0
    mirror: list[str] = field(default_factory=list)  # rows of one side only
    mirror_wrong: int = 0
    misplaced: list[str] = field(default_factory=list)  # files with ticks of another hour
    late: dict[Offset, str] = field(default_factory=dict)
    dead: dict[Offset, tuple] = field(default_factory=dict)
    offsets: list[pyarrow.Table] = field(default_factory=list)


def event_folder(time_ns: int) -> str:
    return time.strftime("dt=%Y-%m-%d/hour=%H", time.gmtime(time_ns // 1_000_000_000))


def _in_threads(work, items: Iterable) -> Iterator:
    """Results in order, a few ahead at most."""
    items = iter(items)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while batch := list(islice(items, 4 * AT_ONCE)):
            yield from pool.map(work, batch)


def landed(place: Bucket, found: Truth) -> Landed:
    result = Landed(commits=len(commits(place)) - 1)  # version 0 makes the table
    mirrors = set(place.keys("stock_data_json/"))

    def tick_file(key: str):
        stem = key.removeprefix("stock_data/").removesuffix(".zstd.parquet")
        mirror = f"stock_data_json/{stem}.json.gz"
        return key, pyarrow.parquet.read_table(io.BytesIO(place.read(key)), columns=COLUMNS), mirror, place.read(mirror) if mirror in mirrors else b""

    for key, rows, mirror, lines in _in_threads(tick_file, readers.data_files(place)):
        result.files += 1
        result.ticks += rows.num_rows
        result.offsets.append(rows.select(OFFSETS))
        mirrors.discard(mirror)
        _compare_mirror(result, mirror, rows, lines)
        folder = "/".join(key.split("/")[1:3])
        edges = pyarrow.compute.min_max(rows["time_ns"]).as_py()
        if {event_folder(edge) for edge in edges.values()} != {folder}:
            result.misplaced.append(key)
        result.late |= {at: folder for at in zip(*(rows[name].to_pylist() for name in OFFSETS)) if at in found.late}
    result.mirror_wrong += len(mirrors)
    result.mirror += [f"{key} mirrors nothing" for key in sorted(mirrors)]
    _dead_letters(place, result)
    return result


def _compare_mirror(result: Landed, mirror: str, rows: pyarrow.Table, lines: bytes):
    table = Counter(zip(*(rows[name].to_pylist() for name in COLUMNS)))
    written = (json.loads(line) for line in gzip.decompress(lines).splitlines()) if lines else ()
    json_rows = Counter(tuple(row.get(name) for name in COLUMNS) for row in written)
    if table != json_rows:
        missing, extra = (table - json_rows).total(), (json_rows - table).total()
        result.mirror_wrong += missing + extra
        result.mirror.append(f"{mirror}: {missing} rows missing, {extra} too many")


def _dead_letters(place: Bucket, result: Landed):
    if not commits(place, "dead_letters"):
        return

    def dead_file(key: str):
        return pyarrow.parquet.read_table(io.BytesIO(place.read(key)), columns=DEAD_COLUMNS)

    for rows in _in_threads(dead_file, readers.data_files(place, "dead_letters")):
        result.dead_letters += rows.num_rows
        result.offsets.append(rows.select(OFFSETS))
        for partition, offset, of_class, key, payload in zip(*(rows[name].to_pylist() for name in DEAD_COLUMNS)):
            result.dead[partition, offset] = (of_class, *(None if text is None else digest(base64.b64decode(text)) for text in (key, payload)))


# ---- the checks --------------------------------------------------------------------------------------------------------


def offsets(lake: Landed, found: Truth) -> list[Check]:
    """Exactly once: every message of the topic in one of the two tables, once, and nothing that was aborted."""
    lost = twice = phantom = 0
    told = []
    every = pyarrow.concat_tables(lake.offsets) if lake.offsets else pyarrow.table({name: pyarrow.array([], pyarrow.int64()) for name in OFFSETS})
    partitions = set(found.watermarks) | set(every["kafka_partition"].unique().to_pylist())
    for partition in sorted(partitions):
        there = pyarrow.array(found.offsets[partition], pyarrow.int64())
        own = every.filter(pyarrow.compute.equal(every["kafka_partition"], partition))["kafka_offset"]
        inside = own.filter(pyarrow.compute.is_in(own, there))
        distinct = len(inside.unique())
        wrong = len(there) - distinct, len(inside) - distinct, len(own) - len(inside)
        if any(wrong):
            told.append(f"partition {partition} {found.watermarks.get(partition)}: lost {wrong[0]}, twice {wrong[1]}, phantom {wrong[2]}")
        lost, twice, phantom = lost + wrong[0], twice + wrong[1], phantom + wrong[2]
    return [Check("ticks lost", lost, "; ".join(told)), Check("ticks twice", twice), Check("ticks that Kafka never held", phantom)]


def mirror(lake: Landed) -> Check:
    return Check("rows that table and JSON mirror do not share", lake.mirror_wrong, "; ".join(lake.mirror[:TOLD_MAX]))


def dead_letters(lake: Landed, found: Truth) -> Check:
    """Every poisoned message, and nothing else, is a dead letter of its class with its own bytes."""
    wrong = {at for at in lake.dead.keys() | found.poison.keys() if lake.dead.get(at) != found.poison.get(at)}
    by_class = Counter(of_class for of_class, *_ in found.poison.values())
    told = "; ".join(f"{at}: {lake.dead.get(at, ('none',))[0]} for {found.poison.get(at, ('no poison',))[0]}" for at in sorted(wrong)[:TOLD_MAX])
    return Check("dead letters that are not what was poisoned", len(wrong), told or f"{len(by_class)} classes, {len(found.poison):,} messages")


def late(lake: Landed, found: Truth) -> Check:
    """Every late tick in the folder its own record names, and no file with a tick of another hour."""
    wrong = {at for at in lake.late.keys() | found.late.keys() if lake.late.get(at) != found.late.get(at)}
    told = [f"{at}: in {lake.late.get(at)} instead of {found.late.get(at)}" for at in sorted(wrong)[:TOLD_MAX]] + lake.misplaced[:TOLD_MAX]
    well = f"{len(found.late):,} late ticks of {len(set(found.late.values()))} hours"
    return Check("ticks not in the hour of their event", len(wrong) + len(lake.misplaced), "; ".join(told) or well)


def glue(place: Bucket, database: str, env: dict[str, str]) -> Check:
    client = boto3.client("glue", endpoint_url=env["AWS_ENDPOINT_URL_GLUE"], region_name=env["AWS_REGION"],
                          aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"])
    tables = {table["Name"] for table in client.get_tables(DatabaseName=database)["TableList"]}
    pages = client.get_paginator("get_partitions").paginate(DatabaseName=database, TableName="stock_data_json")
    registered = {"dt={}/hour={}".format(*partition["Values"]) for page in pages for partition in page["Partitions"]}
    folders = {"/".join(key.split("/")[1:3]) for key in place.keys("stock_data_json/")}
    wrong = (tables ^ TABLES) | (registered ^ folders)
    return Check("tables and partitions in which Glue differs from the lake", len(wrong), ", ".join(sorted(wrong)[:TOLD_MAX]) or f"{len(folders)} partitions")
