"""A listener is bound or it is not, and pauses without refusing anybody. On both event loops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, cast

import pytest

from brownout_core.address import Address
from brownout_core.errors import Unavailable
from brownout_proxy.relay.lookup import Addresses, Lookups
from brownout_proxy.server.listener import Listener, resolve
from tests.support.running import SECONDS

LOOPS: Final = {"asyncio": asyncio.new_event_loop}
"""uvloop is what tests/e2e runs on: its sock_recv(), which only these tests use, hung here now and then."""
LOOPBACK: Final = Address("127.0.0.1", 0)


@pytest.fixture(params=LOOPS)
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner


class Greeter(asyncio.Protocol):
    """Says hello and goodbye."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        stream.write(b"hello")
        stream.close()


async def greeted(client: socket.socket) -> bytes:
    async with asyncio.timeout(SECONDS):
        return await asyncio.get_running_loop().sock_recv(client, 5)


def connected(address: Address) -> socket.socket:
    """A client of the kernel's queue: nobody has to accept it."""
    if address.path:
        client = socket.socket(socket.AF_UNIX)
        client.connect(address.path)
    else:
        client = socket.create_connection((address.host, address.port), SECONDS)
    client.setblocking(False)
    return client


# What an address means.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Address("::", 0)),
        (":80", Address("::", 80)),
        ("0.0.0.0:80", Address("::", 80)),
        ("[::]:80", Address("::", 80)),
        ("[::1]:80", Address("::1", 80)),
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("localhost:80", Address("127.0.0.1", 80)),
        ("unix:/run/x.sock", Address(path="/run/x.sock")),
    ],
)
def test_an_address_is_resolved_to_what_can_be_bound(runner: asyncio.Runner, text: str, expected: Address) -> None:
    assert runner.run(resolve(text, Lookups(runner.get_loop()))) == expected


class Found(Lookups):
    """Knows the addresses of every name."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *addresses: str) -> None:
        super().__init__(loop)
        self._addresses = addresses

    async def find(self, host: str) -> Addresses:
        if not self._addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return self._addresses


def test_of_several_addresses_of_a_name_the_first_is_bound(runner: asyncio.Runner) -> None:
    assert runner.run(resolve("both:7", Found(runner.get_loop(), "127.0.0.9", "::1"))) == Address("127.0.0.9", 7)


@pytest.mark.parametrize(
    ("text", "prefix", "message"),
    [
        ("nowhere:1", "listen tcp: ", "listen tcp: lookup nowhere: no such host"),
        ("nowhere:1", "", "lookup nowhere: no such host"),
        ("nowhere", "listen tcp: ", "listen tcp: address nowhere: missing port in address"),
    ],
)
def test_what_cannot_be_resolved_is_said_as_go_says_it(
    runner: asyncio.Runner, text: str, prefix: str, message: str
) -> None:
    with pytest.raises(Unavailable) as refusal:
        runner.run(resolve(text, Found(runner.get_loop()), prefix=prefix))
    assert str(refusal.value) == message


# Binding.


def test_a_busy_port_is_refused_as_go_says_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Unavailable) as refusal:
            Listener(Address("127.0.0.1", port), 8)
    assert str(refusal.value) == f"listen tcp 127.0.0.1:{port}: bind: address already in use"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_wildcard_listens_for_both_families(runner: asyncio.Runner, host: str) -> None:
    async def scenario() -> None:
        listener = Listener(Address("::", 0), 8)
        await listener.serve(asyncio.get_running_loop(), Greeter)
        with connected(Address(host, listener.address.port)) as client:
            assert await greeted(client) == b"hello"
        listener.close()

    runner.run(scenario())


def test_clients_get_a_protocol_each(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        listener = Listener(LOOPBACK, 8)
        assert listener.address.port
        await listener.serve(asyncio.get_running_loop(), Greeter)
        for _ in range(3):
            with connected(listener.address) as client:
                assert await greeted(client) == b"hello"
        listener.close()

    runner.run(scenario())


# Pausing.


@pytest.mark.parametrize("unix", [False, True])
def test_clients_of_a_paused_listener_wait_until_it_goes_on(runner: asyncio.Runner, tmp_path: Path, unix: bool) -> None:
    async def scenario() -> None:
        listener = Listener(Address(path=str(tmp_path / "s")) if unix else LOOPBACK, 8)
        await listener.serve(asyncio.get_running_loop(), Greeter)
        listener.pause()
        listener.pause()
        with connected(listener.address) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await asyncio.get_running_loop().sock_recv(client, 5)
            await listener.resume()
            assert await greeted(client) == b"hello"
        listener.close()

    runner.run(scenario())


def test_a_pause_that_comes_while_it_resumes_wins(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        listener = Listener(LOOPBACK, 8)
        serving = asyncio.create_task(listener.serve(asyncio.get_running_loop(), Greeter))
        await asyncio.sleep(0)
        listener.pause()
        await serving
        with connected(listener.address) as client, pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.get_running_loop().sock_recv(client, 5)
        listener.close()

    runner.run(scenario())


def test_it_can_be_told_to_go_on_more_than_once_at_a_time(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        listener = Listener(LOOPBACK, 8)
        await listener.serve(asyncio.get_running_loop(), Greeter)
        listener.pause()
        await asyncio.gather(listener.resume(), listener.resume(), listener.resume())
        listener.close()
        with pytest.raises(ConnectionRefusedError):
            connected(listener.address)

    runner.run(scenario())


# Closing.


def test_a_closed_listener_gives_its_port_back_and_stays_closed(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        listener = Listener(LOOPBACK, 8)
        await listener.serve(asyncio.get_running_loop(), Greeter)
        listener.close()
        await listener.resume()
        Listener(listener.address, 8).close()

    runner.run(scenario())


def test_a_listener_that_is_closed_while_it_starts_serves_nobody(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        listener = Listener(LOOPBACK, 8)
        serving = asyncio.create_task(listener.serve(asyncio.get_running_loop(), Greeter))
        await asyncio.sleep(0)
        listener.close()
        await serving
        with pytest.raises(ConnectionRefusedError):
            connected(listener.address)

    runner.run(scenario())


# Unix sockets.


def test_a_closed_unix_socket_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "s"
    listener = Listener(Address(path=str(path)), 8)
    assert path.is_socket()
    listener.close()
    assert not path.exists()


def test_a_file_that_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("keep me")
    with pytest.raises(Unavailable, match=f"^listen unix {path}: bind: address already in use$"):
        Listener(Address(path=str(path)), 8)
    assert path.read_text() == "keep me"


@pytest.mark.parametrize("queued", [0, 3])
def test_a_unix_socket_that_is_in_use_is_left_alone_even_with_a_full_queue(tmp_path: Path, queued: int) -> None:
    path = str(tmp_path / "s")
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(path)
        server.listen(2)
        for _ in range(queued):
            stack.enter_context(connected(Address(path=path)))
        with pytest.raises(Unavailable, match="address already in use"):
            Listener(Address(path=path), 8)
        assert Path(path).is_socket()


def test_a_socket_file_that_is_another_s_by_now_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    listener = Listener(Address(path=str(path)), 8)
    path.rename(tmp_path / "old")  # so that its inode is not given to the next at once
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
        listener.close()
        assert path.exists()
