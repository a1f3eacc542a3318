"""The twin of limits.py."""

from __future__ import annotations

import pytest

from brownout_core import limits
from brownout_core.errors import InvalidSpec, TooMuch


def test_a_limit_is_a_number_that_can_be_read() -> None:
    assert limits.BODY == 4 * 2**20
    assert (str(limits.BODY), str(limits.MESSAGE), str(limits.NAME)) == ("4 MiB", "256 KiB", "1,000 characters")


def test_what_is_beyond_a_limit_is_refused_with_its_name_and_what_was_sent() -> None:
    limits.EDGES.check(limits.EDGES)
    with pytest.raises(TooMuch, match=r"edges of .*: at most 100 edges \(101 were sent\)"):
        limits.EDGES.check(limits.EDGES + 1)


def test_a_name_that_is_too_long_is_refused_at_its_place() -> None:
    limits.check_name("name", "x" * limits.NAME)
    with pytest.raises(InvalidSpec, match="name: may have 1,000 characters, and this has 1,001"):
        limits.check_name("name", "x" * (limits.NAME + 1))
