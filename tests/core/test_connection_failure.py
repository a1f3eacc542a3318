"""What is told of a failure, and what is not."""

from __future__ import annotations

import errno
import socket
import ssl

import aiohttp
import pytest

from brownout_core.connection_failure import Trouble, failure_reason, place, sentence


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), "timeout"),
        (ConnectionRefusedError(), "refused"),
        (ConnectionResetError(), "reset"),
        (BrokenPipeError(), "reset"),
        (aiohttp.ServerDisconnectedError(), "closed"),
        (aiohttp.ClientPayloadError(), "closed"),
        (EOFError(), "closed"),
        (aiohttp.ClientOSError(errno.ECONNRESET, "x"), "reset"),
        (socket.gaierror(-2, "x"), "name"),
        (ssl.SSLCertVerificationError("x"), "certificate"),
        (OSError(errno.EMFILE, "x"), "overload"),
        (OSError(errno.EHOSTUNREACH, "x"), "other"),
        (ValueError("x"), "other"),
    ],
)
def test_a_failure_is_of_one_kind(error: BaseException, kind: Trouble) -> None:
    assert failure_reason(error) == kind


def test_a_sentence_has_nothing_of_the_exceptions_own_text() -> None:
    for error in (
        OSError(errno.EHOSTUNREACH, "hunter22"),
        ValueError("hunter22"),
        aiohttp.InvalidURL("http://hunter22"),
    ):
        assert "hunter22" not in sentence(error)
    assert sentence(OSError(errno.EHOSTUNREACH, "")) == "no route to host"
    assert sentence(ValueError("")) == "it failed with ValueError"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:hunter22@db:5432/shop?password=x", "postgresql://db:5432"),
        ("http://[::1]:9090/prometheus", "http://[::1]:9090"),
        ("redis://cache", "redis://cache"),
        ("http://me:hunter22@db:port/", "an address that is not a URL"),
    ],
)
def test_of_a_url_scheme_host_and_port_are_shown(url: str, shown: str) -> None:
    assert place(url) == shown
