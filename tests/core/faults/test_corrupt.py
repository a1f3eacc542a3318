"""corrupt: one bit of a share of the segments, at places that chunks do not change."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.builders.fault_stages import stage


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


@settings(derandomize=True, deadline=None)
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


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 100), st.floats(0, 1), st.integers(0, 1000), st.binary(max_size=1000))
def test_no_segment_has_more_than_one_bit_and_no_byte_is_missing(
    segment: int, probability: float, offset: int, data: bytes
) -> None:
    damaged = stage("corrupt", probability=probability, segment=segment).transform(offset, data)
    assert len(damaged) == len(data)
    flips: dict[int, int] = {}
    for place, (before, after) in enumerate(zip(data, damaged, strict=True), offset):
        flips[place // segment] = flips.get(place // segment, 0) + (before ^ after).bit_count()
    assert max(flips.values(), default=0) <= 1


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 2000))
def test_certain_hits_every_whole_segment_once(segment: int) -> None:
    damaged = stage("corrupt", probability=1, segment=segment).transform(0, bytes(segment * 20))
    assert [_bits(damaged[start : start + segment]) for start in range(0, segment * 20, segment)] == [1] * 20


def test_a_higher_probability_only_adds_flips() -> None:
    few, more = (stage("corrupt", probability=share).transform(0, bytes(64 * 500)) for share in (0.2, 0.7))
    assert 0 < _bits(few) < _bits(more)
    assert all(byte & other == byte for byte, other in zip(few, more, strict=True))


def test_every_bit_within_reach_can_be_the_one() -> None:
    damaged = stage("corrupt", probability=1).transform(0, bytes(64 * 2000))
    hit = {(place % 64, byte) for place, byte in enumerate(damaged) if byte}
    assert hit == {(place, 1 << bit) for place in range(8) for bit in range(8)}


@pytest.mark.parametrize("segment", [1, 64, 5000])
def test_a_piece_has_no_more_segments_than_can_be_looked_at_without_holding_up_others(segment: int) -> None:
    piece = stage("corrupt", probability=1, segment=segment).narrow(7, 100_000_000)
    assert piece == segment * 256 - 7
