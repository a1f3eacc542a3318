"""Terms of an experiment that whoever writes its file and whoever runs it have in common."""

from __future__ import annotations

from typing import Final, Literal

Phase = Literal["baseline", "during", "recovery"]
"""What hypotheses are judged in."""
PHASES: Final[tuple[Phase, ...]] = ("baseline", "during", "recovery")
LEASE: Final = 10.0
"""Seconds that an injected fault lives unless it is renewed."""
