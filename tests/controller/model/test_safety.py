"""The nets, each by itself, and who is chosen; what a run does with a refusal is in tests/controller/engine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brownout_controller.model.endpoint import endpoints_of
from brownout_controller.model.environment import Limits
from brownout_controller.model.experiment import BlastRadius, Conditions
from brownout_controller.model.safety import NETS, Listener, choose, own_traffic, refusals


def _nets(*, found: int = 1, chosen: int = 1, protected: bool = False, **changes: object) -> list[str]:
    conditions = Conditions.model_validate({"name": "x", "edge": "a -> b", "duration": 10, **changes})
    names = [str(number) for number in range(found)]
    said = refusals(
        conditions, environment="e", protected=protected, limits=Limits(max_duration=60, max_targets=3),
        found=names, chosen=names[:chosen], faulted={"0": ["x"] if changes.get("name") == "faulted" else []},
    )  # fmt: skip
    assert all(item.reason and item.remedy for item in said)
    return [item.net for item in said]


def test_a_small_experiment_on_a_known_edge_is_fine() -> None:
    assert _nets() == []
    assert _nets(found=6, chosen=3) == []


def test_an_edge_that_nothing_carries_names_the_proxies_that_there_are() -> None:
    conditions = Conditions.model_validate({"name": "x", "edge": "a -> postgers", "duration": 10})

    def told(*proxies: str) -> str:
        (refusal,) = refusals(
            conditions, environment="e", protected=False, limits=Limits(), found=[], chosen=[], faulted={},
            proxies=proxies,
        )  # fmt: skip
        assert refusal.net == "zero-targets"
        return refusal.reason

    assert "did you mean postgres?" in told("redis", "postgres", "postgres")
    assert "known are: postgres, redis" in told("redis", "postgres", "postgres")
    assert "there is no proxy at all" in told()


def test_each_net_says_no_by_its_name() -> None:
    assert _nets(protected=True) == ["protected-target"]
    assert _nets(duration=61) == ["max-duration"]
    assert _nets(found=0, chosen=0) == ["zero-targets"]
    assert _nets(found=10, chosen=4) == ["large-scope"]
    assert _nets(found=4, chosen=3) == ["large-scope"]
    assert _nets(name="faulted") == ["already-faulted"]
    assert _nets(protected=True, duration=61) == ["protected-target", "max-duration"]


def test_a_net_is_switched_off_by_its_name_and_the_duration_by_nothing() -> None:
    assert _nets(protected=True, nets={"protected-target": "a rehearsal"}) == []
    with pytest.raises(ValueError, match="unknown safety net"):
        _nets(nets={"max-duration": "no"})
    with pytest.raises(ValueError, match="needs the reason"):
        _nets(nets={"lock": " "})
    assert all(NETS.values())


@pytest.mark.parametrize(
    ("radius", "there", "count"),
    [
        (BlastRadius(), 5, 1), (BlastRadius(), 0, 0), (BlastRadius(mode="all"), 5, 5),
        (BlastRadius(mode="fixed", value=3), 5, 3), (BlastRadius(mode="fixed", value=9), 5, 5),
        (BlastRadius(mode="fixed-percent", value=50), 5, 2), (BlastRadius(mode="fixed-percent", value=10), 5, 0),
    ],
)  # fmt: skip
def test_a_blast_radius_chooses_so_many(radius: BlastRadius, there: int, count: int) -> None:
    assert len(choose([str(number) for number in range(there)], radius, 7)) == count


@given(st.sets(st.text(min_size=1), max_size=8), st.integers(0, 2**32), st.integers(1, 100))
def test_the_choice_is_the_seed_s_and_not_the_order_s(names: set[str], seed: int, percent: int) -> None:
    radius = BlastRadius(mode="random-max-percent", value=percent)
    chosen = choose(sorted(names), radius, seed)
    assert chosen == choose(sorted(names, reverse=True), radius, seed)
    assert set(chosen) <= names
    assert len(chosen) <= len(names) * percent / 100


@pytest.mark.parametrize(
    "bad", [{"mode": "one", "value": 2}, {"mode": "fixed"}, {"mode": "fixed-percent", "value": 101}]
)
def test_a_radius_that_says_too_much_or_too_little_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="value"):
        BlastRadius.model_validate(bad)


@pytest.mark.parametrize(
    ("asked", "listen", "own"),
    [
        ("http://127.0.0.1:18080/pay", "127.0.0.1:18080", True),
        ("http://localhost:18080/pay", "127.0.0.1:18080", True),
        ("http://[::1]:18080/pay", "[::]:18080", True),
        ("http://0.0.0.0:18080/pay", "127.0.0.1:18080", True),
        ("redis://:secret@LOCALHOST:18080/0", "127.0.0.1:18080", True),
        ("postgresql://u:p@other:1,127.0.0.1:18080/shop", "127.0.0.1:18080", True),
        ("unix:/run/p.sock", "unix:/run/p.sock", True),
        ("127.0.0.1:18080", "127.0.0.1:18080", True),
        ("http://127.0.0.1:8080/pay", "127.0.0.1:18080", False),
        ("http://shop:18080/pay", "127.0.0.1:18080", False),
    ],
)
def test_who_talks_to_the_proxy_itself_is_refused_with_what_to_measure_instead(
    asked: str, listen: str, own: bool
) -> None:
    def said(**changes: object) -> list[str]:
        conditions = Conditions.model_validate({"name": "x", "edge": "a -> b", "duration": 10, **changes})
        listeners = [Listener("here/db", listen, "10.0.0.7:5432", "127.0.0.1:8475")]
        found = own_traffic(conditions, {"hypothesis 'fast'": list(endpoints_of(asked))}, listeners)
        assert all(item.net == "own-traffic" and "hypothesis 'fast'" in item.reason for item in found)
        return [item.remedy for item in found]

    assert ["10.0.0.7:5432" in remedy for remedy in said()] == [True] * own
    assert said(nets={"own-traffic": "the probe is the client"}) == []
    assert said(edge="outside -> b") == []
