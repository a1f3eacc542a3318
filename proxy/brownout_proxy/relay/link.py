"""A link: one direction of one connection. Made twice, it is a connection; which way it points is data.

It takes what its source read, holds what the faults delay, and gives it to its sink in order: bytes first, then how the
stream ended. Without faults and with nothing held it is plain: one call from read to write. It knows nothing of
sockets or loops, only of two `Port`s, a clock and a budget.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, Protocol

from brownout_core.faults.active import ActiveFault
from brownout_core.faults.chain import NO_FAULTS, Chain
from brownout_core.faults.seeded_random import SeededRandom
from brownout_core.faults.spec import Direction, Fault, Stage, StageContext
from brownout_proxy.relay.budget import Budget
from brownout_proxy.relay.clock import Clock, Timer
from brownout_proxy.relay.schedule import Schedule

_HELD_BY_A_SLOW_SINK: Final = 4 * 1024 * 1024
"""Delayed bytes that may pile up behind a sink that does not take them, before the source is paused."""
_EARLY: Final = 64 * 1024
"""Bytes that a client may send ahead of the dial before it is paused."""
_BULK: Final = 128 * 1024
"""A read of at least so many bytes is part of a bulk transfer (uvloop reads up to 256,000 bytes at a time)."""
_BULK_READS: Final = 4
"""So many bulk reads make a transfer worth handing over."""
_TURN: Final = 0.002
"""Seconds of delivering after which other links and the control API get their turn."""

_RELEASED_AT_ONCE: Final = 1 << 16
"""Bytes that a link without faults passes on in one go: what `_TURN` allows even on a slow machine."""

DELAY_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds in seconds of the histogram of injected delay."""


class Port(Protocol):
    """What a link needs of a socket."""

    @property
    def blocked(self) -> bool:
        """Its send buffer is full; it calls the link when that has changed."""

    def write(self, data: bytes) -> None: ...

    def write_segment(self, data: bytes) -> None:
        """Writes data that leaves in TCP segments of its own."""

    def join_segments(self) -> None:
        """No more segments for now: undoes what `write_segment` needed."""

    def write_eof(self) -> None: ...

    def reset(self) -> None: ...

    def pause(self) -> None:
        """Stops reading; more than once is no error."""

    def resume(self) -> None: ...


class Traffic:
    """What moved in one direction, over all connections of a proxy; bytes, and seconds of injected delay.

    `turns` is how often this side began to speak after the other had, or first: of a client, its requests.
    """

    __slots__ = ("delay_counts", "delay_sum", "received", "sent", "turns")

    def __init__(self) -> None:
        self.received = 0
        self.sent = 0
        self.turns = 0
        self.delay_counts = [0] * (len(DELAY_BUCKETS) + 1)
        self.delay_sum = 0.0

    def delayed(self, seconds: float) -> None:
        self.delay_counts[bisect_left(DELAY_BUCKETS, seconds)] += 1
        self.delay_sum += seconds


class Owner(Protocol):
    """The connection, as its links see it."""

    def link_done(self, sink: Port) -> None:
        """A link has passed on everything but the FIN, which is left to do."""

    def end(self, how: Literal["close", "reset"]) -> None:
        """A fault ends the whole connection."""

    def failed(self, link: Link, error: Exception) -> None:
        """The link has run into a bug."""

    def dialled_late_by(self, active: ActiveFault) -> bool:
        """Whether the fault has met the connection before there was a link, and counts it already."""

    def draws(self, fault: str) -> SeededRandom:
        """The seeded decisions of that fault on this connection."""

    def hand_over(self, link: Link) -> bool:
        """A bulk transfer: there may be a cheaper way than its source's transport. False if there is none."""

    def take_back(self, link: Link) -> None:
        """Undoes `hand_over` at once; what is still under way comes through `feed`."""


_IDLE: Final = Schedule()
"""Of every link that never held anything, which most never do; never written to."""


_NO_STAGES: Final[Mapping[ActiveFault, tuple[Fault, Stage | None, int]]] = {}


