"""How a probe declares itself."""

from __future__ import annotations

from brownout_controller.model.probe import Reading
from brownout_controller.probes import KINDS


def test_every_probe_has_a_kind_a_scalar_that_is_a_field_and_a_summary() -> None:
    for kind, probe in KINDS.items():
        assert probe.kind == kind
        assert probe.scalar in probe.model_fields
        assert probe.summary()


def test_a_reading_without_data_says_why() -> None:
    assert Reading(None, "away") == (None, "away", None, ())
