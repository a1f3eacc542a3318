"""Experiment files: each is valid, says where its numbers are from, and is called by its scenario."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from brownout_catalogue.architecture import Architecture
from brownout_catalogue.generate.drift import is_untouched, mark
from brownout_catalogue.generate.experiment_file import Setting, Written, file_stem, write, write_top
from brownout_catalogue.rendering.listing import listing
from brownout_catalogue.scoring.scenario import kind_of_fault
from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.variables import Variables
from brownout_controller.probes import KINDS
from brownout_core import document
from tests.catalogue.generate.test_terms import server
from tests.support.builders.architectures import EXAMPLES, SHOP, example, read

ENTRY = {"": "http://127.0.0.1:8080/buy"}


def _all(architecture: Architecture, **sources: Any) -> dict[str, Written]:
    ranked = listing(architecture)
    written, _ = write_top(ranked, len(ranked.rows), Setting(architecture, "architecture.yaml", **sources))
    return {one.of: one for one in written}


def _parsed(text: str) -> Experiment:
    sources = {name: "postgresql://x/y" if "DSN" in name else "http://x/" for name in re.findall(r"\$\{(\w+)\}", text)}
    variables = Variables(sources, {})
    return read_experiment(document.parse(text, "x.yaml", variables.expand, columns=True), "x.yaml", KINDS)


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
@pytest.mark.parametrize(
    "sources", [{}, {"entries": ENTRY}, {"baselines": server()}], ids=["nothing", "entry", "prometheus"]
)
def test_every_file_is_a_valid_experiment_about_its_scenario(name: str, sources: Mapping[str, Any]) -> None:
    architecture = example(name)
    rows = {row.scenario.id: row.scenario for row in listing(architecture).rows}
    files = _all(architecture, **sources)
    assert len(files) > 5
    assert len({one.name for one in files.values()}) == len(files)
    for of, one in files.items():
        experiment = _parsed(one.text)
        assert experiment.conditions.edge == rows[of].edge
        assert experiment.content["name"] == one.name.removesuffix(".yaml")
        assert {spec.kind for spec in experiment.faults} == set(map(kind_of_fault, rows[of].faults))
        assert is_untouched(one.text)
        assert max(len(line) for line in one.text.splitlines() if not line.startswith("# ")) < 200


def test_what_is_to_be_filled_in_is_valid_as_soon_as_its_comment_signs_are_gone() -> None:
    filled = 0
    for one in _all(read(SHOP)).values():
        lines = one.text.splitlines()
        start = lines.index("hypotheses:")
        live = [re.sub(r"^  # (?=- name|  \w+: )", "  ", line) for line in lines[start:]]
        text = "\n".join([*lines[:start], *live])
        experiment = _parsed(text)
        filled += len(experiment.hypotheses) - len(_parsed(one.text).hypotheses)
        assert {kind.probe.kind for kind in experiment.hypotheses} <= {
            "traffic",
            "sql",
            "command",
            "prometheus",
            "edge",
        }
    assert filled > 5
    text = _all(read(SHOP))["database-slow/orders/postgres"].text
    opened = re.sub(r"^  # (?=method|headers|body)", "  ", text, flags=re.MULTILINE)
    assert yaml.safe_load(opened)["traffic"]["body"] == '{"amount": 1}'


def test_a_file_says_why_what_and_from_where() -> None:
    text = _all(read(SHOP), entries=ENTRY)["database-slow/orders/postgres"].text
    assert "\n# 4s is twice services.orders.calls.postgres.timeout, 2s: longer than anybody waits\n" in text
    assert text.startswith("# orders: postgres answers after 4s\n#\n# Why this one:\n#   impact    ")
    for sentence in (
        "# What goes wrong:", "# What to look for:", "by the proxy postgres, which carries orders -> postgres",
        "renews its lease",
        "expect: < 2s  # flows.buy.tolerance", 'expect: "< 1%"  # assumed: what most users do not notice',
        "url: http://127.0.0.1:8080/buy\n", 'stop: "> 50%"',
        "  # To fill in, as only you know how: nothing that was accepted is lost",
    ):  # fmt: skip
        assert sentence in text


def test_without_an_entry_the_url_is_asked_for_by_name() -> None:
    text = _all(read(SHOP))["database-slow/orders/postgres"].text
    assert 'url: "${BUY_URL}"' in text
    assert "brownout run FILE --var BUY_URL=" in text
    through = _all(read(SHOP), entries=ENTRY)["instance-dies/gateway"].text
    assert "Where the proxy before gateway answers" in through


def test_a_prometheus_is_asked_in_windows_that_its_scrapes_can_fill() -> None:
    experiment = _parsed(_all(read(SHOP), baselines=server())["database-slow/orders/postgres"].text)
    assert {hypothesis.probe.kind for hypothesis in experiment.hypotheses} == {"prometheus"}
    assert {hypothesis.terms.window for hypothesis in experiment.hypotheses} == {60.0}
    text = _all(read(SHOP), baselines=server(buckets=(0.5, 1.0, 10.0)))["database-slow/orders/postgres"].text
    assert "# The histogram has bounds at 1s and 10s: between them a p99 is interpolated." in text
    assert "# now: gateway over 1h: p99 340ms, errors 0.02 %, requests a second 12" in text
    assert '(rate(http_request_duration_seconds_bucket{job="gateway"}[3600s])))' in text
    busy = _all(read(SHOP), baselines=server(rate=1234.0, errors=0.996))["database-slow/orders/postgres"].text
    assert "errors 100 %, requests a second 1230" in busy
    secret = _all(read(SHOP), baselines=server()._replace(has_password=True))["database-slow/orders/postgres"].text
    assert 'server: "${PROMETHEUS}"' in secret


def test_rows_that_cannot_be_injected_are_told_and_do_not_count() -> None:
    architecture = example("fintech")
    ranked = listing(architecture)
    written, passed = write_top(ranked, 15, Setting(architecture, "x.yaml"))
    assert len(written) == 15
    assert passed
    for row in passed:
        assert ranked.rows[row.place - 1].scenario.title == row.title
        assert "proxy" in row.why
    assert len(write_top(ranked, 0, Setting(architecture, "x.yaml"))[0]) == 0


def test_names_are_those_of_scenarios_and_one_of_a_kind_whatever_they_hold() -> None:
    assert file_stem("database-slow/orders/postgres") == "database-slow.orders.postgres"
    strange = ["x/a.b", "x/a/b", "x/a b", "x/../b", "x/a:b", f"x/{'long' * 60}", "x/ä", "x/ö"]
    stems = [file_stem(name) for name in strange]
    assert len(set(stems)) == len(strange)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,110}", stem) and not stem.startswith(".") for stem in stems)


def test_no_name_gets_out_of_its_comment_or_its_quotes() -> None:
    evil = '"a: {refuse: true} # \'b"'
    architecture = read(f"services: {{web: {{calls: {{{evil}: {{}}}}}}, {evil}: {{kind: database}}}}")
    row = next(row for row in listing(architecture).rows if row.scenario.mode.id == "database-slow")
    text = write(row, 1, 1, Setting(architecture, "x.yaml")).text
    assert _parsed(text).faults[0].kind == "latency"
    assert _parsed(text).conditions.edge == "web -> a: {refuse: true} # 'b"
    assert mark(text) is not None


def test_the_same_architecture_gives_the_same_text(tmp_path: Path) -> None:
    assert _all(read(SHOP)) == _all(read(SHOP))
