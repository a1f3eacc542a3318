"""What is said when a control port, its certificate or its token is not the right one: on real ends, by meaning."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from brownout_controller.backends.base import BackendError
from brownout_controller.backends.channel import ANYBODY, Credentials
from brownout_controller.backends.connection import PROXY, Trouble, sentence_of
from brownout_controller.backends.proxy import ProxyBackend
from tests.support.certificates import Authority
from tests.support.processes.proxy import ProxyProcess, proxy_process
from tests.support.requirements import needs

EDGE: Final = "shop -> backend"


class Ends(NamedTuple):
    """Certificates of a test, in files."""

    folder: Path
    ours: Authority
    theirs: Authority

    def flags(self, name: str, *, expired: bool = False) -> tuple[str, ...]:
        certificate, key = self.ours.issue(name, expired=expired)
        (self.folder / "certificate.pem").write_bytes(certificate)
        (self.folder / "key.pem").write_bytes(key)
        return ("--tls-cert", str(self.folder / "certificate.pem"), "--tls-key", str(self.folder / "key.pem"))


@pytest.fixture
def ends(tmp_path: Path) -> Ends:
    return Ends(tmp_path, Authority(tmp_path / "ours"), Authority(tmp_path / "theirs"))


def _said(address: str, credentials: Credentials = ANYBODY) -> str:
    """What is said of an end that cannot be asked."""

    async def ask() -> str:
        backend = ProxyBackend([address], credentials=credentials)
        try:
            with pytest.raises(BackendError) as error:
                await backend.targets(EDGE)
            (place,) = await backend.places([EDGE])
            assert place.trouble == str(error.value), "the list of targets says the same"
        finally:
            await backend.close()
        return str(error.value)

    return asyncio.run(ask())


def _is(trouble: Trouble, said: str, credentials: Credentials = ANYBODY) -> bool:
    return said.endswith(sentence_of(trouble, credentials, PROXY))


@pytest.fixture
def proxy() -> Iterator[ProxyProcess]:
    with proxy_process("backend@0=127.0.0.1:1") as running:
        yield running


def test_the_port_of_the_http_api_is_known_for_what_it_is(proxy: ProxyProcess) -> None:
    assert _is("http", _said(proxy.api))
    assert "gRPC API" in _said(proxy.api)


def test_a_port_where_nobody_listens_and_one_that_is_silent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert _is("refused", _said(address))
        taken.listen()
        assert _is("late", _said(address))


def test_an_address_that_leads_nowhere() -> None:
    assert _is("socket", _said("unix:/nowhere/proxy.sock"))
    assert _is("name", _said("proxy.invalid:8475"))


def test_something_else_that_listens_closes_the_connection(proxy: ProxyProcess) -> None:
    assert _is("closed", _said(proxy.listen("backend")))


@needs("openssl")
def test_certificates_that_are_not_good(ends: Ends) -> None:
    ours, theirs = Credentials(root=ends.ours.certificate), Credentials(root=ends.theirs.certificate)
    cases: list[tuple[str, bool, Credentials, Trouble]] = [
        ("localhost", False, theirs, "untrusted"),
        ("localhost", False, ANYBODY, "closed"),
        ("other.example", False, ours, "other-name"),
        ("localhost", True, ours, "expired"),
    ]
    for name, expired, credentials, trouble in cases:
        with proxy_process(*ends.flags(name, expired=expired)) as running:
            address = running.control.replace("127.0.0.1", "localhost")
            assert _is(trouble, _said(address, credentials), credentials), trouble


@needs("openssl")
def test_a_certificate_of_ours_that_is_asked_for(ends: Ends) -> None:
    (ends.folder / "ca.pem").write_bytes(ends.ours.certificate)
    credentials = Credentials(root=ends.ours.certificate)
    with proxy_process(*ends.flags("localhost"), "--tls-client-ca", str(ends.folder / "ca.pem")) as running:
        said = _said(running.control.replace("127.0.0.1", "localhost"), credentials)
    assert _is("closed-tls", said, credentials)


@needs("openssl")
def test_tls_to_who_speaks_none(proxy: ProxyProcess, ends: Ends) -> None:
    credentials = Credentials(root=ends.ours.certificate)
    assert _is("no-tls", _said(proxy.control, credentials), credentials)


def test_a_token_that_is_missing_or_wrong(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-secret-of-the-proxy\n")
    with proxy_process("--token-file", str(tmp_path / "token")) as running:
        assert _is("token", _said(running.control))
        wrong = Credentials(token="another-secret")
        said = _said(running.control, wrong)
        assert _is("token", said, wrong)
        assert "another-secret" not in said
