"""The table of moves: every state can be reached and left, and what was injected is always reverted."""

from __future__ import annotations

from typing import get_args

import pytest

from brownout_controller.model.lifecycle import MOVES, PHASE_OF, State, check
from brownout_core.experiment_terms import PHASES


def test_every_state_has_its_row_and_ends_judged() -> None:
    assert set(MOVES) == set(get_args(State))
    assert not MOVES["judged"]
    for state in MOVES:
        seen, edge = {state}, {state}
        while edge:
            edge = {after for before in edge for after in MOVES[before]} - seen
            seen |= edge
        assert "judged" in seen


def test_from_an_injection_the_only_way_on_is_through_the_revert() -> None:
    assert set(MOVES["observing"]) == {"reverting"}
    assert set(MOVES["injecting"]) == {"observing", "reverting"}


def test_a_move_that_the_table_does_not_have_is_refused() -> None:
    check("planned", "baseline")
    with pytest.raises(ValueError, match="cannot go from injecting to judged"):
        check("injecting", "judged")


def test_phases_are_states_in_their_order() -> None:
    assert tuple(PHASE_OF.values()) == PHASES
