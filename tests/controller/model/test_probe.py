"""How a probe declares itself."""

from __future__ import annotations

import math

from brownout_controller.model.hypothesis import Terms
from brownout_controller.model.probe import Reading
from brownout_controller.probes import KINDS


def test_every_probe_has_a_kind_a_scalar_that_is_a_field_and_a_summary() -> None:
    for kind, probe in KINDS.items():
        assert probe.kind == kind
        assert probe.scalar in probe.model_fields
        assert probe.summary()


def test_a_reading_without_data_says_why() -> None:
    assert Reading(None, "away") == (None, "away", None, (), "", None)


def test_a_probe_that_knows_its_terms_knows_its_limits_and_its_patience() -> None:
    probe = KINDS["tcp"].model_validate({"address": "h:1"})
    assert (probe.limits, probe.patience) == ([], math.inf)
    told = probe.judged_by(Terms(name="h", expect="between 1 and 2s", stop="> 9s", timeout=10))
    assert (told.limits, told.patience) == ([1, 2, 9], 9.5)
    assert probe.judged_by(Terms(name="h", expect="< 2 * baseline")).limits == []
    assert (probe.limits, told.model_dump()) == ([], probe.model_dump())


def test_every_probe_has_an_example_and_a_scale() -> None:
    for kind, probe in KINDS.items():
        assert f"{kind}: " in probe.example
    assert KINDS["traffic"].model_validate({"measure": "errors"}).scale().highest == 1
