"""Why a connection to another machine failed, in words that can be published.

The texts are made here and not taken from libraries, whose messages carry URLs with passwords in them.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from typing import Final, Literal
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

Trouble = Literal["timeout", "refused", "reset", "closed", "name", "certificate", "overload", "other"]
"""What became of a connection. `reset` is an RST, `closed` an end without a whole answer. `overload` is ours: this
machine has no descriptor or port left for it."""

_OURS: Final = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM}
SENTENCES: Final = {
    "timeout": "there was no answer in time",
    "refused": "the connection was refused",
    "reset": "the connection was reset before the answer was complete",
    "closed": "the connection was closed before the answer was complete",
    "name": "its name has no address",
    "certificate": "its certificate is not trusted",
    "overload": "this machine has no descriptor or port left for a connection",
}
_CERTIFICATES: Final = {
    9: "its certificate is not good yet",
    10: "its certificate has expired; give it a new one",
    18: "its certificate is signed by itself, and not trusted here",
    19: "its certificate is not signed by an authority that is trusted here",
    20: "its certificate is not signed by an authority that is trusted here",
    62: "its certificate is for another name; use the name in the certificate",
    64: "its certificate is for another address; use the name in the certificate",
}
"""By X509_V_ERR_* (openssl/x509_vfy.h)."""


def failure_reason(error: BaseException) -> Trouble:
    """What kind of failure an exception of a socket, of TLS or of aiohttp is."""
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if isinstance(error, ssl.SSLCertVerificationError | aiohttp.ClientConnectorCertificateError):
        return "certificate"
    if isinstance(error, aiohttp.ClientOSError) and error.errno:
        error = OSError(error.errno, "")  # which is the builtin class for this number
    if isinstance(error, socket.gaierror):
        return "name"
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    if isinstance(error, EOFError | aiohttp.ServerDisconnectedError):
        return "closed"
    if isinstance(error, aiohttp.ClientPayloadError):  # in the middle of a body; the cause has the kernel's word
        return "reset" if isinstance(error.__cause__, ConnectionError) else "closed"
    if isinstance(error, ConnectionError):
        return "reset"
    return "overload" if isinstance(error, OSError) and error.errno in _OURS else "other"


def sentence(error: BaseException) -> str:
    """The failure in words of ours; nothing of the exception's own text."""
    kind = failure_reason(error)
    if (flaw := _of_certificate(error)) is not None:
        return _CERTIFICATES.get(flaw.verify_code, SENTENCES["certificate"])
    if kind != "other":
        return SENTENCES[kind]
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ssl.SSLError):  # whose number is none of the system's
        no_tls = cause.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
        return "it speaks no TLS; write http://" if no_tls else "TLS could not be agreed on"
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        return "it does not speak HTTP; if it speaks TLS, write https://"
    number = cause.errno if isinstance(cause, OSError) else None
    return os.strerror(number).lower() if number and number > 0 else f"it failed with {type(error).__name__}"


def _of_certificate(error: BaseException) -> ssl.SSLCertVerificationError | None:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        inner: BaseException = error.certificate_error
    else:
        inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return inner if isinstance(inner, ssl.SSLCertVerificationError) else None


def place(url: str) -> str:
    """Scheme, host and port of a URL, which is as much of it as anybody may read."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is not a URL"
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
