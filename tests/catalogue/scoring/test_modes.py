"""The library of failure modes: every mode is complete, can be read by an experiment, and differs from the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final, get_args

import pytest

from brownout_catalogue.scoring.modes import CONTAINED, OFTEN, Claim, Contained, Library, Mode, Often, library
from brownout_catalogue.scoring.scenario import Scenario
from brownout_controller.model import expectation
from brownout_controller.probes import KINDS as PROBES

_WORDS: Final = {"it", "source", "sink", "delay", "replicas", "share", "flow", "tolerance"}
_ACTIONS: Final = {
    "NetworkChaos": {"delay", "loss", "partition", "bandwidth"},
    "PodChaos": {"pod-kill", "pod-failure"},
    "StressChaos": {"memory", "cpu"},
    "HTTPChaos": {"replace"},
    "DNSChaos": {"error"},
    "IOChaos": {"latency"},
    "TimeChaos": {"timeOffset"},
}
"""What Chaos Mesh 2.8 has, as far as the library uses it; memory, cpu, replace and timeOffset are its words for what
is done."""


def _modes() -> list[Mode]:
    return list(library().modes.values())


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for item in content.values():
            yield from _texts(item)
    elif isinstance(content, (list, tuple)):
        for item in content:
            yield from _texts(item)


def test_there_are_modes_for_every_kind_of_component_and_for_the_whole_system() -> None:
    kinds = {kind for mode in _modes() for kind in mode.to}
    assert kinds == {"gateway", "service", "worker", "database", "cache", "queue"}
    assert {mode.on for mode in _modes()} == {"edge", "component", "system"}
    assert 15 <= len(_modes()) <= 35


@pytest.mark.parametrize("mode", _modes(), ids=lambda mode: mode.id)
def test_a_mode_s_texts_speak_only_of_what_a_scenario_knows(mode: Mode) -> None:
    claims = [library().claims[name] for name in mode.claims]
    for text in _texts([mode.model_dump(), [claim.model_dump() for claim in claims]]):
        assert set(re.findall(r"\{(\w+)\}", text)) <= _WORDS, text
    assert ("{delay}" in str(mode.model_dump())) == bool(mode.delay)
    assert set(Scenario(mode, "a -> b", (), (), None, None).texts) == _WORDS


@pytest.mark.parametrize("mode", _modes(), ids=lambda mode: mode.id)
def test_a_mode_has_its_kinds_and_its_chaos_mesh_action(mode: Mode) -> None:
    assert bool(mode.to) == (mode.on != "system")
    assert mode.cluster.none or mode.cluster.action in _ACTIONS[mode.cluster.kind]
    assert len(mode.look_for) >= 2
    assert mode.shields
    assert mode.contained in ("edge", "component", "instance") or mode.contained_because


def test_a_mode_has_one_fault_as_a_run_must_see_each_of_them_hit() -> None:
    assert {len(mode.local.faults) for mode in _modes()} == {0, 1}


@pytest.mark.parametrize("claim", library().claims.values(), ids=lambda claim: claim.name)
def test_a_claim_can_become_a_hypothesis(claim: Claim) -> None:
    expectation.parse(claim.expect.replace("{tolerance}", "2s"))
    if claim.stop:
        expectation.parse(claim.stop)
    assert claim.probe in PROBES
    assert any(claim in map(library().claims.get, mode.claims) for mode in _modes())


def test_the_scales_are_even_steps_and_no_mode_has_a_number_of_its_own() -> None:
    often = [level.value for level in OFTEN.values()]
    assert {round(high - low, 9) for high, low in pairwise(often)} == {0.2}
    assert list(OFTEN) == list(get_args(Often))
    assert list(CONTAINED) == list(get_args(Contained))
    contained = [level.value for level in CONTAINED.values()]
    assert contained == sorted(contained, reverse=True)
    assert all(0 < value <= 1 for value in [*often, *contained])
    assert not [name for name, info in Mode.model_fields.items() if info.annotation in (int, float)]


def test_no_two_modes_are_the_same_failure() -> None:
    def failure(mode: Mode) -> str:
        return str((mode.on, mode.to, mode.from_, mode.only, mode.local, mode.cluster))

    assert len({failure(mode) for mode in _modes()}) == len(_modes())


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"claims": ["fst"]}, "did you mean fast"), ({"local": {}}, "needs one of faults and none"),
        ({"local": {"none": "x", "faults": [{"cut": "0s"}]}}, "needs one of faults and none"),
        ({"cluster": {}}, "needs kind and action, or none"),
        ({"often": "daily"}, "weekly"),
    ],
)  # fmt: skip
def test_a_mode_that_is_not_complete_is_refused(part: dict[str, Any], said: str) -> None:
    mode = library().modes["database-slow"].model_dump(by_alias=True)
    claims = {name: claim.model_dump() for name, claim in library().claims.items()}
    Library.model_validate({"claims": claims, "modes": {"x": mode}})
    with pytest.raises(ValueError, match=said):
        Library.model_validate({"claims": claims, "modes": {"x": {**mode, **part}}})


def test_a_claim_says_what_it_measures_or_what_is_missing() -> None:
    with pytest.raises(ValueError, match="measure and yours"):
        Claim(name="x", probe="sql", expect="== 0")
