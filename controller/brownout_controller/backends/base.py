"""What every backend can do. One suite of tests passes over all of them.

A fault is injected under a lease that its owner, a run, renews: to revert, nothing has to be done by anybody. Reverting
at once is a courtesy, and `gone` is how it is proved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from brownout_proxy.errors import Unavailable
from brownout_proxy.faults.spec import FaultSpec


class BackendError(Unavailable):
    """A target could not be asked or would not do it: away, too slow, or it refused."""


class LeaseLostError(BackendError):
    """The lease had lapsed when it was to be renewed: its faults are gone."""


class TakenError(BackendError):
    """The target is under another owner's lease: one at a time has it."""


class Target(NamedTuple):
    """Where a fault goes in. `id` is unique in its environment; `where` is for people; `instance` names the process
    that is there, however its address is spelled, "" where that cannot be known."""

    id: str
    proxy: str
    where: str
    instance: str = ""

    @property
    def key(self) -> str:
        """Names it for whoever wants it alone: the same for every spelling of its address."""
        return f"{self.instance}/{self.proxy}" if self.instance else self.id


class Place(NamedTuple):
    """Where faults can be put: one without a `proxy` could not be asked, and `trouble` says why."""

    where: str
    proxy: str = ""
    edges: Sequence[str] = ()
    faults: Sequence[str] = ()
    trouble: str = ""


class Counts(NamedTuple):
    """What a target has counted: totals since its proxy was made, and of the owner's faults by their names.

    `connections` are accepted ones; bytes are those passed on, `sent_upstream` to the server.
    """

    connections: int
    dial_failures: int
    sent_upstream: int
    sent_downstream: int
    hits: Mapping[str, int]
    met: Mapping[str, int]


class Backend(Protocol):
    """Asks and changes targets. Every method but `places` raises BackendError; the caller need not limit its time."""

    async def targets(self, edge: str) -> Sequence[Target]:
        """Where the edge runs through; empty if nowhere."""

    async def places(self, edges: Sequence[str]) -> Sequence[Place]:
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
        """Whether nothing of the owner is there, as a listing tells."""

    async def counts(self, target: Target, owner: str) -> Counts: ...

    async def close(self) -> None: ...
