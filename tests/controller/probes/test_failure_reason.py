"""A failed connection is the service's doing or the way's, and a late answer is bad only beyond every limit."""

from __future__ import annotations

import errno
import ssl

import aiohttp
import pytest

from brownout_controller.model.probe import NoAnswerError, ProbeError
from brownout_controller.probes.failure_reason import failure_of, unmeasured


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (TimeoutError(), "timeout"),
        (ConnectionRefusedError(), "refused"),
        (ConnectionResetError(), "reset"),
        (EOFError(), "closed"),
        (OSError(errno.EHOSTUNREACH, ""), "unreachable"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), "malformed"),
        (OSError(errno.EMFILE, ""), ""),
        (ssl.SSLCertVerificationError("x"), ""),
        (aiohttp.InvalidURL("x"), ""),
    ],
)
def test_a_failure_is_the_services_own_where_it_did_not_answer(error: BaseException, failure: str) -> None:
    assert failure_of(error) == failure


def test_only_a_failure_of_the_service_itself_counts_as_no_answer() -> None:
    waited = unmeasured(TimeoutError(), "why", 2.0)
    assert isinstance(waited, NoAnswerError)
    assert (waited.kind, waited.waited) == ("timeout", 2.0)
    assert not isinstance(unmeasured(OSError(errno.EMFILE, ""), "why"), NoAnswerError)
    assert isinstance(unmeasured(OSError(errno.EMFILE, ""), "why"), ProbeError)
