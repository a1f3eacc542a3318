"""A link on a virtual clock: order, times, backpressure and ends, exactly."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brownout_core.faults import make
from brownout_core.faults.active import ActiveFault
from brownout_core.faults.spec import DOWNSTREAM, UPSTREAM, FaultSpec
from brownout_proxy.relay.budget import Budget
from brownout_proxy.relay.link import Link, Traffic
from tests.support.fakes.relay import FakeOwner, FakePort, VirtualClock


def fault(kind: str, **attributes: object) -> ActiveFault:
    return ActiveFault(FaultSpec(kind, make(kind, attributes, text=True), UPSTREAM))


class Bench:
    """A connected link between two fake ports."""

    def __init__(self, *faults: ActiveFault, buffer: int = 1 << 30, connected: bool = True) -> None:
        self.clock, self.owner, self.budget = VirtualClock(), FakeOwner(), Budget(buffer)
        self.source, self.sink = FakePort(self.clock), FakePort(self.clock)
        self.link = Link(UPSTREAM, self.owner, self.source, self.clock, self.budget, Traffic())
        self.link.apply(faults)
        if connected:
            self.connect()

    def connect(self) -> None:
        if self.link.sink is None:
            self.link.connect(self.sink, self.sink.write)

    def feed(self, data: bytes, chunks: Sequence[int] = ()) -> None:
        for size in chunks:
            self.link.feed(data[:size])
            data = data[size:]
        if data:
            self.link.feed(data)


def test_without_faults_bytes_pass_at_once() -> None:
    bench = Bench()
    bench.feed(b"abc")
    assert bench.sink.arrived == [(0.0, b"abc")]
    assert bench.link.plain


@pytest.mark.parametrize(("size", "paused"), [(1, False), (200_000, True)])
def test_what_comes_before_there_is_a_sink_waits_and_much_of_it_pauses_the_source(size: int, paused: bool) -> None:
    clock, owner, budget = VirtualClock(), FakeOwner(), Budget(1 << 20)
    source, sink = FakePort(clock), FakePort(clock)
    link = Link(UPSTREAM, owner, source, clock, budget, Traffic())
    link.feed(bytes(size))
    assert source.paused is paused
    assert budget.used >= size
    link.connect(sink, sink.write)
    assert sink.data == bytes(size)
    assert not source.paused
    assert budget.used == 0


def test_a_sink_that_early_bytes_fill_keeps_its_source_paused() -> None:
    bench = Bench(connected=False)

    def write(data: bytes) -> None:
        bench.sink.blocked = True
        bench.link.sink_blocked()

    bench.feed(b"early")
    bench.link.connect(bench.sink, write)
    assert bench.source.paused


def test_fin_travels_behind_the_data_and_is_delayed_like_it() -> None:
    bench = Bench(fault("latency", latency="1s"), fault("slow_close", delay="2s"))
    bench.feed(b"abc")
    bench.clock.advance(0.5)
    bench.link.feed_end("eof")
    bench.clock.advance(10)
    assert bench.sink.arrived == [(1.0, b"abc")]
    assert bench.sink.ends == [(3.5, "eof")]
    assert bench.owner.done == 1


def test_rst_does_not_wait_for_a_sink_that_takes_nothing() -> None:
    bench = Bench(fault("latency", latency="1s"))
    bench.sink.blocked = True
    bench.feed(b"abc")
    bench.link.feed_end("reset")
    bench.clock.advance(2)
    assert bench.sink.ends == [(1.0, "reset")]
    assert bench.budget.used == 0


def test_removing_a_latency_lets_everything_go_at_once_and_in_order() -> None:
    bench = Bench(fault("latency", latency="10s"))
    for n in range(5):
        bench.feed(b"%d" % n)
        bench.clock.advance(0.1)
    bench.link.apply([])
    assert bench.sink.data == b"01234"
    assert bench.link.plain
    assert bench.budget.used == 0


@given(
    sizes=st.lists(st.integers(1, 3000), max_size=8),
    held_by=st.sampled_from(
        [
            ("latency", {"latency": "10s", "jitter": "2s"}),
            ("bandwidth", {"rate": "1KB/s"}),
            ("limit_data", {"bytes": "4KB"}),
        ]
    ),
)
def test_what_a_removed_fault_held_has_the_same_fate_whether_it_is_planned_or_released(
    sizes: list[int], held_by: tuple[str, dict[str, str]]
) -> None:
    def fates(*, planned: bool) -> tuple[object, ...]:
        kind, attributes = held_by
        bench = Bench(fault(kind, **attributes))
        for number, size in enumerate(sizes):
            bench.feed(bytes([number]) * size)
            bench.clock.advance(0.1)
        bench.sink.blocked = planned  # a sink that takes nothing has its bytes planned
        bench.link.apply([])
        if planned:
            bench.sink.blocked = False
            bench.link.sink_ready()
        released = (bench.sink.data, bench.budget.used, bench.link.plain, bench.source.paused)
        bench.link.apply([fault("latency", latency="1s", jitter="500ms")])  # draws by the offset in the stream
        bench.feed(b"later" * 2000)
        bench.clock.advance(5)
        return *released, [(at, byte) for at, data in bench.sink.arrived for byte in data], bench.link.traffic.sent

    assert fates(planned=False) == fates(planned=True)


def test_a_sink_that_is_full_pauses_the_source_until_it_takes_bytes_again() -> None:
    bench = Bench()
    bench.sink.blocked = True
    bench.link.sink_blocked()
    assert bench.source.paused
    bench.sink.blocked = False
    bench.link.sink_ready()
    assert not bench.source.paused


def test_a_spent_budget_pauses_the_source_and_relief_lets_it_go_on() -> None:
    bench = Bench(fault("latency", latency="1s"), buffer=500_000)
    for _ in range(5):
        bench.feed(bytes(200_000))
    assert bench.source.paused
    assert bench.budget.waits == 1
    bench.clock.advance(1)
    assert not bench.source.paused
    assert bench.budget.used == 0


def test_a_limit_closes_after_exactly_its_bytes_though_they_are_late() -> None:
    bench = Bench(fault("limit_data", bytes=5), fault("latency", latency="1s"))
    bench.feed(b"1234567")
    assert bench.owner.ended == []
    bench.clock.advance(1)
    assert bench.sink.data == b"12345"
    assert bench.owner.ended == ["close"]


def test_a_higher_limit_counts_what_was_sent_before() -> None:
    active = fault("limit_data", bytes=5)
    bench = Bench(active)
    bench.feed(b"1234")
    active.spec = FaultSpec("limit_data", make("limit_data", {"bytes": 7}), UPSTREAM)
    bench.link.apply([active])
    bench.feed(b"56789")
    assert bench.sink.data == b"1234567"
    assert bench.owner.ended == ["close"]


def test_removing_a_timeout_ends_the_connection_only_if_bytes_are_missing() -> None:
    for lost, ended in ((b"", []), (b"x", ["close"])):
        bench = Bench(fault("timeout"))
        bench.feed(lost)
        bench.link.apply([])
        assert bench.owner.ended == ended


@pytest.mark.parametrize(("kind", "how"), [("timeout", "close"), ("cut", "close"), ("reset_peer", "reset")])
def test_an_alarm_rings_without_traffic(kind: str, how: str) -> None:
    active = fault(kind, **{"after" if kind == "cut" else "timeout": "3s"})
    bench = Bench(active)
    bench.clock.advance(2.9)
    assert bench.owner.ended == []
    bench.clock.advance(0.2)
    assert bench.owner.ended[0] == how
    assert active.hits >= 1


def test_a_bug_in_a_fault_is_told_to_the_connection_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(fault("latency", latency="1s"))
    monkeypatch.setattr("brownout_proxy.relay.schedule.Schedule.plan", lambda self, now: 1 / 0)
    bench.feed(b"x")
    assert [type(error) for error in bench.owner.errors] == [ZeroDivisionError]


@pytest.mark.parametrize("kind", ["slicer", "corrupt"])
def test_a_transfer_that_takes_long_lets_others_have_their_turn(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(fault(kind, average_size=1) if kind == "slicer" else fault(kind, probability="100%", segment=1))
    write = bench.sink.write

    def costly(data: bytes) -> None:
        bench.clock.time += 1e-3
        write(data)

    monkeypatch.setattr(bench.sink, "write", costly)
    bench.link.connect(bench.sink, costly)
    bench.feed(bytes(100))
    assert 0 < len(bench.sink.arrived) <= 3
    bench.clock.advance(0)
    assert len(bench.sink.data) == 100


def test_a_sink_is_told_when_segments_are_no_longer_wanted() -> None:
    bench = Bench(fault("slicer", average_size=10))
    bench.feed(bytes(100))
    assert bench.sink.separates
    bench.link.apply([fault("latency", latency=1)])
    assert not bench.sink.separates


def test_what_a_link_holds_is_unfinished() -> None:
    bench = Bench(fault("latency", latency=1000))
    assert not bench.link.unfinished
    bench.feed(b"x")
    assert bench.link.unfinished
    bench.clock.advance(1)
    assert not bench.link.unfinished


def test_delay_is_counted_as_injected_and_not_as_a_slow_reader_makes_it() -> None:
    bench = Bench(fault("latency", latency=1000))
    bench.feed(b"x")
    bench.sink.blocked = True
    bench.clock.advance(10)
    bench.sink.blocked = False
    bench.link.sink_ready()
    assert bench.sink.data == b"x"
    assert bench.link.traffic.delay_sum == 1.0


def test_a_reset_that_waits_is_no_hit_however_often_it_is_looked_at() -> None:
    latency = fault("latency", latency=1000)
    bench = Bench(latency)
    bench.link.feed_end("reset")
    bench.clock.advance(0.5)
    bench.link.sink_ready()
    bench.clock.advance(1)
    assert bench.sink.ends == [(1.0, "reset")]
    assert latency.hits == 0


_CHUNKS = st.lists(st.integers(1, 700), max_size=12)
_KINDS: list[tuple[str, dict[str, object]]] = [
    ("latency", {"latency": 100, "jitter": 90}),
    ("latency", {"latency": 30, "jitter": 10, "correlation": 0.5, "distribution": "pareto"}),
    ("stall", {"probability": 0.3}),
    ("slicer", {"average_size": 50, "size_variation": 20}),
    ("corrupt", {"probability": 0.5}),
]


@given(_CHUNKS, st.sampled_from(_KINDS))
def test_every_byte_has_the_same_fate_however_the_bytes_come(
    chunks: list[int], chosen: tuple[str, dict[str, object]]
) -> None:
    def fates(sizes: Sequence[int]) -> list[tuple[float, int]]:
        bench = Bench(fault(chosen[0], **chosen[1]))
        bench.feed(bytes(n % 251 for n in range(9000)), sizes)
        bench.clock.advance(100)
        return [(when, byte) for when, data in bench.sink.arrived for byte in data]

    assert fates(chunks) == fates([])


@given(_CHUNKS, st.sampled_from(_KINDS), st.integers(0, 8000), st.sampled_from(["plain", "early", "noop"]))
def test_a_fault_that_comes_late_counts_the_bytes_that_went_past_it(
    chunks: list[int], chosen: tuple[str, dict[str, object]], before: int, how: str
) -> None:
    data = bytes(n % 251 for n in range(9000))

    def fates(bench: Bench, sizes: Sequence[int]) -> list[tuple[float, int]]:
        bench.feed(data[:before], sizes)
        bench.connect()
        assert bench.sink.data == data[:before]
        bench.link.apply([fault(chosen[0], **chosen[1])])
        bench.feed(data[before:])
        bench.clock.advance(100)
        return [(when, byte) for when, piece in bench.sink.arrived for byte in piece]

    late = fates(Bench(*[fault("noop")] * (how == "noop"), connected=how != "early"), chunks)
    assert late == fates(Bench(fault("noop")), [])
    if chosen[0] == "corrupt":
        always = Bench(fault(chosen[0], **chosen[1]))
        always.feed(data)
        assert bytes(byte for _, byte in late)[before:] == always.sink.data[before:]


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), st.integers(1, 3000)),
        st.tuples(st.just("wait"), st.integers(1, 300)),
        st.tuples(st.just("add"), st.integers(0, 5)),
        st.tuples(st.just("remove"), st.integers(0, 5)),
        st.tuples(st.just("block"), st.just(0)),
        st.tuples(st.just("unblock"), st.just(0)),
    ),
    max_size=40,
)
_HARMLESS: list[tuple[str, dict[str, object]]] = [*_KINDS[:4], ("bandwidth", {"rate": 20}), ("bandwidth", {"rate": 0})]


@given(_STEPS)
def test_no_byte_is_lost_or_reordered_whatever_faults_come_and_go(steps: list[tuple[str, int]]) -> None:
    bench, sent = Bench(), bytearray()
    faults: dict[int, ActiveFault] = {}
    for step, number in steps:
        if step == "feed":
            data = bytes((len(sent) + n) % 251 for n in range(number))
            sent += data
            bench.feed(data)
        elif step == "wait":
            bench.clock.advance(number / 1000)
        elif step == "block":
            bench.sink.blocked = True
            bench.link.sink_blocked()
        elif step == "unblock":
            bench.sink.blocked = False
            bench.link.sink_ready()
        else:
            faults.pop(number, None)
            if step == "add":
                faults[number] = fault(_HARMLESS[number][0], **_HARMLESS[number][1])
            bench.link.apply(list(faults.values()))
    bench.sink.blocked = False
    bench.link.sink_ready()
    bench.link.apply([])
    assert bench.sink.data == sent
    assert bench.budget.used == 0
    assert not bench.owner.errors


def test_a_turn_is_counted_whenever_a_side_speaks_after_the_other() -> None:
    bench, slow = Bench(), fault("latency", latency=100)
    answers = Link(DOWNSTREAM, bench.owner, bench.sink, bench.clock, bench.budget, Traffic())
    bench.link.reverse, answers.reverse = answers, bench.link
    answers.connect(bench.source, bench.source.write)
    bench.feed(b"a request in pieces", chunks=[3, 4])
    assert (bench.link.traffic.turns, answers.traffic.turns) == (1, 0)
    answers.feed(b"an answer")
    answers.feed(b" in pieces")
    bench.link.apply([slow])
    assert slow.exchanges == 0
    for _ in range(2):
        bench.feed(b"another request", chunks=[7])
        answers.feed(b"answered")
    assert (bench.link.traffic.turns, answers.traffic.turns, slow.exchanges) == (3, 3, 2)


def test_a_fault_meets_the_request_that_waits_for_its_sink() -> None:
    bench, slow = Bench(connected=False), fault("latency", latency=100)
    bench.feed(b"early")
    bench.link.apply([slow])
    bench.connect()
    assert (slow.exchanges, slow.connections) == (1, 1)
