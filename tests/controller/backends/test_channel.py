"""A token goes with each call, and a server that was away is found."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from brownout_controller.backends.channel import ANYBODY, Credentials, channel
from tests.support.running import nobody


def test_a_token_is_in_the_metadata_and_without_one_there_is_nothing() -> None:
    assert ANYBODY.metadata == []
    assert Credentials("secret").metadata == [("authorization", "Bearer secret")]


async def test_a_server_that_comes_late_is_found() -> None:
    with nobody() as address:
        pass
    async with channel(address, ANYBODY) as made:
        call: Any = made.unary_unary("/x/y")
        with pytest.raises(grpc.aio.AioRpcError):
            await call(b"", timeout=2.0)
        server = grpc.aio.server()
        server.add_insecure_port(address)
        await server.start()
        async with asyncio.timeout(5):
            await made.channel_ready()
        await server.stop(0)
