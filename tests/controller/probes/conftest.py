"""What a probe opens it closes: an async test of one fails for a descriptor that is left."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator

import pytest

from tests.controller.probes.ground import eventually


def pytest_itemcollected(item: pytest.Item) -> None:
    if (
        isinstance(item, pytest.Function)
        and inspect.iscoroutinefunction(item.function)
        and "no_descriptor_left" not in item.fixturenames
    ):
        item.fixturenames.append("no_descriptor_left")  # set up last, when servers of other fixtures have theirs


@pytest.fixture
async def no_descriptor_left() -> AsyncIterator[None]:
    reading, writing = os.pipe()
    try:
        asyncio.get_running_loop().add_reader(reading, lambda: None)  # so that the loop has its own descriptors now
        before = len(os.listdir("/dev/fd"))
        yield
        await eventually(lambda: len(os.listdir("/dev/fd")) <= before, "the end of all descriptors")
        asyncio.get_running_loop().remove_reader(reading)
    finally:
        os.close(reading)
        os.close(writing)
