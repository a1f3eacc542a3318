"""The table of verdicts: its exit statuses are never renumbered, and the worst of several counts."""

from __future__ import annotations

import pytest

from brownout_core.verdict import SEVERITY, SIGNALS, USAGE, Verdict, status_of, worst


def test_the_exit_statuses_are_those_that_pipelines_rely_on() -> None:
    assert {verdict.value: verdict.exit for verdict in Verdict} == {
        "passed": 0, "refuted": 1, "inconclusive": 3, "refused": 4, "stopped": 5, "not-reverted": 6, "internal": 7,
        "done": 0,
    }  # fmt: skip
    assert USAGE == 2
    assert SIGNALS == {"SIGINT": 130, "SIGTERM": 143}
    assert [status_of(name) for name in ("SIGINT", "SIGTERM", "SIGHUP")] == [130, 143, 5]


def test_every_verdict_has_a_meaning_and_a_place_in_the_order() -> None:
    assert set(SEVERITY) == set(Verdict)
    assert all(verdict.meaning for verdict in Verdict)
    assert [verdict.exit for verdict in SEVERITY] == [0, 0, 3, 1, 5, 4, 7, 6]


def test_the_worst_counts() -> None:
    assert worst([Verdict.PASSED, Verdict.REFUTED, Verdict.INCONCLUSIVE]) is Verdict.REFUTED
    assert worst(Verdict) is Verdict.NOT_REVERTED
    with pytest.raises(ValueError, match="empty"):
        worst([])
