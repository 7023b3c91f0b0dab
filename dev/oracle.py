"""Owns: the answers in query/tests/athena: comparing them with a Trino server's, or replacing them by it.
Does not own: which statements there are: a line with "sql" is one, answered or not.
Invariant: a line's answer is the server's own, twice the same: a statement that answers otherwise each time is refused.
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

import trino

FOLDER = Path(__file__).parent.parent / "query" / "tests" / "athena"


def answered(url: str, sql: str) -> dict:
    """The statement with its answer: columns, rows and whether their order is one; or an error and its message."""
    first, second = (once(url, sql) for _ in range(2))
    if first != second and not (first.get("ordered") is False and unordered(first) == unordered(second)):
        raise SystemExit(f"dev/oracle: {sql!r} answers otherwise each time, so it is no test: {first} {second}")
    return first


def once(url: str, sql: str) -> dict:
    try:
        answer = trino.answer(url, "hive", "default", sql)
    except trino.TrinoError as error:
        return {"sql": sql, "error": error.name, "message": error.message}
    return {"sql": sql, "columns": answer.columns, "rows": answer.rows, "ordered": bool(re.search(r"\bORDER\s+BY\b[^()]*$", sql, re.I))}


def unordered(line: dict) -> dict:
    return line | {"rows": sorted(line.get("rows", []), key=json.dumps)}


def same(old: dict, new: dict) -> bool:
    old, new = json.loads(json.dumps(old)), json.loads(json.dumps(new))
    return old == new or (not new.get("ordered", True) and unordered(old) == unordered(new))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("check", "accept"))
    parser.add_argument("family", nargs="*", help="files of query/tests/athena without .jsonl; all if none is named")
    args = parser.parse_args()
    url, different, total = os.environ["TICKLAKE_TRINO_URL"], 0, 0
    for path in sorted(FOLDER.glob("*.jsonl")):
        if args.family and path.stem not in args.family:
            continue
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        answers = [answered(url, line["sql"]) for line in lines]
        total += len(lines)
        for old, new in zip(lines, answers):
            # An order that was stated for a statement stays stated.
            new |= {"ordered": old["ordered"]} if "ordered" in old and "ordered" in new else {}
            if not same(old, new):
                different += 1
                if args.verb == "check":
                    print(f"{path.stem}: {old['sql']}\n  here:  {json.dumps(old)}\n  Trino: {json.dumps(new)}")
        if args.verb == "accept":
            kept = (old if same(old, new) else new for old, new in zip(lines, answers))
            path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept))
    print(f"{total} statements, {different} {'were new or other' if args.verb == 'accept' else 'differ'}", file=sys.stderr)
    return 1 if different and args.verb == "check" else 0


if __name__ == "__main__":
    sys.exit(main())
