"""slicer: cuts at places of the stream, of the stated size."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brownout_core.faults import make
from tests.support.builders.fault_stages import pieces, site, stage


@settings(derandomize=True, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=30), st.integers(1, 90), st.integers(0, 120))
def test_the_cuts_do_not_depend_on_the_chunks(chunks: list[int], average: int, variation: int) -> None:
    def cuts(sizes: list[int]) -> set[int]:
        one = stage("slicer", average_size=average, size_variation=variation)
        ends, offset = set(), 0
        for size in sizes:
            for piece in pieces(one, size, offset):
                offset += piece
                ends.add(offset)
        return ends

    borders = {sum(chunks[: number + 1]) for number in range(len(chunks))}
    assert cuts(chunks) - borders == cuts([sum(chunks)]) - borders


@pytest.mark.parametrize("variation", [0, 10, 50, 100, 1000])
def test_a_piece_has_the_average_size_give_or_take_the_variation(variation: int) -> None:
    sizes = pieces(stage("slicer", average_size=100, size_variation=variation), 100_000)[:-1]
    spread = min(variation, 100)
    assert min(sizes) >= max(1, 100 - spread - 1)
    assert max(sizes) <= 100 + spread + 1
    assert sum(sizes) / len(sizes) == pytest.approx(100, rel=0.02)


def test_there_is_a_pause_after_each_piece() -> None:
    one = stage("slicer", average_size=10, delay="500us")
    assert [one.pace(1.0, 10) for _ in range(3)] == pytest.approx([1.0, 1.0005, 1.001])
    one.rewind(1.0)
    assert one.pace(1.0, 10) == 1.0
    assert one.separates


def test_an_average_of_zero_cuts_nothing() -> None:
    assert make("slicer", {}).stage(site()) is None


def test_idle_time_earns_no_credit() -> None:
    one = stage("slicer", average_size=10, delay="1ms")
    one.pace(0.0, 10)
    assert [one.pace(9.0, 10) for _ in range(2)] == pytest.approx([9.0, 9.001])
