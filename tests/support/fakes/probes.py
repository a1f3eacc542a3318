"""Probes that read what a test decides, that hang, or that do not end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from brownout_controller.model.probe import Probe, ProbeContext, ProbeSpec, Reading

READINGS: dict[str, Callable[[], Reading]] = {}
"""What the probe of that key reads; a test may change it at any time."""


class ScriptedProbe(ProbeSpec):
    """Reads what READINGS has for its key."""

    kind: ClassVar[str] = "told"
    scalar: ClassVar[str] = "key"
    key: str

    def open(self, context: ProbeContext) -> Probe:
        return _ScriptedProbe(self.key)


class _ScriptedProbe:
    def __init__(self, key: str) -> None:
        self._key = key

    async def measure(self, window: float) -> Reading:
        await asyncio.sleep(0)
        return READINGS[self._key]()

    async def close(self) -> None:
        READINGS.pop(f"{self._key} closed", None)


class HangingProbe(ProbeSpec):
    """Never answers."""

    kind: ClassVar[str] = "stuck"
    scalar: ClassVar[str] = "key"
    key: str

    def open(self, context: ProbeContext) -> Probe:
        return _HangingProbe()


class _HangingProbe:
    async def measure(self, window: float) -> Reading:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def close(self) -> None:
        """Nothing to give back."""


class StubbornProbe(ProbeSpec):
    """Does not answer, and does not end when it is cancelled, the first three times."""

    kind: ClassVar[str] = "stubborn"
    scalar: ClassVar[str] = "key"
    key: str

    def open(self, context: ProbeContext) -> Probe:
        return _StubbornProbe()


class _StubbornProbe(_HangingProbe):
    async def measure(self, window: float) -> Reading:
        for _ in range(3):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue
        return Reading(None, "at last")


FAKE_PROBES = {"told": ScriptedProbe, "stuck": HangingProbe, "stubborn": StubbornProbe}


def reset_readings() -> None:
    """Hypotheses read 1 until a test changes READINGS."""
    READINGS.clear()
    READINGS["value"] = lambda: Reading(1.0)
