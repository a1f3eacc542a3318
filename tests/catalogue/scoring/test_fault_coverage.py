"""How far one fault covers another: one size and a sense for each kind, its direction, and whom it hits."""

from __future__ import annotations

from typing import Any

import pytest

from brownout_catalogue.scoring.fault_coverage import SIZES, WHOLE, comparable, covered, fault_of
from brownout_core.faults import KINDS
from tests.support.builders.architectures import fault


def test_every_kind_has_its_size_or_none() -> None:
    assert set(SIZES) == set(KINDS)
    assert set(KINDS) > WHOLE
    for kind, size in SIZES.items():
        assert size is None or size.attribute in KINDS[kind].model_fields


@pytest.mark.parametrize(
    ("played", "asked", "part"),
    [
        ({"latency": "30s"}, {"latency": "30s"}, 1),
        ({"latency": "1m"}, {"latency": "30s"}, 1),
        ({"latency": "15s"}, {"latency": {"delay": "30s"}}, 0.5),
        ({"latency": "30s", "direction": "upstream"}, {"latency": "30s"}, 0),
        ({"bandwidth": 0}, {"bandwidth": "2KB/s"}, 1),
        ({"bandwidth": "8KB/s"}, {"bandwidth": "2KB/s"}, 0.25),
        ({"bandwidth": "1KB/s"}, {"bandwidth": 0}, 0),
        ({"cut": "0s", "direction": "upstream"}, {"cut": "0s"}, 1),
        ({"cut": "1s"}, {"cut": "0s"}, 0),
        ({"timeout": "0s"}, {"timeout": "2s"}, 1),
        ({"timeout": "2s"}, {"timeout": "0s"}, 0),
        ({"reset_peer": "0s", "toxicity": "10%"}, {"reset_peer": "0s", "toxicity": "50%"}, 0.2),
        ({"reset_peer": "0s", "every": 4}, {"reset_peer": "0s"}, 0.25),
        ({"latency": "15s", "toxicity": "50%"}, {"latency": "30s"}, 0.25),
        ({"noop": None}, {"noop": None}, 1),
        ({"latency": "30s"}, {"slow_open": "30s"}, 0),
    ],
)
def test_what_is_weaker_covers_a_part(played: dict[str, Any], asked: dict[str, Any], part: float) -> None:
    assert covered(fault(**played), fault(**asked)) == pytest.approx(part)
    assert comparable(fault(**played), fault(**asked)) or not part


@pytest.mark.parametrize("text", ['{"latency": "***"}', '{"of a later version": 1}', '{"latency": "3', "null", ""])
def test_what_cannot_be_told_is_none(text: str) -> None:
    assert fault_of(text) is None
