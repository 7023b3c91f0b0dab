"""Owns: the volatility library on one lake: by our engine, by Trino over both tables, and against figures computed elsewhere.
Does not own: those figures (testkit/estimators.py), parameters that are wrong (unit tests).
Ticks are of three symbols over twenty-four days: at odd nanoseconds, several at one instant, at a day's very edge, without a size.
"""

import json
import math
import random
from datetime import datetime, timezone

import pytest

import estimators
import trino
from estimators import DAY, FIGURES, PARAMETERS, Tick
from places import Bucket
from topics import Message

FIRST_DAY = 19_844  # 2024-05-01
DAYS = 24  # one more than the longest window needs
SYMBOLS = ("AAA", "B'B", "CCC")
RELATIVE = 1e-12
# What has tests of its own: a plain ranking, and the pipeline's statements.
NOT_FIGURED = ("top_movers", "hourly_realized_volatility", "daily_average", "audit")
# Another choice of every parameter, where a statement has it; the table is chosen by the tests.
OTHERWISE = {
    "symbol": "B'B", "from": "2024-05-03", "to": "2024-05-20T16:00:00.250Z", "bar": "30m", "window": "7", "period": "2h", "interval": "1s",
    "min_observations": "3", "periods_per_year": "365.25", "skip_zero_prices": "false", "lambda": "0.5", "width": "1.5", "subgrids": "4",
    "bandwidth": "7", "week": "3", "month": "6", "limit": "2",
}


def market() -> list[tuple[str, Tick, int | None]]:
    """Symbol, tick and sequence, in the order in which ticks of one instant count."""
    draw, ticks = random.Random(20240501), []
    for symbol, price in zip(SYMBOLS, (100.0, 7.5, 41_000.0)):
        for day in range(FIRST_DAY, FIRST_DAY + DAYS):
            opens = day * DAY + 52_200 * 10**9  # 14:30; two hours keep the files few
            times = sorted(opens + draw.randrange(5_400 * 10**9) for _ in range(draw.choice((12, 90, 150))))
            times += [times[-1]] * draw.randrange(3) + [(day + 1) * DAY - 400_000] * (day % 3 == 0)
            for n, time_ns in enumerate(times):
                price = round(price * math.exp(draw.gauss(0, 0.002)), 4)
                size = draw.choice((None, 0.0, *map(float, range(1, 20))))
                # The last of an instant may have no sequence, which counts after those that have one.
                last_of_instant = n + 1 == len(times) or times[n + 1] != time_ns
                ticks.append((symbol, Tick(time_ns, price, size), None if last_of_instant and n % 5 == 0 else 1000 * day + n))
    return ticks


def message(symbol: str, tick: Tick, sequence: int | None) -> Message:
    at = datetime.fromtimestamp(tick.time_ns // 10**9, timezone.utc)
    fields = {"symbol": symbol, "time": f"{at:%Y-%m-%dT%H:%M:%S}.{tick.time_ns % 10**9:09}Z", "price": tick.price}
    fields |= {} if tick.size is None else {"size": tick.size}
    fields |= {} if sequence is None else {"sequence": sequence}
    return Message(json.dumps(fields).encode(), symbol.encode())


@pytest.fixture(scope="module")
def lake(commands, module_own, addresses) -> Bucket:
    """The market, landed in no order at all."""
    place, messages = module_own.bucket(addresses), [message(*each) for each in market()]
    random.Random(1).shuffle(messages)
    module_own.topic.create(1)
    module_own.topic.produce(messages)
    said = commands.ingest(module_own.topic, place.url, "--glue-database", module_own.database)
    assert (said["committed"], said["dead_letters"]) == (len(messages), 0)
    return place


@pytest.fixture(scope="module")
def library(commands) -> dict[str, dict[str, str]]:
    """Every statement's parameters with their defaults."""
    listed = commands.run("ticklake", "vol", "list", "--json").json()["statements"]
    return {each["name"]: {p["name"]: p["default"] for p in each["parameters"]} for each in listed}


def flags(given: dict[str, str]) -> list[str]:
    return [f"--param={name}={value}" for name, value in given.items()]


def run(commands, lake, name: str, given: dict[str, str]) -> list[dict]:
    done = commands.run("ticklake", "vol", "run", name, "--lake", lake.url, "--format", "ndjson", *flags(given))
    return [json.loads(line) for line in done.out.splitlines()]


def assert_same(ours: list[dict], theirs: trino.Answer, what: str):
    assert ours and [list(row) for row in ours[:1]] == [[name for name, _ in theirs.columns]], what
    assert len(ours) == len(theirs.rows), what
    for mine, their in zip(ours, theirs.rows):
        for (column, a), b in zip(mine.items(), their):
            assert near(a, b), f"{what}: {column} {a!r} is not {b!r} in {their}"


def near(a, b, relative: float = RELATIVE) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=relative, abs_tol=0)
    return a == b


