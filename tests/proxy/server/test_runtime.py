"""The twin of server/runtime.py."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import socket
from collections.abc import Iterator

import pytest

from brownout_core.errors import InvalidSpec, Unavailable
from brownout_proxy.server.config import Config
from brownout_proxy.server.proxy import ProxySpec
from brownout_proxy.server.registry import Registry
from brownout_proxy.server.runtime import Runtime, Signals, run, unless, with_remedy


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """What a process sets for its whole life ends with the test here."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


class _Control:
    """Writes down what happens to it, and to the proxies around it."""

    def __init__(self, registry: Registry, *, fails: bool = False, hangs: bool = False) -> None:
        self.events: list[str] = []
        self._registry = registry
        self._fails = fails
        self._hangs = hangs

    def _note(self, event: str) -> None:
        self.events.append(f"{event} with {len(self._registry.proxies())}")

    async def bind(self) -> None:
        self._note("bind")
        if self._fails:
            raise Unavailable("control API: taken")

    async def start(self) -> None:
        self._note("start")

    async def stop(self) -> None:
        self._note("stop")
        if self._hangs:
            await asyncio.Event().wait()


class _Process:
    """A runtime with its parts, on the loop that it is made in."""

    def __init__(self, *specs: ProxySpec, drain: float = 0, fails: bool = False, hangs: bool = False) -> None:
        self.registry = Registry(seed=1)
        self.control = _Control(self.registry, fails=fails, hangs=hangs)
        self.started = asyncio.Event()
        self.next_config: Config | Exception | None = None
        self.config = Config(specs, None, {spec.name: f"f.yaml:1: proxies.{spec.name}" for spec in specs})
        self.runtime = Runtime(
            self.registry, self.config, self.control, drain=drain, load=self._load, started=self.started.set
        )

    def _load(self) -> Config:
        assert self.next_config is not None
        if isinstance(self.next_config, Exception):
            raise self.next_config
        return self.next_config


def _spec(name: str = "p", listen: str = "127.0.0.1:0", upstream: str = "127.0.0.1:9") -> ProxySpec:
    return ProxySpec(name, listen, upstream)


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_the_control_first(number: signal.Signals) -> None:
    async def scenario() -> None:
        process = _Process(_spec())
        running = asyncio.create_task(process.runtime.run())
        await process.started.wait()
        signal.raise_signal(number)
        await running
        assert process.control.events[:3] == ["bind with 0", "start with 1", "stop with 1"]
        assert process.registry.proxies() == []

    run(scenario())


def test_nothing_is_left_when_a_proxy_cannot_start() -> None:
    async def scenario(busy: str) -> None:
        process = _Process(_spec("a"), _spec("b", busy))
        with pytest.raises(Unavailable) as caught:
            await process.runtime.run()
        assert str(caught.value) == (
            f"f.yaml:1: proxies.b: listen tcp {busy}: bind: address already in use; "
            "stop what listens there, or choose another port"
        )
        assert process.registry.proxies() == []
        assert not process.started.is_set()
        assert "start" not in " ".join(process.control.events)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        run(scenario(f"127.0.0.1:{taken.getsockname()[1]}"))


def test_no_proxy_is_made_when_the_control_has_no_address() -> None:
    async def scenario() -> None:
        process = _Process(_spec(), fails=True)
        with pytest.raises(Unavailable, match="control API: taken"):
            await process.runtime.run()
        assert process.control.events[0] == "bind with 0"
        assert process.registry.proxies() == []

    run(scenario())


def test_a_control_that_hangs_does_not_hold_up_the_end() -> None:
    async def scenario() -> None:
        process = _Process(hangs=True)
        running = asyncio.create_task(process.runtime.run())
        await process.started.wait()
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(running, 10)

    run(scenario())


def test_live_connections_may_finish_and_a_second_signal_ends_them() -> None:
    async def scenario() -> None:
        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(1))
            await reader.read()
            writer.close()

        upstream = await asyncio.start_server(greet, "127.0.0.1", 0)
        host, port = upstream.sockets[0].getsockname()
        process = _Process(_spec(upstream=f"{host}:{port}"), drain=3600)
        running = asyncio.create_task(process.runtime.run())
        await process.started.wait()
        proxy = process.registry.get("p")
        reader, writer = await asyncio.open_connection(*proxy.listen.split(":"))
        signal.raise_signal(signal.SIGTERM)
        await _until(lambda: not proxy.enabled)
        writer.write(b"x")
        assert await reader.read(1) == b"x", "a connection that lived goes on"
        assert not running.done()
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(running, 10)
        with contextlib.suppress(ConnectionResetError):  # at once means that the peer is not asked
            assert await reader.read() == b""
        writer.close()
        upstream.close()
        await upstream.wait_closed()

    run(scenario())


