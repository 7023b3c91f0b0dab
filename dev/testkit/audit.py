"""Owns: the proof of exactly-once: every (topic, partition, offset) in the lake once, none missing against Kafka's own ends.
Does not own: how the ticks got there.
Invariant: computed twice by different readers: by `ticklake audit`, and by pyarrow without any engine of ours.
"""

from collections import Counter
from pathlib import Path

import pyarrow
import pyarrow.compute
import pyarrow.parquet

import readers
from places import Place, commits


def expected(topic) -> dict[int, tuple]:
    """(landed, distinct, lowest, highest) by partition that holds anything, from the broker."""
    return {p: (high - low, high - low, low, high - 1) for p, (low, high) in topic.watermarks().items() if high > low}


def assert_exactly_once(commands, topic, place: Place, folder: Path):
    """Both audits, each against the broker, and everything committed that the broker has."""
    want = expected(topic)
    at = ("--lake", place.url, "--brokers", topic.brokers, "--topic", topic.name)
    found = commands.run("ticklake", "audit", *at, "--json").json()
    assert (found["lost"], found["twice"], found["phantom"], found["beyond"]) == (0, 0, 0, 0), found
    committed = {row["partition"]: row["committed"] for row in found["partitions"] if row["source"] == topic.name}
    assert {p: committed.get(p) for p in want} == {p: highest + 1 for p, (*_, highest) in want.items()}, "the offsets the log records"
    assert by_pyarrow(topic, place, folder) == want, "pyarrow: (rows, distinct offsets, lowest, highest) by partition, against Kafka's"


def by_pyarrow(topic, place: Place, folder: Path) -> dict[int, tuple]:
    columns = ["kafka_topic", "kafka_partition", "kafka_offset"]
    tables = []
    for name in ("stock_data", "dead_letters"):
        if commits(place, name):
            files = [pyarrow.parquet.ParquetFile(place.local(key, folder)) for key in readers.data_files(place, name)]
            tables += [file.read(columns=columns) for file in files]
    every = pyarrow.concat_tables(tables)
    every = every.filter(pyarrow.compute.equal(every["kafka_topic"], topic.name))
    offset = ("kafka_offset", "count"), ("kafka_offset", "count_distinct"), ("kafka_offset", "min"), ("kafka_offset", "max")
    rows = every.group_by("kafka_partition").aggregate(list(offset)).to_pylist()
    return {row["kafka_partition"]: tuple(row[f"kafka_offset_{name}"] for _, name in offset) for row in rows}


def assert_mirror_has_the_same_rows(place: Place):
    """The JSON mirror and the table agree on every (partition, offset) and its content."""
    columns = ["kafka_topic", "kafka_partition", "kafka_offset", "symbol", "time_ns", "price", "dt", "hour"]
    table = Counter(tuple(row.values()) for row in readers.deltalake_rows(place, columns).to_pylist())
    mirror = Counter(tuple(row[column] for column in columns) for row in readers.mirror_rows(place))
    assert table == mirror, f"only in the table: {list((table - mirror).items())[:3]}; only in the mirror: {list((mirror - table).items())[:3]}"
