"""The published schemas accept what files may say, and refuse what they may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from brownout_controller.model import schema
from brownout_controller.probes import KINDS
from brownout_core.faults import KINDS as FAULTS
from tests.controller.model.test_environment import _FILE
from tests.controller.model.test_experiment import _DESIGN, _SMALL

_EXPERIMENT = schema.experiment(KINDS)
_ENVIRONMENTS = schema.environments()
_SHOP = sorted((Path(__file__).parents[3] / "deploy" / "demo" / "experiments").glob("*.yaml"))


def _check(content: Any, against: schema.Schema) -> None:
    jsonschema.Draft202012Validator(against).validate(content)


def test_they_are_schemas() -> None:
    for content in (_EXPERIMENT, _ENVIRONMENTS):
        jsonschema.Draft202012Validator.check_schema(content)


def test_the_design_s_files_and_the_shop_s_are_valid() -> None:
    for text in (_DESIGN, _SMALL, *(path.read_text() for path in _SHOP)):
        _check(yaml.safe_load(text), _EXPERIMENT)
    _check(yaml.safe_load(_FILE), _ENVIRONMENTS)
    assert len(_SHOP) >= 3


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_may_be_written(kind: str) -> None:
    small = yaml.safe_load(_SMALL)
    for entry in (kind, {kind: None}, {kind: dict.fromkeys(FAULTS[kind].fields(), 1), "toxicity": "25%"}):
        _check({**small, "fault": entry}, _EXPERIMENT)


@pytest.mark.parametrize(
    "change",
    [
        {"egde": "a -> b"},
        {"duration": None},
        {"faults": [{"latency": 1}]},
        {"fault": {"latency": 1, "cut": 2}},
        {"fault": {"latency": {"latncy": 1}}},
        {"hypotheses": []},
        {"hypotheses": [{"name": "h", "expect": "< 1"}]},
        {"hypotheses": [{"name": "h", "expect": "< 1", "tcp": "x:1", "redis": "x"}]},
        {"hypotheses": [{"name": "h", "expect": "< 1", "tcp": "x:1", "when": ["later"]}]},
        {"hypotheses": [{"name": "h", "expect": "< 1", "sql": {"query": "x", "dns": "y"}}]},
        {"blast_radius": {"mode": "some"}},
    ],
)
def test_what_is_wrong_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        _check({**yaml.safe_load(_SMALL), **change}, _EXPERIMENT)


def test_an_unknown_key_of_an_environment_is_refused() -> None:
    with pytest.raises(jsonschema.ValidationError):
        _check({"environments": {"local": {"contrl": "x"}}}, _ENVIRONMENTS)


def test_editors_are_told_what_keys_mean_and_which_words_there_are() -> None:
    assert _EXPERIMENT["properties"]["duration"]["description"] == "How long the fault is there."
    hypothesis = _EXPERIMENT["$defs"]["Hypothesis"]["properties"]
    assert "p99" in hypothesis["traffic"]["anyOf"][0]["enum"]
    undescribed = [name for name, declared in hypothesis.items() if not declared.get("description")]
    assert undescribed == []
