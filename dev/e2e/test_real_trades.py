"""Owns: the 9,999 real trades, through the real Kafka into MinIO and Glue, read back by every reader we know.
Does not own: load (test_two_ingesters.py), crashes (test_kill9.py), bad messages (test_bad_input.py).
Doubles read back are compared exactly; averages and volatilities, whose sums run in no promised order, to 1e-12 relative.
"""

import csv
import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars
import pyarrow.compute
import pyarrow.parquet
import pytest

import audit
import readers
import trino
from places import Bucket, commits
from topics import Message

HERE = Path(__file__).resolve().parent
TRADES = HERE / "data" / "trades_btcusdt.csv"
VOLATILITY = HERE.parent.parent / "query" / "volatility"
COLUMNS = ["symbol", "time", "price", "size", "sequence"]
RELATIVE = 1e-12


def at(us: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=us)


def as_time(value) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value.replace("T", " "))


@dataclass
class Trades:
    """The file, read without any code of ours."""

    rows: list[tuple]
    extras: dict[int, dict]

    @classmethod
    def read(cls) -> "Trades":
        with TRADES.open(newline="") as file:
            lines = list(csv.DictReader(file))
        rows = [(l["symbol"], at(int(l["timestamp"])), float(l["price"]), float(l["amount"]), int(l["id"])) for l in lines]
        extras = {int(l["id"]): {"side": l["side"], "local_timestamp": int(l["local_timestamp"])} for l in lines}
        assert sum(Decimal(l["price"]) for l in lines) == sum(exact(row[2]) for row in rows), "the file's prices survive being doubles"
        return cls(sorted(rows, key=lambda row: row[4]), extras)


def exact(price: float) -> Decimal:
    """A double as the decimal it was written as."""
    return Decimal(repr(price))


def facts(rows: list[tuple]) -> tuple:
    """Rows, the exact sum of prices, first and last time."""
    times = [row[1] for row in rows]
    return len(rows), sum(exact(row[2]) for row in rows), min(times), max(times)


@pytest.fixture(scope="module")
def trades() -> Trades:
    return Trades.read()


@pytest.fixture(scope="module")
def lake(commands, module_own, addresses, trades) -> Bucket:
    """The trades, landed once for all tests of this file, which only read (or try to add and must not)."""
    place = module_own.bucket(addresses)
    commands.produce(module_own.topic, "--partitions", 2, "--replay", TRADES, "--rate", "max")
    assert module_own.topic.messages() == len(trades.rows)
    said = commands.ingest(module_own.topic, place.url, "--glue-database", module_own.database)
    assert (said["consumed"], said["committed"], said["dead_letters"]) == (len(trades.rows), len(trades.rows), 0)
    return place


# ---- readers: each gives (symbol, time, price, size, sequence) of every row --------------------------------------------


def by_lake_sql(table):
    def read(context):
        rows = context["commands"].sql(context["lake"].url, f"SELECT {', '.join(COLUMNS)} FROM {table}")
        return [tuple(as_time(v) if c == "time" else v for c, v in row.items()) for row in rows]
    return read


def by_trino(connector, table):
    def read(context):
        statement = f"SELECT {', '.join(COLUMNS)} FROM {table}"
        rows = trino.query(context["trino_url"], connector, context["database"], statement)
        return [(s, as_time(t), p, z, q) for s, t, p, z, q in rows]
    return read


def by_deltalake(context):
    return [tuple(row.values()) for row in readers.deltalake_rows(context["lake"], COLUMNS).to_pylist()]


def by_polars(context):
    return readers.polars_frame(context["lake"]).select(COLUMNS).rows()


def by_duckdb(context):
    connection = readers.duckdb_over(context["lake"], context["folder"])
    return connection.execute(f"SELECT {', '.join(COLUMNS)} FROM stock_data").fetchall()


def by_gzip_and_json(context):
    rows = readers.mirror_rows(context["lake"])
    return [tuple(as_time(row[c]) if c == "time" else row[c] for c in COLUMNS) for row in rows]


