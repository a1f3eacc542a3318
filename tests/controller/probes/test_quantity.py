"""Durations as a person writes them."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from brownout_controller.probes.quantity import Seconds

_SECONDS = TypeAdapter[float](Seconds)


@pytest.mark.parametrize(("written", "meant"), [("300ms", 0.3), ("5s", 5.0), (2, 2.0), ("1.5", 1.5)])
def test_a_duration_is_seconds_or_text_with_a_unit(written: object, meant: float) -> None:
    assert _SECONDS.validate_python(written) == meant


@pytest.mark.parametrize("written", [True, 0, "-1s", "soon", "5MB", float("inf"), float("nan")])
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        _SECONDS.validate_python(written)
