"""The twin of server/remarks.py."""

from __future__ import annotations

import pytest

from brownout_proxy.server.request_warnings import one_line, remark


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_remark_outside_a_request_is_logged_at_once(caplog: pytest.LogCaptureFixture) -> None:
    remark("%s is odd", "it")
    remark("%s is odd", "more")
    assert lines(caplog) == ["it is odd", "more is odd"]


@pytest.mark.parametrize(
    ("remarks", "told"),
    [(0, []), (1, ["0 is odd"]), (9000, ["0 is odd; 1 is odd; 2 is odd (and 8997 more in this request)"])],
)
def test_a_request_makes_one_line(remarks: int, told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    with one_line():
        for number in range(remarks):
            remark("%s is odd", number)
    assert lines(caplog) == told


def test_a_request_that_fails_has_its_line_too(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        with one_line():
            remark("odd")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert lines(caplog) == ["odd"]
