"""One client's connection: dials the upstream, joins two sockets by two links, and ends them the way TCP would.

FIN is passed on as FIN, RST as RST, each in its own direction and behind the data. It asks its `Host` (the proxy) for
the faults, and calls it when it is gone. It has no notion of names, listeners or the control API.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Final, Literal, Protocol

from brownout_core.address import Address
from brownout_core.faults.active import ActiveFault
from brownout_core.faults.seeded_random import SeededRandom
from brownout_core.faults.spec import DOWNSTREAM, UPSTREAM, Direction
from brownout_proxy.relay.budget import Budget
from brownout_proxy.relay.bulk import Bulk
from brownout_proxy.relay.clock import Clock, Timer
from brownout_proxy.relay.endpoint import Endpoint
from brownout_proxy.relay.hangups import Hangups
from brownout_proxy.relay.link import Link, Port, Traffic
from brownout_proxy.relay.lookup import Lookups

log = logging.getLogger(__name__)

_LINGER: Final = 2.0
"""Seconds after FIN in which a closing socket still reads: closing with unread bytes would send RST, and that would
destroy what the peer has not read yet (RFC 1122 section 4.2.2.13)."""


Outcome = Literal["closed", "reset", "dial_failed", "fault", "stopped"]
"""How a connection ended: both streams did, a side reset it or vanished, the upstream was not reached, a fault ended
it, or the proxy was stopped."""


class Host(Protocol):
    """The proxy, as its connections see it."""

    name: str
    loop: asyncio.AbstractEventLoop
    clock: Clock
    budget: Budget
    traffic: dict[Direction, Traffic]

    @property
    def bulk(self) -> Bulk | None:
        """None where the transports have to do."""

    @property
    def hangups(self) -> Hangups | None:
        """None where the system has no such thing."""

    @property
    def allows_pipes(self) -> bool:
        """Whether descriptors are plentiful enough to hand over another link; this does not count those handed over."""

    @property
    def target(self) -> Address | None:
        """Where to dial; None if what was configured is no address."""

    @property
    def lookups(self) -> Lookups: ...

    @property
    def dial_timeout(self) -> float:
        """Seconds."""

    @property
    def active(self) -> Sequence[ActiveFault]:
        """The faults in the order in which they were added."""

    def draws(self, fault: str, ordinal: int) -> SeededRandom: ...

    def admitted(self, connection: Connection) -> None:
        """Its client is there: from now on faults may hit it."""

    def hits(self, active: ActiveFault, ordinal: int, client: str) -> bool:
        """Whether the fault is in force on that connection."""

    def dialled(self, seconds: float, error: Exception | None) -> None:
        """A dial has ended after so long, in vain if there is an error."""

    def gone(self, connection: Connection) -> None: ...


class Connection:
    """A client's connection from accept to the closing of both sockets."""

    __slots__ = (
        "_client_ip", "_closing", "_delayed", "_dialling", "_faulty", "_gone", "_host", "_linger", "_patience",
        "_retry", "accepted", "client", "down", "ordinal", "outcome", "up", "upstream",
    )  # fmt: skip

    def __init__(self, host: Host, ordinal: int) -> None:
        self._host = host
        self.ordinal = ordinal
        self.accepted = host.clock.now()
        self.outcome: Outcome = "closed"
        self._client_ip: str | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._retry: asyncio.Event | None = None
        self._closing = False
        self._gone = False
        self._faulty = False  # it has or had faults
        self._delayed: tuple[ActiveFault, ...] = ()
        """The faults by which its dial was late."""
        self._linger: Timer | None = None
        self._patience: Timer | None = None
        self.client = Endpoint(self)
        self.upstream: Endpoint | None = None
        self.up = self._link(UPSTREAM, self.client)
        self.client.reads = self.up

    def _link(self, direction: Direction, source: Endpoint) -> Link:
        host = self._host
        return Link(direction, self, source, host.clock, host.budget, host.traffic[direction])

    @property
    def client_ip(self) -> str:
        """The client's address; "" for a Unix socket."""
        if self._client_ip is None:
            peer = self.client.transport.get_extra_info("peername")
            self._client_ip = str(peer[0]) if isinstance(peer, tuple) and peer else ""
        return self._client_ip

    @property
    def counts(self) -> bool:
        """Whether it met more than a look whether somebody listens: either end sent a byte, or a fault acted on it."""
        silent = self.up.silent and (self.upstream is None or self.down.silent)
        return not silent or self.outcome == "fault" or bool(self._delayed)

    # Life.

    def side_ready(self, side: Endpoint) -> None:
        if side is not self.client:
            self._join(side)
            return
        if self._host.active:
            self._host.admitted(self)
        if self._refused():
            self._decide("fault")
            side.reset()
        else:
            self._dialling = self._host.loop.create_task(self._dial())

    def _refused(self) -> bool:
        for active in self._host.active:
            if active.spec.fault.refuses and self._is_hit(active):
                active.hits += 1
                active.connections += 1
                return True
        return False

    def _is_hit(self, active: ActiveFault) -> bool:
        # Most faults ask for nothing about the client, and its address costs a system call.
        client = self.client_ip if active.spec.selection.clients else ""
        return self._host.hits(active, self.ordinal, client)

    async def _dial(self) -> None:
        host = self._host
        try:
            await self._open_slowly()
        except Exception as error:  # a bug in a fault must not reach other connections
            self._dialling = None
            self.failed(self.up, error)
            return
        started = host.clock.now()
        # A timer of the clock costs a tenth of asyncio.timeout().
        self._patience = host.clock.call_at(started + host.dial_timeout, self._patience_over)
        try:
            await self._reach(host.target)
        except (OSError, ValueError) as error:
            self._dialling = None
            log.debug("connection %d: the upstream cannot be reached: %s", self.ordinal, error)
            host.dialled(host.clock.now() - started, error)
            self.end("close", "dial_failed")
        else:
            host.dialled(host.clock.now() - started, None)
        finally:
            self._dialling = None

    async def _reach(self, target: Address | None) -> None:
        """Raises OSError, ValueError."""
        loop = self._host.loop
        if target is None:
            raise ValueError("it is not an address")
        if target.path:
            await loop.create_unix_connection(self._upstream_side, target.path)
        elif target.is_ip or not target.host:
            await loop.create_connection(self._upstream_side, target.host, target.port)
        else:
            await self._reach_one_of(await self._host.lookups.find(target.host), target.port)

    async def _reach_one_of(self, addresses: Sequence[str], port: int) -> None:
        """Tries them in turn, none for more than its share of the dial's time. Raises the last one's OSError."""
        share = self._host.dial_timeout / len(addresses)
        failure: OSError | None = None
        for address in addresses:
            dial = self._host.loop.create_task(self._host.loop.create_connection(self._upstream_side, address, port))
            try:
                await asyncio.wait({dial}, timeout=share)
            finally:
                if self.upstream is None:  # as for _stop_dialling
                    dial.cancel()
            try:
                await dial
            except OSError as error:
                failure = error
            except asyncio.CancelledError:
                failure = TimeoutError(f"{address} does not answer")
            else:
                return
        raise failure or OSError("no address")

    def _patience_over(self) -> None:
        """A dial timeout has passed: without an answer it ends here; else the connection is one that lasts."""
        if self._closing:
            return
        if self.upstream is None:
            patience = self._host.dial_timeout
            self._host.dialled(patience, TimeoutError(f"no answer within {patience:g}s"))
            self.end("close", "dial_failed")
        elif not self.upstream.lost:
            self.upstream.keep_alive()  # left until now, as short connections need not pay for it

    def _upstream_side(self) -> Endpoint:
        return Endpoint(self)

    async def _open_slowly(self) -> None:
        """Waits as long as slow_open faults want, which may change meanwhile."""
        if not self._host.active:
            return
        host, accepted = self._host, self._host.clock.now()
        while (due := accepted + self._dial_delay()) > host.clock.now():
            self._retry = retry = asyncio.Event()
            timer = host.clock.call_at(due, retry.set)
            try:
                await retry.wait()
            finally:
                timer.cancel()
                self._retry = None

    def _dial_delay(self) -> float:
        total = 0.0
        for active in self._host.active:
            delay = active.spec.fault.dial_delay()
            if delay and self._is_hit(active):
                total += delay
                if active not in self._delayed:
                    self._delayed = (*self._delayed, active)
                    active.hits += 1
                    active.connections += 1
        return total

    def _join(self, upstream: Endpoint) -> None:
        """The upstream is there: both links begin, and so do the faults' times."""
        if self._closing or self.client.lost:
            upstream.reads = upstream.writes = self.up
            upstream.abort()
            return
        self.upstream = upstream
        upstream.keep_urgent_data_in_line()
        self.down = self._link(DOWNSTREAM, upstream)
        self.up.reverse, self.down.reverse = self.down, self.up
        self.client.writes = self.down
        upstream.reads, upstream.writes = self.down, self.up
        self.refresh()
        if not self._closing:
            self.down.connect(self.client, self.client.transport.write)
        if not self._closing:
            self.up.connect(upstream, upstream.transport.write)
        if self.client.watched >= 0 and not self._closing:
            self._watch(self.client)  # what was reported during the dial could not be acted on

    def refresh(self) -> None:
        """The proxy's faults have changed."""
        if self._retry is not None:
            self._retry.set()
        if self.upstream is None or self._closing:
            return
        if not self._host.active and not self._faulty:
            return
        self._faulty = True
        chosen = [active for active in self._host.active if self._is_hit(active)]
        for link in (self.up, self.down):
            link.apply([active for active in chosen if active.spec.direction == link.direction])

    # What the links ask for.

    def failed(self, link: Link, error: Exception) -> None:
        faults = ", ".join(active.spec.name for active in self._host.active) or "none"
        log.error(
            "proxy %s, connection %d, %s failed and is closed; faults: %s",
            self._host.name, self.ordinal, link.direction, faults, exc_info=error,
        )  # fmt: skip
        self._decide("fault")
        self.abort()

    def dialled_late_by(self, active: ActiveFault) -> bool:
        return active in self._delayed

    def draws(self, fault: str) -> SeededRandom:
        return self._host.draws(fault, self.ordinal)

    def hand_over(self, link: Link) -> bool:
        bulk, upstream = self._host.bulk, self.upstream
        if bulk is None or upstream is None:
            return False
        source, sink = (self.client, upstream) if link is self.up else (upstream, self.client)
        if not link.plain:
            bulk.read(link, source)
            return True
        return (
            self._host.allows_pipes and not sink.transport.get_write_buffer_size() and bulk.splice(link, source, sink)
        )

    def take_back(self, link: Link) -> None:
        if self._host.bulk is not None:
            self._host.bulk.stop(link)

    def link_done(self, sink: Port) -> None:
        if self.up.done and self.upstream is not None and self.down.done:
            self._close_both(self.upstream)
        else:
            sink.write_eof()

    def _close_both(self, upstream: Endpoint) -> None:
        self._closing = True
        self.client.transport.close()  # sends FIN too, after what is still to be written
        upstream.transport.close()

    # Ends.

    def end(self, how: Literal["close", "reset"] = "close", outcome: Outcome = "fault") -> None:
        """Ends the connection now: with RST, or with FIN on both sides; what is held is dropped."""
        if how == "reset":
            self._end(self._sides(), outcome)
        else:
            if not self._closing:
                self._end((), outcome)
            self._wait_for_peers()

    def drop(self) -> None:
        """Ends it because its proxy ends: with FIN, but with RST where a stream is cut short, which FIN would hide."""
        if not self._closing:
            self._end([sink for link, sink in self._streams() if link.unfinished], "stopped")
        self._wait_for_peers()

    def _streams(self) -> list[tuple[Link, Endpoint]]:
        return [] if self.upstream is None else [(self.up, self.upstream), (self.down, self.client)]

    def _end(self, reset: Collection[Endpoint], outcome: Outcome) -> None:
        self._decide(outcome)
        self._drop_links()
        self._stop_dialling()
        for side in self._sides():
            if side in reset:
                side.reset()
            else:
                self._finish(side)

    def _wait_for_peers(self) -> None:
        """Gives them time to take what was sent and to close their side."""
        if self._linger is None and not self._gone:
            self._linger = self._host.clock.call_at(self._host.clock.now() + _LINGER, self.abort)

    def _decide(self, outcome: Outcome) -> None:
        """It ends, for a reason that later ones do not change."""
        if not self._closing:
            self._closing = True
            self.outcome = outcome

    def _finish(self, side: Endpoint) -> None:
        """FIN after what the socket already took; then its peer's bytes are read and forgotten until it ends too."""
        if side.lost:
            return
        if not side.made:
            side.abort()
            return
        side.write_eof()
        if side.eof:
            side.transport.close()
        else:
            side.resume()

    def abort(self) -> None:
        """Closes both sockets at once."""
        self._decide("stopped")
        self._drop_links()
        self._stop_dialling()
        for side in self._sides():
            if not side.lost:
                side.abort()

    def _stop_dialling(self) -> None:
        # Once there is an upstream the task only has to finish: cancelled in that moment, it would make uvloop close
        # the socket without a word to its protocol.
        if self._dialling is not None and self.upstream is None:
            self._dialling.cancel()

    def _drop_links(self) -> None:
        self.up.discard()
        if self.upstream is not None:
            self.down.discard()

    def _sides(self) -> list[Endpoint]:
        return [self.client] if self.upstream is None else [self.client, self.upstream]

    def side_eof(self, side: Endpoint) -> None:
        if self._closing:
            side.transport.close()
        elif self._host.hangups is not None:
            self._host.hangups.watch_soon(side)

    def watch_stalled(self) -> None:
        """Has the sides watched that have been paused for long."""
        for side in self._sides():
            if side.stalled and side.watched < 0:
                self._watch(side)

    def _watch(self, side: Endpoint) -> None:
        hangups = self._host.hangups
        if hangups is not None:
            hangups.watch(side)

    def side_closed(self, side: Endpoint) -> None:
        if self._closing or self.upstream is None:
            return
        unread, living = (self.down, self.up) if side is self.client else (self.up, self.down)
        if unread.done:  # nothing would be written to it anyway
            return
        other = self.upstream if side is self.client else self.client
        unread.discard()
        other.pause()
        if living.done:
            self._close_both(self.upstream)
        # Else it takes what is still under way, and is closed after that.

    def side_lost(self, side: Endpoint, error: Exception | None) -> None:
        if side.watched >= 0 and self._host.hangups is not None:
            self._host.hangups.forget(side)
        if side is not self.client and side is not self.upstream:
            return  # an upstream that came too late
        if self.upstream is None:
            if not self._closing:
                self.outcome = "reset"
            self._stop_dialling()
            self._drop_links()
            self._leave()
            return
        other = self.upstream if side is self.client else self.client
        if other.lost:
            self._drop_links()
            self._leave()
        elif not self._closing:
            dead, living = (self.down, self.up) if side is self.client else (self.up, self.down)
            self.outcome = "reset"
            dead.discard()  # nobody is there to read it
            other.pause()
            if living.done:  # FIN has gone ahead
                other.reset()
            else:
                living.feed_end("reset")

    def _leave(self) -> None:
        if self._gone:
            return
        self._gone = True
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._patience is not None:
            self._patience.cancel()
        self._host.gone(self)
