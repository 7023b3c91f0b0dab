"""Owns: the proof of exactly-once: every (topic, partition, offset) in the lake once, none missing against Kafka's own ends.
Does not own: how the ticks got there.
Invariant: computed twice from different files of different readers: by lake-sql, and by pyarrow without any engine of ours.
"""

from collections import Counter
from pathlib import Path

import pyarrow
import pyarrow.compute
import pyarrow.parquet

import readers
from places import Place, commits

AUDIT = """
SELECT kafka_partition, COUNT(*) AS landed, COUNT(DISTINCT kafka_offset) AS offsets,
       MIN(kafka_offset) AS lowest, MAX(kafka_offset) AS highest
FROM (SELECT kafka_topic, kafka_partition, kafka_offset FROM stock_data
      UNION ALL SELECT kafka_topic, kafka_partition, kafka_offset FROM dead_letters)
WHERE kafka_topic = '{topic}'
GROUP BY kafka_partition
ORDER BY kafka_partition
"""


def expected(topic) -> dict[int, tuple]:
    """(landed, distinct, lowest, highest) by partition that holds anything, from the broker."""
    return {p: (high - low, high - low, low, high - 1) for p, (low, high) in topic.watermarks().items() if high > low}


def assert_exactly_once(commands, topic, place: Place, folder: Path):
    """Both audits, each against the broker, and the same offsets in the log's own books."""
    want = expected(topic)
    by_engine = {row["kafka_partition"]: (row["landed"], row["offsets"], row["lowest"], row["highest"]) for row in commands.sql(place.url, AUDIT.format(topic=topic.name))}
    assert by_engine == want, "lake-sql: (rows, distinct offsets, lowest, highest) by partition, against Kafka's"
    assert by_pyarrow(topic, place, folder) == want, "pyarrow: (rows, distinct offsets, lowest, highest) by partition, against Kafka's"
    recorded = {row["partition"]: row["offset"] for row in commands.status(place.url)["offsets"]}
    assert {p: recorded[p] for p in want} == {p: highest + 1 for p, (*_, highest) in want.items()}, "the offsets the log records"


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
