"""What others did to the targets: named, dated and measured, and never what the run itself did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from brownout_controller.model.disturbances import DISTURBANCES, disturbances, strengths
from brownout_controller.model.journal import (
    Entered,
    Entry,
    Injected,
    Outage,
    Plan,
    Record,
    Reverted,
    Run,
    TargetState,
)
from brownout_controller.model.reasons import Reason

RUN = "20260101-000000-try-00000001"
OURS: dict[str, Any] = {
    "name": f"latency.{RUN}", "kind": "latency", "direction": "downstream", "lease": f"{RUN}/db",
    "attributes": {"latency": 3000.0, "jitter": 0.0}, "selection": {},
}  # fmt: skip


def theirs(lease: str = "") -> dict[str, Any]:
    return {"name": "toxic", "kind": "timeout", "direction": "upstream", "lease": lease, "attributes": {"timeout": 0}}


def state(*faults: Mapping[str, Any], **changes: Any) -> TargetState:
    return replace(TargetState("p/db", "one", True, "db:1", faults), **changes)


def told(*happened: tuple[float, Record]) -> list[Reason]:
    return disturbances(journal(*happened))


def journal(*happened: tuple[float, Record]) -> list[Entry]:
    """A run of 60 s with a fault from 20 to 40, and what happened meanwhile."""
    frame: list[tuple[float, Record]] = [
        (0, Run(RUN, "1", "", {}, (), {}, 1, "", 20)),
        (0, state()),
        (0, Entered("baseline", "planned")),
        (20, Injected("u0", "p/db", [OURS["name"]], 10, [OURS])),
        (20, Entered("observing", "injecting")),
        (20.5, state(OURS)),
        (40, Reverted("u0", "p/db", verified=True)),
        (40, Entered("recovering", "reverting")),
        (40.5, state()),
        (60, Entered("judged", "recovering")),
    ]
    ordered = sorted([*frame, *happened], key=lambda item: item[0])
    return [Entry(number, at, record) for number, (at, record) in enumerate(ordered)]


def seen(reason: Reason) -> tuple[str, float, float]:
    return reason.code, reason.numbers["at"].value, round(reason.numbers["seconds"].value, 3)


def test_a_run_that_nobody_disturbed_has_nothing_to_report() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("since", "until", "before", "lease", "run"),
    [
        (10.0, 12.0, (), "", ""),
        (25.0, 31.0, (OURS,), "", ""),
        (45.0, 55.0, (), "20260101-000001-other-00000002/db", "20260101-000001-other-00000002"),
    ],
    ids=["baseline", "fault", "recovery"],
)
def test_a_fault_of_somebody_else_is_named_in_every_phase(
    since: float, until: float, before: tuple[dict[str, Any], ...], lease: str, run: str
) -> None:
    (reason,) = told((since, state(*before, theirs(lease))), (until, state(*before)))
    assert seen(reason) == ("foreign-fault", since, until - since)
    assert reason.subject == "p/db"
    assert (reason.words["fault"], reason.words["kind"], reason.words.get("run", "")) == ("toxic", "timeout", run)


def test_a_fault_that_stays_is_there_until_the_end_of_the_run() -> None:
    (reason,) = told((50, state(theirs())))
    assert seen(reason) == ("foreign-fault", 50, 10)


def test_a_fault_that_comes_twice_is_two_disturbances() -> None:
    found = told((5, state(theirs())), (6, state()), (10, state(theirs())), (11, state()))
    assert [seen(reason) for reason in found] == [("foreign-fault", 5, 1), ("foreign-fault", 10, 1)]


def test_a_fault_that_was_there_at_the_first_look_was_allowed_by_who_switched_the_net_off() -> None:
    entries = [
        entry._replace(record=state(theirs(), *entry.record.faults)) if isinstance(entry.record, TargetState) else entry
        for entry in journal()
    ]
    assert disturbances(entries) == []


def test_a_proxy_that_was_disabled_for_a_moment_is_named() -> None:
    assert [seen(reason) for reason in told((30, state(OURS, enabled=False)), (31, state(OURS)))] == [
        ("proxy-disabled", 30, 1)
    ]


def test_another_upstream_is_one_disturbance_whatever_else_changes_meanwhile() -> None:
    moved = state(upstream="other:2"), state(OURS, upstream="other:2")
    found = disturbances([
        entry._replace(record=moved[1]) if entry.at == 20.5 else entry
        for entry in journal((15, moved[0]), (30, state(OURS)))
    ])  # fmt: skip
    assert [seen(reason) for reason in found] == [("upstream-changed", 15, 15)]
    assert found[0].words == {"before": "db:1", "after": "other:2"}


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ({}, []),
        ({"upstream": "other:2"}, [("upstream-changed", 0.0, 20.5)]),
        ({"enabled": False}, [("proxy-disabled", 0.0, 20.5)]),
        ({"instance": "two"}, [("proxy-restarted", 0.0, 0.0), ("proxy-restarted", 20.5, 0.0)]),
    ],
    ids=["nothing", "upstream", "disabled", "restarted"],
)
@pytest.mark.parametrize("disabled", [[], None], ids=["today", "older journal"])
def test_what_changed_between_the_plan_and_the_first_look_is_compared_with_the_plan(
    now: dict[str, Any], found: list[tuple[str, float, float]], disabled: list[str] | None
) -> None:
    plan = Plan([{"id": "p/db", "instance": "one", "upstream": "db:1"}], [], [], disabled=disabled)
    entries = [
        entry._replace(record=state(**now)) if entry.at == 0 and isinstance(entry.record, TargetState) else entry
        for entry in journal((0, plan))
    ]
    entries.sort(key=lambda entry: (entry.at, isinstance(entry.record, TargetState)))
    reasons = disturbances(entries)
    if disabled is None:
        assert {reason.numbers["at"].value for reason in reasons} <= {20.5}
        return
    assert [seen(reason) for reason in reasons] == found
    if "upstream" in now:
        assert reasons[0].words == {"before": "db:1", "after": "other:2"}


def test_another_process_behind_the_same_address_is_a_restart() -> None:
    assert [seen(reason) for reason in told((50, state(instance="two")), (55, state(instance="two")))] == [
        ("proxy-restarted", 50, 0)
    ]


@pytest.mark.parametrize(
    ("cause", "code"),
    [("frozen", "proxy-frozen"), ("unreachable", "proxy-unreachable"), ("missing", "proxy-missing")],
)
def test_a_target_that_did_not_run_is_named_from_when_it_stopped(cause: str, code: str) -> None:
    (reason,) = told((35, Outage("p/db", cause, 3.5, "no answer")))  # type: ignore[arg-type]
    assert seen(reason) == (code, 31.5, 3.5)


def test_an_outage_that_two_looks_saw_is_one() -> None:
    first, again = Outage("p/db", "frozen", 2.6), Outage("p/db", "frozen", 2.8)
    assert [seen(reason) for reason in told((25, first), (26, again))] == [("proxy-frozen", 22.4, 2.8)]
    assert len(told((25, first), (26, replace(again, target="p/other")))) == 2
    assert len(told((25, first), (30, again))) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attributes": {"latency": 1.0, "jitter": 0.0}}, {"was:latency": "3000", "now:latency": "1"}),
        ({"selection": {"toxicity": 0.1}}, {"was:toxicity": "", "now:toxicity": "0.1"}),
        ({"direction": "upstream"}, {"was:direction": "downstream", "now:direction": "upstream"}),
    ],
    ids=["attribute", "selector", "direction"],
)
def test_a_fault_of_ours_that_was_changed_is_no_longer_what_was_asked_for(
    change: dict[str, Any], words: dict[str, str]
) -> None:
    (reason,) = told((30, state({**OURS, **change})), (33, state(OURS)))
    assert seen(reason) == ("fault-changed", 30, 3)
    assert reason.words == {"fault": OURS["name"], "kind": "latency", **words}


def test_a_fault_that_was_changed_before_anybody_looked_is_seen_as_well() -> None:
    entries = [
        entry._replace(record=state({**OURS, "attributes": {"latency": 1.0}})) if entry.at == 20.5 else entry
        for entry in journal()
    ]
    assert [seen(reason) for reason in disturbances(entries)] == [("fault-changed", 20.5, 20)]


def test_strength_is_known_second_by_second() -> None:
    weak = {**OURS, "attributes": {"latency": 1.0, "jitter": 0.0}}
    found = strengths(journal((30, state(weak)), (33, state(OURS)), (35, state(OURS, theirs()))))
    assert [(item.since, item.until, item.attributes["latency"]) for item in found] == [
        (20.5, 30, 3000), (30, 33, 1), (33, 40.5, 3000),
    ]  # fmt: skip


def test_an_older_journal_has_no_ground_to_report_on() -> None:
    entries = [entry for entry in journal() if not isinstance(entry.record, TargetState)]
    assert disturbances(entries) == []
    assert strengths(entries) == []


def test_every_disturbance_has_a_code_that_is_declared() -> None:
    found = told(
        (1, state(theirs())), (2, state(enabled=False)), (3, state(upstream="x")), (4, state(instance="two")),
        (5, Outage("p/db", "frozen", 3)), (6, Outage("p/db", "unreachable", 3)), (7, Outage("p/db", "missing", 3)),
        (30, state({**OURS, "kind": "cut"})),
    )  # fmt: skip
    assert {reason.code for reason in found} == set(DISTURBANCES) - {"proxy-enabled"}
