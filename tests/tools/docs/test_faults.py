"""The twin of faults/docs.py."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from brownout_core.faults import KINDS, make
from tools.docs import faults

_PAGE = Path(__file__).parents[3] / "docs" / "faults.md"


def test_the_page_in_the_repository_is_what_the_faults_declare(capsys: pytest.CaptureFixture[str]) -> None:
    faults.main()
    assert capsys.readouterr().out == _PAGE.read_text("utf-8"), "run `make gen`"


@pytest.mark.parametrize("kind", KINDS)
def test_every_fault_has_its_section_with_every_attribute(kind: str) -> None:
    section = faults.section(KINDS[kind])
    assert section.startswith(f"## {kind}\n")
    assert KINDS[kind].summary() in section
    for name in KINDS[kind].fields():
        assert f"| `{name}` |" in section


@pytest.mark.parametrize("kind", KINDS)
def test_the_three_notations_of_an_example_mean_the_same(kind: str) -> None:
    section = faults.section(KINDS[kind])
    typed = dict(pair.split("=") for pair in re.findall(r" -a (\S+)", section))
    body = json.loads(section[section.index('{"type"') : section.rindex("```")])
    assert body["type"] == kind
    assert make(kind, body["attributes"]) == make(kind, typed, text=True)
    for value in typed.values():
        assert value in section[section.index("```yaml") : section.index("```console")]


def test_bounds_and_words_are_told() -> None:
    fields = KINDS["latency"].fields()
    assert faults.bounds(fields["latency"]) == "at least 0"
    assert faults.bounds(fields["correlation"]) == "0 to 1"
    assert faults.bounds(fields["segment"]) == "at least 1"
    assert faults.bounds(fields["distribution"]) == "`uniform`, `normal`, `lognormal`, `pareto`"


def test_what_toxiproxy_lacks_is_told() -> None:
    assert "| `distribution` | word | `uniform` | `uniform`, `normal`, `lognormal`, `pareto` | no |" in faults.page()
    assert "| `jitter` | ms | `0` | at least 0 | yes |" in faults.page()
