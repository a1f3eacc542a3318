"""What every backend can do. One suite of tests passes over all of them.

A fault is injected under a lease that its owner, a run, renews: to revert, nothing has to be done by anybody. Reverting
at once is a courtesy, and `gone` is how it is proved.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from brownout_core.errors import Unavailable
from brownout_core.faults.spec import FaultSpec


class BackendError(Unavailable):
    """A target could not be asked or would not do it: away, too slow, or it refused."""


class AwayError(BackendError):
    """The target's process refuses connections, or closed the one there was: it has ended, or nobody can reach it."""


class MissingError(BackendError):
    """The target's process answers, but has no such proxy any more."""


class LeaseLostError(BackendError):
    """The lease had lapsed when it was to be renewed: its faults are gone."""


class TakenError(BackendError):
    """The target is under another owner's lease: one at a time has it."""


class Target(NamedTuple):
    """Where a fault goes in. `id` is unique in its environment; `where` is for people; `instance` names the process
    that is there, however its address is spelled, "" where that cannot be known; `listen` is where clients connect
    to."""

    id: str
    proxy: str
    where: str
    instance: str = ""
    listen: str = ""
    upstream: str = ""
    enabled: bool = True
    """When it was listed."""

    @classmethod
    def from_plain(cls, kept: Mapping[str, str]) -> Target:
        """From what a journal keeps; what it lacks is empty."""
        id_, proxy, where, instance, listen, upstream = (
            kept.get(name, "") for name in ("id", "proxy", "where", "instance", "listen", "upstream")
        )
        return cls(id_, proxy, where, instance, listen, upstream)

    @property
    def plain(self) -> dict[str, str]:
        """As journals keep it."""
        return {name: str(value) for name, value in self._asdict().items() if name != "enabled"}

    @property
    def key(self) -> str:
        """Names it for whoever wants it alone: the same for every spelling of its address."""
        return f"{self.instance}/{self.proxy}" if self.instance else self.id


class ProxyPlace(NamedTuple):
    """Where faults can be put: one without a `proxy` could not be asked, and `trouble` is the reason."""

    where: str
    proxy: str = ""
    edges: Sequence[str] = ()
    faults: Sequence[str] = ()
    trouble: str = ""


class Counts(NamedTuple):
    """What a target has counted: totals since its proxy was made, and of the owner's faults by their names.

    `connections` are accepted ones, `live` those that are open; bytes are those passed on, `sent_upstream` to the
    server. `exchanges` are turns of clients, `injected_delay` is in seconds over all bytes. Of each fault `met` are
    connections.
    """

    connections: int
    dial_failures: int
    sent_upstream: int
    sent_downstream: int
    hits: Mapping[str, int]
    met: Mapping[str, int]
    live: int = 0
    exchanges: int = 0
    injected_delay: float = 0.0
    resets: int = 0
    ended_by_fault: int = 0
    met_exchanges: Mapping[str, int] = MappingProxyType({})


class TargetSnapshot(NamedTuple):
    """What a target is at one moment. `faults` are all of them, whoever added them, each as `described`.

    `instance` names its process, "" where that cannot be known. `stalled` is for how many seconds the process did
    nothing at the longest since the look before, by its own clock.
    """

    instance: str
    enabled: bool
    upstream: str
    faults: Sequence[Mapping[str, Any]]
    counts: Counts
    stalled: float = 0.0


def described(spec: FaultSpec, lease: str = "") -> dict[str, Any]:
    """A fault in plain values, as a journal keeps it: equal for faults that are equally strong."""
    return {
        "name": spec.name,
        "kind": spec.kind,
        "direction": spec.direction,
        "lease": lease,
        "attributes": dict(spec.fault.attributes()),
        "selection": spec.selection.model_dump(mode="json", exclude_defaults=True),
    }


class Backend(Protocol):
    """Asks and changes targets. Every method but `places` raises BackendError; the caller need not limit its time."""

    async def targets(self, edge: str) -> Sequence[Target]:
        """Where the edge runs through; empty if nowhere."""

    async def places(self, edges: Sequence[str]) -> Sequence[ProxyPlace]:
        """Everything that it could hit, and which of the edges run through it. What cannot be asked is no error, but a
        place with its trouble."""

    async def faults_on(self, target: Target) -> Sequence[str]:
        """The names of all faults that are there, whoever put them."""

    async def inject(self, target: Target, faults: Sequence[FaultSpec], owner: str, lease: float) -> None:
        """All of the faults or none; they live for `lease` seconds unless it is renewed. Raises TakenError."""

    async def renew(self, target: Target, owner: str) -> None:
        """Gives the owner's faults their full time again. Raises LeaseLostError."""

    async def revert(self, target: Target, owner: str) -> None:
        """Removes the owner's faults at once; no error if there are none."""

    async def gone(self, target: Target, owner: str) -> bool:
        """Whether nothing of the owner is there, by a listing."""

    async def counts(self, target: Target, owner: str) -> Counts:
        """What it has counted by now."""

    def watch(self, target: Target, owner: str, every: float) -> AsyncGenerator[TargetSnapshot]:
        """A look at once and then one every so many seconds, without end. Raises BackendError when the target does not
        answer any more, MissingError when it has no such proxy; to be called anew then."""

    async def close(self) -> None: ...
