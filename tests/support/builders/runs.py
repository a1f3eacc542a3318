"""An experiment on a fake probe, and one run of it over a backend in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from brownout_controller.backends.memory import MemoryBackend
from brownout_controller.engine import locks
from brownout_controller.engine.planning import Setup
from brownout_controller.engine.runner import Runner
from brownout_controller.engine.store import Journal, Store, read
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.journal import Entry, Record
from brownout_controller.model.judge import Judgement
from brownout_controller.model.probe import Reading
from brownout_controller.model.secrets import Masker
from brownout_core import document
from tests.support.fakes.backends import EDGE, FailingBackend
from tests.support.fakes.probes import FAKE_PROBES, READINGS


def experiment(**changes: object) -> Experiment:
    """One on `EDGE` with a hypothesis that reads READINGS["value"] and wants it below 10."""
    content: dict[str, object] = {
        "name": "try",
        "edge": EDGE,
        "fault": {"latency": "1s"},
        "duration": "0.3s",
        "baseline": "0.1s",
        "recovery": "0.1s",
        "lease": "1s",
        "hypotheses": [hypothesis()],
        **changes,
    }

    return read_experiment(document.parse(json.dumps(content), "try.json"), "try.json", FAKE_PROBES)


def hypothesis(**changes: object) -> dict[str, object]:
    return {"name": "value is low", "told": "value", "expect": "< 10", "every": "0.01s", **changes}


class ExperimentRun:
    """One run of an experiment. `on` calls back when a kind of record is written."""

    def __init__(
        self,
        root: Path,
        experiment: Experiment,
        backend: MemoryBackend | None = None,
        *,
        environment: Environment | None = None,
        masker: Masker | None = None,
        exclusive: locks.Exclusive | None = None,
        disk: Callable[[Path], Journal] = Journal,
    ) -> None:
        READINGS.setdefault("value", lambda: Reading(1.0))
        self.backend = backend or FailingBackend()
        self.store = Store(root / "runs", disk)
        self._root = root
        self._experiment = experiment
        self._environment = environment or Environment(backend="memory")
        self._masker = masker or Masker()
        self._exclusive = exclusive
        self._hooks: dict[type[Record], Callable[[Runner, Record], None]] = {}
        self.entries: list[Entry] = []

    def on(self, kind: type[Record], hook: Callable[[Runner, Record], None]) -> ExperimentRun:
        self._hooks[kind] = hook
        return self

    async def run(self) -> Judgement:
        setup = Setup(
            self._experiment, self._environment, "test", self.backend, 7, "brownout run try.json", self._masker,
            locks=self._root / "locks", exclusive=self._exclusive,
        )  # fmt: skip
        journal = self.store.begin(self._experiment.name)
        runner = Runner(setup, journal, lambda entry: self._observe(runner, entry))
        try:
            judgement = await runner.run()
        finally:
            journal.close()
        self.entries = read(next(iter(reversed(list(self.store.runs())))))
        return judgement

    def _observe(self, runner: Runner, entry: Entry) -> None:
        hook = self._hooks.get(type(entry.record))
        if hook is not None:
            hook(runner, entry.record)

    def kinds(self) -> list[str]:
        return [entry.record.kind for entry in self.entries]
