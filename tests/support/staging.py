"""Stages under test: made at a site of their own, with a seed."""

from __future__ import annotations

from typing import Any

from brownout_proxy.faults import make
from brownout_proxy.faults.draw import Draws
from brownout_proxy.faults.spec import Pace, Site, Stage


def site(*, start: float = 0.0, offset: int = 0, seed: int = 1, ordinal: int = 1, shared: Pace | None = None) -> Site:
    return Site(start, offset, Draws(seed, "proxy", "fault", ordinal), shared or Pace())


def stage(kind: str, where: Site | None = None, **attributes: Any) -> Stage:
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
