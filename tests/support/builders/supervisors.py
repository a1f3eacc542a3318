"""Requests for runs and faults, and a supervisor over a backend that outlives its runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from brownout_controller.engine.resolve import RequestResolver, Rights
from brownout_controller.engine.run_request import FaultRequest, RunRequest
from brownout_controller.engine.run_supervisor import RunSupervisor
from brownout_controller.engine.settings_file import SettingsFile
from brownout_controller.engine.store import Journal, Store
from brownout_controller.probes import KINDS as PROBES
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec
from tests.support.builders.runs import hypothesis
from tests.support.fakes.backends import THREE_EDGES, FailingBackend
from tests.support.fakes.probes import FAKE_PROBES


def run_request(edge: str = "a -> one", **changes: object) -> RunRequest:
    content = {
        "name": "try", "edge": edge, "fault": {"latency": "1s"}, "duration": "0.2s", "baseline": "0.1s",
        "recovery": "0.1s", "lease": "1s", "hypotheses": [hypothesis()], **changes,
    }  # fmt: skip
    return RunRequest(json.dumps(content), "try.json")


def fault_request(**changes: object) -> FaultRequest:
    faults = [FaultSpec("slow", make("latency", {"latency": 1}))]
    given = {"edges": list(THREE_EDGES), "faults": faults, "duration": 60.0, "lease": 1.0, **changes}
    return FaultRequest(**given)  # type: ignore[arg-type]


@asynccontextmanager
async def supervising(
    root: Path,
    backend: FailingBackend,
    rights: Rights | None = None,
    disk: Callable[[Path], Journal] = Journal,
    **limits: object,
) -> AsyncIterator[RunSupervisor]:
    config = root / "brownout.yaml"
    content = {"backend": "memory", "limits": {"max_percent": 100, **limits}}
    config.write_text(json.dumps({"environments": {"local": content, "guarded": {**content, "protected": True}}}))
    desk = RequestResolver(SettingsFile(config), rights, {"OURS": "of the machine"}, {**PROBES, **FAKE_PROBES})
    store = Store(root / "runs", disk)
    async with RunSupervisor(desk, store, locks=root / "locks", make=lambda _: backend) as supervisor:
        yield supervisor
