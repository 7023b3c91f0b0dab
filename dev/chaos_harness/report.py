"""Owns: what a run is told as: one dictionary for `--json`, and the same as text or Markdown.
Does not own: the figures (evidence.py, fleet.py, faults.py).
Invariant: pure. The verdict is `ok` only when every check gives 0 and every end of an ingester was to be expected.
"""

from collections.abc import Iterable
from dataclasses import asdict
from statistics import median

from chaos_harness.evidence import Check
from chaos_harness.faults import Done
from chaos_harness.fleet import End, Ingester
from chaos_harness.schedule import INGESTERS


def recovery_s(done: Done, commits: dict[str, list[float]]) -> float | None:
    """From the end of a fault to the first commit after it: of its ingester, or of anybody where it met all."""
    if done.ended_s is None:
        return None
    whose = [done.fault.target] if done.fault.target in INGESTERS else list(commits)
    later = [at for name in whose for at in commits[name] if at >= done.ended_s]
    return min(later) - done.ended_s if later else None


def longest_silence_s(commits: dict[str, list[float]], from_s: float, to_s: float) -> float:
    """The longest time in which nobody committed."""
    times = [from_s, *sorted(at for own in commits.values() for at in own if from_s <= at <= to_s), to_s]
    return max(b - a for a, b in zip(times, times[1:]))


def faults_by_kind(faults: Iterable[Done], commits: dict[str, list[float]]) -> list[dict]:
    kinds: dict[str, list[Done]] = {}
    for done in faults:
        kinds.setdefault(done.fault.kind, []).append(done)
    rows = []
    for kind, these in sorted(kinds.items()):
        lasted = [done.ended_s - done.began_s for done in these if done.ended_s is not None]
        recovered = [found for done in these if (found := recovery_s(done, commits)) is not None]
        rows.append({
            "kind": kind, "count": len(these),
            "lasted_median_s": round(median(lasted), 1) if lasted else None,
            "recovery_median_s": round(median(recovered), 1) if recovered else None,
            "recovery_max_s": round(max(recovered), 1) if recovered else None,
        })
    return rows


def ingesters(members: Iterable[Ingester]) -> list[dict]:
    return [
        {"name": one.name, "lives": one.lives, "commits": len(one.commits), "overlaps_dropped": one.overlaps, "peak_rss_mb": round(one.peak_rss_mb)}
        for one in members
    ]


def verdict(checks: list[Check], ends: list[End], stories: dict) -> dict:
    """The whole report."""
    findings = [asdict(end) for end in ends if not end.expected]
    refused = sum(end.expected and end.why.startswith("would not start") for end in ends)
    return stories | {
        "checks": [asdict(check) for check in checks],
        "unexpected_ends": findings,
        "starts_refused_while_something_was_away": refused,
        "ok": not findings and not any(check.wrong for check in checks),
    }


# ---- as text -----------------------------------------------------------------------------------------------------------

FAULT_HEAD = ("fault", "times", "lasted s", "recovered in s (median)", "at most")
INGESTER_HEAD = ("ingester", "lives", "commits", "overlaps dropped", "peak RSS MB")


def as_text(report: dict, markdown: bool = False) -> str:
    table = _markdown if markdown else _plain
    faults = [tuple(row.values()) for row in report["faults"]]
    total = sum(row["count"] for row in report["faults"])
    parts = [
        _headline(report, total),
        table(FAULT_HEAD, [*faults, ("all", total, None, None, None)]),
        table(("check", "wrong", ""), [(check["name"], check["wrong"], check["told"]) for check in report["checks"]]),
        table(INGESTER_HEAD, [tuple(row.values()) for row in report["ingesters"]]),
        *(_finding(end) for end in report["unexpected_ends"]),
        "ok: nothing lost, nothing twice, nobody died unasked" if report["ok"] else "NOT OK",
    ]
    return "\n\n".join(parts) + "\n"


def _headline(report: dict, faults: int) -> str:
    sent = report["acknowledged"]
    return (
        f"seed {report['seed']}, {report['minutes']:g} minutes, {faults} faults; {sent['market'] + sent['late'] + sent['transactions']:,} ticks acknowledged "
        f"({sent['late']:,} of them late, {sent['transactions']:,} in transactions, {report['aborted']:,} more aborted) and {sent['poison']:,} poisoned messages; {report['ticks']:,} ticks and "
        f"{report['dead_letters']:,} dead letters in {report['commits']:,} commits and {report['files']:,} files; "
        f"longest time without a commit {report['longest_silence_s']:.1f} s, caught up {report['caught_up_s']:.1f} s after the last message; "
        f"starts refused while something was away: {report['starts_refused_while_something_was_away']}"
    )


def _finding(end: dict) -> str:
    lines = "\n".join(f"    {line}" for line in end["last_lines"])
    return f"ingester {end['ingester']} ended at {end['at_s']:.1f} s with {end['code']}, {end['why']}:\n{lines}"


def _cells(rows: list[tuple]) -> list[list[str]]:
    return [["–" if cell is None else f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]


def _markdown(head: tuple, rows: list[tuple]) -> str:
    lines = [head, ["---"] + ["---:" if isinstance(cell, (int, float)) else "---" for cell in rows[0][1:]], *_cells(rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plain(head: tuple, rows: list[tuple]) -> str:
    lines = [list(head), *_cells(rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    numbers = [isinstance(cell, (int, float)) for cell in rows[0]]
    return "\n".join(
        "  ".join(cell.rjust(width) if number else cell.ljust(width) for cell, width, number in zip(line, widths, numbers)).rstrip()
        for line in lines
    )
