"""Journals that could not be read, for people and for programs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from brownout_controller.model.journal import LeftOut
from brownout_core.formatting import clipped, line

_NAMED: Final = 5
_LONGEST: Final = 300
"""Characters of a reason, which may quote what others wrote."""


def named(one: LeftOut) -> str:
    """`PATH: line 17: at must be a time in seconds`."""
    where = "" if one.line is None else f"line {one.line}: "
    return f"{line(one.path)}: {where}{clipped(line(one.reason), _LONGEST)}"


def sentences(left_out: Sequence[LeftOut]) -> Sequence[str]:
    """How many there are, and which; nothing for none."""
    if len(left_out) == 1:
        return [f"1 journal could not be read: {named(left_out[0])}; it was left out"]
    if not left_out:
        return []
    more = len(left_out) - _NAMED
    return [
        f"{len(left_out)} journals could not be read, and were left out:",
        *(f"  {named(one)}" for one in left_out[:_NAMED]),
        *([f"  and {more} more"] if more > 0 else []),
    ]


def content(left_out: Sequence[LeftOut]) -> list[dict[str, Any]]:
    """The same for JSON."""
    return [{"path": line(one.path), "line": one.line, "reason": line(one.reason)} for one in left_out]
