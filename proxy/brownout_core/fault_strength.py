"""What a fault can do at most, by its attributes alone: whether anything notices it, and how long it makes one wait.

One table by kind; a test holds it to the list of the faults.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from brownout_core.faults.bandwidth import Bandwidth
from brownout_core.faults.corrupt import Corrupt
from brownout_core.faults.cut import Cut
from brownout_core.faults.latency import Latency
from brownout_core.faults.limit_data import LimitData
from brownout_core.faults.noop import Noop
from brownout_core.faults.refuse import Refuse
from brownout_core.faults.reset_peer import ResetPeer
from brownout_core.faults.slicer import Slicer
from brownout_core.faults.slow_close import SlowClose
from brownout_core.faults.slow_open import SlowOpen
from brownout_core.faults.spec import Fault, Network
from brownout_core.faults.stall import Stall
from brownout_core.faults.timeout import Timeout
from brownout_core.units import BYTES, KILOBYTES_PER_SECOND, MILLISECONDS

LARGE: Final = 10_000_000
"""Bytes: an answer of an API is seldom larger."""
_LINK: Final = 12_500_000.0
"""KB/s of a link of 100 Gbit/s: no proxy passes on more."""
_FAST: Final = 125_000.0
"""KB/s of a link of 1 Gbit/s: what one service sends to another seldom fills it."""
_NOISE: Final = 2.0
"""Milliseconds by which the round trip of a quiet network differs from one time to the next."""
_HUGE: Final = 1 << 40
_MUCH: Final = 1 << 30
_RARELY: Final[Mapping[str, float]] = {"uniform": 1.0, "normal": 3.72, "lognormal": 41.3, "pareto": 20.5}
"""Jitters on top that 1 in 10,000 segments exceeds (never, for uniform): the quantile 0.9999 of each distribution."""
_NOBODY: Final = tuple(
    map(
        ipaddress.ip_network,
        ("0.0.0.0/32", "224.0.0.0/4", "240.0.0.0/4", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",
         "::/128", "ff00::/8", "2001:db8::/32"),
    )
)  # fmt: skip
"""No client connects from there: unspecified, multicast and reserved addresses, and those for documentation
(RFC 6890)."""


class Strength(NamedTuple):
    """Of one fault."""

    idle: str = ""
    """Why nothing can notice it; empty if something can."""
    faint: str = ""
    """Why hardly anything notices it; empty if something does."""
    longest: float = 0.0
    """Seconds that it holds up an answer of `LARGE` bytes at most; infinity where it may not come at all."""


def strength(fault: Fault) -> Strength:
    return BY_KIND[type(fault)](fault)


def is_nobody(network: Network) -> bool:
    """Whether no client can have an address of it."""
    for other in _NOBODY:
        if isinstance(network, ipaddress.IPv4Network):
            if isinstance(other, ipaddress.IPv4Network) and network.subnet_of(other):
                return True
        elif isinstance(other, ipaddress.IPv6Network) and network.subnet_of(other):
            return True
    return False


def _latency(fault: Latency) -> Strength:
    longest = fault.latency + fault.jitter * _RARELY[fault.distribution]
    size = MILLISECONDS.format(longest)
    if not longest:
        return Strength("it delays by nothing")
    return Strength(
        "", f"a delay of {size} is lost in the noise of a network" if longest < _NOISE else "", longest / 1e3
    )


def _bandwidth(fault: Bandwidth) -> Strength:
    if not fault.rate:
        return Strength(longest=math.inf)
    size = KILOBYTES_PER_SECOND.format(fault.rate)
    longest = LARGE / (fault.rate * 1e3)
    if fault.rate >= _LINK:
        return Strength(f"{size} is more than any link carries")
    return Strength("", f"{size} is more than most services ever send" if fault.rate >= _FAST else "", longest)


def _slow_open(fault: SlowOpen) -> Strength:
    return Strength("" if fault.delay else "it delays by nothing", longest=fault.delay / 1e3)


def _slow_close(fault: SlowClose) -> Strength:
    return Strength("" if fault.delay else "it delays by nothing")  # data passes untouched


def _stall(fault: Stall) -> Strength:
    if not fault.probability:
        return Strength("no segment is held back, as its probability is 0")
    return Strength("" if fault.duration else "it holds back for no time", longest=fault.duration / 1e3)


def _corrupt(fault: Corrupt) -> Strength:
    return Strength("" if fault.probability else "no bit is flipped, as its probability is 0", longest=math.inf)


def _slicer(fault: Slicer) -> Strength:
    if not fault.average_size:
        return Strength("it cuts nothing, as average_size is 0")
    return Strength(longest=LARGE / fault.average_size * fault.delay / 1e6)


def _limit_data(fault: LimitData) -> Strength:
    size = BYTES.format(fault.limit)
    if fault.limit >= _HUGE:
        return Strength(f"no connection carries {size} within a run")
    faint = f"few connections carry {size} within a run" if fault.limit >= _MUCH else ""
    return Strength("", faint, math.inf)


def _ends(fault: Fault) -> Strength:
    return Strength(longest=math.inf)


def _noop(fault: Noop) -> Strength:
    return Strength("noop lets every byte pass")


BY_KIND: Final[Mapping[type[Fault], Callable[[Any], Strength]]] = {
    Latency: _latency,
    Bandwidth: _bandwidth,
    SlowOpen: _slow_open,
    SlowClose: _slow_close,
    Timeout: _ends,
    ResetPeer: _ends,
    Cut: _ends,
    Slicer: _slicer,
    LimitData: _limit_data,
    Stall: _stall,
    Corrupt: _corrupt,
    Refuse: _ends,
    Noop: _noop,
}
