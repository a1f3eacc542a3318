"""Stages under test: made at a site of their own, with a seed."""

from __future__ import annotations

from typing import Any

from brownout_core.faults import make
from brownout_core.faults.seeded_random import SeededRandom
from brownout_core.faults.spec import Pace, Stage, StageContext


def site(
    *, start: float = 0.0, offset: int = 0, seed: int = 1, ordinal: int = 1, shared: Pace | None = None
) -> StageContext:
    return StageContext(start, offset, SeededRandom(seed, "proxy", "fault", ordinal), shared or Pace())


def stage(kind: str, where: StageContext | None = None, **attributes: Any) -> Stage:
    """The stage of a fault; its attributes may have units."""
    made = make(kind, attributes, text=True).stage(where or site())
    assert made is not None
    return made


def pieces(one: Stage, size: int, start: int = 0) -> list[int]:
    """The sizes into which a stage narrows the bytes from `start` on."""
    sizes, offset = [], start
    while offset < start + size:
        sizes.append(one.narrow(offset, start + size - offset))
        offset += sizes[-1]
    return sizes
