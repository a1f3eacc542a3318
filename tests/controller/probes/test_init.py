"""The table of probes."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from brownout_controller.model.probe import ProbeSpec
from brownout_controller.probes import KINDS


def test_every_probe_has_its_key_and_the_keys_are_those_of_the_file_format() -> None:
    assert list(KINDS) == ["prometheus", "http", "sql", "redis", "tcp", "traffic", "edge", "command"]


@pytest.mark.parametrize("probe", KINDS.values())
def test_a_probe_says_in_one_sentence_what_it_measures(probe: type[ProbeSpec]) -> None:
    assert probe.summary().endswith(".")


@pytest.mark.parametrize("probe", KINDS.values())
def test_the_field_that_bare_text_sets_is_declared(probe: type[ProbeSpec]) -> None:
    assert probe.scalar in probe.model_fields


@pytest.mark.parametrize("probe", KINDS.values())
def test_an_error_in_a_declaration_does_not_show_what_was_declared(probe: type[ProbeSpec]) -> None:
    secretive = [name for name, info in probe.model_fields.items() if not info.repr]
    given = {name: {"x": ["hunter22"]} for name in secretive}
    if given:
        with pytest.raises(ValidationError) as caught:
            probe.model_validate(given)
        assert "hunter22" not in str(caught.value)
