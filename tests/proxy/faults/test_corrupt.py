"""corrupt: one bit of a share of the segments, at places that chunks do not change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.staging import stage


def _bits(data: bytes) -> int:
    return sum(byte.bit_count() for byte in data)


def test_one_bit_in_every_segment_that_is_hit() -> None:
    damaged = stage("corrupt", probability=1).transform(0, bytes(64 * 100))
    assert [_bits(damaged[start : start + 64]) for start in range(0, 6400, 64)] == [1] * 100


def test_the_stated_share_is_hit() -> None:
    assert _bits(stage("corrupt", probability=0.1).transform(0, bytes(64 * 5000))) == pytest.approx(500, abs=80)


def test_a_short_message_is_hit_too() -> None:
    one = stage("corrupt", probability=1)
    assert all(_bits(one.transform(start * 64, bytes(8))) == 1 for start in range(100))


@given(st.lists(st.integers(1, 300), min_size=1, max_size=20))
def test_the_same_bits_are_hit_however_the_bytes_are_cut(chunks: list[int]) -> None:
    data = bytes(sum(chunks))
    one, parts, offset = stage("corrupt", probability=0.5), [], 0
    for size in chunks:
        parts.append(one.transform(offset, data[offset : offset + size]))
        offset += size
    assert b"".join(parts) == stage("corrupt", probability=0.5).transform(0, data)


def test_what_is_not_hit_is_the_same_object() -> None:
    data = b"untouched"
    assert stage("corrupt").transform(0, data) is data
