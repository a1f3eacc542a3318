"""What tests of the engine stand on: a probe that reads what it is told, a backend that fails when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from brownout_controller.backends.base import BackendError, Counts, LeaseLostError, Target
from brownout_controller.backends.memory import MemoryBackend
from brownout_controller.engine import locks
from brownout_controller.engine.planning import Setup
from brownout_controller.engine.runner import Runner
from brownout_controller.engine.store import Journal, Store, read
from brownout_controller.model.environment import Environment
from brownout_controller.model.experiment import Experiment, read_experiment
from brownout_controller.model.journal import Entry, Record
from brownout_controller.model.judge import Judgement
from brownout_controller.model.probe import Probe, ProbeContext, ProbeSpec, Reading
from brownout_controller.model.secrets import Masker
from brownout_core import document
from brownout_core.errors import Unavailable
from brownout_core.faults.spec import FaultSpec

EDGE = "app -> db"
TOLD: dict[str, Callable[[], Reading]] = {}
"""What the probe of that key reads; a test may change it at any time."""


class Told(ProbeSpec):
    """Reads what the test says."""

    kind: ClassVar[str] = "told"
    scalar: ClassVar[str] = "key"
    key: str

    def open(self, context: ProbeContext) -> Probe:
        return _Told(self.key)


class _Told:
    def __init__(self, key: str) -> None:
        self._key = key

    async def measure(self, window: float) -> Reading:
        await asyncio.sleep(0)
        return TOLD[self._key]()

    async def close(self) -> None:
        TOLD.pop(f"{self._key} closed", None)


class Stuck(ProbeSpec):
    """Never answers."""

    kind: ClassVar[str] = "stuck"
    scalar: ClassVar[str] = "key"
    key: str

    def open(self, context: ProbeContext) -> Probe:
        return _Stuck()


class _Stuck:
    async def measure(self, window: float) -> Reading:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def close(self) -> None:
        """Nothing to give back."""


class Stubborn(ProbeSpec):
    """Does not answer, and does not end when it is told to, the first three times."""

    kind: ClassVar[str] = "stubborn"
    scalar: ClassVar[str] = "key"
    key: str

    def open(self, context: ProbeContext) -> Probe:
        return _Stubborn()


class _Stubborn(_Stuck):
    async def measure(self, window: float) -> Reading:
        for _ in range(3):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue
        return Reading(None, "at last")


class Unruly(MemoryBackend):
    """Fails at what it is told to fail at; counts what it was asked."""

    def __init__(self, edges: dict[str, Sequence[str]] | None = None, rate: float = 1000.0) -> None:
        super().__init__({EDGE: ["db"]} if edges is None else edges, connections_per_second=rate)
        self.fails: set[str] = set()
        self.keeps = False
        """What is reverted stays."""
        self.asked: list[str] = []

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.fails:
            raise BackendError(f"{what} failed, as it was told to")

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


class FullDisk:
    """Makes journals that take no record of the kinds in `refused`."""

    def __init__(self) -> None:
        self.refused: set[str] = set()

    def __call__(self, directory: Path) -> Journal:
        return _Refusing(directory, self.refused)


class _Refusing(Journal):
    def __init__(self, directory: Path, refused: set[str]) -> None:
        super().__init__(directory)
        self._refused = refused

    def append(self, entry: Entry) -> None:
        if entry.record.kind in self._refused:
            raise Unavailable("no space left on device")
        super().append(entry)


def experiment(**changes: object) -> Experiment:
    """One on `EDGE` with a hypothesis that reads TOLD["value"] and wants it below 10."""
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
    import json

    return read_experiment(document.parse(json.dumps(content), "try.json"), "try.json", KINDS)


def hypothesis(**changes: object) -> dict[str, object]:
    return {"name": "value is low", "told": "value", "expect": "< 10", "every": "0.01s", **changes}


KINDS = {"told": Told, "stuck": Stuck, "stubborn": Stubborn}


class Play:
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
        TOLD.setdefault("value", lambda: Reading(1.0))
        self.backend = backend or Unruly()
        self.store = Store(root / "runs", disk)
        self._root = root
        self._experiment = experiment
        self._environment = environment or Environment(backend="memory")
        self._masker = masker or Masker()
        self._exclusive = exclusive
        self._hooks: dict[type[Record], Callable[[Runner, Record], None]] = {}
        self.entries: list[Entry] = []

    def on(self, kind: type[Record], hook: Callable[[Runner, Record], None]) -> Play:
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


__all__ = ["EDGE", "KINDS", "TOLD", "LeaseLostError", "Play", "Unruly", "experiment", "hypothesis"]
