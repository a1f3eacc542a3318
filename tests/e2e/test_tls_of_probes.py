"""What a probe says of a server whose TLS is not as it should be: real servers, with certificates of openssl."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from brownout_controller.model.probe import ProbeContext, ProbeError, ProbeSpec
from brownout_controller.probes.http import HttpProbe
from brownout_controller.probes.prometheus import PrometheusProbe
from brownout_controller.probes.tcp import TcpProbe
from tests.support.certificates import Authority
from tests.support.requirements import needs

PAGE = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>"


@asynccontextmanager
async def _server(folder: Path, certificate: tuple[bytes, bytes] | None = None) -> AsyncIterator[int]:
    """Answers each request with a page; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(4096)  # whatever it is, as servers do
            writer.write(PAGE)
            await writer.drain()
        except OSError:
            pass  # a client that does not trust us leaves
        finally:
            writer.close()

    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        for name, content in zip(("c.pem", "k.pem"), certificate, strict=True):
            (folder / name).write_bytes(content)
        context.load_cert_chain(folder / "c.pem", folder / "k.pem")
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _said(spec: ProbeSpec) -> str:
    probe = spec.open(ProbeContext())
    try:
        with pytest.raises(ProbeError) as error:
            await probe.measure(1.0)
    finally:
        await probe.close()
    return str(error.value)


@needs("openssl")
def test_certificates_that_are_not_good_have_their_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path / "ca")
    (tmp_path / "ca.pem").write_bytes(authority.certificate)

    async def main() -> None:
        for name, expired, trusted, meaning in (
            ("localhost", False, False, "authority"),
            ("other.example", False, True, "another name"),
            ("localhost", True, True, "expired"),
        ):
            ca = tmp_path / "ca.pem" if trusted else None
            async with _server(tmp_path, authority.issue(name, expired=expired)) as port:
                assert meaning in await _said(TcpProbe(address=f"localhost:{port}", tls=True, ca=ca))
                if not trusted:
                    url = f"https://localhost:{port}/"
                    assert meaning in await _said(HttpProbe(url=url))
                    assert meaning in await _said(PrometheusProbe(query="up", server=url))

    asyncio.run(main())


@needs("openssl")
def test_tls_against_none_and_none_against_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")

    async def main() -> None:
        async with _server(tmp_path) as port:
            for spec in (
                HttpProbe(url=f"https://localhost:{port}/"),
                PrometheusProbe(query="up", server=f"https://localhost:{port}"),
            ):
                assert "speaks no TLS" in await _said(spec)
            said = await _said(PrometheusProbe(query="up", server=f"http://localhost:{port}"))
            assert "status 200" in said
            assert "/api/v1" in said
        async with _server(tmp_path, authority.issue("localhost")) as port:
            assert "operation not permitted" not in await _said(HttpProbe(url=f"http://localhost:{port}/"))

    asyncio.run(main())
