"""What waits in a link, and when it may leave: pure bookkeeping between a chain's decisions and a link's writes.

Bytes go through two lines. Pending ones have arrived and wait for a rate to plan them; queued ones have a time at which
they leave. When the faults change, what is queued is judged anew from when it arrived, so a change acts at once and
drops nothing. Time is an argument; there is no I/O here.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final, NamedTuple

from brownout_core.faults.chain import NO_FAULTS, Chain, Tally
from brownout_core.faults.spec import Ending

HORIZON: Final = 0.02
"""Seconds of a rate's schedule that are planned ahead: enough to never run dry, and the most that could burst."""

_ENTRY: Final = 200
"""What a waiting piece costs besides its bytes (tuple and object headers), so that tiny writes respect the budget."""


TURN: Final = 1000
"""Pieces that are planned before other links and the control API get their turn: a few milliseconds."""


class Chunk(NamedTuple):
    """Bytes that leave together: `data[start:stop]`, whose first byte is the stream's byte `offset`.

    `arrived` is when they were read, `ready` when their rate let them go, `due` when they leave (seconds).
    """

    due: float
    ready: float
    arrived: float
    offset: int
    data: bytes
    start: int
    stop: int

    def content(self) -> bytes:
        whole = self.start == 0 and self.stop == len(self.data)
        return self.data if whole else self.data[self.start : self.stop]


class Schedule:
    """The bytes of one link that have not left yet, in order."""

    __slots__ = (
        "_bytes", "_last_due", "_more", "_pending", "_planned", "_queue", "_stuck", "chain", "limited", "offset",
        "swallowed",
    )  # fmt: skip

    def __init__(self) -> None:
        self.chain = NO_FAULTS
        self.offset = 0
        """Of the first byte that has no time yet: how many bytes have passed. The link adds those that
        went past the schedule."""
        self.swallowed: Ending | None = None
        """A fault let bytes vanish: how the connection ends once it is gone."""
        self.limited: Tally | None = None
        """The fault whose limit has been reached: nothing passes any more."""
        # Pending: (arrived, when a rate already let it go or None, data, start).
        self._pending: deque[tuple[float, float | None, bytes, int]] = deque()
        self._queue: deque[Chunk] = deque()
        self._planned = -math.inf  # when the rates let the last planned byte go
        self._last_due = -math.inf
        self._stuck = False  # a rate lets nothing go until the faults change
        self._more = False  # there was more to plan than one turn allows
        self._bytes = 0

    @property
    def held(self) -> int:
        """What waits, in bytes of memory."""
        return self._bytes + _ENTRY * (len(self._pending) + len(self._queue))

    @property
    def empty(self) -> bool:
        return not self._pending and not self._queue

    @property
    def backed_up(self) -> bool:
        """A rate has more bytes than it plans ahead: reading on would only fill memory."""
        return bool(self._pending)

    @property
    def next_due(self) -> float:
        """When the next piece leaves; infinity if none is queued."""
        return self._queue[0].due if self._queue else math.inf

    @property
    def next_plan(self) -> float:
        """When pending bytes should be planned; infinity if there are none or no time will help."""
        if self._more:
            return 0.0  # at once
        if not self._pending or self._stuck or self.limited is not None:
            return math.inf
        return self._planned - HORIZON / 2  # early enough that the line does not run dry before

    def end_due(self, at: float, *, abrupt: bool) -> float:
        """When the end of the stream, come at `at`, may be passed on; infinity while bytes are before it.

        An abrupt end (RST) is as late as a byte would be, but waits neither for room nor for a rate, as in TCP.
        """
        if abrupt:
            return at + self.chain.end_delay(self.offset)
        if not self.empty:
            return math.inf
        return max(self._last_due, max(at, self._planned) + self.chain.close_delay(self.offset))

    def push(self, now: float, data: bytes) -> None:
        """`data` has arrived."""
        self._pending.append((now, None, data, 0))
        self._bytes += len(data)

    def plan(self, now: float) -> None:
        """Gives pending bytes their times, as far ahead as the rates allow."""
        chain, pending = self.chain, self._pending
        self._stuck = False
        self._more = False
        turns = TURN
        while pending and self.limited is None:
            if not turns:
                self._more = True
                return
            turns -= 1
            arrived, ready, data, start = pending[0]
            size = len(data) - start
            if chain.swallows is not None:
                self._swallow(*chain.swallows, size)
                continue
            if chain.end is not None:
                size = min(size, int(chain.end[0]) - self.offset)
                if size <= 0:
                    self._reach_limit(chain.end[1])
                    return
            if ready is None and self._planned - now > HORIZON:
                return
            size = chain.narrow(self.offset, size)
            if ready is None:
                size = chain.grain(size)
                ready = chain.pace(now, size) if chain.paces else arrived
                if ready == math.inf:
                    self._stuck = True
                    return
            self._enqueue(ready, arrived, data, start, size)
            if start + size == len(data):
                pending.popleft()
            else:
                pending[0] = (arrived, pending[0][1], data, start + size)
            if chain.end is not None and self.offset >= chain.end[0]:
                self._reach_limit(chain.end[1])

    def _enqueue(self, ready: float, arrived: float, data: bytes, start: int, size: int) -> None:
        chain = self.chain
        due = max(self._last_due, ready + chain.delay(self.offset))
        last = self._queue[-1] if self._queue and not (chain.separates or chain.transforms) else None
        if last is not None and last.data is data and last.due == due:
            self._queue[-1] = last._replace(stop=start + size)
        else:
            self._queue.append(Chunk(due, ready, arrived, self.offset, data, start, start + size))
        self.offset += size
        self._planned = ready
        self._last_due = due

    def _swallow(self, tally: Tally, ending: Ending, size: int) -> None:
        self._pending.popleft()
        self._bytes -= size
        self.offset += size
        self.swallowed = ending
        tally.hits += 1

    def _reach_limit(self, tally: Tally) -> None:
        tally.hits += 1
        self.limited = tally

    def take(self, now: float) -> Chunk | None:
        """The next piece, if its time has come."""
        if not self._queue or self._queue[0].due > now:
            return None
        piece = self._queue.popleft()
        self._bytes -= piece.stop - piece.start
        return piece

    def recall(self, now: float) -> None:
        """What is queued becomes pending again, to be judged anew; what a rate had let go by now stays let go."""
        if self._queue:
            self.offset = self._queue[0].offset
        for piece in reversed(self._queue):
            ready = piece.ready if piece.ready <= now else None
            self._pending.appendleft((piece.arrived, ready, piece.content(), 0))
        self._queue.clear()
        self._planned = self._last_due = -math.inf

    def use(self, chain: Chain, now: float) -> None:
        """From now on `chain` decides."""
        self.limited = None
        self.chain = chain
        chain.rewind(now)

    def release(self) -> list[bytes]:
        """Everything that waits, in order, at once: for a link on which nothing is wrong."""
        contents = [piece.content() for piece in self._queue]
        contents += [data[start:] for _, _, data, start in self._pending]
        self.offset += sum(len(data) - start for _, _, data, start in self._pending)
        self.clear()
        return contents

    def clear(self) -> None:
        self._pending.clear()
        self._queue.clear()
        self._bytes = 0
