"""Whoever writes an experiment and whoever runs it mean the same phases and the same lease."""

from __future__ import annotations

from typing import get_args

from brownout_core.experiment_terms import LEASE, PHASES, Phase


def test_every_phase_is_listed_once() -> None:
    assert get_args(Phase) == PHASES


def test_a_lease_outlives_one_lost_renewal_and_not_a_minute() -> None:
    assert 1 < LEASE < 60