class Link:
    """One direction. Until `connect` gives it a sink, what it is fed waits."""

    __slots__ = (
        "_budget", "_bulk_reads", "_clock", "_end", "_end_at", "_held", "_owner", "_schedule", "_stages", "_timer",
        "_write", "direction", "done", "handed_over", "passed", "plain", "reverse", "silent", "sink", "source",
        "traffic",
    )  # fmt: skip

    def __init__(
        self, direction: Direction, owner: Owner, source: Port, clock: Clock, budget: Budget, traffic: Traffic
    ) -> None:
        self.direction = direction
        self.traffic = traffic
        self.source = source
        self.reverse: Link = self
        """The other direction of the same connection, once it is there."""
        self.silent = True
        """The source has sent nothing since the other side did: what it sends next is a turn of its own."""
        self.sink: Port | None = None
        self.plain = False
        """Connected, without faults, and with nothing waiting."""
        self.done = False
        """The end has been passed on, or the link has been given up."""
        self.handed_over = False
        """Its source's transport does not read it; see `Owner.hand_over`."""
        self.passed = 0
        """Bytes that went on while the link was plain, that its schedule does not count yet."""
        self._owner = owner
        self._clock = clock
        self._budget = budget
        self._write: Callable[[bytes], None] = _no_sink
        self._schedule = _IDLE
        self._stages: Mapping[ActiveFault, tuple[Fault, Stage | None, int]] = _NO_STAGES
        self._held = 0
        self._end: Literal["eof", "reset"] | None = None
        self._end_at = 0.0
        self._timer: Timer | None = None
        self._bulk_reads = 0

    # Called by the connection.

    def connect(self, sink: Port, write: Callable[[bytes], None]) -> None:
        """The other side is there; `write` is the cheapest way into it. What waited goes on."""
        self.sink = sink
        self._write = write
        if self._stages or self._end is not None:
            self.advance()
            return
        self._go_plain(sink)

    def feed(self, data: bytes) -> None:
        """The source read `data`."""
        size = len(data)
        traffic = self.traffic
        traffic.received += size
        if self.silent:
            self.take_turn()
        if self.plain:
            self.passed += size
            traffic.sent += size
            self._write(data)
        elif not self.done:
            self._own_schedule().push(self._clock.now(), data)
            if self.sink is None:
                self._settle()
                if self._held > _EARLY:
                    self.source.pause()
            else:
                self.advance()
        if size >= _BULK:
            self._count_bulk()

    def take_turn(self) -> None:
        """The source begins to speak: the other side is next."""
        self.reverse.silent = True
        self.silent = False
        self.traffic.turns += 1
        if self._stages:
            for active in self._stages:
                active.exchanges += 1

    def feed_end(self, end: Literal["eof", "reset"]) -> None:
        """The source will send nothing more."""
        if self.done:
            return
        if self.plain and end == "eof" and self.sink is not None:
            self._pass_on_eof(self.sink)  # what advance() would come to
            return
        self.plain = False
        self._end, self._end_at = end, self._clock.now()
        self.advance()

    def sink_blocked(self) -> None:
        if self.plain:
            self.source.pause()
        else:
            self._regulate()

    def sink_ready(self) -> None:
        if self.plain:
            self.source.resume()
        else:
            self.advance()

    @property
    def unfinished(self) -> bool:
        """It is in the middle of passing something on."""
        return self._held > 0 or self.handed_over

    def discard(self) -> None:
        """Gives up what is held and takes nothing more."""
        self.done = True
        self.plain = False
        if self.handed_over:
            self._owner.take_back(self)
        if self._held:
            self._schedule.clear()
            self._settle()
        self._budget.forget(self.advance)
        if self._timer is not None:
            self._set_timer(math.inf)

    # Faults.

    def apply(self, faults: Sequence[ActiveFault]) -> None:
        """From now on these faults, in this order, are what is wrong with the link; nothing is dropped.

        A stage goes on as it was while its fault's attributes are unchanged. A changed one starts its times anew but
        keeps the offset at which it met the connection.
        """
        if self.done or not (faults or self._stages):
            return
        try:
            self._apply(faults)
        except Exception as error:
            self._owner.failed(self, error)

    def _apply(self, faults: Sequence[ActiveFault]) -> None:
        if self.handed_over:
            self._owner.take_back(self)
        if not faults and self._release():
            return
        now = self._clock.now()
        self.plain = False
        schedule = self._own_schedule()
        schedule.recall(now)  # now its offset is that of the first byte not delivered
        schedule.offset += self.passed
        self.passed = 0
        separated = schedule.chain.separates
        schedule.use(self._build(faults, now), now)
        if separated and not schedule.chain.separates and self.sink is not None:
            self.sink.join_segments()
        if self._schedule.swallowed and self._schedule.chain.swallows is None:
            self._owner.end(self._schedule.swallowed)  # bytes are missing: what follows is not what was sent
        else:
            self.advance()

    def _release(self) -> bool:
        """Without faults nothing is planned: what waits goes on as it stands, at half the cost of `_advance`. After a
        lease has lapsed thousands of connections wait for this. False if the sink, the end of the stream or a fault
        that left its mark on the bytes asks for more."""
        sink, schedule = self.sink, self._schedule
        if (
            sink is None or sink.blocked or self._end is not None or self._held > _RELEASED_AT_ONCE
            or schedule.swallowed or schedule.chain.separates
        ):  # fmt: skip
            return False
        self._stages = _NO_STAGES
        self._set_timer(math.inf)
        self._budget.forget(self.advance)
        self._go_plain(sink)
        return True

    def _go_plain(self, sink: Port) -> None:
        """Passes on what waits, and whatever comes from here on at once."""
        self.plain = True
        if self._schedule is not _IDLE:
            for data in self._schedule.release():
                self.traffic.sent += len(data)
                self._write(data)
            self.passed += self._schedule.offset
            self._schedule = _IDLE
            self._settle()
            if not sink.blocked:
                self.source.resume()

    def _own_schedule(self) -> Schedule:
        if self._schedule is _IDLE:
            self._schedule = Schedule()
        return self._schedule

    def _build(self, faults: Sequence[ActiveFault], now: float) -> Chain:
        stages: dict[ActiveFault, tuple[Fault, Stage | None, int]] = {}
        for active in faults:
            fault, known = active.spec.fault, self._stages.get(active)
            if known is not None and known[0] is fault:
                stages[active] = known
                continue
            active.connections += known is None and not self._owner.dialled_late_by(active)
            active.exchanges += known is None and self._held > 0  # what came before it met the link
            offset = self._schedule.offset if known is None else known[2]
            site = StageContext(now, offset, self._owner.draws(active.spec.name), active.shared)
            stages[active] = (fault, fault.stage(site), offset)
        self._stages = stages
        staged = [(stage, active) for active, (_, stage, _) in stages.items() if stage is not None]
        return Chain(staged) if staged else NO_FAULTS

    # Time passes.

    def advance(self) -> None:
        """Does all that is due. The one place where a link that is not plain moves."""
        if self.done:
            return
        try:
            self._advance()
        except Exception as error:  # a bug in a fault must not reach other connections
            self._owner.failed(self, error)

    def _advance(self) -> None:
        now = self._clock.now()
        if self._alarmed(now):
            return
        if self.sink is not None:
            self._schedule.plan(now)
            now = self._clock.now()  # what a fast rate has planned for nanoseconds later is due by now
            self._deliver(now, self.sink)
            if self._ended(now, self.sink):
                return
            self.plain = not self._stages and self._schedule.empty and self._end is None
        self._settle()
        self._set_timer(self._next_wake())
        self._regulate()

    def _alarmed(self, now: float) -> bool:
        alarm = self._schedule.chain.alarm
        if alarm is None or now < alarm[0][0]:
            return False
        alarm[1].hits += 1
        self._owner.end(alarm[0][1])
        return True

    def _deliver(self, now: float, sink: Port) -> None:
        schedule, traffic = self._schedule, self.traffic
        chain = schedule.chain
        write = sink.write_segment if chain.separates else self._write
        clock, turn_over = self._clock.now, now + _TURN
        while not sink.blocked and (piece := schedule.take(now)) is not None:
            data = piece.content()
            if chain.transforms:
                data = chain.transform(piece.offset, data)
            traffic.sent += len(data)
            traffic.delayed(piece.due - piece.arrived)
            write(data)
            if clock() > turn_over:
                return

    def _ended(self, now: float, sink: Port) -> bool:
        """Passes on the end of the stream if it is time, and returns whether the link is over."""
        schedule = self._schedule
        if schedule.limited is not None:
            if schedule.next_due == math.inf:
                self._owner.end("close")
                return True
            return False
        if self._end is None or now < schedule.end_due(self._end_at, abrupt=self._end == "reset"):
            return False
        if self._end == "reset":
            self.discard()
            sink.reset()
        else:
            schedule.chain.count_close()
            self._pass_on_eof(sink)
        return True

    def _pass_on_eof(self, sink: Port) -> None:
        self.discard()
        self._owner.link_done(sink)

    def _next_wake(self) -> float:
        schedule = self._schedule
        alarm = schedule.chain.alarm
        wake = math.inf if alarm is None else alarm[0][0]
        if self.sink is None:
            return wake
        if not self.sink.blocked:
            wake = min(wake, schedule.next_due, schedule.next_plan)
        if self._end is not None:
            wake = min(wake, schedule.end_due(self._end_at, abrupt=self._end == "reset"))
        return wake

    def _set_timer(self, due: float) -> None:
        timer = self._timer
        if timer is not None:
            if timer.due == due and timer.callback is not None:
                return
            timer.cancel()
        self._timer = self._clock.call_at(due, self._on_timer) if due < math.inf else None

    def _on_timer(self) -> None:
        self._timer = None
        self.advance()

    # Backpressure: what holds bytes pauses its own source and nobody else's.

    def _settle(self) -> None:
        """Books what is held now with the budget."""
        held = self._schedule.held
        if held != self._held:
            change, self._held = held - self._held, held
            self._budget.change(change)

    def _regulate(self) -> None:
        schedule, sink = self._schedule, self.sink
        if self._end is not None:
            return
        if (
            sink is None
            or schedule.backed_up
            or schedule.limited is not None
            or (sink.blocked and (self.plain or self._held > _HELD_BY_A_SLOW_SINK))
        ):
            self.source.pause()
        elif not self._budget.allows(self._held):
            self.source.pause()
            self._budget.wait(self.advance)
        else:
            self.source.resume()

    # Bulk transfers.

    def _count_bulk(self) -> None:
        self._bulk_reads += 1
        if self._bulk_reads >= _BULK_READS:
            self._bulk_reads = 0
            if (self.plain or self._stages) and not (self.handed_over or self.done or self.sink is None):
                self.handed_over = self._owner.hand_over(self)


def _no_sink(data: bytes) -> None:
    raise RuntimeError("a link without a sink was asked to write")
