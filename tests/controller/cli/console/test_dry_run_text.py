"""A rehearsal: what would be done and what is read now, without touching anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from brownout_controller.backends.base import BackendError, Target
from brownout_controller.cli.console import dry_run_text
from brownout_controller.engine.dry_run import CurrentReading, DryRun, dry_run
from brownout_controller.engine.planning import Setup
from brownout_controller.model.environment import Environment
from brownout_controller.model.probe import Reading
from brownout_controller.model.secrets import Masker
from brownout_core import document
from brownout_core.faults import make
from brownout_core.faults.fault_yaml import read_fault
from brownout_core.faults.spec import FaultSpec
from tests.support.builders.experiments import claimed
from tests.support.fakes.backends import FailingBackend
from tests.support.fakes.probes import READINGS


@pytest.fixture(autouse=True)
def told() -> Iterator[None]:
    yield
    READINGS.clear()


def _rehearsed(*claims: dict[str, Any], backend: FailingBackend | None = None, **changes: Any) -> DryRun:
    READINGS["value"] = lambda: Reading(3.0)
    setup = Setup(
        claimed(*claims, **changes), Environment(), "here", backend or FailingBackend(), 1, "", Masker(["hunter2"])
    )  # fmt: skip
    return asyncio.run(dry_run(setup, measure=True))


def _printed(one: DryRun, capsys: pytest.CaptureFixture[str], *, as_json: bool = False) -> tuple[int, str]:
    status = dry_run_text.print_dry_runs([one], "here", as_json=as_json)
    return status, capsys.readouterr().out


def test_it_tells_what_would_be_done_and_touches_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    backend = FailingBackend()
    status, told = _printed(_rehearsed(backend=backend), capsys)
    assert status == 0
    for line in (
        "try: app -> db in here; a dry run, nothing is touched",
        "inject   latency on answers (latency 1s): Delays every byte",
        "the fault ends by itself within 1s",
        "takes    500ms: baseline 100ms, fault 300ms, recovery 100ms",
    ):
        assert line in told
    assert told.splitlines()[-1].split() == ["value", "is", "low", "<", "10", "3", "ok"]
    assert set(backend.asked) <= {"counts"}
    assert backend.clean


def test_what_does_not_hold_now_would_end_the_run_before_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    one = _rehearsed({"name": "h", "told": "value", "expect": "< 2"})
    status, told = _printed(one, capsys)
    assert one.readings[0].holds is False
    assert "does not hold now" in told
    assert told.endswith("the baseline would not hold and nothing would be injected: h\n")
    assert status == 0


def test_hypotheses_are_read_beside_each_other_and_one_that_hangs_holds_up_nobody() -> None:
    claims = [{"name": f"h{n}", "together": 10, "expect": "== 1"} for n in range(10)]
    one = _rehearsed(*claims, {"name": "stuck", "stuck": "x", "expect": "< 2", "timeout": "0.1s"})
    assert [now.holds for now in one.readings] == [True] * 10 + [None]
    assert one.readings[-1].why == "no answer within 0.1 s"


def test_what_is_there_during_a_run_only_is_said_so_and_is_nothing_bad(capsys: pytest.CaptureFixture[str]) -> None:
    claims = [
        {"name": "load", "traffic": "p99", "expect": "< 2s"},
        {"name": "hits", "edge": "hits", "expect": "> 0"},
        {"name": "relative", "told": "value", "expect": "<= 2 * baseline"},
    ]
    load = {"url": "http://127.0.0.1:1/?key=hunter2", "rate": 500, "method": "POST"}
    status, told = _printed(_rehearsed(*claims, traffic=load), capsys)
    assert status == 0
    assert told.count("measured during a run only") == 2
    assert "is measured in a run" in told
    assert "would not hold" not in told
    assert "traffic  POST http://127.0.0.1:1/?key=***, 500 a second" in told


def test_a_name_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = _printed(_rehearsed(name="evil\x07\u202e\nname"), capsys)
    assert told.startswith("evil\\x07\\u202e name: ")


def test_refusals_are_told_with_the_remedy_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    one = _rehearsed(backend=FailingBackend({}))
    status, told = _printed(one, capsys)
    assert status == 4
    assert "(zero-targets); " in told
    assert told.endswith("a run would end refused, exit 4\n")
    status, told = _printed(one, capsys, as_json=True)
    (plain,) = json.loads(told)
    assert (status, plain["exit"], plain["refusals"][0]["net"]) == (4, 4, "zero-targets")
    assert plain["hypotheses"][0]["value"] == 3


def test_targets_that_cannot_be_asked_are_a_trouble_and_hypotheses_are_read_all_the_same(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Away(FailingBackend):
        async def targets(self, edge: str) -> list[Target]:
            raise BackendError("h:1 does not answer")

    one = _rehearsed(backend=Away())
    status, told = _printed(one, capsys)
    assert status == 3
    assert "target   h:1 does not answer" in told
    assert one.readings[0].value == 3


def test_a_fault_is_told_with_its_conditions() -> None:
    value = document.parse(
        "{bandwidth: 64KB/s, direction: upstream, toxicity: 25%, clients: [10.0.0.0/8], first: 3}", "f", columns=True
    )
    assert value is not None
    told = dry_run_text.in_words(read_fault(value))
    assert told.startswith(
        "bandwidth on requests (rate 64KB/s, 25% of the connections, clients 10.0.0.0/8, the first 3)"
    )


def test_several_edges_and_a_value_in_its_unit(capsys: pytest.CaptureFixture[str]) -> None:
    fault = FaultSpec("slow", make("latency", {"latency": 300}))
    one = DryRun(
        "x", ["a -> b", "c -> d"], [Target("h:1/p", "p", "h:1")], [fault], 5.0, 10.0,
        [
            CurrentReading("h", "< 1s", 0.25, "", True, ("baseline",), unit="s"),
            CurrentReading("g", "< 1", None, "away", None, ("recovery",)),
        ], [],
    )  # fmt: skip
    status, told = _printed(one, capsys)
    assert (status, told.splitlines()[0]) == (0, "x: a -> b, c -> d in here; a dry run, nothing is touched")
    assert told.splitlines()[-2].split() == ["h", "<", "1s", "250ms", "ok"]
    assert told.splitlines()[-1].split() == ["g", "<", "1", "-", "away"], "it is looked at in the recovery only"
    assert dry_run_text.print_dry_runs([one, replace(one, trouble="away")], "here") == 3


def test_several_values_are_judged_by_their_rule_and_what_the_load_brings_is_not_missed_before_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    claims = [{"name": rule, "told": "value", "expect": "< 10", "series": rule} for rule in ("all", "any", "one")]
    READINGS["value"] = lambda: Reading(None, "the query gave 2 values", series=(("a", 3.0), ("b", 30.0)))
    setup = Setup(claimed(*claims), Environment(), "here", FailingBackend(), 1, "")
    one = asyncio.run(dry_run(setup, measure=True))
    assert [now.holds for now in one.readings] == [False, True, None]
    assert _printed(one, capsys)[1].endswith("nothing would be injected: all, one\n")
    loaded = replace(one, traffic="GET x", readings=one.readings[1:])
    assert _printed(loaded, capsys)[1].endswith("no load is sent now, and with it these must have data: one\n")
