"""Look-ups of host names: one thread for each name, and a name that hangs holds up no other."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from brownout_proxy.relay import lookup as module
from brownout_proxy.relay.lookup import Lookups
from tests.support.running import SECONDS


class Names:
    """A name server of this process: names that start with `slow` wait until they may be answered."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        if host.startswith("slow"):
            assert self.may_answer.wait(SECONDS)
        if host == "unknown":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = [(socket.AF_INET6, "::7"), (socket.AF_INET, "10.0.0.7"), (socket.AF_INET, "10.0.0.7")]
        return [(family, socket.SOCK_STREAM, 6, "", (address, 0)) for family, address in found]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.may_answer.set()


def test_localhost_is_never_asked_for(names: Names) -> None:
    async def find() -> list[str]:
        return list(await Lookups(asyncio.get_running_loop()).find("LocalHost"))

    assert asyncio.run(find()) == ["127.0.0.1", "::1"]
    assert names.asked == []


def test_addresses_come_once_each_and_ipv4_first(names: Names) -> None:
    async def find() -> list[str]:
        return list(await Lookups(asyncio.get_running_loop()).find("db"))

    assert asyncio.run(find()) == ["10.0.0.7", "::7"]


def test_a_name_that_hangs_is_asked_once_and_holds_up_no_other(names: Names) -> None:
    async def find() -> None:
        lookups = Lookups(asyncio.get_running_loop())
        slow = [asyncio.create_task(lookups.find(f"slow{number % 8}")) for number in range(40)]
        assert list(await lookups.find("db")) == ["10.0.0.7", "::7"]
        slow[0].cancel()
        names.may_answer.set()
        answers = await asyncio.gather(*slow, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert answers[1:] == [["10.0.0.7", "::7"]] * 39

    asyncio.run(find())
    assert sorted(names.asked) == sorted(["db", *(f"slow{number}" for number in range(8))])


def test_an_unknown_name_is_an_error_for_each_who_asks_and_may_be_asked_again(names: Names) -> None:
    async def find() -> None:
        lookups = Lookups(asyncio.get_running_loop())
        for _ in range(2):
            with pytest.raises(OSError, match="not known"):
                await lookups.find("unknown")

    asyncio.run(find())
    assert names.asked == ["unknown", "unknown"]


def test_a_name_that_nobody_waits_for_any_more_leaves_no_noise(names: Names, caplog: pytest.LogCaptureFixture) -> None:
    async def find() -> None:
        lookups = Lookups(asyncio.get_running_loop())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await lookups.find("slow")
        names.may_answer.set()
        await lookups.find("slow")

    asyncio.run(find())
    assert caplog.records == []


def test_what_is_no_host_name_is_an_error() -> None:
    async def find() -> None:
        with pytest.raises(OSError, match="no host name"):
            await Lookups(asyncio.get_running_loop()).find("a" * 70 + ".é")

    asyncio.run(find())


def test_one_name_more_than_are_asked_at_once_waits_for_its_turn(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    async def find() -> None:
        lookups = Lookups(asyncio.get_running_loop())
        slow = [asyncio.create_task(lookups.find(f"slow{number}")) for number in range(3)]
        waiting = [asyncio.create_task(lookups.find(name)) for name in ("db", "db", "left", "cache")]
        await asyncio.sleep(0)
        waiting[2].cancel()
        await asyncio.sleep(0)
        assert sorted(names.asked) == ["slow0", "slow1", "slow2"]
        names.may_answer.set()
        answers = await asyncio.gather(*slow, *waiting, return_exceptions=True)
        assert isinstance(answers.pop(-2), asyncio.CancelledError)
        assert answers == [["10.0.0.7", "::7"]] * 6
        assert list(await lookups.find("left")) == ["10.0.0.7", "::7"]

    monkeypatch.setattr(module, "_MOST", 3)
    asyncio.run(find())
    assert sorted(names.asked) == ["cache", "db", "left", "slow0", "slow1", "slow2"]
    assert names.asked.index("left") == 5, "nobody waited for it when its turn came"
