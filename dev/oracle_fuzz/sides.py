"""Owns: asking both sides for the answers of many cases: ours by the built lake-sql, theirs by a Trino; and whether two answers are one.
Does not own: what is asked (grammar.py).
Invariant: each case has an answer of its own on either side, though many are asked together: what fails is asked again alone.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import trino
from oracle_fuzz.grammar import FORMS, Case, values
from services import bin_dir

TOLERANCE = 1e-12
WITHIN_S = 60
AT_ONCE = {"ours": 100, "theirs": 24}
BATCHED = ("row", "all", "group")  # forms that many cases share as columns of one SELECT

# ("rows", their type, the rows by key) or ("fault", its name, what was said).
Answer = tuple


def ours(cases: list[Case], lake: Path) -> list[Answer]:
    size = AT_ONCE["ours"]
    with ThreadPoolExecutor(2) as pool:
        parts = pool.map(lambda at: _file(cases[at : at + size], lake), range(0, len(cases), size))
        return [answer for part in parts for answer in part]


def _file(cases: list[Case], lake: Path) -> list[Answer]:
    """One process answers until a statement fails; the next begins behind it. A row after each answer says that it is whole."""
    answers = []
    while len(answers) < len(cases):
        left = cases[len(answers) :]
        script = "".join(f"{case.sql(f'{at} AS c, ', True)};\nSELECT {at} AS whole;\n" for at, case in enumerate(left))
        rows, whole, fault = _ran(script, lake)
        for at in range(whole):
            mine = [row for row in rows if row["c"] == at]
            ty = spelled(mine[0]["y"]) if mine else None
            answers.append(("rows", ty, ordered([row["n"], read(ty, row["v"])] for row in mine)))
        if whole < len(left):
            answers.append(fault)
    return answers


def _ran(script: str, lake: Path) -> tuple[list[dict], int, Answer]:
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [bin_dir() / "lake-sql", "--lake", lake, "--format", "ndjson", "--file", file.name]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WITHIN_S)
        except subprocess.TimeoutExpired as late:
            out, said = (late.stdout or b"").decode(), f"no end within {WITHIN_S} s"
        else:
            out, said = done.stdout, done.stderr.strip()
    lines = [json.loads(line) for line in out.splitlines()]
    rows, whole = [line for line in lines if "c" in line], [line for line in lines if "whole" in line]
    name = re.search(r"error: (?:statement \d+: )?([A-Z_0-9]+): ", said)
    return rows, len(whole), ("fault", name[1] if name else "NO_ANSWER", said)


def theirs(cases: list[Case], url: str, hints: list[Answer]) -> list[Answer]:
    """By the hints, which cases will have rows, and so are asked together."""
    answers: list = [None] * len(cases)
    groups: list[list[int]] = []
    for form in FORMS:
        of_form = [at for at, case in enumerate(cases) if case.form == form]
        sure = [at for at in of_form if form in BATCHED and hints[at][0] != "fault"]
        size = AT_ONCE["theirs"]
        groups += [sure[at : at + size] for at in range(0, len(sure), size)]
        groups += [[at] for at in of_form if at not in set(sure)]

    def ask(group: list[int]) -> None:
        try:
            found = _together([cases[at] for at in group], url)
        except trino.TrinoError as error:
            if len(group) == 1:
                answers[group[0]] = ("fault", error.name, error.message)
                return
            ask(group[: len(group) // 2])
            ask(group[len(group) // 2 :])
        else:
            for at, answer in zip(group, found):
                answers[at] = answer

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(ask, groups))
    return answers


def _together(cases: list[Case], url: str) -> list[Answer]:
    first = cases[0]
    if len(cases) == 1:
        sql = first.sql()
    else:
        columns = ", ".join(f"{case.expr} AS v{at}" for at, case in enumerate(cases))
        form = FORMS[first.form].replace("{e} AS v", "{e}")
        sql = form.format(tag="", e=columns, type="", t=values(first.table, columns))
    answer = trino.answer(url, "hive", "default", sql)
    types = [spelled(ty) for _, ty in answer.columns[1:]]
    return [("rows", ty, ordered([row[0], row[at + 1]] for row in answer.rows)) for at, ty in enumerate(types)]


def ordered(rows: Iterable[list]) -> list[list]:
    return sorted(rows, key=json.dumps)


def spelled(ty: str) -> str:
    """Trino's client spells types with more blanks, and intervals in capitals."""
    return ty.lower().replace(", ", ",").replace('"', "")


def agree(mine: Answer, other: Answer) -> bool:
    if "fault" in (mine[0], other[0]):
        return mine[:2] == other[:2]
    (_, my_type, my_rows), (_, their_type, their_rows) = mine, other
    # Without rows, ours has told no type.
    return my_type in (None, their_type) and same(my_rows, their_rows)


def read(ty: str | None, value):
    """A value whose text is JSON, as JSON."""
    return json.loads(value) if isinstance(value, str) and re.match(r"(array|map|row)\(", ty) else value


def same(a, b) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, float) or isinstance(b, float):
        numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (a, b))
        return numbers and abs(a - b) <= TOLERANCE * max(abs(a), abs(b)) and str(a)[0] == str(b)[0]
    return a == b and type(a) is type(b)
