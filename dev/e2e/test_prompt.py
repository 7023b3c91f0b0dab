"""Owns: `lake-sql` as a person meets it, in a terminal: editing, history, stopping, what the screen shows.
Does not own: what statements answer (the tests of query), scripts (test_demo).
"""

import signal
import stat
import subprocess
import time

import pytest

from commands import Commands
from services import bin_dir
from terminal import CTRL_C, CTRL_D, CTRL_R, ENTER, PASTE, TAB, UP, Terminal, terminate

TICKS = 20_000
# Minutes of work within one batch.
ENDLESS = "SELECT reduce(sequence(1, 10000), price, (s, x) -> s + reduce(sequence(1, 10000), price, (t, y) -> t + y % x, t -> t), s -> s) FROM stock_data LIMIT 1;"


@pytest.fixture(scope="module")
def own_commands(tmp_path_factory):
    with Commands(bin_dir(), {}, tmp_path_factory.mktemp("prompt")) as made:
        yield made


@pytest.fixture(scope="module")
def lake(own_commands, tmp_path_factory):
    place = tmp_path_factory.mktemp("prompt-lake") / "lake"
    own_commands.run("ticklake", "demo", "--lake", place, "--ticks", TICKS, "--no-repl")
    return place


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.fixture
def prompt(own_commands, lake, home):
    """Opens prompts on the lake, with a home of the test's own."""
    opened = []

    def open_one(columns=100, rows=30, env=None, at=lake):
        env = own_commands.env | {"HOME": str(home), "XDG_STATE_HOME": str(home / "state"), "XDG_CONFIG_HOME": str(home / "config"), "PAGER": ""} | (env or {})
        opened.append(Terminal([own_commands.bin_dir / "lake-sql", "--lake", at], env, columns, rows))
        return opened[-1]

    yield open_one
    for terminal in opened:
        terminal.__exit__()


def ready(terminal):
    return terminal.prompts("lake-sql>")


def test_a_join_that_is_half_written_is_never_completed_by_another_tables_columns(prompt):
    at = ready(prompt())
    at.enter("SELECT d.rea")
    at.prompts("->")
    at.type("FROM dead_letters d JOIN stock_data s ON s.kafka_off" + TAB)
    at.until("s.kafka_offset")
    at.type(" = d.kafka_par" + TAB)
    at.until("d.kafka_partition")
    at.type(CTRL_C)
    ready(at).type("SELECT approx_dist" + TAB)
    at.until("approx_distinct(")


def test_a_statement_of_several_lines_is_never_run_before_its_end(prompt):
    at = ready(prompt())
    at.enter("SELECT 40 +")
    at.prompts("->")
    at.enter("2 AS answer")
    at.enter(";")
    assert "(1 row)" in at.until("    42")


def test_what_is_pasted_is_never_run_line_by_line(prompt):
    at = ready(prompt())
    at.type(PASTE.format("SELECT 1 AS one;\nSELECT 2 AS two;"))
    at.until("two;")
    assert "(1 row)" not in at.text()
    at.type(ENTER)
    at.until(lambda text: text.count("(1 row)") == 2)


def test_a_statement_is_never_forgotten_by_the_next_session_nor_one_kept_that_begins_with_a_blank(prompt, home):
    first = ready(prompt())
    first.enter("SELECT 'kept',")
    first.prompts("->")
    first.enter("  'whole' AS \"é\";")
    first.until("(1 row)")
    first.enter(" SELECT 'secret';")
    first.until(lambda text: text.count("(1 row)") == 2)
    first.type(CTRL_D)
    first.end().expect(0)
    file = home / "state/ticklake/history"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and "secret" not in file.read_text()
    second = ready(prompt())
    second.type(UP)
    second.until("'whole' AS")
    second.type(CTRL_C)
    ready(second).type(CTRL_R + "kept")
    second.until("(search: kept)")
    second.type(ENTER + ENTER)
    second.until("(1 row)")


def test_a_long_statement_never_keeps_the_prompt_from_who_interrupts(prompt):
    at = ready(prompt())
    at.enter(ENDLESS)
    # It runs: nothing more is echoed, and no prompt is there.
    at.until("LIMIT 1;")
    time_of_key = time.monotonic()
    at.type(CTRL_C)
    at.until("cancelled")
    print(f"cancelled after {1000 * (time.monotonic() - time_of_key):.0f} ms")
    at.enter("SELECT 6 * 7 AS answer;")
    at.until("    42")


