"""What holds for every test: one that lacks what it `needs` does not run, and an async one leaves no task behind.

Markers are registered in pyproject.toml; fixtures live beside the tests that use them.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, settings

from tests.support import requirements
from tests.support.processes import kube
from tests.support.scheduling import Scheduling, ordered, unit
from tests.support.virtual_time import VirtualLoop

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

    from deploy.demo.story import Shop

# Under nohup the end of a terminal is ignored, and in the background of a shell Ctrl-C, by the children too: tests of
# what they end would wait for ever.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes is a matter of what else runs.
settings.register_profile("busy", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

PURE: Final = (
    "tests/controller/lint/",
    "tests/controller/model/",
    "tests/core/faults/",
    "tests/core/test_address.py",
    "tests/core/test_errors.py",
    "tests/core/test_units.py",
    "tests/proxy/server/test_config.py",
)
"""The tests that have to reach nearly every line of the pure parts, which pyproject.toml lists; others do not count."""

_FOLDER: Final = pytest.StashKey[str]()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """A report that speaks of Kubernetes says which."""
    said = None if hasattr(config, "workerinput") else kube.versions()
    return [] if said is None else [said]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.config.pluginmanager.hasplugin("_cov") and not item.nodeid.startswith(PURE):
            item.add_marker("no_cover")
    items[:] = ordered(items)


# Only workers collect, and only the process that started them schedules: the units of the tests go by a file.


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    node.workerinput["units"] = str(_units(node.config))


@pytest.hookimpl(tryfirst=True)  # before the worker tells that it is ready
def pytest_collection_finish(session: pytest.Session) -> None:
    if (workerinput := getattr(session.config, "workerinput", None)) is not None:
        file = Path(workerinput["units"])
        whole = file.with_suffix(f".{os.getpid()}")
        whole.write_text(json.dumps({item.nodeid: unit(item) for item in session.items}))
        whole.replace(file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Any:
    return Scheduling(config, log, lambda: json.loads(_units(config).read_text()))


def _units(config: pytest.Config) -> Path:
    if _FOLDER not in config.stash:
        folder = tempfile.TemporaryDirectory(prefix="brownout-units-")
        config.add_cleanup(folder.cleanup)
        config.stash[_FOLDER] = folder.name
    return Path(config.stash[_FOLDER], "units.json")


@pytest.fixture(scope="session", autouse=True)
def own_state() -> Iterator[None]:
    """Locks on targets are a user's; here each worker is a user of its own."""
    with tempfile.TemporaryDirectory(prefix="brownout-state-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", folder)
        yield


@pytest.fixture(scope="session")
def clusters() -> Iterator[Callable[[str], kube.Api]]:
    """API servers by their kind, `fake` or `real`, each started when a test first wants it."""
    with ExitStack() as stack:
        yield functools.cache(lambda kind: stack.enter_context(kube.api(kind)))


@pytest.fixture(scope="session")
def postgres_port() -> Iterator[int]:
    """Where a PostgreSQL listens."""
    from deploy.demo import servers

    with servers.postgres() as port:
        yield port


@pytest.fixture(scope="session")
def redis_server() -> Iterator[int]:
    from deploy.demo import servers

    with servers.redis() as port:
        yield port


@pytest.fixture
def redis_port(redis_server: int) -> int:
    """Where a Redis listens that has nothing."""
    from redis import Redis

    with Redis(port=redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture(scope="session")
def resilient_shop() -> Iterator[Shop]:
    """The payment shop that holds."""
    from deploy.demo import story

    with story.shop("resilient") as shop:
        yield shop


def pytest_runtest_setup(item: pytest.Item) -> None:
    requirements.check(item.iter_markers("needs"), ci=requirements.in_ci(os.environ))


@pytest.hookimpl(optionalhook=True)  # a nested run of one test goes without the plugin
def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that an async test asks for by its marker; asyncio's own without one."""
    if item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualLoop}
    if item.get_closest_marker("uvloop"):
        import uvloop

        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.SelectorEventLoop}


def pytest_itemcollected(item: pytest.Item) -> None:
    if (
        isinstance(item, pytest.Function)
        and inspect.iscoroutinefunction(item.function)
        and "no_task_left" not in item.fixturenames
    ):
        item.fixturenames.insert(0, "no_task_left")  # set up first, and so torn down after all other fixtures


@pytest.fixture
async def no_task_left() -> AsyncIterator[None]:
    """Fails an async test that leaves a task behind, which the loop would cancel without a word."""
    yield
    loop, this = asyncio.get_running_loop(), asyncio.current_task()
    rounds = 0
    while left := [task for task in asyncio.all_tasks() if task is not this]:
        rounds += 1  # one that is cancelled ends within a few rounds; where sockets are real, they may take a moment
        if rounds > 100:
            names = ", ".join(sorted(f"{task.get_name()} ({task.get_coro()})" for task in left))
            pytest.fail(f"the test left {len(left)} tasks unfinished: {names}")
        await asyncio.sleep(0 if isinstance(loop, VirtualLoop) else 0.01)
