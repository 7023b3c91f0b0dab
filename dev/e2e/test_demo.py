"""Owns: the demo, `lake-sql` as a program others call (formats, exit codes, versions), and a polite stop of the ingester.
Does not own: what the SQL engine answers (its own tests in query).
"""

import csv
import io
import json
import os

import pytest

import audit
import readers
from places import Directory, commits
from topics import Message

TICKS = int(os.environ.get("TICKLAKE_DEMO_TICKS", 50_000))
REPORT = {"produced", "committed", "dead_letters", "duplicates", "missing", "versions", "files", "bytes", "elapsed_s", "ticks_per_s", "peak_rss_mb"}


def demo(commands, place, *more):
    return commands.run("ticklake", "demo", "--lake", place.url, "--ticks", TICKS, "--no-repl", *more)


@pytest.fixture(scope="module")
def lake(commands, tmp_path_factory) -> Directory:
    """A demo's lake, which the tests only read."""
    place = Directory(tmp_path_factory.mktemp("demo") / "lake")
    demo(commands, place, "--json")
    return place


def test_a_second_demo_never_loses_or_repeats_what_the_first_landed(commands, directory):
    versions = []
    for run in (1, 2):
        said = demo(commands, directory, "--json").json()
        assert REPORT <= said.keys()
        assert (said["produced"], said["committed"] + said["dead_letters"], said["duplicates"], said["missing"]) == (TICKS, TICKS, 0, 0), said
        assert readers.deltalake_rows(directory, ["symbol"]).num_rows + readers.deltalake_rows(directory, ["class"], "dead_letters").num_rows == run * TICKS
        topics = readers.deltalake_rows(directory, ["kafka_topic", "kafka_partition", "kafka_offset"])
        assert topics.group_by(topics.column_names).aggregate([]).num_rows == topics.num_rows, "an offset of a run twice"
        assert len(set(topics["kafka_topic"].to_pylist())) == run, "each run has a topic of its own"
        versions.append(commits(directory)[-1])
    assert versions[1] > versions[0]
    audit.assert_mirror_has_the_same_rows(directory)


def test_the_demo_never_keeps_from_a_person_what_it_ran(commands, directory):
    done = demo(commands, directory)
    told = done.out + done.err
    for text in ("AVG(price) AS avg_price", "realized_volatility", "duplicates", "missing"):
        assert text in told, f"{text!r} is not in:\n{told}"
    assert "panicked" not in told


# ---- lake-sql as a program ---------------------------------------------------------------------------------------------


def run_sql(commands, lake, *args, expect=0):
    return commands.run("lake-sql", "--lake", lake.url, *args, expect=expect)


STATEMENT = "SELECT symbol, COUNT(*) AS n, MIN(time) AS first, AVG(price) AS average FROM stock_data GROUP BY symbol ORDER BY n DESC, symbol LIMIT 3"


def test_no_format_says_anything_else_than_another(commands, lake):
    asked = {format: run_sql(commands, lake, "--format", format, "-c", STATEMENT) for format in ("json", "ndjson", "csv", "table")}
    rows = json.loads(asked["json"].out)
    assert len(rows) == 3 and list(rows[0]) == ["symbol", "n", "first", "average"]
    assert [json.loads(line) for line in asked["ndjson"].out.splitlines()] == rows
    as_csv = list(csv.DictReader(io.StringIO(asked["csv"].out)))
    assert [(r["symbol"], int(r["n"]), r["first"], float(r["average"])) for r in as_csv] == [tuple(r.values()) for r in rows]
    assert all(row["symbol"] in asked["table"].out for row in rows)
    assert all(done.err == "" for done in asked.values()), "results on stdout and nothing beside them"


def test_ticklake_sql_never_differs_from_lake_sql(commands, lake):
    other = commands.run("ticklake", "sql", "--lake", lake.url, "--format", "csv", "-c", STATEMENT)
    assert other.out == run_sql(commands, lake, "--format", "csv", "-c", STATEMENT).out


def test_a_file_of_statements_never_stops_silently(commands, lake, tmp_path):
    script = tmp_path / "script.sql"
    script.write_text("-- two answers; and a trap\nSELECT 'a;b' AS x;\nSELECT 2 AS x;\n")
    assert run_sql(commands, lake, "--format", "ndjson", "-f", script).out.splitlines() == ['{"x":"a;b"}', '{"x":2}']
    script.write_text("SELECT 1 AS x;\nSELECT nonsense FROM stock_data;\nSELECT 3 AS x;\n")
    done = run_sql(commands, lake, "--format", "ndjson", "-f", script, expect=1)
    assert done.out.splitlines() == ['{"x":1}'] and "nonsense" in done.err and "error" in done.err
    assert run_sql(commands, lake, "-f", tmp_path / "absent.sql", expect=None).code in (1, 2)