READERS = {
    "lake-sql": by_lake_sql("stock_data"),
    "lake-sql_mirror": by_lake_sql("stock_data_json"),
    "deltalake": by_deltalake,
    "polars": by_polars,
    "duckdb": by_duckdb,
    "gzip_and_json": by_gzip_and_json,
    "trino_delta_lake": by_trino("delta_lake", "stock_data"),
    "trino_hive_mirror": by_trino("hive", "stock_data_json"),
}


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_sees_other_trades_than_the_file_has(reader, request, commands, lake, module_own, trades, tmp_path):
    context = {"commands": commands, "lake": lake, "database": module_own.database, "folder": tmp_path}
    if reader.startswith("trino"):
        context["trino_url"] = request.getfixturevalue("trino_url")
    rows = sorted(READERS[reader](context), key=lambda row: row[4])
    assert facts(rows) == facts(trades.rows), "(rows, exact price sum, first time, last time)"
    assert rows == trades.rows


def test_no_field_the_contract_does_not_know_is_lost(lake, trades):
    rows = readers.deltalake_rows(lake, ["sequence", "extra", "exchange"]).to_pylist()
    assert {row["exchange"] for row in rows} == {"binance-futures"}
    assert {row["sequence"]: json.loads(row["extra"]) for row in rows} == trades.extras


