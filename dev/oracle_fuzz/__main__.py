"""Owns: `dev/oracle fuzz --seed N --cases N`: random statements asked of both sides, and each difference shrunk to a small one.
Does not own: statements (grammar.py), asking and comparing (sides.py), which Trino is asked (dev/oracle).
Invariant: the seed is printed first, and with it the same cases come again; exit 1 if anything differs. Known differences are kept out of the
grammar, and named there and in leaves.py.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from oracle_fuzz.grammar import Case, Node, case
from oracle_fuzz.leaves import LITERALS
from oracle_fuzz.sides import Answer, agree, ours, theirs
from services import bin_dir

ROUND = 500
SHRINKING_MAX = 120  # tries for one difference
# Faults of Trino's own making are no answers.
NO_ORACLE = {"GENERIC_INTERNAL_ERROR", "COMPILER_ERROR", "EXCEEDED_TIME_LIMIT", "UNREACHABLE", "TIMED_OUT", "EXPRESSION_TOO_DEEP"}


class Sides:
    def __init__(self, lake: Path, url: str):
        self.lake, self.url = lake, url

    def ask(self, cases: list[Case]) -> list[tuple[Answer, Answer]]:
        mine = ours(cases, self.lake)
        return list(zip(mine, theirs(cases, self.url, mine)))

    def differ(self, one: Case) -> bool:
        [(mine, other)] = self.ask([one])
        return not agree(mine, other) and other[1] not in NO_ORACLE


def shrunk(one: Case, sides: Sides) -> Case:
    """The case with every expression replaced by one within it, or by a simple leaf, as long as the sides differ."""
    tries, went = 0, True
    while went:
        went = False
        for smaller in candidates(one):
            tries += 1
            if tries > SHRINKING_MAX:
                return one
            if sides.differ(smaller):
                one, went = smaller, True
                break
    return one


def candidates(one: Case):
    """Smaller cases: fewer rows first, then the largest steps of the expression."""
    rows = len(one.table["n"])
    if rows > 1:
        for keep in range(rows):
            yield Case(one.form, one.expr, {name: [column[keep]] for name, column in one.table.items()})
    size = len(str(one.expr))
    trees = sorted({str(tree): tree for tree in smaller(one.expr)}.values(), key=lambda tree: len(str(tree)))
    for tree in trees:
        if len(str(tree)) < size:
            yield Case(one.form, tree, one.table)
    for name in (name for name, column in one.table.items() if name in str(one.expr) and name not in ("n", "g")):
        if rows == 1:
            yield Case(one.form, substituted(one.expr, name, one.table[name][0]), one.table)


def smaller(node: Node):
    for below in within(node):
        if below.type == node.type:
            yield below
    if (simple := LITERALS.get(node.type[0])) and str(node) not in simple:
        yield Node(node.type, (simple[0],))
        yield Node(node.type, (simple[1 % len(simple)],))
    for at, part in enumerate(node.parts):
        if isinstance(part, Node):
            for less in smaller(part):
                yield Node(node.type, (*node.parts[:at], less, *node.parts[at + 1 :]))


def within(node: Node):
    for part in node.parts:
        if isinstance(part, Node):
            yield part
            yield from within(part)


def substituted(node: Node, name: str, value: str) -> Node:
    replaced = (value if part == name else substituted(part, name, value) if isinstance(part, Node) else part for part in node.parts)
    return Node(node.type, tuple(replaced))


def show(one: Case, sides: Sides) -> None:
    [(mine, other)] = sides.ask([one])
    print(f"\n{one.sql()}\n  ours:  {mine}\n  Trino: {other}", flush=True)


def differences(seed: int, count: int, url: str, folder: Path, shown: int = 20) -> Counter:
    """How many cases came out how; `shown` of the differences are shrunk and printed."""
    print(f"dev/oracle fuzz --seed {seed} --cases {count}", flush=True)
    counts, lake = Counter(), folder / "lake"
    subprocess.run([bin_dir() / "ticklake", "demo", "--lake", lake, "--ticks", "1000", "--rate", "max", "--no-repl"], check=True, capture_output=True)
    sides = Sides(lake, url)
    for start in range(0, count, ROUND):
        cases = [case(seed, number, start // ROUND) for number in range(start, min(start + ROUND, count))]
        for one, (mine, other) in zip(cases, sides.ask(cases)):
            if other[1] in NO_ORACLE:
                counts["not answered by Trino"] += 1
            elif agree(mine, other):
                counts["faults alike" if other[0] == "fault" else "answers alike"] += 1
            elif not sides.differ(one):
                counts["alike when asked again"] += 1
            else:
                counts["different"] += 1
                if counts["different"] <= shown:
                    show(shrunk(one, sides), sides)
        print(f"{start + len(cases)} cases: {dict(counts)}", file=sys.stderr, flush=True)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(prog="dev/oracle fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--shown", type=int, default=20, help="differences that are shrunk and printed; all are counted")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = differences(args.seed, args.cases, os.environ["TICKLAKE_TRINO_URL"], Path(folder), args.shown)
    print(f"seed {args.seed}: {args.cases} cases, " + ", ".join(f"{many} {what}" for what, many in sorted(counts.items())))
    return 1 if counts["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
