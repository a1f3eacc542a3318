"""What the targets of a run have counted, together: the source of the edge probe."""

from __future__ import annotations

from collections.abc import Sequence

from brownout_controller.backends.base import Backend, BackendError, Target
from brownout_controller.model.probe import Counters, ProbeError


class TargetCounters:
    """The counters of the targets as one."""

    def __init__(self, backend: Backend, targets: Sequence[Target], owner: str) -> None:
        self._backend, self._targets, self._owner = backend, targets, owner

    async def read(self) -> Counters:
        """Raises ProbeError."""
        try:
            counts = [await self._backend.counts(target, self._owner) for target in self._targets]
        except BackendError as error:
            raise ProbeError(str(error)) from None
        hits: dict[str, int] = {}
        for item in counts:
            for name, count in item.hits.items():
                hits[name] = hits.get(name, 0) + count
        return Counters(
            sum(item.connections for item in counts),
            sum(item.dial_failures for item in counts),
            sum(item.sent_upstream for item in counts),
            sum(item.sent_downstream for item in counts),
            hits,
        )
