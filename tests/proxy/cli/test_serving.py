"""The twin of cli/serving.py. Whole processes are in tests/e2e/test_command_line.py."""

from __future__ import annotations

import asyncio
import http.client
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from brownout_core.address import Address
from brownout_core.errors import InvalidSpec, Unavailable
from brownout_core.faults import make
from brownout_core.faults.spec import FaultSpec
from brownout_proxy.cli.serving import HttpControl, chosen_seed, greeting, read_config, set_up_log
from brownout_proxy.server.config import Config
from brownout_proxy.server.proxy import ProxySpec
from brownout_proxy.server.registry import Registry
from brownout_proxy.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "f.yaml"
    path.write_text("seed: 5\nproxies:\n  postgres: {listen: 1, upstream: 2}\n")
    return path


def test_words_and_file_are_put_together(file: Path) -> None:
    config = read_config(["redis@3=4"], file)
    assert [spec.name for spec in config.proxies] == ["postgres", "redis"]
    assert config.places == {"postgres": f"{file}:3: proxies.postgres", "redis": "'redis@3=4'"}
    assert read_config([], None) == Config()


@pytest.mark.parametrize(
    ("word", "reason"),
    [("postgres@3=4", "there is a proxy 'postgres' already"), ("1=4", "listens on 127.0.0.1:1, as proxy 'postgres'")],
)
def test_a_word_that_clashes_with_the_file_is_named(file: Path, word: str, reason: str) -> None:
    with pytest.raises(InvalidSpec, match=f"^'{word}': {reason}"):
        read_config([word], file)


def test_words_that_clash_are_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"^'b@1=2': listens on 127\.0\.0\.1:1"):
        read_config(["a@1=2", "b@1=2"], None)


def test_the_seed_is_the_flags_then_the_files_then_random() -> None:
    assert chosen_seed(Settings(seed=1), Config(seed=2)) == 1
    assert chosen_seed(Settings(), Config(seed=0)) == 0
    assert chosen_seed(Settings(), Config()) != chosen_seed(Settings(), Config())


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


def test_the_greeting_names_every_proxy_and_the_api(runner: asyncio.Runner) -> None:
    async def scenario() -> str:
        registry = Registry(seed=7)
        fault = FaultSpec("slow", make("latency", {"latency": 1}))
        try:
            await registry.create(ProxySpec("a", "localhost:1", "u:1", enabled=False, faults=(fault,)))
            await registry.create(ProxySpec("long", "127.0.0.1:0", "u:2"))
            lines = greeting(registry, Address("127.0.0.1", 8474), Address("127.0.0.1", 8473)).splitlines()
            assert lines[0].endswith(", seed 7")
            assert lines[1:] == [
                "a    localhost:1 -> u:1 (disabled) with slow",
                f"long {registry.get('long').listen} -> u:2",
                "control API http://127.0.0.1:8474",
                "gRPC API 127.0.0.1:8473",
            ]
            return greeting(registry, Address("::", 1), None)
        finally:
            await registry.close()

    assert runner.run(scenario()).endswith("control API http://127.0.0.1:1 on every address")


def _status(address: Address, path: str, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_control_answers_from_start_to_stop(runner: asyncio.Runner) -> None:
    async def scenario() -> None:
        registry = Registry(seed=1)
        control = HttpControl(registry, Settings(port=0), "secret")
        await control.bind()
        address = control.address
        await control.start()
        try:
            assert await asyncio.to_thread(_status, address, "/proxies", {}) == 401
            token = {"Authorization": "Bearer secret"}
            assert await asyncio.to_thread(_status, address, "/proxies", token) == 200
            assert await asyncio.to_thread(_status, address, "/metrics", token) == 200
        finally:
            await control.stop()
            await control.stop()
            await registry.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(_status, address, "/version", {})

    runner.run(scenario())


def test_a_taken_port_is_told_with_what_to_do(runner: asyncio.Runner) -> None:
    async def scenario(port: int) -> None:
        control = HttpControl(Registry(seed=1), Settings(port=port), None)
        with pytest.raises(Unavailable) as caught:
            await control.bind()
        assert str(caught.value) == (
            f"control API: listen tcp 127.0.0.1:{port}: bind: address already in use; "
            "stop what listens there, or choose another port (--port; 0 takes a free one)"
        )
        await control.stop()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        runner.run(scenario(taken.getsockname()[1]))


def test_libraries_speak_only_when_something_is_wrong() -> None:
    root = logging.getLogger()
    before, handlers = root.level, root.handlers[:]
    try:
        root.handlers.clear()
        set_up_log("debug")
        assert logging.getLogger("brownout_proxy").isEnabledFor(logging.DEBUG)
        assert not logging.getLogger("asyncio").isEnabledFor(logging.INFO)
        set_up_log("critical")
        assert not logging.getLogger("aiohttp").isEnabledFor(logging.ERROR)
    finally:
        root.setLevel(before)
        root.handlers[:] = handlers


def test_a_record_is_one_line_whatever_names_bring_with_them(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, handlers = root.level, root.handlers[:]
    try:
        root.handlers.clear()
        set_up_log("info")
        logging.getLogger("brownout_proxy").warning("upstream %s", "x\n2026-01-01 INFO all is well\x1b[2J")
        try:
            raise ValueError("a bug")
        except ValueError:
            logging.getLogger("brownout_proxy").exception("it failed")
    finally:
        root.setLevel(before)
        root.handlers[:] = handlers
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith("WARNING upstream x\\n2026-01-01 INFO all is well\\x1b[2J")
    assert lines[2].startswith("Traceback")


def test_one_variable_is_a_configuration(file: Path) -> None:
    words = read_config(["c@5=6"], None, " a@1=2\n b@3=unix:/tmp/x=y ")
    assert [spec.name for spec in words.proxies] == ["a", "b", "c"]
    yaml = read_config([], file, "seed: 6\nproxies: {b: {listen: 3, upstream: 4}}")
    assert ([spec.name for spec in yaml.proxies], yaml.seed) == (["postgres", "b"], 5)
    json = read_config([], None, '[{"name": "a=b", "listen": "127.0.0.1:1", "upstream": "x:2"}]')
    assert [spec.name for spec in json.proxies] == ["a=b"]


@pytest.mark.parametrize(
    ("text", "place"),
    [("postgres@7=8", "'postgres@7=8': there is a proxy 'postgres'"),
     ("proxies: {b: {listen: 1, upstream: 4}}", "'c@1=9': listens on"), ("proxies: {b: {listen: 1}}", "--proxies:1: ")],
)  # fmt: skip
def test_what_is_wrong_with_the_variable_is_named(file: Path, text: str, place: str) -> None:
    with pytest.raises(InvalidSpec, match=f"^{place}"):
        read_config(["c@1=9"] if "c@" in place else [], file if "postgres" in text else None, text)
