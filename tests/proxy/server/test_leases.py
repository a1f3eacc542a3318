"""Leases on a virtual clock: what nobody renews is gone, to the moment, and what somebody renews stays."""

from __future__ import annotations

import pytest

from brownout_core import limits
from brownout_core.errors import InvalidSpec, Lapsed, Leased, TooMuch
from brownout_core.faults import make
from brownout_core.faults.active import ActiveFault
from brownout_core.faults.spec import FaultSpec
from brownout_proxy.server.events import Reason
from brownout_proxy.server.leases import ANYBODY, FORCED, LONGEST, SHORTEST, TTL, Authority, Leases
from tests.support.fakes.relay import VirtualClock

_TWO = limits.Limit(2, "leases", "leases", "")
limits.LIMITS.remove(_TWO)


class Held:
    """A proxy that remembers which faults were taken from it, when and why."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.gone: list[tuple[float, str, Reason]] = []

    def withdraw(self, active: ActiveFault, reason: Reason) -> bool:
        self.gone.append((self._clock.now(), active.spec.name, reason))
        return True


class Bench:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.leases = Leases(self.clock)
        self.proxy = Held(self.clock)

    def add(self, fault: str, lease: str, ttl: float | None = None) -> ActiveFault:
        active = ActiveFault(FaultSpec(fault, make("noop", {})), lease=lease)
        self.leases.take(lease, ttl).faults.append((self.proxy, active))
        return active


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_lease_that_nobody_renews_takes_its_faults_with_it_to_the_moment(bench: Bench) -> None:
    bench.add("a", "run", 2)
    bench.add("b", "run")
    bench.add("c", "other")
    bench.clock.advance(2)
    assert bench.proxy.gone == [(2.0, "a", "lapsed"), (2.0, "b", "lapsed")]
    assert bench.leases.lapsed == 1
    bench.clock.advance(TTL)
    assert bench.proxy.gone[2:] == [(TTL, "c", "lapsed")]
    assert len(bench.leases) == 0


def test_a_bug_at_one_proxy_leaves_no_fault_on_the_others(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Held):
        def withdraw(self, active: ActiveFault, reason: Reason) -> bool:
            raise RuntimeError("a bug")

    sound, bench.proxy = bench.proxy, Broken(bench.clock)
    bench.add("a", "run", 2)
    bench.proxy = sound
    bench.add("b", "run")
    bench.clock.advance(2)
    assert sound.gone == [(2.0, "b", "lapsed")]
    assert "the fault a of lease run could not be removed" in caplog.text


def test_each_renewal_gives_the_full_time_again(bench: Bench) -> None:
    bench.add("a", "run", 3)
    for _ in range(5):
        bench.clock.advance(2)
        assert bench.leases.renew("run").due == bench.clock.now() + 3
    assert bench.proxy.gone == []
    bench.clock.advance(3)
    assert [name for _, name, _ in bench.proxy.gone] == ["a"]


def test_another_fault_under_a_lease_renews_it_and_may_change_its_time(bench: Bench) -> None:
    bench.add("a", "run", 2)
    bench.clock.advance(1)
    bench.add("b", "run", 5)
    bench.clock.advance(4.9)
    assert bench.proxy.gone == []
    bench.clock.advance(0.1)
    assert len(bench.proxy.gone) == 2


def test_what_has_lapsed_cannot_be_renewed(bench: Bench) -> None:
    bench.add("a", "run", 1)
    bench.clock.advance(1)
    with pytest.raises(Lapsed, match="run"):
        bench.leases.renew("run")


def test_released_is_at_once_and_twice_is_no_error(bench: Bench) -> None:
    bench.add("a", "run", 1)
    assert bench.leases.release("run") == 1
    assert bench.proxy.gone == [(0.0, "a", "released")]
    assert bench.leases.release("run") == 0
    bench.clock.advance(5)
    assert bench.leases.lapsed == 0


@pytest.mark.parametrize("ttl", [0, -1, SHORTEST / 2, LONGEST * 2, float("nan")])
def test_a_time_that_protects_nobody_is_refused_and_makes_no_lease(bench: Bench, ttl: float) -> None:
    with pytest.raises(InvalidSpec, match="ttl"):
        bench.leases.take("run", ttl)
    assert len(bench.leases) == 0


def test_a_lease_has_a_name(bench: Bench) -> None:
    with pytest.raises(InvalidSpec, match=r"lease\.id"):
        bench.leases.take("")


def test_at_the_end_of_the_process_nothing_is_left_to_fire(bench: Bench) -> None:
    bench.add("a", "run", 1)
    bench.leases.close()
    bench.clock.advance(5)
    assert bench.proxy.gone == []


@pytest.mark.parametrize(
    ("by", "allowed"),
    [(ANYBODY, False), (Authority("other"), False), (Authority("run"), True), (FORCED, True)],
)
def test_what_is_under_a_lease_is_its_owners_or_for_those_who_force(bench: Bench, by: Authority, allowed: bool) -> None:
    held, free = bench.add("held", "run", 5), ActiveFault(FaultSpec("free", make("noop", {})))
    bench.leases.guard("p", [free], by)
    bench.clock.advance(2)
    if allowed:
        bench.leases.guard("p", [free, held], by)
        return
    with pytest.raises(Leased, match=r"held of proxy p is under lease run, which lapses in 3\.0 s .*--force"):
        bench.leases.guard("p", [free, held], by)


def test_a_proxy_has_one_lease_at_a_time(bench: Bench) -> None:
    held, free = bench.add("held", "run"), ActiveFault(FaultSpec("free", make("noop", {})))
    bench.leases.guard_exclusive("p", [held, free], "run")
    bench.leases.guard_exclusive("p", [free], "other")
    with pytest.raises(Leased, match="lease run"):
        bench.leases.guard_exclusive("p", [free, held], "other")


def test_leases_and_their_names_have_an_end(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LEASES", _TWO)
    bench.add("a", "run", 2)
    bench.add("b", "other")
    with pytest.raises(TooMuch, match="at most 2 leases"):
        bench.add("c", "third")
    bench.add("c", "run")
    with pytest.raises(InvalidSpec, match=r"lease\.id: may have 1,000 characters"):
        bench.add("d", "x" * 1001)
