"""Owns: where settings come from: ticklake.toml, then the environment, then flags; faults told together; secrets never shown.
Does not own: what each setting does.
"""

import json

import pytest

USAGE, UNAVAILABLE = 2, 3


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Commands run here, where ./ticklake.toml is looked for."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(commands, *more, **options) -> dict[str, tuple]:
    found = commands.run("ticklake", "config", "--json", *more, **options).json()["settings"]
    return {one["key"]: (one["value"], one["origin"]) for one in found}


def test_a_lower_layer_never_wins(commands, folder):
    (folder / "ticklake.toml").write_text('[kafka]\nbrokers = "file:1"\ntopic = "from_file"\ngroup = "from_file"\n[window]\nage_max = "3s"\n')
    found = settings(commands, "--group", "from_flag", env={"TICKLAKE__KAFKA__TOPIC": "from_env", "TICKLAKE__KAFKA__GROUP": "from_env"})
    assert found["kafka.brokers"] == ("file:1", "ticklake.toml:2")
    assert found["kafka.topic"] == ("from_env", "TICKLAKE__KAFKA__TOPIC")
    assert found["kafka.group"] == ("from_flag", "--group")
    assert found["window.age_max"] == ("3s", "ticklake.toml:6")
    assert found["window.rows_max"][1] == "default"
    (folder / "other.toml").write_text('[kafka]\ntopic = "other"\n')
    assert settings(commands, "--config", "other.toml")["kafka.topic"] == ("other", "other.toml:2")


def test_no_fault_hides_another(commands, folder):
    (folder / "ticklake.toml").write_text('[kafka]\ntopci = "t"\n[window]\nage_max = 10\n')
    done = commands.run("ticklake", "ingest", "--window-bytes", "1MB", env={"TICKLAKE__WINDOW__ROWS": "5"}, expect=USAGE)
    for told in ("ticklake.toml:2: ", "kafka.topci", "ticklake.toml:4: ", "window.age_max", "--window-bytes", "TICKLAKE__WINDOW__ROWS", "--brokers", "TICKLAKE__LAKE__LOCATION"):
        assert told in done.err, done.err
    assert done.out == "" and "panicked" not in done.err


def test_a_secret_is_never_shown(commands, folder):
    (folder / "ticklake.toml").write_text('[kafka.librdkafka]\n"sasl.password" = "in the file"\nsecurity.protocol = "SASL_SSL"\nsasl.mechanism = "PLAIN"\nsasl.username = "me"\n')
    env = {"TICKLAKE__KAFKA__LIBRDKAFKA__SSL_KEY_PASSWORD": "in the environment"}
    for how in (["--json"], []):
        said = commands.run("ticklake", "config", *how, env=env)
        assert "in the" not in said.out + said.err and "SASL_SSL" in said.out and said.out.count("(hidden)") == 2


def test_the_file_alone_is_enough(commands, own, directory, folder):
    own.topic.create(1)
    commands.produce(own.topic, "--simulate", "--ticks", 100)
    lines = ["[kafka]", f'brokers = "{own.topic.brokers}"', f'topic = "{own.topic.name}"', f'group = "{own.name}"', 'source = "named"']
    lines += ["[kafka.librdkafka]", "fetch.wait.max.ms = 10", "[lake]", f'location = "{directory.url}"', "json_mirror = false"]
    (folder / "ticklake.toml").write_text("\n".join(lines))
    assert commands.run("ticklake", "ingest", "--until-end", "--json").json()["committed"] == 100
    assert directory.keys("stock_data_json/") == []
    [row] = commands.run("ticklake", "status", "--json").json()["offsets"]
    assert (row["source"], row["offset"], row["lag"]) == ("named", 100, 0)
    assert commands.run("lake-sql", "--format", "csv", "-c", "SELECT count(*) AS n FROM stock_data").out.split() == ["n", "100"]
    assert commands.run("ticklake", "audit", "--json").json()["lost"] == 0


def test_a_setting_of_librdkafka_is_never_swallowed(commands, own, folder):
    done = commands.run("ticklake", "status", "--lake", "x", env={"TICKLAKE__KAFKA__LIBRDKAFKA__NO_SUCH_SETTING": "1"}, expect=None)
    assert done.code != 0
    own.topic.create(1)
    done = commands.run(*commands.ingest_args(own.topic, folder / "lake", "g", "--until-end"), env={"TICKLAKE__KAFKA__LIBRDKAFKA__NO_SUCH_SETTING": "1"}, expect=None)
    assert done.code == USAGE and "no.such.setting" in done.err
    for command in (["produce", "--simulate", "--brokers", "b:1"], ["status", "--lake", "x"], ["config"]):
        done = commands.run("ticklake", *command, "-X", "foo=bar", "-X", "linger.ms=soon", expect=USAGE)
        assert "-X: " in done.err and '"foo"' in done.err and "linger.ms" in done.err, done.err


def test_what_ingest_refuses_is_refused_by_config_all_at_once_with_its_line(commands, folder):
    lines = ["[kafka]", 'partitions = "0"', 'group_instance_id = "one"', "[kafka.librdkafka]", 'group.id = "g"', "[lake]", f'location = "{folder}/lake"']
    (folder / "ticklake.toml").write_text("\n".join([*lines, "[glue]", 'database = "ticks"']))
    for command in (["config"], ["ingest", "--brokers", "b:1"]):
        done = commands.run("ticklake", *command, expect=USAGE)
        for told in ("ticklake.toml:3: ", "kafka.partitions", "ticklake.toml:5: ", "--group", "ticklake.toml:9: ", "s3://"):
            assert told in done.err, done.err
        assert ("ticklake.toml:7" in done.out) == (command == ["config"]), "it shows what is in force, wrong or not"
    (folder / "ticklake.toml").write_text('[glue]\ndatabase = "Not A Name"\n[lake]\nlocation = "gs://bucket/lake"\n')
    said = commands.run("ticklake", "config", expect=USAGE).err
    assert "ticklake.toml:2: glue.database" in said and "ticklake.toml:4: " in said and "gs" in said, said


def test_what_can_only_fail_later_is_refused_before_anything_is_made(commands, folder):
    given = ("--brokers", "b:1", "--topic", "a b", "--group", "", "--source", " ", "--metrics", "192.0.2.1:9464", "-X", "session.timeout.ms=1")
    for command in (["config"], ["ingest"]):
        said = commands.run("ticklake", *command, *given, "--lake", folder / "lake", expect=USAGE).err
        for told in ("--topic: kafka.topic", "--group: kafka.group is empty", "--source: kafka.source is empty", "--metrics: ", "-X: the librdkafka setting session.timeout.ms"):
            assert told in said, said
    assert not (folder / "lake").exists()


def test_a_fault_is_told_in_the_format_of_the_log(commands, folder):
    """Whoever reads the log as JSON reads the end of it, too."""
    for more in (["--window-age", "soon"], ["--brokers", "127.0.0.1:9", "--lake", folder / "lake"]):
        done = commands.run("ticklake", "ingest", "--log-format", "json", *more, expect=None)
        lines = [json.loads(line) for line in done.err.splitlines()]
        assert done.code in (USAGE, UNAVAILABLE) and lines[-1]["level"] == "ERROR" and lines[-1]["message"] and lines[-1]["timestamp"].endswith("Z"), done.err