def test_exact_nanoseconds_and_partitions_never_disagree_with_the_event_time(lake):
    rows = readers.deltalake_rows(lake, ["time", "time_ns", "dt", "hour"]).to_pylist()
    assert all(at(row["time_ns"] // 1000) == row["time"] and row["time_ns"] % 1000 == 0 for row in rows)
    assert all((row["dt"], row["hour"]) == (f"{row['time']:%Y-%m-%d}", f"{row['time']:%H}") for row in rows)


def test_no_offset_is_missing_or_repeated(commands, module_own, lake, tmp_path):
    audit.assert_exactly_once(commands, module_own.topic, lake, tmp_path)
    audit.assert_mirror_has_the_same_rows(lake)


def test_a_second_run_never_adds_anything(commands, module_own, lake):
    before, version = lake.keys(), commits(lake)[-1]
    for group in ("e2e", "another-group"):
        said = commands.ingest(module_own.topic, lake.url, "--glue-database", module_own.database, group=group)
        assert (said["committed"], said["dead_letters"], said["commits"]) == (0, 0, 0), group
    assert (lake.keys(), commits(lake)[-1]) == (before, version)


# ---- the SQL of the pipeline -------------------------------------------------------------------------------------------


def assert_same_rows(ours: list[dict], theirs: list[list], what: str):
    assert ours and len(ours) == len(theirs), what
    for one, other in zip(ours, theirs):
        assert len(one) == len(other), what
        for (column, mine), their in zip(one.items(), other):
            if isinstance(mine, float):
                assert math.isclose(mine, their, rel_tol=RELATIVE, abs_tol=0), f"{what}: {column} {mine!r} is not {their!r}"
            else:
                assert mine == their, f"{what}: {column}"


@pytest.mark.parametrize("name", ["daily_average", "hourly_realized_volatility"])
def test_trino_never_answers_otherwise_than_lake_sql(name, commands, lake, module_own, trino_url):
    statement = (VOLATILITY / f"{name}.sql").read_text()
    ours = commands.sql(lake.url, statement)
    assert_same_rows(ours, trino.query(trino_url, "delta_lake", module_own.database, statement), "delta_lake")
    assert_same_rows(commands.sql(lake.url, statement, "--lenient"), [list(row.values()) for row in ours], "DataFusion's dialect")
    mirrored = statement.replace("stock_data", "stock_data_json")
    assert_same_rows(ours, trino.query(trino_url, "hive", module_own.database, mirrored), "hive")
    assert_same_rows(ours, [list(row.values()) for row in commands.sql(lake.url, mirrored)], "lake-sql over the mirror")


def test_the_daily_average_is_never_another_than_pythons(commands, lake, trades):
    [row] = commands.sql(lake.url, (VOLATILITY / "daily_average.sql").read_text())
    average = math.fsum(price for _, _, price, *_ in trades.rows) / len(trades.rows)
    assert (row["symbol"], row["day"]) == ("BTCUSDT", "2020-02-22") and math.isclose(row["avg_price"], average, rel_tol=RELATIVE)


def test_hourly_volatility_is_never_another_than_pythons(commands, lake, trades):
    squares: dict[str, list[float]] = {}
    for (_, one, before, *_), (_, two, after, *_) in zip(trades.rows, trades.rows[1:]):
        if one.hour == two.hour:
            squares.setdefault(f"{two:%H}", []).append(math.log(after / before) ** 2)
    rows = commands.sql(lake.url, (VOLATILITY / "hourly_realized_volatility.sql").read_text())
    assert [row["hour"] for row in rows] == ["00", "01", "02"]
    for row in rows:
        assert math.isclose(row["realized_volatility"], math.sqrt(math.fsum(squares[row["hour"]])), rel_tol=1e-9)


# ---- rows on the very edge of their file: statistics must never exclude them -------------------------------------------

OPERATORS = {"=": lambda a, b: a == b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b}


def file_edges(place, folder) -> list[datetime]:
    """The first and last time of every file, exactly, from the rows themselves."""
    edges = set()
    for key in readers.data_files(place):
        times = pyarrow.parquet.ParquetFile(place.local(key, folder)).read(columns=["time"])["time"]
        edges.update(pyarrow.compute.min_max(times).as_py().values())
    return sorted(edges)


def assert_no_edge_is_cut_off(commands, place, folder, trino_url, database):
    times = readers.deltalake_rows(place, ["time"])["time"].to_pylist()
    asked = [(operator, edge) for edge in file_edges(place, folder) for operator in OPERATORS]
    wanted = [sum(OPERATORS[operator](time, edge) for time in times) for operator, edge in asked]
    statements = [f"SELECT COUNT(*) AS n FROM stock_data WHERE time {operator} TIMESTAMP '{edge:%Y-%m-%d %H:%M:%S.%f}'" for operator, edge in asked]
    assert [row["n"] for row in commands.sql(place.url, ";\n".join(statements))] == wanted, "lake-sql"
    frame, column = readers.polars_lazy(place), polars.col("time")
    predicate = {"=": column.eq, "<=": column.le, ">=": column.ge}
    by_polars = [frame.filter(predicate[operator](polars.lit(edge))).select(polars.len()).collect().item() for operator, edge in asked]
    assert by_polars == wanted, "polars"
    by_deltalake = [readers.delta(place).to_pyarrow_dataset().count_rows(pyarrow_predicate(operator, edge)) for operator, edge in asked]
    assert by_deltalake == wanted, "deltalake with pyarrow"
    by_trino = [trino.query(trino_url, "delta_lake", database, statement)[0][0] for statement in statements]
    assert by_trino == wanted, "trino"


def pyarrow_predicate(operator: str, edge: datetime):
    field, value = pyarrow.compute.field("time"), pyarrow.scalar(edge, pyarrow.timestamp("us"))
    return {"=": field == value, "<=": field <= value, ">=": field >= value}[operator]


def test_no_trade_on_the_edge_of_a_file_is_cut_off(commands, lake, module_own, trino_url, tmp_path):
    assert_no_edge_is_cut_off(commands, lake, tmp_path, trino_url, module_own.database)


def test_no_tick_between_two_milliseconds_is_cut_off(commands, own, bucket, trino_url, tmp_path):
    """Delta keeps bounds in milliseconds: a time that is none is where a rounded maximum excludes its own row."""
    own.topic.create(1)
    hours = {0: (0, 1), 1: (1, 999_999), 2: (499_500, 500_001), 3: (3_599_999_000, 3_599_999_999), 4: (1_000, 1_001)}
    times_us = [1_700_000_400_000_000 - 1_700_000_400_000_000 % 3_600_000_000 + hour * 3_600_000_000 + us for hour, pair in hours.items() for us in pair]
    own.topic.produce([Message(json.dumps({"symbol": "EDGE", "time": us, "price": 1.5}).encode(), b"EDGE") for us in times_us])
    commands.ingest(own.topic, bucket.url, "--glue-database", own.database)
    assert sorted(readers.deltalake_rows(bucket, ["time"])["time"].to_pylist()) == sorted(at(us) for us in times_us)
    assert len(readers.data_files(bucket)) == len(hours)
    assert_no_edge_is_cut_off(commands, bucket, tmp_path, trino_url, own.database)
