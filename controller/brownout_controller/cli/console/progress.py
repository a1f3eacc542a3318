"""The progress of a run, from its records: a line for each event.

On a terminal, a status below the lines is redrawn: the phase, the time left, and each hypothesis against its limit, the
bad ones first. Elsewhere the status is a line every few seconds.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from brownout_controller.cli.console import outcome, output
from brownout_controller.model.accounting import counts, due
from brownout_controller.model.evaluate import NOTHING, Before, before_of, evaluate, reading_of
from brownout_controller.model.hypothesis import RecordedTerms
from brownout_controller.model.journal import (
    Counted,
    Entered,
    Entry,
    Failure,
    Injected,
    Interrupted,
    LoadSecond,
    Plan,
    Refusal,
    Reverted,
    Run,
    Sample,
    Stop,
)
from brownout_controller.model.journal_index import stop_reason, terms_of
from brownout_controller.model.lifecycle import PHASE_OF, State
from brownout_controller.model.load_summary import shortfall
from brownout_controller.report.run.load_table import rate_sentence
from brownout_controller.report.sentences import counted, sentence
from brownout_core.formatting import line
from brownout_core.safe_text import printable
from brownout_core.terminal import coloured
from brownout_core.units import SECONDS

_EVERY: Final = 5.0  # seconds from one line of values to the next where nothing can be drawn anew
_REDRAWN: Final = 0.2  # seconds from one picture to the next
_SENDING: Final = 5  # seconds of the load over which its rate is looked at
_ROOMY: Final = 90  # columns; where there are fewer, names need them more than remarks
_WIDEST: Final = 120  # columns: values far from their names are hard to read
_MARKS: Final = {True: ("ok ", "green"), False: ("BAD", "bold red"), None: ("-  ", "yellow")}


def notice(text: str) -> None:
    """Writes a line on stderr about the command, rather than about a run."""
    output.echo(f"brownout: {text}", err=True)


@dataclass(slots=True)
class CurrentClaim:
    """A hypothesis with its last sample and the counts of its measurements in this phase."""

    terms: RecordedTerms
    formatted: Callable[[float | None], str]
    last: Sample | None = None
    good: bool | None = None
    """Of the last one; None for what is not known or does not count."""
    kinds: Counter[str] = field(default_factory=Counter)
    _before: list[Sample] = field(default_factory=list)
    _known: Before = NOTHING
    _outcomes: list[bool | None] = field(default_factory=list)

    def begin(self) -> None:
        """Starts the counts of a phase."""
        self.last, self.good = None, None
        self._outcomes.clear()
        self.kinds.clear()

    def take(self, sample: Sample) -> None:
        self.last, self.good = sample, None
        if sample.phase == "baseline" and not sample.settling:
            self._before.append(sample)
            self._known = before_of(self._before)
        if not sample.settling:
            reading = reading_of(sample)
            if sample.phase == "during":
                self._known = self._known.under(reading, sample.took)
            self.good = evaluate(self.terms, reading, self._known).good
            self._outcomes.append(self.good)
            if sample.failure and self.good is not True:
                self.kinds[sample.failure] += 1

    def account(self, seconds: float) -> str:
        """The four counts, `seconds` into the phase. A measurement that is due and not there may be under way."""
        terms = self.terms
        expected = 0 if terms.waits is None else due(seconds, terms.settle, terms.every)
        return counted(counts(self._outcomes, expected), self.kinds, missing="open")

    @property
    def value(self) -> str:
        """The last value in its unit; several values as the span from the lowest to the highest."""
        sample = self.last
        if sample is None:
            return "-"
        if sample.value is None and sample.series:
            values = [value for _, value in sample.series]
            return f"{self.formatted(min(values))} to {self.formatted(max(values))}"
        return self.formatted(sample.value)

    @property
    def remark(self) -> str:
        if self.last is None:
            return ""
        return "settling" if self.last.settling else line(self.last.why) if self.last.value is None else ""


class Progress:
    """Prints the progress of one run from its records; with `quiet`, nothing."""

    def __init__(self, out: TextIO | None = None, *, terminal: bool | None = None, quiet: bool = False) -> None:
        self._quiet = quiet
        self._out = out or sys.stderr
        self._claims: Mapping[str, CurrentClaim] = {}
        self._lasting: Mapping[str, float] = {}
        self._hits = 0
        self._load: deque[LoadSecond] = deque(maxlen=_SENDING)
        self._slow = False
        self._state: State = "planned"
        self._since = 0.0
        self._status_at = 0.0
        colour = coloured(self._out)
        console = Console(
            file=self._out, highlight=False, markup=False, emoji=False, force_terminal=terminal, no_color=not colour
        )
        # A terminal that cannot move its cursor gets lines like a file.
        drawable = (console.is_terminal if terminal is None else terminal) and not console.is_dumb_terminal
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True) if drawable else None

    def __call__(self, entry: Entry) -> None:
        if self._quiet:
            return
        if isinstance(entry.record, Run):
            self._begin(entry.record)
            return
        text = self._event(entry.at, entry.record)
        if text:
            if isinstance(entry.record, Entered) and self._live is not None:
                self._draw(entry.at)  # or below the line would be a picture of the phase before
            self._line(f"{_clock(entry.at)}  {text}")
        elif isinstance(entry.record, (Sample, Counted)):
            self._status(entry.at)

    def claim(self, name: str) -> CurrentClaim:
        """The state of a hypothesis. Raises KeyError."""
        return self._claims[name]

    def end(self) -> None:
        """Removes the status; nothing is drawn after that."""
        if self._live is not None:
            self._live.stop()

    def _begin(self, run: Run) -> None:
        self._lasting = run.lasting
        self._claims = {terms.name: CurrentClaim(terms, outcome.valued(terms)) for terms in terms_of(run)}
        if self._live is not None:
            self._live.start()
        self._line(f"{line(run.experiment.get('name', 'unnamed'))}: run {run.run_id}")

    def _event(self, at: float, record: Any) -> str:
        match record:
            case Plan():
                where = ", ".join(target["id"] for target in record.targets) or "nowhere"
                return f"plan       {', '.join(map(_short, record.faults))} on {where}"
            case Entered():
                self._state, self._since = record.state, at
                self._begin_phase()
                seconds = self._seconds()
                lasting = f" for {SECONDS.format(seconds)}" if seconds else ""
                return f"{record.state:<10} {record.why}{lasting}".rstrip()
            case Injected():
                return f"injected   {', '.join(map(_short, record.faults))} on {record.target}"
            case Reverted():
                return f"reverted   {record.target}: {'verified' if record.verified else 'NOT VERIFIED: ' + record.why}"
            case Stop():
                return f"stop       {sentence(stop_reason(record))}"
            case Refusal():
                return f"refused    {record.reason} ({record.net})"
            case Failure():
                return f"error      {line(record.what)}"
            case Interrupted():
                return f"interrupt  {record.signal}: reverting"
            case Sample():
                if record.hypothesis in self._claims and record.phase in self._claims[record.hypothesis].terms.when:
                    self._claims[record.hypothesis].take(record)
            case LoadSecond():
                return self._sending(record)
            case Counted():
                self._hits = sum(record.hits.values())
        return ""

    def _sending(self, record: LoadSecond) -> str:
        """A line, once a phase, if the load does not reach its rate; "" otherwise."""
        self._load.append(record)
        short = None if self._slow else shortfall(self._load)
        self._slow = self._slow or short is not None
        return "" if short is None else f"traffic    {rate_sentence(*short)}"

    def _seconds(self) -> float:
        return self._lasting.get(self._state, 0.0)

    def _begin_phase(self) -> None:
        self._load.clear()
        self._slow = False
        for claim in self._claims.values():
            claim.begin()

    def _status(self, at: float) -> None:
        if not self._seconds() or at - self._status_at < (_EVERY if self._live is None else _REDRAWN):
            return
        self._status_at = at
        if self._live is not None:
            self._draw(at)
            return
        values = [_in_a_line(claim, at - self._since) for claim in self._watched() if claim.last is not None]
        self._line("; ".join([self._head(at), *values]))

    def _head(self, at: float) -> str:
        left = max(0.0, self._seconds() - (at - self._since))
        head = f"{_clock(at)}  {self._state:<10} {left:.0f}s of {SECONDS.format(self._seconds())} left"
        if self._state == "observing":
            head += f", {self._hits} hits"
        return head

    def _draw(self, at: float) -> None:
        assert self._live is not None
        picture = self._picture(at, self._console.height) if self._seconds() else Text("")
        self._live.update(picture, refresh=True)

    def _watched(self) -> Sequence[CurrentClaim]:
        """Those that count in this phase."""
        phase = PHASE_OF.get(self._state)
        return [claim for claim in self._claims.values() if phase in claim.terms.when]

    def _picture(self, at: float, height: int) -> Group:
        claims = sorted(self._watched(), key=lambda claim: (claim.good is not False, claim.good is not None))
        room = max(1, height - 4)
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.width = min(_WIDEST, self._console.width) if self._console.width < _WIDEST else None
        grid.add_column(no_wrap=True)
        grid.add_column(overflow=self._cut, ratio=1 if grid.width else None)
        grid.add_column(justify="right", no_wrap=True)
        grid.add_column(no_wrap=True)
        grid.add_column(overflow=self._cut, max_width=40 if self._console.width >= _ROOMY else 20)
        if roomy := self._console.width >= _ROOMY:
            grid.add_column(overflow=self._cut, max_width=30)
        for claim in claims[:room]:
            mark, style = _MARKS[claim.good]
            account = claim.account(at - self._since)
            cells = (line(claim.terms.name), claim.value, claim.terms.expect, account, claim.remark)
            cut = (Text(cell, no_wrap=True, overflow=self._cut) for cell in cells[: 5 if roomy else 4])
            grid.add_row(Text(mark, style), *cut)
        more = [Text(f"     and {len(claims) - room} more", "dim")] if len(claims) > room else []
        return Group(Text(printable(self._head(at)), "bold", no_wrap=True, overflow=self._cut), grid, *more)

    @property
    def _cut(self) -> Literal["ellipsis", "crop"]:
        return "ellipsis" if self._console.encoding.startswith("utf") else "crop"

    def _line(self, text: str) -> None:
        text = printable(text)
        if self._live is not None:
            self._console.print(Text(text))
        else:
            self._out.write(text + "\n")
            self._out.flush()


def _in_a_line(claim: CurrentClaim, seconds: float) -> str:
    mark = " BAD" if claim.good is False else ""
    remark = f", {claim.remark}" if claim.remark else ""
    return f"{line(claim.terms.name)}: {claim.value} ({claim.terms.expect}{remark}), {claim.account(seconds)}{mark}"


def _clock(at: float) -> str:
    return f"{at:7.1f}s"


def _short(fault: str) -> str:
    """A fault's name without the run that it is named after."""
    return fault.partition(".")[0]
