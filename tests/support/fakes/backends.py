"""Backends in memory that fail where a test wants it, and record the calls."""

from __future__ import annotations

from collections.abc import Sequence

from brownout_controller.backends.base import BackendError, Counts, Target
from brownout_controller.backends.memory import MemoryBackend
from brownout_core.faults.spec import FaultSpec

EDGE = "app -> db"
THREE_EDGES = {"a -> one": ["one"], "b -> two": ["two"], "c -> three": ["three"]}


class FailingBackend(MemoryBackend):
    """Fails at the calls that are in `fails`; `asked` has all calls."""

    def __init__(self, edges: dict[str, Sequence[str]] | None = None, rate: float = 1000.0) -> None:
        super().__init__({EDGE: ["db"]} if edges is None else edges, connections_per_second=rate)
        self.fails: set[str] = set()
        self.keeps = False
        """What is reverted stays."""
        self.asked: list[str] = []

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.fails:
            raise BackendError(f"{what} failed, as the test wants")

    async def inject(self, target: Target, faults: Sequence[FaultSpec], owner: str, lease: float) -> None:
        self._ask("inject")
        await super().inject(target, faults, owner, lease)

    async def renew(self, target: Target, owner: str) -> None:
        self._ask("renew")
        await super().renew(target, owner)

    async def revert(self, target: Target, owner: str) -> None:
        self._ask("revert")
        if not self.keeps:
            await super().revert(target, owner)

    async def counts(self, target: Target, owner: str) -> Counts:
        self._ask("counts")
        return await super().counts(target, owner)

    def lose(self) -> None:
        """Every fault vanishes, as when the process behind it is restarted."""
        self._held.clear()

    @property
    def clean(self) -> bool:
        return not self._held


class SharedBackend(FailingBackend):
    """Stays as it is when a run closes it; `refuses` are targets that take no fault."""

    def __init__(self, edges: dict[str, Sequence[str]] | None = None) -> None:
        super().__init__(edges or dict(THREE_EDGES))
        self.refuses: set[str] = set()
        self.closed = 0

    async def inject(self, target, faults, owner, lease) -> None:  # type: ignore[no-untyped-def]
        if target.id in self.refuses:
            raise BackendError(f"{target.id} refuses, as the test wants")
        await super().inject(target, faults, owner, lease)

    async def close(self) -> None:
        self.closed += 1