def test_a_statement_that_begins_with_a_comment_is_never_taken_for_a_flag(commands, lake):
    assert run_sql(commands, lake, "--format", "ndjson", "-c", "-- what a file begins with\nSELECT 1 AS x").out == '{"x":1}\n'


@pytest.mark.parametrize("statement", [
    "SELEC 1", "SELECT FROM", "SELECT nope FROM stock_data", "SELECT * FROM nowhere", "SELECT 1/0", "SELECT CAST('x' AS INT)",
    "INSERT INTO stock_data SELECT * FROM stock_data", "DROP TABLE stock_data", "CREATE TABLE t AS SELECT 1", "COPY stock_data TO 'out.parquet'",
])
def test_a_failed_statement_is_never_a_success(statement, commands, lake):
    before = lake.keys()
    done = run_sql(commands, lake, "-c", statement, expect=1)
    sentence, *excerpt = done.err.splitlines()
    assert sentence.startswith("error: ") and "panicked" not in done.err, done.err
    # Where the fault has a place, its line and carets under it.
    assert not excerpt or (excerpt[0] == f"1 | {statement}" and len(excerpt) == 2 and set(excerpt[1]) == set(" |^")), done.err
    assert lake.keys() == before


def test_an_older_version_never_changes(commands, own, directory):
    own.topic.create(1)
    counts = {0: 0}
    for version in (1, 2, 3):
        own.topic.produce([Message(b'{"symbol":"A","time":"2024-05-01T13:00:00Z","price":1.5}', b"A")] * version)
        commands.ingest(own.topic, directory.url)
        counts[version] = counts[version - 1] + version
        for older, count in counts.items():
            assert commands.sql(directory.url, "SELECT COUNT(*) AS n FROM stock_data", "--as-of", older) == [{"n": count}]
    done = run_sql(commands, directory, "-c", "SELECT 1 FROM stock_data", "--as-of", 99, expect=1)
    assert "99" in done.err and "3" in done.err


# ---- status and a polite stop ------------------------------------------------------------------------------------------


def test_status_never_says_other_numbers_than_the_tables_hold(commands, own, directory):
    own.topic.create(2)
    good, bad = b'{"symbol":"A","time":"2024-05-01T13:00:00.25Z","price":1.5}', b"{"
    own.topic.produce([Message(good, b"A", 0)] * 5 + [Message(bad, b"A", 1)] * 2)
    commands.ingest(own.topic, directory.url)
    own.topic.produce([Message(good, b"A", 1)] * 3)
    said = commands.status(directory.url, "--brokers", own.topic.brokers, "--topic", own.topic.name)
    tables = {table["name"]: table for table in said["tables"]}
    assert (tables["stock_data"]["rows"], tables["dead_letters"]["rows"], tables["stock_data"]["files"]) == (5, 2, 1)
    assert tables["stock_data"]["bytes"] == sum(len(directory.read(key)) for key in readers.data_files(directory))
    assert tables["stock_data"]["newest_time"].startswith("2024-05-01T13:00:00.250")
    lag = {row["partition"]: (row["offset"], row["high_watermark"], row["lag"]) for row in said["offsets"] if row["source"] == own.topic.name}
    assert lag == {0: (5, 5, 0), 1: (2, 5, 3)}


def test_sigterm_never_drops_what_was_gathered(commands, own, place, tmp_path):
    own.topic.create(2)
    commands.produce(own.topic, "--simulate", "--rate", "max", "--ticks", 20_000)
    # A window that nothing but the end closes.
    running = commands.start(*commands.ingest_args(own.topic, place.url, "g", "--window-rows", 10_000_000, "--window-age", "1h"))
    running.until_log("partitions assigned")
    said = running.terminate().expect(0).json()
    assert said["consumed"] == said["committed"] + said["dead_letters"], f"everything read was committed: {said}"
    assert said["commits"] == (1 if said["consumed"] else 0), "one window"
    rest = commands.ingest(own.topic, place.url)
    assert said["committed"] + rest["committed"] == 20_000
    audit.assert_exactly_once(commands, own.topic, place, tmp_path)


def test_a_running_ingester_never_keeps_ticks_longer_than_the_window_age(commands, own, directory):
    own.topic.create(1)
    running = commands.start(*commands.ingest_args(own.topic, directory.url, "g", "--window-age", "500ms"))
    running.until_log("partitions assigned")
    own.topic.produce([Message(b'{"symbol":"A","time":"2024-05-01T13:00:00Z","price":1.5}', b"A")])
    running.until("the tick is committed though nothing else comes", lambda: len(commits(directory)) == 2, within_s=15)
    assert running.terminate().expect(0).json()["committed"] == 1
