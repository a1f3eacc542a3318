"""A fault that has been added to a proxy: what was asked for, and the state that outlives any one connection."""

from __future__ import annotations

from brownout_proxy.faults.spec import FaultSpec, Pace


class ActiveFault:
    """One fault on one proxy; the same object from adding to removal, while `spec` may change.

    `since` is how many connections the proxy had served when it was added, `hits` counts what it did to bytes and
    connections, `connections` those that it met, `exchanges` the turns of its direction's sender on those. `lease` is
    the one that it lives under, "" for none.
    """

    __slots__ = ("connections", "exchanges", "hits", "lease", "shared", "since", "spec")

    def __init__(self, spec: FaultSpec, since: int, lease: str = "") -> None:
        self.spec = spec
        self.since = since
        self.lease = lease
        self.hits = 0
        self.connections = 0
        self.exchanges = 0
        self.shared = Pace()
