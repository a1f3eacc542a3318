"""What a run prints while it works, from its records: plain lines, one for each thing that a person would want to know.

On a terminal the last line is a status that is written over: phase, time left, each hypothesis against its limit.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

from brownout_controller.model.journal import (
    Counted,
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    Plan,
    Refusal,
    Reverted,
    Run,
    Sample,
    Stop,
)
from brownout_controller.model.lifecycle import State
from brownout_proxy.units import SECONDS

_EVERY: Final = 5.0  # seconds from one line of values to the next where nothing can be written over


def say(text: str) -> None:
    """Something about the way to a run, rather than the run."""
    sys.stderr.write(f"brownout: {text}\n")
    sys.stderr.flush()


class Progress:
    """Tells of one run, as its records say it; `quiet` tells nothing."""

    def __init__(self, out: TextIO | None = None, *, terminal: bool | None = None, quiet: bool = False) -> None:
        self._quiet = quiet
        self._out = out or sys.stderr
        self._terminal = self._out.isatty() if terminal is None else terminal
        self._expects: Mapping[str, str] = {}
        self._lasting: Mapping[str, float] = {}
        self._values: dict[str, float | None] = {}
        self._hits = 0
        self._state: State = "planned"
        self._since = 0.0
        self._told = 0.0
        self._width = 0

    def __call__(self, entry: Entry) -> None:
        if self._quiet:
            return
        if isinstance(entry.record, Run):
            self._begin(entry.record)
            return
        said = self._said(entry.at, entry.record)
        if said:
            self._line(f"{_clock(entry.at)}  {said}")
        elif isinstance(entry.record, (Sample, Counted)):
            self._status(entry.at)

    def end(self) -> None:
        """The status is not written over any more."""
        self._clear()

    def _begin(self, run: Run) -> None:
        self._expects = {terms["name"]: terms["expect"] for terms in run.terms}
        self._lasting = run.lasting
        self._line(f"{run.experiment.get('name', 'unnamed')}: run {run.run_id}")

    def _said(self, at: float, record: Any) -> str:
        match record:
            case Plan():
                where = ", ".join(target["id"] for target in record.targets) or "nowhere"
                return f"plan       {', '.join(map(_short, record.faults))} on {where}"
            case Entered():
                self._state, self._since, self._values = record.state, at, {}
                seconds = self._seconds()
                lasting = f" for {SECONDS.format(seconds)}" if seconds else ""
                return f"{record.state:<10} {record.why}{lasting}".rstrip()
            case Injected():
                return f"injected   {', '.join(map(_short, record.faults))} on {record.target}"
            case Reverted():
                return f"reverted   {record.target}: {'verified' if record.verified else 'NOT VERIFIED: ' + record.why}"
            case Stop():
                return f"stop       {record.why}"
            case Refusal():
                return f"refused    {record.reason} ({record.net})"
            case Failure():
                return f"error      {record.what}"
            case Interrupted():
                return f"interrupt  {record.signal}: reverting"
            case Sample():
                self._values[record.hypothesis] = record.value
            case Counted():
                self._hits = sum(record.hits.values())
        return ""

    def _seconds(self) -> float:
        return self._lasting.get(self._state, 0.0)

    def _status(self, at: float) -> None:
        if not self._seconds() or (not self._terminal and at - self._told < _EVERY):
            return
        self._told = at
        left = max(0.0, self._seconds() - (at - self._since))
        values = [f"{name} {_shown(value)} ({self._expects.get(name, '')})" for name, value in self._values.items()]
        hits = [f"{self._hits} hits"] if self._state == "observing" else []
        text = f"{_clock(at)}  {self._state:<10} {'; '.join([f'{left:.0f}s left', *values, *hits])}"
        if self._terminal:
            self._clear()
            self._out.write(text[:110])
            self._width = min(len(text), 110)
            self._out.flush()
        else:
            self._line(text)

    def _line(self, text: str) -> None:
        self._clear()
        self._out.write(text + "\n")
        self._out.flush()

    def _clear(self) -> None:
        if self._width:
            self._out.write("\r" + " " * self._width + "\r")
            self._width = 0


def _clock(at: float) -> str:
    return f"{at:7.1f}s"


def _shown(value: float | None) -> str:
    return "no data" if value is None else f"{value:.4g}"


def _short(fault: str) -> str:
    """A fault's name without the run that it is named after."""
    return fault.partition(".")[0]
