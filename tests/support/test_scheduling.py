"""The workers share the tests without losing one, and a test that is `alone` has nothing beside it."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Final

import pytest

from tests.support.scheduling import ALONE, Scheduling, ordered, unit

_FAST: Final = [f"tests/model/test_{name}.py::test_{number}" for name in "abcde" for number in range(3)]
_SLOW: Final = [f"tests/e2e/test_runs.py::test_{number}[x@y]" for number in range(6)]
_ALONE: Final = [f"tests/e2e/test_time.py::test_{number}" for number in range(3)]
_ALL: Final = [*_SLOW, *_FAST, *_ALONE]
_UNITS: Final = {
    **{name: name for name in _SLOW},
    **{name: name.partition("::")[0] for name in _FAST},
    **dict.fromkeys(_ALONE, ALONE),
}


class _Worker:
    """Runs what it is sent, as a worker of xdist does: the last test that it has waits for the next one or the end."""

    def __init__(self) -> None:
        self.gateway = SimpleNamespace(id="")
        self.queue: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        self.queue += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    @property
    def current(self) -> int | None:
        return self.queue[0] if len(self.queue) > self.shutting_down ^ 1 else None


class _Run:
    """Workers that take turns until none has anything to do; `beside` has what ran beside each test."""

    def __init__(self, config: pytest.Config, tests: Sequence[str], workers: int) -> None:
        config.option.tx = [f"{workers}*popen"]
        self.tests, self.scheduling = tests, Scheduling(config, None, lambda: _UNITS)
        self.beside: dict[str, set[str]] = {}
        self.done: list[str] = []
        self.workers: list[_Worker] = []
        for _ in range(workers):
            self.add()
        self.scheduling.schedule()

    def add(self) -> None:
        worker = _Worker()
        self.workers.append(worker)
        self.scheduling.add_node(worker)
        self.scheduling.add_node_collection(worker, self.tests)

    def running(self) -> list[tuple[_Worker, int]]:
        return [(worker, worker.current) for worker in self.workers if worker.current is not None]

    def step(self, number: int) -> None:
        """One of the tests that run ends."""
        now = self.running()
        names = {self.tests[index] for _, index in now}
        for name in names:
            self.beside.setdefault(name, set()).update(names - {name})
        worker, index = now[number % len(now)]
        worker.queue.pop(0)
        self.done.append(self.tests[index])
        self.scheduling.mark_test_complete(worker, index)

    def crash(self) -> str | None:
        """The first worker ends in the midst of its test, and another takes its place."""
        worker = self.workers.pop(0)
        crashed: str | None = self.scheduling.remove_node(worker)
        self.add()
        self.scheduling.schedule()
        return crashed

    def finish(self, stride: int = 1) -> None:
        number = 0
        while self.running():
            self.step(number)
            number += stride


@pytest.fixture
def config(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> pytest.Config:
    monkeypatch.setattr(request.config, "option", type(request.config.option)(**vars(request.config.option)))
    return request.config


@pytest.mark.parametrize("workers", [1, 2, 5, 40])
@pytest.mark.parametrize("stride", [0, 1, 3])
def test_every_test_runs_once_and_nothing_beside_one_that_is_alone(
    config: pytest.Config, workers: int, stride: int
) -> None:
    run = _Run(config, _ALL, workers)
    run.finish(stride)
    assert sorted(run.done) == sorted(_ALL)
    assert not any(run.beside[name] for name in _ALONE)
    assert run.scheduling.tests_finished


@pytest.mark.parametrize("after", range(len(_ALL) - 1))
def test_a_worker_that_crashes_costs_one_test_and_no_other_is_lost_or_run_twice(
    config: pytest.Config, after: int
) -> None:
    run = _Run(config, _ALL, 3)
    for number in range(after):
        run.step(number)
    crashed = run.crash()
    run.finish()
    assert sorted([*run.done, *([crashed] if crashed else [])]) == sorted(_ALL)


class _Item:
    def __init__(self, nodeid: str, *marks: pytest.Mark, **fixtures: str) -> None:
        """`fixtures` are names and scopes."""
        self.nodeid, self._marks = nodeid, {mark.name: mark for mark in marks}
        found = {name: [SimpleNamespace(scope=scope, baseid="tests")] for name, scope in fixtures.items()}
        plugins = {"tmp_path_factory": [SimpleNamespace(scope="session", baseid="")]}
        self._fixtureinfo = SimpleNamespace(name2fixturedefs={**found, **plugins})

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return self._marks.get(name)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (_Item("tests/model/test_a.py::test_1"), "tests/model/test_a.py"),
        (_Item("tests/model/test_a.py::test_1", own_state="session", shop="function"), "tests/model/test_a.py"),
        (_Item("tests/e2e/test_a.py::test_1[x@y]"), "tests/e2e/test_a.py::test_1[x@y]"),
        (_Item("tests/e2e/test_a.py::test_1", server="module"), "tests/e2e/test_a.py"),
        (_Item("tests/e2e/test_a.py::test_1", database="session", server="module"), "database"),
        (_Item("tests/model/test_a.py::test_1", database="session"), "database"),
        (_Item("tests/e2e/test_a.py::test_1", pytest.mark.xdist_group("g").mark, database="session"), "g"),
        (_Item("tests/e2e/test_a.py::test_1", pytest.mark.alone.mark, server="module"), ALONE),
    ],
)
def test_tests_that_share_something_are_one_unit(item: _Item, expected: str) -> None:
    assert unit(item) == expected  # type: ignore[arg-type]


def test_the_longest_come_first_and_what_is_alone_comes_last() -> None:
    items = [
        _Item("tests/model/a"), _Item("tests/e2e/alone", pytest.mark.alone.mark, pytest.mark.timeout(300).mark),
        _Item("tests/e2e/b"), _Item("tests/e2e/c", pytest.mark.timeout(90).mark),
        _Item("tests/e2e/d", pytest.mark.timeout(180).mark), _Item("tests/model/e"),
    ]  # fmt: skip
    names = [item.nodeid[-1] for item in ordered(items)]  # type: ignore[arg-type]
    assert "".join(names) == "dcbaee"
