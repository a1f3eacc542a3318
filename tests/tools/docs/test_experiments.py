"""The twin of cli/docs.py: the page is what is declared, and what it shows can be read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from brownout_controller.model import expectation
from brownout_controller.model.environment import Environment, Limits, read_environments
from brownout_controller.model.experiment import BlastRadius, Conditions, Load, read_experiment
from brownout_controller.model.hypothesis import Terms, Tolerate
from brownout_controller.model.safety import NETS
from brownout_controller.probes import KINDS
from brownout_core import document
from brownout_core.verdict import Verdict
from tools.docs import experiments

_DSN = "postgresql://reader@db/shop"
_PAGE = Path(__file__).parents[3] / "docs" / "experiments.md"


def test_the_page_in_the_repository_is_what_is_declared(capsys: pytest.CaptureFixture[str]) -> None:
    experiments.main()
    assert capsys.readouterr().out == _PAGE.read_text("utf-8"), "run `make gen`"


@pytest.mark.parametrize("part", [Conditions, BlastRadius, Load, Terms, Tolerate, Environment, Limits, *KINDS.values()])
def test_every_key_is_told_with_what_it_means(part: type[Conditions]) -> None:
    table = experiments.fields(part)
    for name, info in part.model_fields.items():
        row = next(line for line in table.splitlines() if f"`{info.alias or name}`" in line.partition(" | ")[0])
        assert info.description, f"{part.__name__}.{name} does not say what it means"
        assert len(row.split(" | ")) == 4
        assert "| value |" not in row


def test_types_and_defaults_are_in_words() -> None:
    table = experiments.fields(Conditions)
    assert "| `duration` | time | required | How long the fault is there. Like `30s`. |" in table
    assert "| `recovery` | time | `1m` |" in table
    assert "| `lease` | time | `10s` |" in table
    assert "| `seed` | whole number |  |" in table
    assert "| `when` | list | `baseline`, `during`, `recovery` |" in experiments.fields(Terms)
    assert "| `no_data` | `inconclusive`, `fail` or mapping | `inconclusive` |" in experiments.fields(Terms)


@pytest.mark.parametrize("kind", KINDS)
def test_every_probe_has_its_section_and_its_example_can_be_read(kind: str) -> None:
    section = experiments.probe_section(kind, KINDS[kind])
    assert section.startswith(f"### {kind}\n")
    assert f"**`{KINDS[kind].scalar}`**" in section
    content = yaml.safe_load(experiments.EXAMPLE)
    content |= {
        "hypotheses": [yaml.safe_load(KINDS[kind].example.replace("${PAYMENTS_DSN}", _DSN))],
        "baseline": 61,
        "duration": 61,
        "recovery": 61,
    }
    value = document.parse(yaml.safe_dump(content), "example.yaml", columns=True)
    (hypothesis,) = read_experiment(value, "example.yaml", KINDS).hypotheses
    assert hypothesis.probe.kind == kind


def test_the_examples_can_be_read() -> None:
    written = experiments.EXAMPLE.replace("${PAYMENTS_DSN}", _DSN)
    experiment = read_experiment(document.parse(written, "example.yaml", columns=True), "example.yaml", KINDS)
    assert len(experiment.hypotheses) == 3
    assert "staging" in read_environments(document.parse(experiments.ENVIRONMENTS, "brownout.yaml", columns=True))
    for text in experiments.EXPECTATIONS:
        expectation.parse(text)


def test_every_net_and_every_verdict_is_told() -> None:
    page = experiments.page()
    for net in NETS:
        assert f"| `{net}` |" in page
    for verdict in Verdict:
        assert f"| `{verdict}` | {verdict.exit} |" in page
