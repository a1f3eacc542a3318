"""The faults: one file each, declared once. This table is the only list of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brownout_core.errors import InvalidSpec
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
from brownout_core.faults.spec import Fault, validated
from brownout_core.faults.stall import Stall
from brownout_core.faults.timeout import Timeout

_ALL: tuple[type[Fault], ...] = (
    Latency,
    Bandwidth,
    SlowOpen,
    SlowClose,
    Timeout,
    ResetPeer,
    Cut,
    Slicer,
    LimitData,
    Stall,
    Corrupt,
    Refuse,
    Noop,
)

KINDS: Mapping[str, type[Fault]] = {fault.kind: fault for fault in _ALL}
"""Every fault by its kind, in the order in which documentation lists them."""


def make(kind: str, attributes: Mapping[str, Any], *, text: bool = False) -> Fault:
    """The fault `kind` with these attributes; with `text`, quantities may carry units. Raises InvalidSpec."""
    if kind not in KINDS:
        raise InvalidSpec("", f"unknown fault {kind!r}; known are: {', '.join(KINDS)}")
    return validated(KINDS[kind], attributes, text=text)


def changed(fault: Fault, attributes: Mapping[str, Any], *, text: bool = False) -> Fault:
    """`fault` with some attributes replaced; the others stay. Raises InvalidSpec."""
    change = validated(type(fault), attributes, text=text)
    return fault.model_copy(update={name: getattr(change, name) for name in change.model_fields_set})
