"""Owns: what happens when something is not there, refuses or is of another kind: one sentence, the right exit code, nothing half-written.
Does not own: failures in the middle of work (test_kill9.py; the chaos harness).
"""

import json
import socket

import boto3
import pytest

import audit
from commands import Done
from places import Directory
from topics import Message

FAILED, USAGE, UNAVAILABLE = 1, 2, 3
ERROR_LINES_MAX = 4  # the sentence, and what librdkafka may have logged before it
TICK = Message(b'{"symbol":"A","time":"2024-05-01T13:00:00Z","price":1.5}', b"A")


@pytest.fixture
def nobody():
    """An address where nobody listens; it stays ours, so nobody will."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def topic(own):
    """A topic with one tick."""
    own.topic.create(1)
    own.topic.produce([TICK])
    return own.topic


@pytest.fixture
def lake(commands, topic, directory) -> Directory:
    """A lake with one tick."""
    commands.ingest(topic, directory.url)
    return directory


def assert_one_sentence(done: Done, codes: set[int], *names: str):
    """Exit code, nothing on stdout, and one error line that names the thing."""
    assert done.code in codes, f"exit code {done.code}, not one of {codes}:\n{done.err}"
    assert done.out == ""
    lines = done.err.splitlines()
    assert "panicked" not in done.err and "backtrace" not in done.err.lower() and len(lines) <= ERROR_LINES_MAX, done.err
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1 and errors == lines[-1:], done.err
    for name in names:
        assert name.lower() in errors[0].lower(), f"{name!r} is not in: {errors[0]}"


# ---- Kafka -------------------------------------------------------------------------------------------------------------


def test_an_unreachable_broker_never_leaves_a_lake_behind(commands, own, directory, nobody):
    own.topic.brokers = nobody
    done = commands.run(*commands.ingest_args(own.topic, directory.url, "g", "--until-end"), expect=None)
    assert_one_sentence(done, {UNAVAILABLE}, nobody, "--brokers")
    assert directory.keys() == []


def test_an_unknown_topic_never_leaves_a_lake_behind(commands, own, directory):
    done = commands.run(*commands.ingest_args(own.topic, directory.url, "g", "--until-end"), expect=None)
    assert_one_sentence(done, {UNAVAILABLE}, own.topic.name, "--topic")
    assert directory.keys() == []


def test_a_producer_never_waits_for_ever_for_a_broker(commands, own, nobody):
    own.topic.brokers = nobody
    done = commands.produce(own.topic, "--partitions", 1, "--simulate", "--ticks", 10, expect=None)
    assert_one_sentence(done, {UNAVAILABLE}, nobody)


def test_status_never_guesses_a_lag(commands, lake, nobody):
    asked = ("ticklake", "status", "--lake", lake.url, "--brokers", nobody, "--topic", "t")
    done = commands.run(*asked, "--json", expect=UNAVAILABLE)
    [row] = done.json()["offsets"]
    assert row["offset"] == 1 and "lag" not in row and nobody in done.json()["lag_unknown"], "what the lake knows is told all the same"
    done = commands.run(*asked, expect=UNAVAILABLE)
    assert "stock_data" in done.out and done.err.startswith("error: the lag is unknown: ") and nobody in done.err, done.err


# ---- S3 ----------------------------------------------------------------------------------------------------------------

WRONG = {
    "unreachable": lambda nobody: {"AWS_ENDPOINT_URL_S3": f"http://{nobody}"},
    "wrong_secret": lambda nobody: {"AWS_SECRET_ACCESS_KEY": "wrong"},
    "unknown_key": lambda nobody: {"AWS_ACCESS_KEY_ID": "unknown"},
    "no_credentials": lambda nobody: {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
}
NAMED = {"unreachable": "AWS_ENDPOINT_URL_S3", "wrong_secret": "credentials", "unknown_key": "credentials", "no_credentials": "AWS_ACCESS_KEY_ID"}


@pytest.mark.parametrize("fault", WRONG)
def test_a_bucket_that_refuses_is_never_a_riddle_to_a_writer(fault, commands, topic, bucket, nobody):
    args = commands.ingest_args(topic, bucket.url, "g", "--until-end")
    assert_one_sentence(commands.run(*args, env=WRONG[fault](nobody), expect=None), {UNAVAILABLE}, bucket.bucket, NAMED[fault])
    assert bucket.keys() == []
    assert commands.run(*args).json()["committed"] == 1, "once it is mended, nothing is missing"


@pytest.mark.parametrize("fault", WRONG)
def test_a_bucket_that_refuses_is_never_an_empty_answer_to_a_reader(fault, commands, topic, bucket, nobody):
    commands.ingest(topic, bucket.url)
    for args in (["lake-sql", "--lake", bucket.url, "-c", "SELECT 1"], ["ticklake", "status", "--lake", bucket.url, "--json"]):
        assert_one_sentence(commands.run(*args, env=WRONG[fault](nobody), expect=None), {UNAVAILABLE}, bucket.bucket, NAMED[fault])


def test_a_missing_bucket_is_never_made(commands, topic, bucket):
    missing = "s3://ticklake-no-such-bucket/lake"
    before = {found["Name"] for found in bucket.s3.list_buckets()["Buckets"]}
    done = commands.run(*commands.ingest_args(topic, missing, "g", "--until-end"), expect=None)
    assert_one_sentence(done, {UNAVAILABLE}, "ticklake-no-such-bucket", "does not exist")
    done = commands.run("lake-sql", "--lake", missing, "-c", "SELECT 1", expect=None)
    assert_one_sentence(done, {UNAVAILABLE}, "ticklake-no-such-bucket", "does not exist")
    assert {found["Name"] for found in bucket.s3.list_buckets()["Buckets"]} == before


# ---- Glue --------------------------------------------------------------------------------------------------------------


def glue(addresses):
    return boto3.client(
        "glue", endpoint_url=addresses["AWS_ENDPOINT_URL_GLUE"], region_name=addresses["AWS_REGION"],
        aws_access_key_id=addresses["AWS_ACCESS_KEY_ID"], aws_secret_access_key=addresses["AWS_SECRET_ACCESS_KEY"],
    )


def test_an_unreachable_glue_never_stops_a_commit_and_sync_repairs_it(commands, own, topic, bucket, addresses, nobody, tmp_path):
    args = commands.ingest_args(topic, bucket.url, "g", "--until-end", "--glue-database", own.database)
    done = commands.run(*args, env={"AWS_ENDPOINT_URL_GLUE": f"http://{nobody}"})
    assert done.json()["committed"] == 1
    assert "WARN" in done.err and "Glue" in done.err and "panicked" not in done.err, done.err
    audit.assert_exactly_once(commands, topic, bucket, tmp_path)
    assert own.database not in {found["Name"] for found in glue(addresses).get_databases()["DatabaseList"]}

    sync = ("ticklake", "catalog", "sync", "--lake", bucket.url, "--glue-database", own.database, "--json")
    assert_one_sentence(commands.run(*sync, env={"AWS_ENDPOINT_URL_GLUE": f"http://{nobody}"}, expect=None), {UNAVAILABLE}, "Glue", own.database)
    said = commands.run(*sync).json()
    assert sorted(said["created_tables"]) == ["dead_letters", "stock_data", "stock_data_json"] and said["created_partitions"] == 1
    tables = {table["Name"] for table in glue(addresses).get_tables(DatabaseName=own.database)["TableList"]}
    partitions = glue(addresses).get_partitions(DatabaseName=own.database, TableName="stock_data_json")["Partitions"]
    assert tables == {"dead_letters", "stock_data", "stock_data_json"} and [p["Values"] for p in partitions] == [["2024-05-01", "13"]]

    again = commands.run(*sync).json()
    assert (again["created_tables"], again["updated_tables"], again["created_partitions"]) == ([], [], 0), "a second sync changes nothing"


def test_the_tables_of_another_lake_are_never_written_to_nor_warned_of_for_ever(commands, own, topic, bucket, directory, addresses):
    commands.ingest(topic, bucket.url, "--glue-database", own.database)
    other = f"{bucket.url}-other"
    args = commands.ingest_args(topic, other, "other", "--until-end", "--glue-database", own.database)
    done = commands.run(*args, expect=None)
    assert_one_sentence(done, {FAILED}, f"{own.database}.stock_data", f"belongs to {bucket.url}/stock_data", "--glue-database", "--move-tables")
    assert bucket.s3.list_objects_v2(Bucket=bucket.bucket, Prefix=other.removeprefix(f"s3://{bucket.bucket}/")).get("KeyCount") == 0
    doctor = commands.run("ticklake", "doctor", "--lake", other, "--glue-database", own.database, expect=UNAVAILABLE)
    assert "FAILED  glue" in doctor.out and f"belongs to {bucket.url}" in doctor.out
    for lake, database in ((bucket.url, "Not A Name"), (directory.url, own.database)):
        done = commands.run(*commands.ingest_args(topic, lake, "g", "--until-end", "--glue-database", database), expect=None)
        assert_one_sentence(done, {USAGE}, "--glue-database")


def test_sync_never_leaves_a_broken_table_broken(commands, own, topic, bucket, addresses):
    commands.ingest(topic, bucket.url, "--glue-database", own.database)
    client = glue(addresses)
    client.delete_table(DatabaseName=own.database, Name="stock_data")
    client.delete_partition(DatabaseName=own.database, TableName="stock_data_json", PartitionValues=["2024-05-01", "13"])
    table = client.get_table(DatabaseName=own.database, Name="dead_letters")["Table"]
    kept = {key: table[key] for key in ("Name", "StorageDescriptor", "PartitionKeys", "TableType")}
    client.update_table(DatabaseName=own.database, TableInput=kept | {"Parameters": {"EXTERNAL": "TRUE"}})
    said = commands.run("ticklake", "catalog", "sync", "--lake", bucket.url, "--glue-database", own.database, "--json").json()
    assert (said["created_tables"], said["updated_tables"], said["created_partitions"]) == (["stock_data"], ["dead_letters"], 1)
    mended = client.get_table(DatabaseName=own.database, Name="dead_letters")["Table"]
    assert mended["Parameters"]["table_type"].lower() == "delta"


# ---- what is there is not a lake ---------------------------------------------------------------------------------------


def every_command(lake: str, topic) -> list[tuple]:
    return [
        ("ticklake", "ingest", "--brokers", topic.brokers, "--topic", topic.name, "--group", "g", "--lake", lake, "--until-end", "--json"),
        ("ticklake", "demo", "--lake", lake, "--ticks", 100, "--no-repl", "--json"),
        ("lake-sql", "--lake", lake, "-c", "SELECT 1"),
        ("ticklake", "sql", "--lake", lake, "-c", "SELECT 1"),
        ("ticklake", "status", "--lake", lake, "--json"),
        ("ticklake", "catalog", "sync", "--lake", lake, "--glue-database", "d", "--json"),
    ]


WRITERS = 2  # the first of them


def tree(root) -> dict:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_folder_of_other_things_is_never_read_or_written(commands, topic, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("x")
    before = tree(tmp_path)
    for args in every_command(tmp_path / "thesis", topic):
        assert_one_sentence(commands.run(*args, expect=None), {FAILED, USAGE}, "thesis", "not a lake")
    assert tree(tmp_path) == before


def test_a_lake_that_is_not_there_is_never_made_by_reading(commands, topic, tmp_path):
    for args in every_command(tmp_path / "absent", topic)[WRITERS:]:
        assert_one_sentence(commands.run(*args, expect=None), {FAILED, USAGE}, "absent", "not a lake")
    assert not (tmp_path / "absent").exists()


def test_a_file_is_never_taken_for_a_lake(commands, topic, tmp_path):
    (tmp_path / "file").write_text("x")
    for args in every_command(tmp_path / "file", topic):
        assert_one_sentence(commands.run(*args, expect=None), {FAILED, USAGE}, str(tmp_path / "file"), "is a file")
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("scheme", ["gs://bucket/lake", "http://host/lake", "s3://"])
def test_a_location_that_cannot_be_is_never_tried(scheme, commands, topic):
    for args in every_command(scheme, topic):
        assert_one_sentence(commands.run(*args, expect=None), {FAILED, USAGE}, scheme)


def test_a_lake_of_a_newer_contract_is_never_touched(commands, topic, lake):
    log = "stock_data/_delta_log/00000000000000000000.json"
    actions = [json.loads(line) for line in lake.read(log).splitlines()]
    [configuration] = [action["metaData"]["configuration"] for action in actions if "metaData" in action]
    configuration["ticklake.contractVersion"] = str(int(configuration["ticklake.contractVersion"]) + 1)
    lake.write(log, "".join(json.dumps(action) + "\n" for action in actions).encode())
    before = tree(lake.root)
    topic.produce([TICK])
    for args in every_command(lake.url, topic):
        if args[1] != "catalog":  # which refuses a directory before it looks into it
            statement = [part if part != "SELECT 1" else "SELECT COUNT(*) FROM stock_data" for part in args]
            assert_one_sentence(commands.run(*statement, expect=None), {FAILED}, lake.url, "contract", "version 2")
    assert tree(lake.root) == before


def test_a_foreign_delta_table_is_never_written(commands, topic, tmp_path):
    """A table of the same name that another program made."""
    import deltalake
    import pyarrow

    deltalake.write_deltalake(str(tmp_path / "lake" / "stock_data"), pyarrow.table({"symbol": ["A"], "price": [1.0]}))
    before = tree(tmp_path)
    args = commands.ingest_args(topic, tmp_path / "lake", "g", "--until-end")
    assert_one_sentence(commands.run(*args, expect=None), {FAILED}, "stock_data", "not one of ticklake's")
    assert tree(tmp_path) == before


def test_wrong_usage_is_never_taken_for_a_failure(commands):
    for args in (["ticklake"], ["ticklake", "ingest", "--no-such-flag"], ["lake-sql", "--lake"], ["ticklake", "ingest", "--lake", "x", "--window-age", "soon"]):
        done = commands.run(*args, expect=USAGE)
        assert done.out == "" and done.err and "panicked" not in done.err
