"""Owns: reading a lake with software we did not write: Python deltalake, polars, DuckDB, plain gzip and JSON.
Does not own: our own engine (commands.py), Trino (trino.py), what the answers should be.
Invariant: every reader takes the files from the Delta log of a version, except the mirror's, which has no log.
"""

import base64
import gzip
import json
from pathlib import Path
from urllib.parse import unquote

import duckdb
import polars
import pyarrow
from deltalake import DeltaTable

from places import Place


def delta(place: Place, table: str = "stock_data") -> DeltaTable:
    return DeltaTable(place.table(table), storage_options=place.storage_options)


def deltalake_rows(place: Place, columns: list[str] | None = None, table: str = "stock_data") -> pyarrow.Table:
    return delta(place, table).to_pyarrow_table(columns=columns)


def polars_frame(place: Place, table: str = "stock_data") -> polars.DataFrame:
    return polars.read_delta(place.table(table), storage_options=place.storage_options)


def polars_lazy(place: Place, table: str = "stock_data") -> polars.LazyFrame:
    return polars.scan_delta(place.table(table), storage_options=place.storage_options)


def data_files(place: Place, table: str = "stock_data") -> list[str]:
    """Keys of the newest version's files."""
    uris = delta(place, table).file_uris()
    root = place.table(table).rstrip("/")
    return sorted(f"{table}/{unquote(uri.removeprefix('file://').removeprefix(root).lstrip('/'))}" for uri in uris)


def duckdb_over(place: Place, folder: Path, tables: tuple[str, ...] = ("stock_data",)) -> duckdb.DuckDBPyConnection:
    """A connection with a view of every table, over exactly the files its newest version lists."""
    connection = duckdb.connect(config={"threads": 2})
    for table in tables:
        files = [str(place.local(key, folder)) for key in data_files(place, table)]
        connection.read_parquet(files, hive_partitioning=False).create_view(table)
    return connection


def mirror_rows(place: Place) -> list[dict]:
    """Every line of every mirror file, with the partition its folder names."""
    rows = []
    for key in place.keys("stock_data_json/"):
        _, dt, hour, _ = key.split("/")
        assert key.endswith(".json.gz"), key
        text = gzip.decompress(place.read(key)).decode()
        assert text.endswith("\n") and "\n\n" not in text, f"{key}: a blank line breaks the Hive SerDe"
        for line in text.splitlines():
            rows.append(json.loads(line, object_pairs_hook=_no_repeated_key) | {"dt": dt.removeprefix("dt="), "hour": hour.removeprefix("hour=")})
    return rows


def base64_of(value: bytes | None) -> str | None:
    """As dead_letters keeps bytes."""
    return None if value is None else base64.b64encode(value).decode()


def _no_repeated_key(pairs: list[tuple]) -> dict:
    row = dict(pairs)
    assert len(row) == len(pairs), f"a repeated key: {pairs}"
    return row
