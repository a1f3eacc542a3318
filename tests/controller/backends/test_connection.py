"""Why a connection did not come about, by what gRPC says. Real ends are in tests/e2e/test_connections.py."""

from __future__ import annotations

from typing import get_args

import grpc
import pytest

from brownout_controller.backends.channel import ANYBODY, Credentials
from brownout_controller.backends.connection import (
    CONTROLLER,
    PROXY,
    UNREACHED,
    Trouble,
    explained,
    sentence_of,
    trouble_of,
)

TLS = Credentials(root=b"PEM")
_LAST = "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: "


@pytest.mark.parametrize(
    ("details", "credentials", "trouble"),
    [
        ("Failed to connect to remote host: Connection refused", ANYBODY, "refused"),
        ("Failed parsing HTTP/2 (Expected SETTINGS frame as the first frame, got frame type 80)", ANYBODY, "http"),
        ("SSL_ERROR_SSL: error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER", TLS, "no-tls"),
        ("CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate", TLS, "untrusted"),
        ("CERTIFICATE_VERIFY_FAILED: certificate has expired", TLS, "expired"),
        ("UNAUTHENTICATED: Hostname Verification Check failed.", TLS, "other-name"),
        ("Socket closed", ANYBODY, "closed"),
        ("Socket closed", TLS, "closed-tls"),
        ("something new", ANYBODY, "other"),
    ],
)
def test_the_words_of_grpc_are_sorted(details: str, credentials: Credentials, trouble: Trouble) -> None:
    assert trouble_of(grpc.StatusCode.UNAVAILABLE, _LAST + details, credentials) == trouble


def test_some_codes_need_no_words() -> None:
    assert trouble_of(grpc.StatusCode.DEADLINE_EXCEEDED, "", ANYBODY) == "late"
    assert trouble_of(grpc.StatusCode.UNAUTHENTICATED, "", ANYBODY) == "token"
    assert {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAUTHENTICATED} < UNREACHED


@pytest.mark.parametrize("remedies", [PROXY, CONTROLLER])
def test_each_trouble_has_its_remedy_but_what_nobody_knows(remedies: object) -> None:
    assert remedies in (PROXY, CONTROLLER)
    for known in (PROXY, CONTROLLER):
        for trouble in get_args(Trouble):
            assert bool(sentence_of(trouble, ANYBODY, known)) == (trouble != "other")


def test_a_token_that_is_wrong_is_not_one_that_is_missing() -> None:
    missing = explained(grpc.StatusCode.UNAUTHENTICATED, "x", ANYBODY, PROXY)
    wrong = explained(grpc.StatusCode.UNAUTHENTICATED, "x", Credentials(token="t"), PROXY)
    assert missing != wrong
    assert "${PROXY_TOKEN}" in missing
    assert "t" * 40 not in wrong


def test_what_nobody_knows_is_said_as_grpc_does() -> None:
    assert explained(grpc.StatusCode.UNAVAILABLE, "a new thing", ANYBODY, PROXY).endswith("unavailable: a new thing")
