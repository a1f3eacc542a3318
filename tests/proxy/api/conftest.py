"""What the tests of the HTTP API share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.http_api import Api


@pytest.fixture
def make_api() -> Iterator[Callable[..., Api]]:
    with asyncio.Runner() as runner, ExitStack() as stack:

        def make(**options: Any) -> Api:
            api = Api(runner, **options)
            stack.callback(api.close)
            return api

        yield make


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    return make_api()
