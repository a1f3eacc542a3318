"""A fault that has been added to a proxy: what was asked for, and the state that outlives any one connection."""

from __future__ import annotations

from brownout_core.faults.ordinals import Ordinals
from brownout_core.faults.spec import FaultSpec, Pace


class ActiveFault:
    """One fault on one proxy; the same object from adding to removal, while `spec` may change.

    `ordinals` numbers the connections since it was added, `hits` counts what it did to bytes and connections,
    `connections` those that it met, `exchanges` the turns of its direction's sender on those. `lease` is
    the one that it lives under, "" for none.
    """

    __slots__ = ("connections", "exchanges", "hits", "lease", "ordinals", "shared", "spec")

    def __init__(self, spec: FaultSpec, lease: str = "") -> None:
        self.spec = spec
        self.ordinals = Ordinals()
        self.lease = lease
        self.hits = 0
        self.connections = 0
        self.exchanges = 0
        self.shared = Pace()

    @property
    def left(self) -> int | None:
        """How many connections it will still pick; None if that has no bound."""
        first = self.spec.selection.first
        return None if first is None else max(0, first - self.ordinals.used)
