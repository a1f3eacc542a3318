"""How the workers of `make test` share the tests: which stay together, which come first, and which run alone.

`make test` has a worker for each core. A test that measures time or the machine is marked `alone`: it runs when all
others are done, with nothing beside it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

ALONE: Final = "alone"
_OF_A_WORKER: Final = "own_state"
"""The fixture of the session that each worker has for itself."""
_SLOW: Final = "tests/e2e/"
"""The folder whose tests wait for processes. There each test is a unit of work; elsewhere each file is one."""


def ordered(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The order in which tests are handed out: long ones first, as a run ends with its last test; `alone` last."""
    return sorted(items, key=lambda item: (is_alone(item), -_limit(item), not item.nodeid.startswith(_SLOW)))


def is_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker(ALONE) is not None


def unit(item: pytest.Item) -> str:
    """The unit of work of a test: one worker runs the tests of a unit, one after the other.

    `alone`; the `xdist_group` that it names; what it shares with others, so that this is started once; the test itself,
    where tests are slow; otherwise its file.
    """
    if is_alone(item):
        return ALONE
    if mark := item.get_closest_marker("xdist_group"):
        return str(mark.args[0])
    file = item.nodeid.partition("::")[0]
    info: Any = getattr(item, "_fixtureinfo", None)  # pytest has no public name for it
    shared: dict[str, str] = {
        each.scope: name
        for name, definitions in (info.name2fixturedefs.items() if info else ())
        for each in definitions
        if each.baseid and name != _OF_A_WORKER  # without one it is a plugin's
    }
    if "session" in shared:
        return shared["session"]
    return file if "module" in shared or not file.startswith(_SLOW) else item.nodeid


def _limit(item: pytest.Item) -> float:
    """The seconds that a test may take by its own mark: the longer, the longer it takes."""
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark is not None else 0.0


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out units in the order of collection, and `alone` when nothing else is left or runs."""

    def __init__(self, config: pytest.Config, log: Producer | None, units: Callable[[], Mapping[str, str]]) -> None:
        """`units` are those of all tests, once these are collected."""
        config.option.loadscopereorder = False
        super().__init__(config, log)
        self._units = functools.cache(units)

    def _split_scope(self, nodeid: str) -> str:
        return self._units()[nodeid]

    def _reschedule(self, node: WorkerController) -> None:
        """After each test of a node, and for all nodes when one is new or gone."""
        if list(self.workqueue) == [ALONE]:
            self._end_with_alone()
            return
        if self._at_work(node):
            # A worker begins its last test only when it has the next one, or is to end.
            while self.workqueue and list(self.workqueue) != [ALONE] and self._pending(node) < 2:
                self._assign_work_unit(node)
            if not self.workqueue:
                node.shutdown()  # it still does what it has

    def _end_with_alone(self) -> None:
        """The first node waits until all others are done, and gets the rest."""
        at_work = list(filter(self._at_work, self.nodes))
        for node in at_work[1:]:
            node.shutdown()
        for node in at_work[:1]:
            if self._assign_work_unit(node):
                node.shutdown()

    def _assign_work_unit(self, node: WorkerController) -> bool:
        """Whether it did: not with `alone` while anything else runs."""
        if list(self.workqueue) == [ALONE]:
            others = sum(map(self._pending, self.nodes)) - self._pending(node)
            if others or self._pending(node) > 1:
                return False
        super()._assign_work_unit(node)
        return True

    def _pending(self, node: WorkerController) -> int:
        count: int = self._pending_of(self.assigned_work[node])
        return count

    def _at_work(self, node: WorkerController) -> bool:
        return node in self.registered_collections and not node.shutting_down

    def remove_node(self, node: WorkerController) -> str | None:
        """Gives back what a node had not done when it ended, without the test that ended it: that one has failed.

        The base class hands that one out again, and units that are done, for which no worker would ever answer.
        """
        workload = self.assigned_work.pop(node)
        crashed = next((test for tests in workload.values() for test, done in tests.items() if not done), None)
        if crashed is not None:
            workload[self._split_scope(crashed)][crashed] = True
        for name, tests in reversed(workload.items()):
            if not all(tests.values()):
                self.workqueue[name] = tests
                self.workqueue.move_to_end(name, last=name == ALONE)
        for other in self.nodes:
            self._reschedule(other)
        return crashed
