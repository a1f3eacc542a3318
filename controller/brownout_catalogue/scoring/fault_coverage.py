"""How far a fault that was played covers one that is asked for: a delay of 10 ms says little about one of 30 s.

Each kind has one size that counts, and a sense in which it is stronger; the rest (jitter, distributions, segments) is
not compared. What is weaker covers as much as it is of the other: half of the delay, or twice the rate, a half.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Final, NamedTuple

from brownout_core import document
from brownout_core.errors import InvalidSpec
from brownout_core.faults.fault_yaml import read_fault
from brownout_core.faults.spec import FaultSpec


class Size(NamedTuple):
    """The attribute by which faults of a kind are compared."""

    attribute: str
    more: bool
    """Whether more of it is stronger."""
    endless: bool = False
    """Whether 0 means that it never ends."""


SIZES: Final[Mapping[str, Size | None]] = {
    "latency": Size("latency", more=True),
    "bandwidth": Size("rate", more=False),
    "slow_open": Size("delay", more=True),
    "slow_close": Size("delay", more=True),
    "timeout": Size("timeout", more=True, endless=True),
    "reset_peer": Size("timeout", more=False),
    "cut": Size("after", more=False),
    "slicer": Size("delay", more=True),
    "limit_data": Size("limit", more=False),
    "stall": Size("probability", more=True),
    "corrupt": Size("probability", more=True),
    "refuse": None,
    "noop": None,
}
WHOLE: Final = frozenset(("reset_peer", "cut", "slow_open", "refuse", "noop"))
"""Kinds that hit a connection as a whole, whichever direction is written."""


@cache
def fault_of(text: str) -> FaultSpec | None:
    """The fault that JSON describes as a journal does; None if it cannot be told, as where a variable is masked."""
    try:
        value = document.parse(text, "fault.json")
        return None if value is None else read_fault(value)
    except InvalidSpec:
        return None


def comparable(played: FaultSpec, asked: FaultSpec) -> bool:
    """Whether they are of one kind, and in one direction where the kind has one."""
    return played.kind == asked.kind and (played.kind in WHOLE or played.direction == asked.direction)


def covered(played: FaultSpec, asked: FaultSpec) -> float:
    """How much of what is asked for was played: 1 if it was at least as strong, 0 if it says nothing about it."""
    if not comparable(played, asked):
        return 0.0
    hit = _part(connections(played), connections(asked))
    size = SIZES[asked.kind]
    if size is None:
        return hit
    amounts = _amount(played, size), _amount(asked, size)
    return hit * (_part(*amounts) if size.more else _part(*reversed(amounts)))


def _part(some: float, of: float) -> float:
    return 1.0 if some >= of else some / of


def _amount(spec: FaultSpec, size: Size) -> float:
    value = float(getattr(spec.fault, size.attribute))
    return math.inf if size.endless and not value else value


def connections(spec: FaultSpec) -> float:
    """The share of the connections that it hits, as far as it can be known beforehand."""
    return spec.selection.toxicity / (spec.selection.every or 1)
