"""Every code of a reason has a sentence, and what gives reasons uses no other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import brownout_controller
from brownout_controller.model import disturbances, evidence, load_summary
from brownout_controller.model.reasons import CODES, Number, Reason
from brownout_controller.report import sentences
from brownout_controller.report.sentences import sentence
from brownout_core.quantity import UNITS

_ROOT = Path(brownout_controller.__file__).parent
_MODULES = sorted(path for folder in ("model", "engine", "cli") for path in (_ROOT / folder).glob("*.py"))


def _codes(path: Path) -> Iterator[str]:
    """The codes that a module writes down where it makes a reason."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason":
            yield from (str(first.value) for first in node.args[:1] if isinstance(first, ast.Constant))


def test_every_code_has_a_sentence_and_every_sentence_a_code() -> None:
    assert sentences.CODES == CODES


def test_reasons_are_made_with_known_codes_only() -> None:
    used = {code: path.name for path in _MODULES for code in _codes(path)}
    assert {"stop-met", "no-hits", "false-before"} <= used.keys(), "or they are looked for in the wrong place"
    assert not used.keys() - CODES


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_sentence_can_be_made_of_nothing_but_the_code(code: str) -> None:
    assert "\n" not in sentence(Reason(code))
    assert "None" not in sentence(Reason(code, "h", "during"))


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("code", ["broke", "not-recovered", "stop-met"])
def test_a_measured_value_is_written_in_its_unit(code: str, unit: str) -> None:
    numbers = {name: Number(2.5, unit) for name in ("worst", "value")}
    told = sentence(Reason(code, "h", "during", numbers={**numbers, "within": Number(9.0, "s")}))
    shown = {"": "2.5", "s": "2.5s", "share": "250%", "B": "2.5B", "B/s": "2.5B/s", "/s": "2.5/s"}[unit]
    assert f" {shown}" in told


def test_the_modules_that_give_doubts_are_among_those_that_are_looked_at() -> None:
    looked_at = {path.resolve() for path in _MODULES}
    assert {Path(module.__file__ or "").resolve() for module in (evidence, disturbances, load_summary)} <= looked_at
