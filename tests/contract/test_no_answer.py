"""Every probe that asks the service itself says how that did not answer, and a run holds it against the service."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from brownout_controller.model.evaluate import Before, evaluate
from brownout_controller.model.hypothesis import Hypothesis, Terms
from brownout_controller.model.probe import NoAnswerError, ProbeContext, Reading
from brownout_controller.probes import KINDS
from tests.controller.probes.ground import SECONDS, closed_port, measured

Ends = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

PROBES: dict[str, tuple[str, Callable[[int], dict[str, Any]]]] = {
    "http latency": ("http", lambda port: {"url": f"http://127.0.0.1:{port}/"}),
    "http status": ("http", lambda port: {"url": f"http://127.0.0.1:{port}/", "measure": "status"}),
    "http ok": ("http", lambda port: {"url": f"http://127.0.0.1:{port}/", "measure": "ok"}),
    "tcp": ("tcp", lambda port: {"address": f"127.0.0.1:{port}"}),
    "tcp with TLS": ("tcp", lambda port: {"address": f"127.0.0.1:{port}", "tls": True}),
    "tcp certificate": (
        "tcp", lambda port: {"address": f"127.0.0.1:{port}", "tls": True, "measure": "certificate_days"},
    ),
    "sql": ("sql", lambda port: {"dsn": f"postgresql://reader:secret@127.0.0.1:{port}/shop", "query": "select 1"}),
    "redis": ("redis", lambda port: {"url": f"redis://127.0.0.1:{port}", "command": "PING"}),
    "command": (
        "command",
        lambda port: {
            "run": ["python3", "-c", f"import socket; socket.create_connection(('127.0.0.1', {port})); print(1)"],
            "measure": "number", "service": True,
        },
    ),
}  # fmt: skip
EXPECT = {"http latency": "< 10s", "http status": "== 200", "tcp": "< 10s", "tcp with TLS": "< 10s"}


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def _close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def _nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"\x00\x01 no protocol at all\r\n\r\n")
    await writer.drain()


@asynccontextmanager
async def _server(ends: Ends) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await ends(reader, writer)
        except ConnectionError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _hypothesis(name: str, port: int) -> Hypothesis:
    kind, fields = PROBES[name]
    terms = Terms(name=name, expect=EXPECT.get(name, "== 1"), timeout=SECONDS)
    return Hypothesis(terms, KINDS[kind].model_validate(fields(port)).judged_by(terms))


async def _read(hypothesis: Hypothesis) -> Reading:
    try:
        return await asyncio.wait_for(measured(hypothesis.probe, ProbeContext()), 2 * SECONDS)
    except NoAnswerError as error:
        return Reading(None, str(error), failure=error.kind, waited=error.waited)


def _is_bad_of_one_that_answered(hypothesis: Hypothesis, reading: Reading) -> bool:
    return evaluate(hypothesis.recorded, reading, Before(1.0, answered=True)).good is False


@pytest.mark.parametrize("name", PROBES)
async def test_a_refusal_is_bad(name: str) -> None:
    hypothesis = _hypothesis(name, closed_port())
    reading = await _read(hypothesis)
    assert reading.failure == ("failed" if name == "command" else "refused")
    assert reading.why
    assert _is_bad_of_one_that_answered(hypothesis, reading)


@pytest.mark.parametrize("ends", [_reset, _close, _nonsense])
@pytest.mark.parametrize("name", [name for name in PROBES if name not in ("tcp", "command")])
async def test_a_connection_that_ends_without_an_answer_is_bad(name: str, ends: Ends) -> None:
    async with _server(ends) as port:
        reading = await _read(_hypothesis(name, port))
    assert reading.failure in ({"malformed", "closed", "reset"} if ends is _nonsense else {"reset", "closed"}), reading
    assert _is_bad_of_one_that_answered(_hypothesis(name, 1), reading)


def test_the_probes_that_ask_the_service_are_those_of_this_table() -> None:
    asking = {kind for kind, spec in KINDS.items() if spec.model_fields.keys() & {"dsn", "url", "address"}}
    assert {kind for kind, _ in PROBES.values()} == asking | {"command"}
    prometheus = KINDS["prometheus"].model_validate({"query": "up"})
    assert not prometheus.asks_service, "its server is not the service"
    assert not KINDS["command"].model_validate({"run": ["true"]}).asks_service, "nobody says that it does"
