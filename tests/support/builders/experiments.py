"""An experiment as the command line has it, with the real probes and those of the engine's tests."""

from __future__ import annotations

import asyncio
import json
from typing import Any, ClassVar

from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.journal import Run
from brownout_controller.model.probe import Probe, ProbeContext, ProbeSpec, Reading
from brownout_controller.probes import KINDS
from brownout_core import document
from tests.support.fakes.backends import EDGE
from tests.support.fakes.probes import HangingProbe, ScriptedProbe


class Together(ProbeSpec):
    """Reads 1 as soon as so many of its kind are asked at the same time."""

    kind: ClassVar[str] = "together"
    scalar: ClassVar[str] = "count"
    count: int

    def open(self, context: ProbeContext) -> Probe:
        return _Together(self.count)


class _Together:
    asked: ClassVar[set[_Together]] = set()
    all_there: ClassVar[asyncio.Event]

    def __init__(self, count: int) -> None:
        self._count = count

    async def measure(self, window: float) -> Reading:
        if not self.asked:
            type(self).all_there = asyncio.Event()
        self.asked.add(self)
        if len(self.asked) == self._count:
            self.all_there.set()
        await self.all_there.wait()
        return Reading(1.0)

    async def close(self) -> None:
        self.asked.discard(self)


def begun(experiment: Experiment) -> Run:
    """What the journal of a run of it begins with."""
    conditions = experiment.conditions
    lasting = {"baseline": conditions.baseline, "observing": conditions.duration, "recovering": conditions.recovery}
    terms = [hypothesis.recorded.model_dump(mode="json", by_alias=True) for hypothesis in experiment.hypotheses]
    return Run("run-1", "1", "", experiment.content, terms, {}, 7, "", conditions.recovery, lasting=lasting)


def claimed(*hypotheses: dict[str, Any], **changes: Any) -> Experiment:
    """One on `EDGE` with short phases, and by default the claim that TOLD["value"] is below 10."""
    quick = {"every": "0.1s", "window": "0.1s", "settle": 0}
    claims = hypotheses or ({"name": "value is low", "told": "value", "expect": "< 10"},)
    content = {
        "name": "try", "edge": EDGE, "fault": {"latency": "1s"}, "duration": "0.3s", "baseline": "0.1s",
        "recovery": "0.1s", "lease": "1s", "hypotheses": [{**quick, **claim} for claim in claims], **changes,
    }  # fmt: skip
    value = document.parse(json.dumps(content), "try.json", columns=True)
    return read_experiment(
        value, "try.json", {**KINDS, **{probe.kind: probe for probe in (ScriptedProbe, HangingProbe, Together)}}
    )
