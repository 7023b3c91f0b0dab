"""Owns: what a plan of faults must never be."""

import pytest

from chaos_harness.schedule import AT_ONCE_MAX, CALM_S, INCREASES_MAX, KINDS, plan

SHORT_S, LONG_S = 180, 1800


def test_the_same_seed_never_gives_another_plan():
    assert plan(7, SHORT_S, 6) == plan(7, SHORT_S, 6)
    assert plan(7, SHORT_S, 6) != plan(8, SHORT_S, 6)


@pytest.mark.parametrize("seed", range(20))
def test_faults_that_hold_the_same_thing_never_overlap(seed):
    faults = plan(seed, LONG_S, 8)
    for number, fault in enumerate(faults):
        together = [other for other in faults[:number] if other.at_s + other.duration_s > fault.at_s]
        assert not any(other.holds & fault.holds for other in together), (fault, together)
        assert len(together) < AT_ONCE_MAX


@pytest.mark.parametrize("seed", range(20))
def test_a_long_run_never_lacks_a_kind_or_faults(seed):
    faults = plan(seed, LONG_S, 12)
    assert {fault.kind for fault in faults} == {kind.name for kind in KINDS}
    assert len(faults) >= 100
    assert sum(fault.action == "partitions" for fault in faults) == INCREASES_MAX


@pytest.mark.parametrize("seed", range(20))
def test_no_fault_lasts_beyond_the_plan(seed):
    assert all(CALM_S <= fault.at_s and fault.at_s + fault.duration_s <= SHORT_S - CALM_S for fault in plan(seed, SHORT_S, 6))


def test_the_run_of_every_build_never_lacks_a_kind():
    """Seed and pace as dev/test has them."""
    assert {fault.kind for fault in plan(1, SHORT_S, 6)} == {kind.name for kind in KINDS}


def test_a_run_too_short_for_a_fault_has_none():
    assert plan(1, 2 * CALM_S, 6) == []
