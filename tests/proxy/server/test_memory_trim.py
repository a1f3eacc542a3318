"""The twin of server/thrift.py."""

from __future__ import annotations

import pytest

from brownout_proxy.server.memory_trim import MemoryTrimmer


@pytest.mark.parametrize(
    ("used", "given"),
    [
        ([10, 0], [False, False]),
        ([6000, 3000, 1501, 1500, 1500, 0], [False, False, False, True, False, True]),
        ([6000, 0, 0, 100, 0, 6000, 10], [False, True, False, False, False, False, True]),
    ],
)
def test_memory_goes_back_once_after_each_crowd(used: list[int], given: list[bool]) -> None:
    trims: list[None] = []
    thrift = MemoryTrimmer(lambda: trims.append(None))
    assert [thrift.look(files) for files in used] == given
    assert len(trims) == sum(given)
