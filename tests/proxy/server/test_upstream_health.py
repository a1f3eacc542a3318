"""One line in the log for a cause, one for its end, and the last error for whoever looks."""

from __future__ import annotations

import errno
import logging
import socket
from collections.abc import Callable

import pytest

from brownout_proxy.server.upstream_health import UpstreamHealth, cause_of

_REFUSED = OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_cause_has_one_line_however_many_dials_fail(lines: Callable[[], list[str]]) -> None:
    reach = UpstreamHealth("p")
    for second in range(50):
        reach.failed(second, "db:1", _REFUSED)
    reach.failed(50, "db:1", TimeoutError("no answer within 10s"))
    assert lines() == [
        "proxy p: its upstream cannot be reached: db:1: connection refused",
        "proxy p: its upstream cannot be reached: db:1: no answer within 10s",
    ]
    assert (reach.failing, reach.last_error) == (True, "db:1: no answer within 10s")


def test_its_end_has_one_line_and_the_error_stays_to_be_seen(lines: Callable[[], list[str]]) -> None:
    reach = UpstreamHealth("p")
    reach.succeeded("db:1")
    reach.failed(0, "db:1", _REFUSED)
    for _ in range(3):
        reach.succeeded("db:1")
    assert lines()[1:] == ["proxy p: its upstream db:1 is reached again"]
    assert (reach.failing, reach.last_error) == (False, "db:1: connection refused")


def test_an_upstream_that_comes_and_goes_fills_no_log(lines: Callable[[], list[str]]) -> None:
    reach = UpstreamHealth("p")
    for second in range(50):
        reach.failed(second, "db:1", _REFUSED)
        reach.succeeded("db:1")
    assert len(lines()) == 2
    reach.failed(61, "db:1", _REFUSED)
    assert len(lines()) == 3


def test_a_cause_is_worded_without_what_changes_with_each_dial() -> None:
    assert cause_of(_REFUSED) == "connection refused"
    assert cause_of(socket.gaierror(socket.EAI_NONAME, "Name or service not known")) == "name or service not known"
    assert cause_of(TimeoutError()) == "TimeoutError"
