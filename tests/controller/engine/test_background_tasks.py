"""Nothing that goes on beside a run is left behind, and nothing is waited for without end."""

from __future__ import annotations

import asyncio

import pytest

from brownout_controller.engine.background_tasks import BackgroundTasks
from brownout_controller.model.journal import Failure, Record

pytestmark = pytest.mark.virtual_time


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _stubborn() -> None:
    try:
        await _for_ever()
    except asyncio.CancelledError:
        await _for_ever()


async def _broken() -> None:
    raise ZeroDivisionError("a bug")


async def _finish() -> None:
    await asyncio.sleep(2)


async def test_what_ends_leaves_no_word() -> None:
    written: list[Record] = []
    tasks = BackgroundTasks(written.append)
    tasks.start(_for_ever())
    await asyncio.sleep(0)
    await tasks.end()
    await tasks.end()
    assert written == []


async def test_what_fails_and_what_does_not_end_is_written_down() -> None:
    written: list[Record] = []
    tasks = BackgroundTasks(written.append, timeout=3.0)
    tasks.start(_broken())
    tasks.start(_stubborn(), "the probe of x")
    await asyncio.sleep(0)
    began = asyncio.get_running_loop().time()
    await tasks.end()
    assert asyncio.get_running_loop().time() - began == pytest.approx(3.0)
    assert [(record.where, record.what.partition(" ")[0]) for record in written if isinstance(record, Failure)] == [
        ("runner", "ZeroDivisionError:"),
        ("probe", "the"),
    ]


async def test_what_is_not_cancelled_has_the_time_to_finish() -> None:
    written: list[Record] = []
    tasks = BackgroundTasks(written.append)
    began = asyncio.get_running_loop().time()
    tasks.start(_finish())
    await tasks.end(cancel=False)
    assert asyncio.get_running_loop().time() - began == pytest.approx(2.0)
    assert written == []
