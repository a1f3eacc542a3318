"""What is asked for: faults without an experiment are checked like one, when they are asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from brownout_controller.engine.run_request import FaultRequest
from brownout_core.errors import InvalidSpec, TooMuch
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec

_SLOW = FaultSpec("slow", make("latency", {"latency": 1}))


def test_ad_hoc_faults_are_an_experiment_without_hypotheses() -> None:
    request = FaultRequest(["a->b", "c -> d"], [_SLOW], 60.0, mode="fixed", value=2, because="to see")
    experiment = request.experiment
    assert (experiment.name, experiment.hypotheses) == ("ad-hoc latency", ())
    assert experiment.conditions.blast_radius.value == 2
    assert experiment.content["edges"] == ["a -> b", "c -> d"]
    assert experiment.content["faults"][0]["name"] == "slow"
    json.dumps(experiment.content)  # goes into a journal


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"edges": []}, "edges"),
        ({"edges": ["a"]}, "edges"),
        ({"faults": []}, "faults"),
        ({"faults": [_SLOW, _SLOW]}, "faults"),
        ({"duration": 0.0}, "duration"),
        ({"lease": 0.1}, "lease"),
        ({"mode": "some"}, "blast_radius.mode"),
        ({"mode": "fixed"}, "blast_radius"),
    ],
)
def test_ad_hoc_faults_that_make_no_sense_are_refused_with_the_place(changes: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidSpec) as error:
        FaultRequest(**{"edges": ["a -> b"], "faults": [_SLOW], "duration": 1.0, **changes})
    assert error.value.path == place


def test_more_faults_than_a_proxy_takes_are_refused() -> None:
    with pytest.raises(TooMuch):
        FaultRequest(["a -> b"], [_SLOW] * 101, 1.0)
