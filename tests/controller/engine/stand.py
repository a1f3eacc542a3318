"""What tests of many runs at once stand on: a conductor over a backend that outlives its runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from brownout_controller.backends.base import BackendError
from brownout_controller.engine.resolve import RequestResolver, Rights
from brownout_controller.engine.run_request import FaultRequest, RunRequest
from brownout_controller.engine.run_supervisor import RunSupervisor
from brownout_controller.engine.settings_file import SettingsFile
from brownout_controller.engine.store import Journal, Store
from brownout_controller.model.probe import Reading
from brownout_controller.probes import KINDS as PROBES
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec
from tests.controller.engine.ground import KINDS, TOLD, Unruly, hypothesis

EDGES = {"a -> one": ["one"], "b -> two": ["two"], "c -> three": ["three"]}


class Shared(Unruly):
    """Stays as it is when a run closes it; `refuses` are targets that take no fault."""

    def __init__(self, edges: dict[str, Sequence[str]] | None = None) -> None:
        super().__init__(edges or dict(EDGES))
        self.refuses: set[str] = set()
        self.closed = 0

    async def inject(self, target, faults, owner, lease) -> None:  # type: ignore[no-untyped-def]
        if target.id in self.refuses:
            raise BackendError(f"{target.id} refuses, as it was told to")
        await super().inject(target, faults, owner, lease)

    async def close(self) -> None:
        self.closed += 1


def order(edge: str = "a -> one", **changes: object) -> RunRequest:
    content = {
        "name": "try", "edge": edge, "fault": {"latency": "1s"}, "duration": "0.2s", "baseline": "0.1s",
        "recovery": "0.1s", "lease": "1s", "hypotheses": [hypothesis()], **changes,
    }  # fmt: skip
    return RunRequest(json.dumps(content), "try.json")


def wish(**changes: object) -> FaultRequest:
    faults = [FaultSpec("slow", make("latency", {"latency": 1}))]
    given = {"edges": list(EDGES), "faults": faults, "duration": 60.0, "lease": 1.0, **changes}
    return FaultRequest(**given)  # type: ignore[arg-type]


def prepare() -> None:
    """Hypotheses read what TOLD says, 1 at first."""
    TOLD.clear()
    TOLD["value"] = lambda: Reading(1.0)


@asynccontextmanager
async def conducting(
    root: Path,
    backend: Unruly,
    rights: Rights | None = None,
    disk: Callable[[Path], Journal] = Journal,
    **limits: object,
) -> AsyncIterator[RunSupervisor]:
    config = root / "brownout.yaml"
    content = {"backend": "memory", "limits": {"max_percent": 100, **limits}}
    config.write_text(json.dumps({"environments": {"local": content, "guarded": {**content, "protected": True}}}))
    desk = RequestResolver(SettingsFile(config), rights, {"OURS": "of the machine"}, {**PROBES, **KINDS})
    store = Store(root / "runs", disk)
    async with RunSupervisor(desk, store, locks=root / "locks", make=lambda _: backend) as conductor:
        yield conductor
