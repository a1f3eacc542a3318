"""Durations in a probe's declaration: seconds, or text with a unit."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from brownout_proxy.units import SECONDS


def _read(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a duration like 300ms or 5s, not true or false")
    return SECONDS.parse(value) if isinstance(value, str) else value


Seconds = Annotated[float, BeforeValidator(_read), Field(gt=0, allow_inf_nan=False)]