def test_a_wide_answer_is_never_broken_by_a_narrow_screen(prompt):
    at = ready(prompt(columns=160))
    at.enter("SELECT * FROM stock_data LIMIT 1;")
    assert "RECORD 1" in at.until("(1 row)") or " | " in at.text()
    at.resize(40, 30)
    at.enter("SELECT symbol, time, price, size FROM stock_data LIMIT 1;")
    at.until(lambda text: "RECORD 1" in text.split("LIMIT 1;")[-1])
    at.enter("\\x off")
    at.enter("SELECT 'AAPL' AS only;")
    at.until("only")


def test_a_terminal_of_twenty_columns_never_stops_the_program(prompt):
    at = ready(prompt(columns=20, rows=10))
    at.enter("SELECT symbol, price FROM stock_data WHERE symbol LIKE '%A%' LIMIT 1;")
    at.until("(1 row)")
    ready(at).type("SELECT sy" + TAB)
    at.until(lambda text: text.count("SELECT sy") == 2)
    at.type(CTRL_C)
    ready(at).enter("\\chart SELECT 1 AS a;")
    at.until("█")
    at.type(CTRL_D)
    at.end().expect(0)
    assert at.is_restored()


def test_an_error_never_points_elsewhere(prompt):
    at = ready(prompt())
    at.enter("SELECT 'é',")
    at.prompts("->")
    at.enter("       pric FROM stock_data;")
    text = at.until("^^^^")
    lines = text.splitlines()
    caret = next(n for n, line in enumerate(lines) if line.strip().endswith("^^^^"))
    assert lines[caret].index("^") == lines[caret - 1].index("pric"), text
    assert "COLUMN_NOT_FOUND" in text and "price" in text.split("COLUMN_NOT_FOUND")[1]


def test_the_terminal_is_never_left_raw(prompt):
    for end in (lambda at: (at.enter("\\q"), at.end())[1], terminate):
        at = ready(prompt())
        ended = end(at)
        assert at.is_restored() and ended.code in (0, 143), ended
    at = ready(prompt())
    at.enter("SELECT 1")
    at.prompts("->")
    assert terminate(at).code == 143 and at.is_restored()


def test_a_history_that_cannot_be_kept_never_keeps_the_prompt_away(prompt, home):
    (home / "state").write_text("a file where a folder should be")
    at = ready(prompt())
    at.until("history is not kept: ")
    at.enter("SELECT 6 * 7 AS answer;")
    at.until("    42")


def test_an_error_in_lake_sqlrc_never_keeps_the_prompt_away(prompt, home):
    rc = home / "config/ticklake/lake-sqlrc"
    rc.parent.mkdir(parents=True)
    rc.write_text("\\pset format csv\n\\nonsense\n")
    at = ready(prompt())
    at.until("there is no command \\nonsense")
    at.enter("SELECT 1 AS a, 2 AS b;")
    at.until("a,b\n1,2")


def test_an_edited_statement_is_never_run_unseen(prompt, home):
    at = ready(prompt(env={"EDITOR": "sed -i s/41/42/"}))
    at.enter("SELECT 41 AS answer;")
    at.until("(1 row)")
    at.enter("\\e")
    at.until("SELECT 42 AS answer;")
    assert at.text().count("(1 row)") == 1
    at.type(ENTER)
    at.until("    42")
    broken = ready(prompt(env={"EDITOR": "/no/such/editor", "VISUAL": ""}))
    broken.enter("\\e")
    broken.until("/no/such/editor did not edit")
    broken.enter("SELECT 6 * 7 AS answer;")
    broken.until("    42")


def test_what_fits_the_screen_never_meets_the_pager_nor_goes_anything_past_it_that_does_not(prompt, home):
    paged = home / "paged"
    at = ready(prompt(env={"PAGER": f"tee {paged}"}))
    at.enter("SELECT symbol FROM stock_data LIMIT 5;")
    at.until("(5 rows)")
    assert not paged.exists()
    at.enter("SELECT kafka_offset FROM stock_data ORDER BY 1 LIMIT 200;")
    at.until("(200 rows)")
    assert len(paged.read_text().splitlines()) == 203
    paged.unlink()
    at.enter("\\pset pager off")
    at.enter("SELECT kafka_offset FROM stock_data ORDER BY 1 LIMIT 200;")
    at.until(lambda text: text.count("(200 rows)") == 2)
    assert not paged.exists()


