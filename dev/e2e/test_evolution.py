"""Owns: a lake that an older ticklake wrote, under this one: gone on with, read by everyone, its new column in the log and in Glue.
Does not own: the comparison of schemas (lake/src/evolve.rs), the commit it is part of (lake/src/evolve_tests.rs).
"""

import json
from pathlib import Path

import boto3
import pytest

import readers
import trino
from places import commits
from topics import Message

OLD_LAKE = Path(__file__).resolve().parents[2] / "lake" / "tests" / "lake_of_contract_1"
SOURCE = "feed_of_old"  # the name its offsets are recorded under
OLD_LETTERS, OLD_TICKS = 3, 4
NEW = [Message(b"garbage", b"K", 0, (("trace", b"abc"),)), Message(b'{"symbol":"NEW","time":1714568400,"price":1}', b"NEW")]


def copied(place):
    for file in sorted(p for p in OLD_LAKE.rglob("*") if p.is_file()):
        key = file.relative_to(OLD_LAKE).as_posix()
        if hasattr(place, "root"):
            (place.root / key).parent.mkdir(parents=True, exist_ok=True)
        place.write(key, file.read_bytes())
    return place


def grown(commands, own, place, *more) -> dict:
    """Ingests two messages more into a copy of the old lake, from where its log ends."""
    copied(place)
    own.topic.create(1)
    own.topic.produce([Message(b"older")] * (OLD_LETTERS + OLD_TICKS) + NEW)
    return commands.ingest(own.topic, place.url, "--source", SOURCE, *more)


def entry(place, version: int) -> list[dict]:
    text = place.read(f"dead_letters/_delta_log/{version:020}.json").decode()
    return [json.loads(line) for line in text.splitlines()]


def test_an_old_lake_is_gone_on_with_and_its_new_column_comes_with_the_next_commit(commands, own, place):
    last = commits(copied(place), "dead_letters")[-1]
    said = grown(commands, own, place)
    assert (said["committed"], said["dead_letters"]) == (1, 1)
    added = entry(place, last + 1)
    assert [next(iter(action)) for action in added] == ["commitInfo", "metaData", "txn", "add"]
    fields = json.loads(added[1]["metaData"]["schemaString"])["fields"]
    assert [field["name"] for field in fields][-1] == "headers"
    headers = [["trace", readers.base64_of(b"abc")]]
    for rows in (
        readers.polars_frame(place, "dead_letters").to_dicts(),
        readers.deltalake_rows(place, table="dead_letters").to_pylist(),
        commands.sql(place.url, "SELECT * FROM dead_letters"),
    ):
        assert len(rows) == OLD_LETTERS + 1
        assert [json.loads(row["headers"]) for row in rows if row["headers"] is not None] == [headers]
    assert commands.sql(place.url, "SELECT COUNT(*) AS n FROM stock_data") == [{"n": OLD_TICKS + 1}]
    [sound] = commands.sql(place.url, (Path(__file__).parents[2] / "query/volatility/audit.sql").read_text())
    assert (sound["ticks"], sound["dead_letters"], sound["duplicates"], sound["missing"]) == (OLD_TICKS + 1, OLD_LETTERS + 1, 0, 0)
    old = commands.sql(place.url, "SELECT headers FROM dead_letters", "--as-of", "1")
    assert all(row["headers"] is None for row in old), "an older version has today's columns, NULL"
    shown = commands.run("ticklake", "dlq", "list", "--lake", place.url, "--json").json()
    assert shown["total"] == OLD_LETTERS + 1


def test_a_new_column_reaches_glue_and_trino(commands, own, bucket, addresses, trino_url):
    glue = boto3.client(
        "glue", endpoint_url=addresses["AWS_ENDPOINT_URL_GLUE"], region_name=addresses["AWS_REGION"],
        aws_access_key_id=addresses["AWS_ACCESS_KEY_ID"], aws_secret_access_key=addresses["AWS_SECRET_ACCESS_KEY"],
    )
    copied(bucket)
    commands.run("ticklake", "catalog", "sync", "--lake", bucket.url, "--glue-database", own.database)

    def columns() -> list[str]:
        table = glue.get_table(DatabaseName=own.database, Name="dead_letters")["Table"]
        return [column["Name"] for column in table["StorageDescriptor"]["Columns"]]

    table = glue.get_table(DatabaseName=own.database, Name="dead_letters")["Table"]
    table["StorageDescriptor"]["Columns"] = [c for c in table["StorageDescriptor"]["Columns"] if c["Name"] != "headers"]
    kept = ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")
    glue.update_table(DatabaseName=own.database, TableInput={k: table[k] for k in kept})
    assert "headers" not in columns(), "as an older ticklake registers it"
    grown(commands, own, bucket, "--glue-database", own.database)
    assert columns()[-1] == "headers"
    sql = "SELECT kafka_offset, headers FROM dead_letters ORDER BY headers NULLS FIRST"
    rows = trino.query(trino_url, "delta_lake", own.database, sql)
    assert [headers for _, headers in rows] == [None] * OLD_LETTERS + [json.dumps([["trace", readers.base64_of(b"abc")]], separators=(",", ":"))]


@pytest.mark.parametrize("column, to, words", [
    ("price", {"type": "string"}, "column price is string there and double in the contract"),
    ("price", {"name": "px"}, "column px (double) is there and not in the contract"),
])
def test_an_incompatible_table_is_refused_by_name_before_anything_is_written(commands, own, directory, column, to, words):
    copied(directory)
    key = "stock_data/_delta_log/00000000000000000000.json"
    actions = [json.loads(line) for line in directory.read(key).decode().splitlines()]
    [metadata] = [action["metaData"] for action in actions if "metaData" in action]
    schema = json.loads(metadata["schemaString"])
    next(field for field in schema["fields"] if field["name"] == column).update(to)
    metadata["schemaString"] = json.dumps(schema)
    directory.write(key, "".join(json.dumps(action) + "\n" for action in actions).encode())
    before = directory.keys()
    own.topic.create(1)
    own.topic.produce(NEW)
    refused = commands.run(*commands.ingest_args(own.topic, directory.url, "e2e", "--until-end"), expect=1)
    assert words in refused.err and "stock_data" in refused.err and "--lake" in refused.err
    assert refused.err.count("\n") <= 2, refused.err
    assert directory.keys() == before
