"""The frame alone, around nothing but health; around a service it is tested with the services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from brownout_core.errors import Conflict, InvalidSpec, Unavailable
from brownout_core.rpc import Server, answered, listening_place, read_tls, shortened
from tests.support.running import SECONDS


class _Call:
    """A call that remembers how it was ended."""

    class Aborted(Exception):
        pass

    def set_trailing_metadata(self, metadata: Any) -> None:
        self.metadata = metadata

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        self.ended = code, details
        raise self.Aborted


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (InvalidSpec("a.b", "is bad"), grpc.StatusCode.INVALID_ARGUMENT, "a.b: is bad"),
        (Conflict("taken"), grpc.StatusCode.ALREADY_EXISTS, "taken"),
        (ZeroDivisionError("secret"), grpc.StatusCode.INTERNAL, "internal error; see the log"),
    ],
)
async def test_an_error_ends_the_call_with_the_code_of_its_row_and_a_bug_tells_nothing(
    error: Exception, code: grpc.StatusCode, told: str
) -> None:
    async def act() -> Any:
        raise error

    call: Any = _Call()
    with pytest.raises(_Call.Aborted):
        await answered(call, act)
    assert call.ended == (code, told)


async def test_with_a_token_reflection_needs_it_and_health_is_for_all() -> None:
    server = Server("some.Service", lambda _: None, token="secret")
    port = server.bind("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service="some.Service")
            assert (await health.Check(request, timeout=SECONDS)).status == health_pb2.HealthCheckResponse.SERVING
            stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
            asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
            with pytest.raises(grpc.aio.AioRpcError) as error:
                async for _ in stub.ServerReflectionInfo(asked, timeout=SECONDS):
                    pass
            assert error.value.code() is grpc.StatusCode.UNAUTHENTICATED
    finally:
        await server.stop()


@pytest.mark.parametrize("call", ["Check", "Watch"])
async def test_a_request_that_is_no_message_is_the_callers_mistake_and_no_line_in_the_log(
    call: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> grpc.aio.AioRpcError:
        server = Server("some.Service", lambda _: None)
        port = server.bind("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                made: Any = channel.unary_stream if call == "Watch" else channel.unary_unary
                answers = made(f"/grpc.health.v1.Health/{call}")(b"\xff" * 9, timeout=SECONDS)
                with pytest.raises(grpc.aio.AioRpcError) as told:
                    await (answers.read() if call == "Watch" else answers)
                return told.value
        finally:
            await server.stop()

    error = await main()
    assert (error.code(), error.details()) == (
        grpc.StatusCode.INVALID_ARGUMENT, "the request is not a message of this call",
    )  # fmt: skip
    assert caplog.records == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("8480", ("127.0.0.1:8480", True)),
        ("[::1]:0", ("[::1]:0", True)),
        ("unix:/run/b", ("unix:/run/b", True)),
        (":8480", ("0.0.0.0:8480", False)),
        ("10.0.0.1:8480", ("10.0.0.1:8480", False)),
        ("example:8480", ("example:8480", False)),
    ],
)
def test_a_place_is_of_this_machine_or_not(text: str, place: tuple[str, bool]) -> None:
    assert listening_place("--listen", text) == place


def test_what_cannot_be_used_is_named_with_its_flag(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match=r"--listen: .*write it like"):
        listening_place("--listen", "here:you")
    plain = tmp_path / "plain"
    plain.write_text("\n")
    with pytest.raises(InvalidSpec, match=r"--tls-cert: .* is not in PEM"):
        read_tls(plain, plain, None)
    with pytest.raises(InvalidSpec, match="belong together"):
        read_tls(plain, None, None)
    with pytest.raises(InvalidSpec, match="--tls-client-ca: needs"):
        read_tls(None, None, plain)
    pem = tmp_path / "pem"
    pem.write_text("-----BEGIN X")
    with pytest.raises(Unavailable, match="--tls-key"):
        read_tls(pem, tmp_path / "none", None)


@pytest.mark.parametrize("character", ["x", "é", "\U0001f600", "\n"])
def test_an_error_of_any_length_reaches_the_client(character: str) -> None:
    assert shortened("short") == "short"
    assert len(shortened(character * 100_000).encode()) <= 2004
    assert shortened(character * 100_000).endswith(" ...")