def test_a_hangup_reads_the_config_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        process = _Process(_spec("a"))
        running = asyncio.create_task(process.runtime.run())
        await process.started.wait()
        process.next_config = Config((_spec("b"),), names_proxies=True)
        signal.raise_signal(signal.SIGHUP)
        await _until(lambda: [proxy.name for proxy in process.registry.proxies()] == ["b"])
        process.next_config = InvalidSpec("f.yaml:3: seed", "is wrong")
        signal.raise_signal(signal.SIGHUP)
        await _until(lambda: "not reloaded" in caplog.text)
        assert [proxy.name for proxy in process.registry.proxies()] == ["b"]
        process.next_config = Config()
        signal.raise_signal(signal.SIGHUP)
        await _until(lambda: "the file has no proxies" in caplog.text)
        assert [proxy.name for proxy in process.registry.proxies()] == ["b"]
        process.next_config = Config((), 7, names_proxies=True)
        signal.raise_signal(signal.SIGHUP)
        await _until(lambda: process.registry.proxies() == [])
        signal.raise_signal(signal.SIGTERM)
        await running

    run(scenario())
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("runtime")]
    assert lines[:2] == ["reloaded: 1 proxies, 0 failed", "not reloaded, nothing changed: f.yaml:3: seed: is wrong"]
    assert "the seed changes only with a restart" in lines


def test_a_hangup_without_a_config_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        registry = Registry(seed=1)
        started = asyncio.Event()
        runtime = Runtime(registry, Config(), _Control(registry), drain=0, started=started.set)
        running = asyncio.create_task(runtime.run())
        await started.wait()
        signal.raise_signal(signal.SIGHUP)
        await _until(lambda: "no config file to read again" in caplog.text)
        signal.raise_signal(signal.SIGTERM)
        await running

    run(scenario())


def test_a_reload_says_what_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(busy: str) -> None:
        process = _Process()
        running = asyncio.create_task(process.runtime.run())
        await process.started.wait()
        process.next_config = Config((_spec("b", busy),), None, {"b": "f.yaml:2: proxies.b"})
        signal.raise_signal(signal.SIGHUP)
        await _until(lambda: "address already in use" in caplog.text)
        signal.raise_signal(signal.SIGTERM)
        await running

    with socket.create_server(("127.0.0.1", 0)) as taken:
        run(scenario(f"127.0.0.1:{taken.getsockname()[1]}"))
    assert "reload: f.yaml:2: proxies.b: listen tcp" in caplog.text
    assert "choose another port" in caplog.text


def test_a_reload_that_fails_by_our_own_fault_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        process = _Process(_spec("a"))
        running = asyncio.create_task(process.runtime.run())
        await process.started.wait()
        process.next_config = ZeroDivisionError("oops")
        signal.raise_signal(signal.SIGHUP)
        await _until(lambda: "this is a bug of brownout" in caplog.text)
        assert process.registry.get("a").enabled
        signal.raise_signal(signal.SIGTERM)
        await running

    run(scenario())
    assert "ZeroDivisionError: oops" in caplog.text


def test_as_many_files_may_be_open_as_the_system_grants() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1] - 1, limits[1]))
    seen: list[tuple[int, int]] = []

    async def look() -> None:
        seen.append(resource.getrlimit(resource.RLIMIT_NOFILE))

    try:
        run(look())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert seen == [(limits[1], limits[1])]


def test_signals_have_no_handler_after_the_block() -> None:
    async def scenario() -> None:
        with Signals() as signals:
            signal.raise_signal(signal.SIGTERM)
            await _until(signals.stop.is_set)
            assert not signals.hurry.is_set()
            signal.raise_signal(signal.SIGINT)
            await _until(signals.hurry.is_set)

    before = signal.getsignal(signal.SIGTERM)
    run(scenario())
    assert signal.getsignal(signal.SIGTERM) == before


def test_work_is_cancelled_by_the_event_and_its_errors_are_raised() -> None:
    async def scenario() -> None:
        event = asyncio.Event()
        await unless(event, asyncio.sleep(0))

        async def fail() -> None:
            raise Unavailable("x")

        with pytest.raises(Unavailable):
            await unless(event, fail())
        event.set()
        async with asyncio.timeout(10):
            await unless(event, asyncio.Event().wait())  # type: ignore[arg-type]

    run(scenario())


def test_a_refusal_comes_with_what_to_do() -> None:
    assert with_remedy("x: permission denied") == (
        "x: permission denied; choose a port above 1023, or a path that may be written"
    )
    assert with_remedy("something new") == "something new"
