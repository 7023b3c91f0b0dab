"""Owns: random expressions in Athena's dialect, answered by lake-sql and by Trino (dev/oracle_fuzz).
Does not own: statements worth keeping (query/tests/athena).
Sizes by environment: TICKLAKE_EXPRESSIONS (300), TICKLAKE_SEED (1).
"""

import os

from oracle_fuzz.__main__ import differences

CASES = int(os.environ.get("TICKLAKE_EXPRESSIONS", 300))
SEED = int(os.environ.get("TICKLAKE_SEED", 1))


def test_no_random_expression_is_answered_otherwise_than_by_trino(trino_url, tmp_path):
    counts = differences(SEED, CASES, trino_url, tmp_path)
    assert counts["different"] == 0, f"TICKLAKE_SEED={SEED}; the differences are printed above"
    assert counts["answers alike"] > CASES / 3, f"too few of them have an answer: {counts}"
