"""A run as an HTML page of one file: the verdict first, then the reasons, then the measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import yaml
from markupsafe import Markup

from brownout_controller.model.results import Result
from brownout_controller.report.run import figures
from brownout_controller.report.run.figures import PHASE_NAMES
from brownout_controller.report.run.load_table import HEADING, load_row
from brownout_controller.report.run.run_report import HypothesisReport, RunReport
from brownout_controller.report.sentences import accounted
from brownout_controller.report.svg import plot, timeline
from brownout_controller.report.svg.plot import Plot
from brownout_controller.report.svg.series import MAX_DOTS
from brownout_controller.report.svg.timeline import Numbered
from brownout_core.experiment_terms import PHASES
from brownout_core.formatting import clipped, clock, line, quantity, seconds
from brownout_core.html import page
from brownout_core.html.page import Tile
from brownout_core.safe_text import block

MAX_ROWS: Final = 300
"""Of one table."""
MAX_YAML: Final = 100_000
"""Characters of an experiment as YAML."""


class Picture(NamedTuple):
    """A drawn plot."""

    plot: Plot
    drawn: Markup

    @property
    def keys(self) -> Sequence[tuple[str, str]]:
        return [(series.name, series.style) for series in self.plot.series if not series.marked]

    @property
    def left_out(self) -> str:
        """A note on samples that the plot leaves out; "" for none."""
        most = max((len(series.dots) for series in self.plot.series), default=0)
        if most <= MAX_DOTS:
            return ""
        return f"The plot has the extremes, the bad samples and those without data, of {most:,} samples."


class HypothesisRow(NamedTuple):
    """A hypothesis: what came of it in each phase, and its plot if anything was measured."""

    hypothesis: HypothesisReport
    results: Mapping[str, Result]
    picture: Picture | None


@dataclass(frozen=True)
class Section:
    """The part of the page about one run; `id` is the prefix of its anchors."""

    id: str
    report: RunReport

    @property
    def started(self) -> str:
        return clock(self.report.run.started, 0.0)

    @property
    def lasted(self) -> str:
        return seconds(self.report.ends)

    @property
    def fault(self) -> str:
        """The faults in words, as the experiment has them."""
        experiment = self.report.run.experiment
        faults = experiment.get("faults", [experiment["fault"]] if "fault" in experiment else [])
        return "; ".join(map(fault, faults if isinstance(faults, (list, tuple)) else [faults]))

    @property
    def tiles(self) -> Sequence[Tile]:
        report, judgement = self.report, self.report.judgement
        if not report.injections:
            return [Tile("fault", "not injected", "so there is nothing to undo")]
        hits = sum(hits for hits, _ in report.hits.values())
        met = sum(met for _, met in report.hits.values())
        unsure = [injection for injection in report.injections if not injection.verified]
        found = [
            Tile("the fault acted", _counted(hits, "time") if hits else "never", f"on {_counted(met, 'connection')}",
                 grave=not hits),
            Tile("undone", "NOT VERIFIED" if unsure else "verified",
                 "a person must look" if unsure else f"{self._under_fault} after the injection", grave=bool(unsure)),
        ]  # fmt: skip
        if judgement.stopping is not None:
            found.append(Tile("breach to verified revert", seconds(judgement.stopping)))
        recovered = judgement.recovery is not None
        note = "after the revert, every hypothesis held" if recovered else "not every hypothesis held again for good"
        return [*found, Tile("recovered", seconds(judgement.recovery) if recovered else "not seen", note)]

    @property
    def _under_fault(self) -> str:
        begin, end = self.report.fault_window or (0.0, 0.0)
        return seconds(end - begin)

    @property
    def events(self) -> Sequence[Numbered]:
        return timeline.numbered(self.report.events)[:MAX_ROWS]

    @property
    def timeline(self) -> Markup:
        return timeline.draw(self.report, self.events)

    @property
    def rows(self) -> Sequence[HypothesisRow]:
        return [
            HypothesisRow(
                hypothesis, {result.phase: result for result in hypothesis.results}, self._picture(hypothesis)
            )
            for hypothesis in self.report.hypotheses
        ]

    def _picture(self, hypothesis: HypothesisReport) -> Picture | None:
        return drawn(figures.hypothesis_plot(self.report, hypothesis)) if hypothesis.points else None

    @property
    def load(self) -> Sequence[Picture]:
        """Plots of the run's own load."""
        found = (figures.requests_plot(self.report), figures.latency_plot(self.report))
        return [drawn(each) for each in found if each is not None]

    @property
    def load_table(self) -> Sequence[Sequence[str]]:
        """Counts of the load by phase, under its heading; none if there was no load."""
        return [HEADING, *map(load_row, self.report.load)] if self.report.load else []

    @property
    def hits(self) -> Picture | None:
        found = figures.hits_plot(self.report)
        return None if found is None else drawn(found)

    @property
    def experiment(self) -> str:
        return as_yaml(self.report.run.experiment)

    @property
    def environment(self) -> str:
        return as_yaml(self.report.run.environment)


def render(*runs: RunReport) -> str:
    """One page on all these runs; with more than one it has a list of them at the top."""
    sections = [Section(f"run{number}", report) for number, report in enumerate(runs, 1)]
    return page.render(
        "run.html.j2", sections=sections, phases=PHASES, phase_names=PHASE_NAMES, most=MAX_ROWS, clock=clock,
        worst=lambda result, hypothesis: quantity(result.worst, hypothesis.unit),
        accounted=lambda result: accounted(result.reason),
    )  # fmt: skip


def drawn(chosen: Plot) -> Picture:
    return Picture(chosen, plot.draw(chosen))


def fault(declared: Any) -> str:
    """`{latency: {delay: 1s}, toxicity: 25%}` is latency (delay 1s), toxicity 25%."""
    if not isinstance(declared, Mapping):
        return line(declared)
    words = []
    for number, (name, value) in enumerate(declared.items()):
        if isinstance(value, Mapping) and number == 0:
            inner = ", ".join(f"{key} {item}" for key, item in value.items())
            words.append(f"{name} ({inner})" if inner else str(name))
        else:
            words.append(f"{name} {value}")
    return line(", ".join(words))


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def as_yaml(content: Mapping[str, Any]) -> str:
    """Content as YAML in the order of its file."""
    text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=100)
    return clipped(block(text), MAX_YAML)
