"""limit_data: an end that counts from where the fault met the connection."""

from __future__ import annotations

from tests.support.builders.fault_stages import site, stage


def test_the_end_is_so_many_bytes_from_where_the_fault_came() -> None:
    assert stage("limit_data", site(offset=100), bytes="1KiB").end() == 1124


def test_zero_ends_before_the_first_byte() -> None:
    assert stage("limit_data").end() == 0
    assert stage("limit_data", site(offset=7)).end() == 7
