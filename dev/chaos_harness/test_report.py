"""Owns: what a report must never hide."""

from chaos_harness.evidence import Check
from chaos_harness.faults import Done
from chaos_harness.fleet import End
from chaos_harness.report import as_text, faults_by_kind, longest_silence_s, recovery_s, verdict
from chaos_harness.schedule import Fault

COMMITS = {"i1": [1.0, 9.0, 30.0], "i2": [2.0, 12.0]}


def done(target: str, began_s: float, ended_s: float | None, kind: str = "k") -> Done:
    return Done(Fault(1, began_s, kind, "toxic", target, 0.0), began_s, ended_s)


def test_recovery_is_never_another_ingesters_where_one_was_hit():
    assert recovery_s(done("i1", 5, 10), COMMITS) == 20.0
    assert recovery_s(done("kafka", 5, 10), COMMITS) == 2.0
    assert recovery_s(done("i2", 5, 13), COMMITS) is None
    assert recovery_s(done("i2", 5, None), COMMITS) is None


def test_a_silence_at_either_end_is_never_forgotten():
    assert longest_silence_s(COMMITS, 0, 31) == 18.0
    assert longest_silence_s(COMMITS, 0, 100) == 70.0
    assert longest_silence_s({"i1": []}, 5, 25) == 20.0


STORIES = {
    "seed": 3, "minutes": 0.5, "acknowledged": {"market": 10, "late": 2, "transactions": 4, "poison": 1}, "aborted": 3, "ticks": 12, "dead_letters": 1, "commits": 4,
    "files": 5, "longest_silence_s": 3.0, "caught_up_s": 1.0, "faults": faults_by_kind([done("i1", 5, 10, "frozen"), done("i2", 5, 13, "frozen")], COMMITS),
    "ingesters": [{"name": "i1", "lives": 2, "commits": 3, "overlaps_dropped": 1, "peak_rss_mb": 80}],
}


def test_one_wrong_thing_is_never_ok():
    good, bad = [Check("ticks lost", 0)], [Check("ticks lost", 0), Check("ticks twice", 1, "partition 3")]
    asked, unasked = End(1.0, "i1", 0, "after SIGTERM", True), End(2.0, "i2", 101, "by itself", False, ["thread panicked"])
    assert verdict(good, [asked], STORIES)["ok"]
    assert not verdict(bad, [asked], STORIES)["ok"]
    report = verdict(good, [asked, unasked], STORIES)
    assert not report["ok"]
    for text in (as_text(report), as_text(report, markdown=True)):
        assert "NOT OK" in text and "thread panicked" in text and "101" in text and "frozen" in text
    assert "| frozen | 2 |" in as_text(report, markdown=True)
