"""limit_data: an end that counts from where the fault met the connection."""

from __future__ import annotations

from tests.support.staging import site, stage


def test_the_end_is_so_many_bytes_from_where_the_fault_came() -> None:
    assert stage("limit_data", site(offset=100), bytes="1KiB").end() == 1124
