"""Reasons are whole sentences with units, and faults have short names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brownout_catalogue.rendering.reasons import fault_words, reasons
from brownout_catalogue.scoring import factors
from tests.support.builders.architectures import EXAMPLES, example, fault, found, read


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_reasons_are_sentences_without_holes(path: Path) -> None:
    architecture = example(path.stem)
    for scenario in found(architecture).values():
        for factor in (factors.impact(scenario, architecture), factors.exposure(scenario, architecture)):
            for reason in reasons(factor):
                assert "{" not in reason
                assert "  " not in reason
                assert "None" not in reason


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"latency": "1500ms"}, "latency 1.5s"),
        ({"bandwidth": 0, "direction": "upstream"}, "bandwidth 0 upstream"),
        ({"bandwidth": "2KB/s"}, "bandwidth 2KB/s"),
        ({"reset_peer": "0s", "toxicity": "33%"}, "reset_peer 0 on 33 % of the connections"),
        ({"noop": None}, "noop"),
    ],
)
def test_a_fault_has_a_few_words(written: dict[str, Any], words: str) -> None:
    assert fault_words(fault(**written)) == words


_GUESSED = "services:\n  a: {calls: {b: {guess: '%s'}}}\n  b: {kind: service}\n"


@pytest.mark.parametrize("guess", ["strong: B_URL has b:80", "likely: B_HOST is b", "weak: depends_on"])
def test_a_guessed_call_has_its_evidence_as_a_reason(guess: str) -> None:
    architecture = read(_GUESSED % guess)
    (reason,) = reasons(factors.certainty(found(architecture)["cut-off/a/b"], architecture))
    assert guess in reason