def test_a_pager_that_is_left_or_not_there_never_ends_the_session(prompt):
    for pager, told in (("head -2", "kafka_offset"), ("/no/such/pager", "PAGER names nothing that can be run"), ("less -X", ":")):
        at = ready(prompt(env={"PAGER": pager}))
        at.enter("SELECT kafka_offset, symbol, price, time FROM stock_data;")
        at.until(told)
        if pager.startswith("less"):
            at.until(lambda text: text.endswith(":"))
            at.type("q")
        ready(at).enter("SELECT 6 * 7 AS answer;")
        at.until("    42")
        assert "rror: the answer" not in at.text()


def test_an_exit_code_never_tells_another_story(own_commands, lake):
    def code(*args, at=lake, env=None) -> int:
        return own_commands.run("lake-sql", "--lake", at, *args, expect=None, env=env).code

    assert code("-c", "SELECT 1 AS a") == 0
    assert code("-c", "SELECT nothing") == code("--keep-going", "-c", "SELECT nothing; SELECT 1") == 1
    for usage in (["--live"], ["--set", "rows=some"], ["--set", "nothing=1"], ["--param", "1a=2"], ["-f", "/no/such/file"], ["--format", "xml"]):
        assert code(*usage, *([] if "-f" in usage else ["-c", "SELECT 1"])) == 2, usage
    away = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    assert code("-c", "SELECT 1", at="s3://nowhere/lake", env=away) == 3
    running = own_commands.start("lake-sql", "--lake", lake, "--echo", "-c", ENDLESS)
    running.until_log("LIMIT 1;")
    running.signal(signal.SIGINT)
    assert running.end().code == 130


def test_how_answers_are_shown_is_never_lost_between_flag_and_prompt(own_commands, lake):
    done = own_commands.run("lake-sql", "--lake", lake, "--set", "rows=3", "--set", "format=csv", "-c", "\\pset")
    assert done.out == "format csv\nrows 3\nexpanded auto\ntiming off\npager on\nkeys emacs\n"


def test_an_answer_of_ten_thousand_columns_or_a_vast_cell_never_stops_the_prompt(prompt, home):
    at = ready(prompt())
    at.enter("SELECT length(rpad('x', 100000000, 'yz')) AS n, rpad('x', 100000000, 'yz') AS vast;")
    at.until("100000000", within_s=60)
    wide = home / "wide.sql"
    wide.write_text("SELECT " + ", ".join(f"{n} AS c{n}" for n in range(10_000)) + ";")
    for format in ("table", "vertical", "csv"):
        ready(at).enter(f"\\pset format {format}")
        ready(at).enter(f"\\i {wide}")
        at.until(lambda text: "9999" in text.splitlines()[-2] or "(1 row)" in text.splitlines()[-2], within_s=60)
    ready(at).enter("SELECT 6 * 7 AS answer;")
    at.until("answer\n42")


def test_rubbish_on_standard_input_is_never_run(own_commands, lake):
    done = subprocess.run([own_commands.bin_dir / "lake-sql", "--lake", lake], env=own_commands.env, input=bytes(range(256)) * 100, capture_output=True, timeout=60)
    assert done.returncode != 0 and done.stdout == b"" and b"standard input cannot be read as SQL" in done.stderr, done
    assert b"panicked" not in done.stderr


def test_a_lake_that_vanishes_never_ends_the_session(prompt, own_commands, tmp_path):
    at_lake = tmp_path / "vanishing"
    own_commands.run("ticklake", "demo", "--lake", at_lake, "--ticks", 1000, "--no-repl")
    at = ready(prompt(at=at_lake))
    at.enter("SELECT count(*) AS n FROM stock_data;")
    at.until("1000")
    at_lake.rename(tmp_path / "gone")
    at.enter("SELECT max(price) FROM stock_data;")
    at.until("error: ")
    at.enter("SELECT 6 * 7 AS answer;")
    at.until("    42")
