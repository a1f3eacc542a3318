"""What a verdict rests on: how much met the fault, on which targets, and whether anything moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from brownout_controller.model.evidence import Evidence, evidence, reach
from brownout_controller.model.journal import Counted, Entered, Entry, LoadSecond, Plan, Record, Run, Sample
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec, Selection

RATE = 10
"""Requests a second of the load."""


def counted(target: str = "db", **changes: Any) -> Counted:
    return replace(Counted(target, 0, 0, 0, {}, {}), **changes)


def hit(exchanges: int, met: int, target: str = "db", *, connections: int = 0, hits: int | None = None) -> Counted:
    """Totals under the fault: so many exchanges, of which so many met it."""
    return counted(
        target, exchanges=exchanges, hits={"slow": met + connections if hits is None else hits},
        met={"slow": connections}, met_exchanges={"slow": met},
    )  # fmt: skip


def run(
    *happened: tuple[float, Record], targets: Sequence[str] = ("db",), load: float = RATE, when: Sequence[str] = (),
    **plan: Any,
) -> Evidence:  # fmt: skip
    """A baseline of 20 s, a fault of 30 s, a recovery of 10 s."""
    terms = [{"name": "fast", "when": list(when or ("baseline", "during", "recovery"))}]
    frame: list[tuple[float, Record]] = [
        (0, Run("r", "1", "", {}, terms, {}, 1, "", 10)),
        (0, Plan([{"id": name} for name in targets], ["slow"], [], **{
            "found": len(targets), "reach": 1.0, "min_share": 0.05, **plan,
        })),
        (0, Entered("baseline", "planned")),
        (20, Entered("injecting", "baseline")),
        (20, Entered("observing", "injecting")),
        (50, Entered("reverting", "observing")),
        (50, Entered("recovering", "reverting")),
        (60, Entered("judged", "recovering")),
    ]  # fmt: skip
    frame += [(second + 1, LoadSecond(second, int(load), int(load), 0)) for second in range(60) if load]
    ordered = sorted([*frame, *happened], key=lambda item: item[0])
    return evidence(Entry(number, at, record) for number, (at, record) in enumerate(ordered))


def ended(told: Evidence) -> list[str]:
    return [reason.code for reason in told.doubts()]


def test_each_target_has_to_meet_the_fault() -> None:
    told = run((1, hit(0, 0, "a")), (1, hit(0, 0, "b")), (49, hit(300, 300, "a")), (49, hit(0, 0, "b")),
               targets=("a", "b"))  # fmt: skip
    (reason,) = told.doubts()
    assert (reason.code, reason.subject, reason.words["fault"]) == ("no-hits", "b", "slow")


@pytest.mark.parametrize(("met", "doubts"), [("all", 1), ("any", 0), (1, 0), (2, 1), (3, 1)])
def test_fewer_targets_may_be_asked_for(met: Any, doubts: int) -> None:
    told = run((49, hit(300, 300, "a")), (49, hit(0, 0, "b")), targets=("a", "b"), met=met)
    assert len(told.doubts()) == doubts


def test_more_targets_than_there_are_cannot_be_asked_for() -> None:
    assert run((1, hit(0, 0)), (49, hit(300, 300)), met=3).doubts() == []


def test_each_of_several_faults_has_to_meet_traffic() -> None:
    told = run((49, counted(hits={"slow": 5, "narrow": 0}, met_exchanges={"slow": 5})))
    assert [(contact.fault, contact.hits) for contact in told.idle] == [("narrow", 0)]
    (reason,) = told.doubts()
    assert (reason.code, reason.subject) == ("no-traffic", "narrow")


@pytest.mark.parametrize(
    ("exchanges", "met", "connections", "share"),
    [
        (300, 300, 10, 1.0),  # a pool of ten connections
        (300, 300, 1, 1.0),  # one kept connection that carries the whole load
        (900, 900, 1, 1.0),  # three queries for each request
        (2, 2, 2, 2 / 300),  # nearly all of it came from a cache
        (2, 2, 1, 2 / 300),
        (0, 0, 300, 1.0),  # refused before anything was said
    ],
    ids=["pool", "one-connection", "three-each", "sliver", "sliver-on-one", "refused"],
)
def test_the_share_is_counted_in_exchanges_and_not_in_connections(
    exchanges: int, met: int, connections: int, share: float
) -> None:
    told = run((1, hit(0, 0)), (19, hit(0, 0)), (49, hit(exchanges, met, connections=connections)))
    assert told.share is not None
    assert told.share.value == pytest.approx(share)
    assert told.share.of == "requests"
    assert ended(told) == ([] if share == 1 else ["small-share"])


def test_many_hits_on_few_requests_are_still_few_requests() -> None:
    assert ended(run((1, hit(0, 0)), (49, hit(2, 2, hits=5000)))) == ["small-share"]


def test_a_file_may_ask_for_less() -> None:
    assert run((1, hit(0, 0)), (49, hit(6, 6)), min_share=0.01).doubts() == []
    assert ended(run((1, hit(0, 0)), (49, hit(6, 6)), min_share=0.05)) == ["small-share"]


def test_a_health_checker_beside_a_service_that_goes_around_the_proxy_is_a_sliver() -> None:
    told = run((1, hit(0, 0)), (10, hit(10, 0)), (20, hit(20, 0)), (50, hit(50, 30)), load=100)
    assert told.share is not None
    assert told.share.value == pytest.approx(0.01)
    assert ended(told) == ["small-share"]


def test_a_breaker_that_opens_has_met_the_fault_though_little_came_afterwards() -> None:
    told = run(
        (1, counted(exchanges=10)), (10, counted(exchanges=100)), (20, counted(exchanges=200)), (49, hit(205, 5))
    )
    assert told.share is not None
    assert (told.share.value, told.share.before) == (1.0, 1.0)
    assert told.doubts() == []


def test_a_cache_that_was_full_before_the_fault_is_no_breaker() -> None:
    told = run((1, counted(exchanges=10)), (9, counted(exchanges=90)), (20, counted(exchanges=91)), (49, hit(93, 2)))
    assert ended(told) == ["small-share"]


@pytest.mark.parametrize(
    ("plan", "met"),
    [
        ({"reach": 0.25, "found": 4}, 75),  # one of four replicas
        ({"reach": 0.25, "found": 1}, 75),  # a quarter of the connections
    ],
    ids=["replica", "toxicity"],
)
def test_the_share_is_of_what_blast_radius_and_selectors_leave(plan: dict[str, Any], met: int) -> None:
    carried = met if plan["found"] == 4 else 300
    told = run((1, hit(0, 0)), (49, hit(carried, met)), **plan)
    assert told.share is not None
    assert told.share[:3] == (1.0, met, 75)


def test_what_met_the_fault_is_compared_with_what_the_edge_carried_where_there_is_no_load() -> None:
    told = run((1, hit(0, 0)), (20, hit(0, 0)), (49, hit(200, 4)), load=0)
    assert told.share is not None
    assert (told.share.of, told.share.value, told.share.possible) == ("exchanges", 0.02, 200)
    assert ended(told) == ["small-share"]


def test_a_fault_that_misses_most_of_a_busy_edge_is_a_sliver_though_the_load_is_small() -> None:
    assert ended(run((1, hit(0, 0)), (20, hit(0, 0)), (49, hit(100_000, 300)))) == ["small-share"]


def test_an_older_journal_has_no_share_and_keeps_its_verdict() -> None:
    assert run((49, hit(2, 2)), reach=None).share is None
    assert run((49, hit(2, 2)), reach=None).doubts() == []


@pytest.mark.parametrize(
    ("chosen", "found", "selections", "expected"),
    [
        (1, 1, [{}], 1.0),
        (1, 4, [{}], 0.25),
        (2, 2, [{"toxicity": 0.25}], 0.25),
        (1, 2, [{"every": 5}], 0.1),
        (1, 1, [{"toxicity": 0.1}, {"toxicity": 0.5}], 0.5),
        (1, 1, [{"first": 2}], None),
        (1, 1, [{"clients": ["10.0.0.0/8"]}], None),
        (0, 0, [{}], None),
    ],
)
def test_reach_is_what_the_faults_may_meet(
    chosen: int, found: int, selections: list[dict[str, Any]], expected: float | None
) -> None:
    faults = [FaultSpec(f"f{n}", make("noop", {}), selection=Selection(**one)) for n, one in enumerate(selections)]
    assert reach(faults, found, chosen) == expected


def samples(phase: Any, *values: float | None) -> list[tuple[float, Record]]:
    start = {"baseline": 5.0, "during": 25.0}[phase]
    return [(start + number, Sample("fast", phase, value, "" if value is not None else "no answer"))
            for number, value in enumerate(values)]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "under", "changed"),
    [
        ((10, 12, 11), (11, 12, 11, 13), False),
        ((10, 12, 11), (30, 31, 30), True),
        ((10, 12, 11), (11, 40, 11, 11, 12), False),  # one odd sample is noise
        ((10, 12, 11), (11, 40, 11, 41, 12), True),
        ((0, 0, 0), (0, 0, 0), False),
        ((0, 0, 0), (0, 1, 1), True),
        ((100, 100, 100), (104, 104, 104), False),  # within a twentieth
        ((10, 12), (None, None), True),
        ((10, None), (None, 11), False),
        ((10,), (50,), True),
        ((), (1, 2), None),
        ((1, 2), (), None),
    ],
)
def test_a_value_has_changed_when_it_left_what_the_baseline_spanned(
    before: tuple[float | None, ...], under: tuple[float | None, ...], changed: bool | None
) -> None:
    told = run((1, hit(0, 0)), (49, hit(300, 300)), *samples("baseline", *before), *samples("during", *under))
    (move,) = told.moves
    assert move.changed is changed
    assert told.unmoved is (changed is False)


def test_nothing_was_claimed_for_the_time_of_the_fault() -> None:
    assert run((49, hit(300, 300)), when=["recovery"]).claimed is False
    assert run((49, hit(300, 300)), when=["baseline", "during"]).claimed is True


def test_the_flow_of_the_edge_is_known_phase_by_phase() -> None:
    told = run(
        (0, counted(connections=5, exchanges=50, sent_upstream=500)),
        (20, counted(connections=7, exchanges=250, sent_upstream=2500)),
        (49.5, counted(connections=17, exchanges=300, sent_upstream=3000, injected_delay=90.0, resets=3,
                       ended_by_fault=2, dial_failures=1)),
        (60, counted(connections=1, exchanges=100, sent_upstream=1000)),  # made anew: it counts from 0
    )  # fmt: skip
    before, under, after = told.flows
    assert (before.phase, before.seconds, before.connections, before.exchanges) == ("baseline", 20, 2, 200)
    assert (under.connections, under.exchanges, under.resets) == (10, 50, 3)
    assert under.delay == 90
    assert (under.ended_by_fault, under.dial_failures) == (2, 1)
    assert under.per_second(under.exchanges) == pytest.approx(5 / 3)
    assert (after.connections, after.exchanges) == (0, 0)


def test_what_rose_between_two_looks_belongs_to_both_phases_by_their_parts() -> None:
    told = run((0, counted()), (18, counted(exchanges=180)), (22, counted(exchanges=220)), (50, counted(exchanges=500)))
    assert [flow.exchanges for flow in told.flows] == [200, 300, 0]


def test_a_run_that_injected_nothing_has_no_evidence() -> None:
    assert evidence([]) == Evidence()
    assert evidence([Entry(0, 0, Plan([], [], []))]).doubts() == []
