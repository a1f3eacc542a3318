"""What a failed connection means for a probe: no measurement, or a reading that is bad already."""

from __future__ import annotations

import errno
import ssl
from typing import Final

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from brownout_controller.model.probe import Failure, NoAnswerError, ProbeError, ProbeSpec, Reading
from brownout_core.connection_failure import SENTENCES, failure_reason

_KINDS: Final[dict[str, Failure]] = {"timeout": "timeout", "refused": "refused", "reset": "reset", "closed": "closed"}
"""Troubles in which the service itself did not answer."""
_NO_WAY: Final = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}


def failure_of(error: BaseException) -> Failure:
    """How the service that was asked did not answer; empty where it is not known to be the service's doing."""
    if isinstance(error, aiohttp.ClientConnectorError):
        error = error.os_error
    if (kind := _KINDS.get(failure_reason(error))) is not None:
        return kind
    if isinstance(error, OSError) and error.errno in _NO_WAY:
        return "unreachable"
    nonsense = isinstance(error, aiohttp.ClientResponseError | HttpProcessingError | ssl.SSLError)
    return "malformed" if nonsense and failure_reason(error) == "other" else ""


def unmeasured(error: BaseException, why: str, waited: float | None = None) -> ProbeError:
    """What a probe that asks the service itself raises for an exception of its client."""
    kind = failure_of(error)
    return NoAnswerError(kind, why, waited if kind == "timeout" else None) if kind else ProbeError(why)


def late(spec: ProbeSpec, waited: float, where: str) -> Reading:
    """What is measured of a time that has not ended: as long as it was waited for, if that is bad already.

    Raises NoAnswerError where a longer time would have been good as well.
    """
    if spec.limits and waited > max(spec.limits):
        why = f"there was no answer for {waited:.2g} s, and then nobody waited any more"
        return Reading(waited, why, events=1, failure="timeout", waited=waited)
    why = f"{where} could not be measured: {SENTENCES['timeout']}"
    raise NoAnswerError("timeout", why, waited) from None