def otherwise(parameters: dict[str, str]) -> dict[str, str]:
    flipped = {"false": "true", "true": "false"}
    return {p: flipped[default] if p == "overnight" else OTHERWISE.get(p, default) for p, default in parameters.items()}


@pytest.mark.parametrize("name", [*FIGURES, *NOT_FIGURED])
def test_trino_never_answers_otherwise_than_our_engine(name, commands, lake, library, module_own, trino_url):
    parameters = library[name]
    over = [("delta_lake", "stock_data", {}), ("hive", "stock_data_json", otherwise(parameters)), ("delta_lake", "stock_data", otherwise(parameters))]
    for catalog, table, given in over if parameters else over[:1]:
        given = given | ({"table": table} if parameters else {})
        text = commands.run("ticklake", "vol", "show", name, *flags(given)).out
        theirs, ours = trino.answer(trino_url, catalog, module_own.database, text), run(commands, lake, name, given)
        if name == "daily_average":  # lines of one day come in no promised order
            ours, theirs.rows = sorted(ours, key=lambda row: (row["day"], row["symbol"])), sorted(theirs.rows, key=lambda row: (row[1], row[0]))
        assert_same(ours, theirs, f"{name} {given}")


def in_order() -> dict[str, list[Tick]]:
    """Each symbol's ticks as they count: by time, then by sequence."""
    ticks = sorted(market(), key=lambda each: (each[1].time_ns, math.inf if each[2] is None else each[2]))
    return {symbol: [tick for of, tick, _ in ticks if of == symbol] for symbol in SYMBOLS}


def started(start_ns: int) -> str:
    return f"{datetime.fromtimestamp(start_ns // 10**9, timezone.utc):%Y-%m-%d %H:%M:%S}.000"


def assert_figures(rows: list[dict], figures, relative: float = RELATIVE):
    expected = {(symbol, started(start)): each for symbol, ticks in in_order().items() for start, each in figures(ticks).items()}
    found = {(row["symbol"], row.get("bar_start", row.get("period_start"))): row for row in rows}
    assert found.keys() == expected.keys()
    assert any(value is not None for each in expected.values() for value in each.values())
    for key, columns in expected.items():
        for column, value in columns.items():
            value = value if value is None or isinstance(value, int) else float(value)
            assert near(found[key][column], value, relative), f"{key} {column}: {found[key][column]!r} is not {value!r}"


@pytest.mark.parametrize("name", FIGURES)
def test_no_figure_is_another_than_it_is_elsewhere(name, commands, lake):
    assert_figures(run(commands, lake, name, PARAMETERS.get(name, {})), FIGURES[name])


def test_bands_are_never_far_from_talibs(commands, lake):
    assert_figures(run(commands, lake, "bollinger", {}), estimators.bands, 1e-9)


def test_nothing_of_the_library_is_left_untested(library):
    assert library.keys() == FIGURES.keys() | set(NOT_FIGURED)


def test_the_movers_are_never_ranked_otherwise_than_they_moved(commands, lake):
    prices = {symbol: [tick.price for tick in ticks] for symbol, ticks in in_order().items()}
    moved = {symbol: each[-1] / each[0] - 1 for symbol, each in prices.items()}
    rows = run(commands, lake, "top_movers", {})
    assert [row["symbol"] for row in rows] == sorted(moved, key=lambda symbol: -abs(moved[symbol]))
    for row in rows:
        each = prices[row["symbol"]]
        assert (row["first_price"], row["last_price"], row["ticks"]) == (each[0], each[-1], len(each))
        assert near(row["change"], moved[row["symbol"]]) and near(row["spread"], max(each) / min(each) - 1)


def test_athena_is_never_said_to_find_fault_with_what_is_shown(commands, library, tmp_path):
    for name, parameters in library.items():
        given = ["--from", "2024-05-01"] if parameters else []
        (tmp_path / f"{name}.sql").write_text(commands.run("ticklake", "vol", "show", name, *given).out)
    done = commands.run("ticklake", "lint", "--json", *sorted(tmp_path.glob("*.sql")))
    assert done.json()["findings"] == []
