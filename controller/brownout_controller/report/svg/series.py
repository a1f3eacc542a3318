"""Series of samples, thinned out for a plot: few enough points for a mail, with the extremes and the bad samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Final, Literal, NamedTuple, TypeGuard

Look = Literal["good", "bad", "settling", "unknown", "gap"]
"""A sample that meets what is expected, one that does not, one that does not count, one of which nobody knows, and a
place where nobody measured."""

MAX_DOTS: Final = 400
"""Points of a series: an hour with twenty hypotheses is still a page that a mail can carry."""
_KEPT: Final = 5
"""Points that stay of some that are neighbours."""
_LONG: Final = 3.5
"""From so many times the usual distance on, nobody measured in between."""


class Dot(NamedTuple):
    """A sample; no value is no data."""

    at: float
    value: float | None
    look: Look = "good"
    title: str = ""


class Series(NamedTuple):
    """Samples in order. `style` is how the line looks, `marked` whether each sample has a sign of its own."""

    name: str
    dots: Sequence[Dot]
    style: str = "calm"
    marked: bool = False


def known(value: float | None) -> TypeGuard[float]:
    """Whether there is something to draw."""
    return value is not None and not math.isnan(value)


def thinned(dots: Sequence[Dot], most: int = MAX_DOTS) -> Sequence[Dot]:
    """Not many more than `most` of them, with the places where nobody measured: of neighbours stay the first, the
    extremes, one that is bad and one without data."""
    whole = [*_with_gaps(dots)]
    if len(whole) <= most:
        return whole
    size = math.ceil(len(whole) * _KEPT / most)
    return [dot for start in range(0, len(whole), size) for dot in _extremes(whole[start : start + size])]


def pieces(dots: Iterable[Dot]) -> Iterable[Sequence[Dot]]:
    """What a line may go through: it ends where there is no data."""
    piece: list[Dot] = []
    for dot in dots:
        if known(dot.value):
            piece.append(dot)
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _with_gaps(dots: Sequence[Dot]) -> Iterable[Dot]:
    usual = median([later.at - dot.at for dot, later in pairwise(dots)] or [0.0])
    yield from dots[:1]
    for dot, later in pairwise(dots):
        if usual > 0 and later.at - dot.at > _LONG * usual:
            yield Dot((dot.at + later.at) / 2, None, "gap")
        yield later


def _extremes(dots: Sequence[Dot]) -> Iterable[Dot]:
    values = {number: dot.value for number, dot in enumerate(dots) if known(dot.value)}
    bad = [number for number, dot in enumerate(dots) if dot.look == "bad"]
    empty = [number for number in range(len(dots)) if number not in values]
    wanted = {0, *bad[:1], *empty[:1]}
    if values:
        wanted |= {min(values, key=values.__getitem__), max(values, key=values.__getitem__)}
    return [dots[number] for number in sorted(wanted)]
