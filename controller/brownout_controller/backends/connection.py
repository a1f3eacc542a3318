"""Why a gRPC connection to a proxy or a controller did not come about, and what to do about it.

gRPC says it in words of its own, which are long, name no remedy and are the only thing that tells the cases apart: here
they are sorted once. Which flag or setting helps depends on who asks, see `Remedies`.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import grpc

from brownout_controller.backends.channel import Credentials

Trouble = Literal[
    "refused", "late", "name", "address", "socket", "http", "no-tls", "untrusted", "expired", "other-name", "closed",
    "closed-tls", "token", "other",
]  # fmt: skip
"""`http`: it speaks HTTP/1. `no-tls`: we do and it does not. `closed`: at once, without a word, as who wants TLS does;
`closed-tls`: the same under TLS, as who wants a certificate of ours does."""

_SIGNS: Final[tuple[tuple[str, Trouble], ...]] = (
    ("http1.x", "http"),
    ("Failed parsing HTTP/2", "http"),
    ("WRONG_VERSION_NUMBER", "no-tls"),
    ("certificate has expired", "expired"),
    ("Hostname Verification", "other-name"),
    ("CERTIFICATE_VERIFY_FAILED", "untrusted"),
    ("Misformatted domain name", "address"),
    ("lookup error", "name"),
    ("errors resolving", "name"),
    ("No such file or directory", "socket"),
    ("Connection refused", "refused"),
    ("Socket closed", "closed"),
    ("Connection reset", "closed"),
)
"""Words of gRPC 1.7x and of the BoringSSL in it, the most exact first."""


AWAY: Final[frozenset[Trouble]] = frozenset(("refused", "socket", "closed", "closed-tls"))
"""No process accepts the connection, or it closed the one there was. Anything else may be mere slowness."""
UNREACHED: Final = frozenset(
    (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAUTHENTICATED)
)
"""The codes of a call that has not come to who was called."""


class Remedies(NamedTuple):
    """How whoever asks gives what is missing."""

    what: str
    """Who is asked: `the proxy`."""
    start: str
    """How it is started, and where it prints its address."""
    ca: str
    """What names the authority: `tls: {ca: FILE}` of the environment."""
    certificate: str
    token: str


PROXY: Final = Remedies(
    "the proxy's gRPC API",
    "start it with `brownout proxy`, which prints the address as `gRPC API`",
    "`tls: {ca: FILE}` of the environment",
    "cert and key under `tls` of the environment",
    "`token: ${PROXY_TOKEN}` of the environment",
)
CONTROLLER: Final = Remedies(
    "the controller",
    "start it with `brownout controller`, which prints its address",
    "--tls-ca",
    "--tls-cert and --tls-key",
    "BROWNOUT_CONTROLLER_TOKEN or --token-file",
)


def trouble_of(code: grpc.StatusCode, details: str, credentials: Credentials) -> Trouble:
    """Which of the cases it is."""
    if code is grpc.StatusCode.UNAUTHENTICATED:
        return "token"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "late"
    for sign, trouble in _SIGNS:
        if sign in details:
            return "closed-tls" if trouble == "closed" and credentials.root is not None else trouble
    return "other"


def explained(code: grpc.StatusCode, details: str, credentials: Credentials, remedies: Remedies) -> str:
    """After the name of whom was asked: what is wrong and what to do; gRPC's own text where no case matches."""
    trouble = trouble_of(code, details, credentials)
    sentence = sentence_of(trouble, credentials, remedies) or f"{code.name.lower()}: {details}"
    return f"{'refuses' if trouble == 'token' else 'does not answer'}: {sentence}"


def sentence_of(trouble: Trouble, credentials: Credentials, remedies: Remedies) -> str:
    """What is wrong and what to do; "" where no case matches."""
    what, start, ca, certificate, token = remedies
    has_token = credentials.token is not None
    return {
        "refused": f"nobody listens there; {start}, or correct the address",
        "late": f"{what} does not answer in time: it hangs, or something else listens there",
        "name": "its name has no address; correct it",
        "address": "that is no address; write HOST:PORT, without http://",
        "socket": f"there is no such socket; {start}, or correct the path",
        "http": f"it speaks HTTP/1, and {what} is on another port: {start}",
        "no-tls": f"it speaks no TLS; leave {ca} out, or start it with --tls-cert and --tls-key",
        "untrusted": f"its certificate is not signed by the authority in {ca}; name the one that signed it",
        "expired": "its certificate has expired; give it a new one",
        "other-name": "its certificate is for another name; use the name in the certificate as the address",
        "closed": f"it closes the connection; if it was started with --tls-cert, give {ca}; else something that is not "
                  f"{what} listens there",
        "closed-tls": f"it closes the connection; if it was started with --tls-client-ca, give {certificate}",
        "token": f"it does not know the token; correct {token}" if has_token else f"it wants a token; give {token}",
        "other": "",
    }[trouble]  # fmt: skip
