"""Connections and certificates, real ones on loopback."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from pydantic import ValidationError

from brownout_controller.model.hypothesis import Terms
from brownout_controller.model.probe import ProbeContext, ProbeError
from brownout_controller.probes.tcp import TcpProbe, host_and_port
from tests.controller.probes.ground import cancelled_while, closed_port, complaint, measured, silent
from tests.support.requirements import needs


def _tcp(port: int, **fields: object) -> TcpProbe:
    return TcpProbe.model_validate({"address": f"127.0.0.1:{port}", **fields})


_CA: Final = """
[ca]
default_ca = here
[here]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
subjectAltName = DNS:shop.test
"""


def _certificate(folder: Path, *, begins: int, ends: int) -> Path:
    """A certificate that signed itself, for shop.test; valid from and until so many days from now.

    `openssl ca` and not `openssl req`, which makes none that has expired.
    """

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    (folder / "ca.conf").write_text(_CA)
    (folder / "index").write_text("")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "server.pem.key")
    openssl("req", "-new", "-key", "server.pem.key", "-subj", "/CN=shop.test", "-out", "request")
    first, last = (f"{datetime.now(UTC) + timedelta(days=days):%Y%m%d%H%M%SZ}" for days in (begins, ends))
    openssl(
        *("ca", "-batch", "-selfsign", "-config", "ca.conf", "-keyfile", "server.pem.key", "-in", "request"),
        *("-startdate", first, "-enddate", last, "-notext", "-out", "server.pem"),
    )
    return folder / "server.pem"


@asynccontextmanager
async def _tls_server(certificate: Path) -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, f"{certificate}.key")
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_the_time_of_a_connection_is_the_measure_and_the_connection_is_closed() -> None:
    async with silent() as server:
        reading = await measured(_tcp(server.port))
        assert reading.value is not None
        assert 0 < reading.value < 5


async def test_a_handshake_that_hangs_is_slow_and_not_unknown() -> None:
    async with silent() as server:
        slow = Terms(name="h", expect="< 100ms", timeout=0.2)
        reading = await measured(_tcp(server.port, tls=True).judged_by(slow))
        assert reading.value is not None
        assert reading.value >= 0.19
        days = _tcp(server.port, tls=True, measure="certificate_days").judged_by(slow)
        await cancelled_while(measured(days), lambda: server.taken == 2 and server.heard)


async def test_a_port_where_nobody_listens_is_no_data() -> None:
    assert (await complaint(_tcp(closed_port()))).endswith("could not be reached: the connection was refused")


async def test_a_handshake_that_hangs_leaves_nothing_when_it_is_cancelled() -> None:
    async with silent() as server:
        await cancelled_while(measured(_tcp(server.port, tls=True)), lambda: server.heard)


async def test_a_peer_that_speaks_no_tls_is_told() -> None:
    async with silent(b"SSH-2.0-OpenSSH_9.2\r\n" * 10) as server:
        assert "does not speak TLS" in await complaint(_tcp(server.port, tls=True))


@needs("openssl")
async def test_days_until_the_certificate_expires(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path, begins=-1, ends=30)

    async with _tls_server(certificate) as port:
        tls = _tcp(port, tls=True, ca=certificate, server_name="shop.test")
        taken, days = await measured(tls), await measured(tls.model_copy(update={"measure": "certificate_days"}))
        assert taken.value is not None
        assert 0 < taken.value < 5
        assert days.value == pytest.approx(30, abs=0.01)


@needs("openssl")
async def test_a_certificate_that_has_expired_has_0_days_and_serves_no_connection(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path, begins=-2, ends=-1)

    async with _tls_server(certificate) as port:
        tls = _tcp(port, tls=True, ca=certificate, server_name="shop.test")
        days = await measured(tls.model_copy(update={"measure": "certificate_days"}))
        assert days.value == 0
        assert "certificate has expired" in await complaint(tls)


@needs("openssl")
async def test_a_certificate_for_another_name_or_of_nobody_known_is_not_good(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path, begins=-1, ends=30)

    async with _tls_server(certificate) as port:
        assert "is for another name" in await complaint(_tcp(port, tls=True, ca=certificate, server_name="bank.test"))
        unknown = _tcp(port, tls=True, server_name="shop.test", measure="certificate_days")
        assert "signed by itself" in await complaint(unknown)


def test_authorities_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="no certificates that can be read"):
        _tcp(1, tls=True, ca=tmp_path / "none.pem").open(ProbeContext())


@pytest.mark.parametrize(("address", "meant"), [("db:5432", ("db", 5432)), ("[::1]:6379", ("::1", 6379))])
def test_an_address_is_host_and_port(address: str, meant: tuple[str, int]) -> None:
    assert host_and_port(address) == meant


@pytest.mark.parametrize("address", ["db", "db:", ":5432", "db:http", "db:99999", "me@db:1", "db:1/x", "[::1:5"])
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="must be host:port"):
        TcpProbe(address=address)


def test_certificates_need_tls() -> None:
    with pytest.raises(ValidationError, match="needs `tls: true`"):
        _tcp(1, measure="certificate_days")
    with pytest.raises(ValidationError, match="server_name needs `tls: true`"):
        _tcp(1, server_name="db")
