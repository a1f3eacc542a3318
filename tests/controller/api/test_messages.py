"""What goes over the wire comes out as it went in, and the tables of both sides are the same."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from google.protobuf.duration_pb2 import Duration

from brownout_controller.api import messages
from brownout_controller.backends.base import ProxyPlace, Target
from brownout_controller.engine.dry_run import CurrentReading, DryRun
from brownout_controller.engine.run_list import Row
from brownout_controller.engine.run_request import FaultRequest, RunRequest
from brownout_controller.engine.run_supervisor import HeldFaults
from brownout_controller.engine.store import Brief
from brownout_controller.model.accounting import Counts
from brownout_controller.model.journal import Judged, LeftOut, Refusal
from brownout_controller.model.judge import Judgement
from brownout_controller.model.reasons import Reason
from brownout_controller.model.results import Result
from brownout_controller.v1 import controller_pb2 as pb
from brownout_core.errors import InvalidSpec
from brownout_core.experiment_terms import Phase
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec, Selection
from brownout_core.verdict import SIGNALS, Verdict

_FAULTS = (
    FaultSpec("slow", make("latency", {"latency": 300, "jitter": 5}), "upstream", Selection(toxicity=0.25)),
    FaultSpec("gone", make("refuse", {})),
)


def test_an_order_survives() -> None:
    for order in (RunRequest("name: x", "x.yaml"), RunRequest("t", "f", "staging", {"A": "b"}, 0, "again", "margin-1")):
        assert messages.read_run_request(messages.show_run_request(order)) == order


def test_a_wish_survives() -> None:
    for wish in (
        FaultRequest(["a -> b"], _FAULTS, 60.0),
        FaultRequest(["a -> b", "c -> d"], _FAULTS[:1], 0.5, 2.0, "staging", "fixed", 2, 0, "why", "again"),
    ):
        read = messages.read_fault_request(messages.show_fault_request(wish))
        assert (list(read.faults), list(read.edges)) == (list(wish.faults), list(wish.edges))
        assert replace(read, faults=wish.faults, edges=wish.edges) == wish


def test_a_wish_needs_an_end_and_names_the_bad_fault() -> None:
    request = messages.show_fault_request(FaultRequest(["a -> b"], _FAULTS, 60.0))
    request.faults[1].latency.latency = -1
    with pytest.raises(InvalidSpec, match=r"faults\[1\]\.latency\.latency"):
        messages.read_fault_request(request)
    request.ClearField("duration")
    with pytest.raises(InvalidSpec, match="duration: missing"):
        messages.read_fault_request(request)
    with pytest.raises(InvalidSpec, match="edges"):
        messages.read_fault_request(pb.StartFaultsRequest(duration=Duration(seconds=1)))
    request.duration.FromSeconds(1)
    request.faults[1].latency.latency = 1
    request.ClearField("blast_radius")
    assert messages.read_fault_request(request).mode == "one"


def test_a_plan_survives() -> None:
    outlook = DryRun(
        "x", ["a -> b"], [Target("i", "p", "w")], list(_FAULTS), 1.5, 10.0,
        [CurrentReading("h", "< 1", 0.0, "", unit="s"), CurrentReading("g", "< 1", None, "away")],
        [Refusal("lock", "r", "s")], "trouble",
    )  # fmt: skip
    assert messages.read_dry_run(messages.show_dry_run(outlook)) == outlook


def test_places_survive() -> None:
    for place in (ProxyPlace("w", "p", ["a -> b"], ["f"]), ProxyPlace("w", trouble="away")):
        assert messages.read_place(messages.show_place(place)) == place._replace(
            edges=list(place.edges), faults=list(place.faults)
        )


def test_every_verdict_and_every_signal_has_its_number() -> None:
    for verdict in Verdict:
        assert pb.Verdict.Name(messages.show_verdict(verdict.value)) == f"VERDICT_{verdict.name}"
    assert len(pb.Verdict.keys()) == len(Verdict) + 1
    assert messages.show_verdict(None) == pb.VERDICT_UNSPECIFIED
    assert messages.SIGNALS.keys() == SIGNALS.keys()
    assert len(pb.Signal.keys()) == len(SIGNALS) + 1


def test_a_run_is_told_with_its_results_only_when_it_has_a_verdict() -> None:
    result = Result("h", get_args(Phase)[0], "held", Counts(3, 0, 1), 0.0, Reason("held", "h"))
    judgement = Judgement(Verdict.PASSED, 0, (Reason("passed"),), (result,), {"f": 3}, 1.5, None)
    told = Brief("r", "x", "local", "2026", True, None)
    before = messages.show_judgement(Row(told, "observing"), judgement)
    assert (before.run.state, before.run.verdict, len(before.results), len(before.reasons)) == ("observing", 0, 0, 0)
    after = messages.show_judgement(Row(told._replace(verdict=Judged("passed", 0, [])), "judged"), judgement)
    assert (after.run.verdict, list(after.reasons), dict(after.hits)) == (
        pb.VERDICT_PASSED, [Verdict.PASSED.meaning], {"f": 3},
    )  # fmt: skip
    (held,) = after.results
    assert (held.outcome, held.HasField("worst"), held.samples, held.good, held.unanswered) == ("held", True, 4, 3, 1)
    assert after.recovery.nanos == 500_000_000
    assert not after.HasField("stopping")


def test_what_is_left_is_never_less_than_nothing() -> None:
    assert messages.show_held(HeldFaults("r", "local", ["f"], ["t"], -0.1)).left == Duration()


def test_a_row_and_a_journal_that_was_left_out_come_back_as_they_went() -> None:
    told = Brief("r", "x", "local", "2026", False, None)
    for row in (
        Row(told, "in another process", "observing", 1.5, ["db"]),
        Row(told._replace(verdict=Judged("not-reverted", 6, ())), "judged", targets=["db", "cache"]),
        Row(told, "cut off"),
    ):
        assert messages.read_row(messages.show_row(row)) == row._replace(targets=list(row.targets))
    for one in (LeftOut("a/b", 3, "is no JSON"), LeftOut("a/b", None, "is no file")):
        assert messages.read_left_out(messages.show_left_out(one)) == one
    assert messages.show_verdict("of a later version") == pb.VERDICT_UNSPECIFIED
