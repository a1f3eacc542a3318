"""The backend of real proxies: how edges find them, and what it says when they are away."""

from __future__ import annotations

import pytest

from brownout_controller.backends.base import BackendError
from brownout_controller.backends.channel import Credentials
from brownout_controller.backends.proxy import ProxyBackend
from tests.support.processes.proxy import proxy_process
from tests.support.running import nobody


async def _targets(edge: str, control: str, edges: dict[str, str] | None = None, token: str | None = None) -> list[str]:
    async def ask() -> list[str]:
        backend = ProxyBackend([control], edges, Credentials(token=token))
        try:
            return [target.proxy for target in await backend.targets(edge)]
        finally:
            await backend.close()

    return await ask()


async def test_an_edge_is_found_by_what_the_environment_says_by_its_name_or_by_its_callee() -> None:
    with proxy_process("db@0=127.0.0.1:1", "cache@0=127.0.0.1:1") as process:
        assert await _targets("app -> db", process.control) == ["db"]
        assert await _targets("app -> db", process.control, {"app -> db": "cache"}) == ["cache"]
        assert await _targets("app -> queue", process.control) == []


async def test_a_proxy_that_is_away_is_named() -> None:
    with nobody() as address, pytest.raises(BackendError, match=f"{address}: the proxy's gRPC API does not answer"):
        await _targets("app -> db", address)


async def test_a_token_is_shown_and_a_wrong_one_is_refused() -> None:
    with proxy_process("db@0=127.0.0.1:1", BROWNOUT_TOKEN="secret") as process:
        assert await _targets("app -> db", process.control, token="secret") == ["db"]
        with pytest.raises(BackendError, match="token"):
            await _targets("app -> db", process.control, token="wrong")
