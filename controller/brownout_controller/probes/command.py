"""command: a program's exit code, or the number that it prints."""

from __future__ import annotations

import asyncio
import math
import os
import shlex
import signal
from collections.abc import Iterable
from contextlib import suppress
from typing import ClassVar, Final, Literal

from pydantic import Field, field_validator

from brownout_controller.model.probe import (
    NoAnswerError,
    Probe,
    ProbeContext,
    ProbeError,
    ProbeSpec,
    Reading,
    Scale,
    Waits,
)
from brownout_core.connection_failure import sentence
from brownout_core.units import COUNT

_KEPT: Final = 4096
"""Longer output is no number; the rest is read and forgotten, so that the program does not wait for us."""


class CommandProbe(ProbeSpec):
    """A program's exit code; with `measure: number`, the number that it prints.

    The command is a list, or text that is split as a shell would, but no shell runs it. What it starts in its process
    group ends with it. One that runs for longer than `every` stands for those that fall due meanwhile.
    """

    kind: ClassVar[str] = "command"
    scalar: ClassVar[str] = "run"
    example: ClassVar[str] = "{name: the smoke test passes, command: ./smoke-test.sh --fast, expect: == 0, every: 5s}"

    run: list[str] = Field(min_length=1, examples=["./smoke-test.sh --fast"])
    """The program and its arguments; a list, or text that is split as a shell would."""
    measure: Literal["exit", "number"] = "exit"
    """Its exit code, negative for a signal; or the number that it prints, if the code is 0."""

    service: bool = False
    """It asks the service under test: when it fails to print a number, or does not end, the service did not answer."""

    @property
    def asks_service(self) -> bool:
        return self.service

    @property
    def waits(self) -> Waits:
        return "bad" if self.service else ""

    @field_validator("run", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return shlex.split(value) if isinstance(value, str) else value

    def scale(self) -> Scale:
        return Scale(COUNT, -64, 255) if self.measure == "exit" else Scale()

    def local_powers(self) -> str:
        return f"runs the program {shlex.join(self.run)}"

    def is_among(self, allowed: Iterable[str]) -> bool:
        """Whether the whole command, with its arguments, is one of them."""
        return self.run in [shlex.split(line) for line in allowed]

    def open(self, context: ProbeContext) -> Probe:
        allowed = context.allowed_commands
        if allowed is not None and not self.is_among(allowed):
            raise ProbeError("this controller was not started with this command among its allowed ones")
        return _OpenCommand(self)


class _OpenCommand:
    def __init__(self, spec: CommandProbe) -> None:
        self._spec = spec

    async def measure(self, window: float) -> Reading:
        program, wanted = self._spec.run[0], self._spec.measure
        try:
            process = await asyncio.create_subprocess_exec(
                *self._spec.run,
                stdin=asyncio.subprocess.DEVNULL,
                # What it left running may hold the output open, which matters only to those who read it.
                stdout=asyncio.subprocess.PIPE if wanted == "number" else asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise ProbeError(f"{program} could not be started: {sentence(error)}") from None
        try:
            output = await _start_of(process)
            code = await process.wait()
        finally:
            with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if wanted == "exit":
            return Reading(float(code))
        if code:
            raise NoAnswerError("failed", f"{program} ended with exit code {code}")
        return _number(program, output)

    async def close(self) -> None:
        """Nothing is kept."""


async def _start_of(process: asyncio.subprocess.Process) -> bytes:
    kept = bytearray()
    while process.stdout is not None and (piece := await process.stdout.read(_KEPT)):
        kept += piece[: _KEPT + 1 - len(kept)]
    return bytes(kept)


def _number(program: str, output: bytes) -> Reading:
    text = output.decode(errors="replace").strip()
    if not text:
        return Reading(None, f"{program} printed nothing")
    try:
        number = float(text if len(output) <= _KEPT else "")
    except ValueError:
        raise ProbeError(f"{program} printed something else than one number") from None
    return Reading(None, f"{program} printed NaN") if math.isnan(number) else Reading(number)
