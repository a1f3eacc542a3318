"""Which plots a run has, and what is on each of them: from an account to what plot.draw takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from brownout_controller.model.expectation import Expectation
from brownout_controller.model.journal import Counted
from brownout_controller.model.lifecycle import PHASE_OF
from brownout_controller.report.run.run_report import HypothesisReport, Point, RunReport
from brownout_controller.report.svg.plot import Plot, Stretch, Style, Threshold
from brownout_controller.report.svg.series import Dot, Series
from brownout_core.formatting import moment, quantity
from brownout_core.units import COUNT, SECONDS, Unit

PHASE_NAMES: Final = {"baseline": "baseline", "during": "under the fault", "recovery": "recovery"}
SHORT_NAMES: Final = {**PHASE_NAMES, "during": "fault"}
"""For a phase that may be narrow."""


def hypothesis_plot(report: RunReport, hypothesis: HypothesisReport) -> Plot:
    """A hypothesis: what was measured against what was expected."""
    dots = [_dot(point, hypothesis) for point in hypothesis.points]
    outcomes = "; ".join(f"{PHASE_NAMES[result.phase]}: {result.outcome}" for result in hypothesis.results)
    return _plot(
        report,
        f"{hypothesis.terms.name}, expected {hypothesis.terms.expect}",
        f"{len(hypothesis.points)} samples, {sum(point.bad for point in hypothesis.points)} of them bad. {outcomes}",
        [Series(hypothesis.terms.name, dots, marked=True)],
        unit=hypothesis.unit,
        thresholds=_threshold_lines(hypothesis),
    )


def requests_plot(report: RunReport) -> Plot | None:
    """What became of the load's requests, by second."""
    rows = report.traffic
    if not rows:
        return None
    good = [Dot(at, row.ok) for at, row in rows]
    failed = [Dot(at, row.failed) for at, row in rows]
    text = f"{sum(row.ok for _, row in rows)} requests were answered well, {sum(row.failed for _, row in rows)} failed"
    series = [Series("answered well", good), Series("failed", failed, "bad")]
    return _plot(report, "requests per second", text, series)


def latency_plot(report: RunReport) -> Plot | None:
    """How long the load waited for answers, by second."""
    rows = report.traffic
    if not any(row.p99 is not None for _, row in rows):
        return None
    series = [
        Series("p50", [Dot(at, row.p50) for at, row in rows]),
        Series("p99", [Dot(at, row.p99) for at, row in rows], "odd"),
    ]
    highest = max(row.p99 for _, row in rows if row.p99 is not None)
    return _plot(
        report,
        "time to an answer",
        f"the highest p99 of a second is {quantity(highest, SECONDS)}",
        series,
        unit=SECONDS,
    )


def hits_plot(report: RunReport) -> Plot | None:
    """How often the faults did something so far, and how many connections met them, over all targets."""
    latest: dict[str, Counted] = {}
    hits, met = [], []
    for at, counted in report.all(Counted):
        if counted.hits:  # once it is gone, the fault has no counters
            latest[counted.target] = counted
        hits.append(Dot(at, sum(sum(item.hits.values()) for item in latest.values())))
        met.append(Dot(at, sum(sum(item.met.values()) for item in latest.values())))
    if not hits:
        return None
    text = f"{quantity(hits[-1].value)} hits on {quantity(met[-1].value)} connections in the end"
    series = [Series("hits", hits), Series("connections met", met, "odd")]
    return _plot(report, "hits of the fault so far", text, series)


def phase_stretches(report: RunReport) -> Sequence[Stretch]:
    """The phases in which hypotheses are judged."""
    return [
        Stretch(span.begin, span.end, SHORT_NAMES[PHASE_OF[span.state]])
        for span in report.spans
        if span.state in PHASE_OF
    ]


def fault_stretch(report: RunReport) -> Stretch | None:
    """The time of the fault."""
    return None if report.fault_window is None else Stretch(*report.fault_window, "fault")


def _plot(
    report: RunReport,
    title: str,
    text: str,
    series: Sequence[Series],
    unit: Unit = COUNT,
    thresholds: Sequence[Threshold] = (),
) -> Plot:
    return Plot(title, text, 0.0, report.ends, series, unit, thresholds, fault_stretch(report), phase_stretches(report))


def _dot(point: Point, hypothesis: HypothesisReport) -> Dot:
    value = quantity(point.value, hypothesis.unit)
    if point.settling:
        return Dot(point.at, point.value, "settling", f"{moment(point.at)}: {value}, does not count: settling")
    if point.good is None:
        return Dot(point.at, point.value, "unknown", f"{moment(point.at)}: {value}{_why(point)}")
    held = "" if point.good else f", expected {hypothesis.terms.expect}"
    return Dot(
        point.at, point.value, "good" if point.good else "bad", f"{moment(point.at)}: {value}{held}{_why(point)}"
    )


def _why(point: Point) -> str:
    return f" ({point.why})" if point.why else ""


def _threshold_lines(hypothesis: HypothesisReport) -> Sequence[Threshold]:
    """Thresholds with short names: the whole expectation is above the plot, and a name may cover what was measured."""
    terms = hypothesis.terms
    found = _thresholds(hypothesis.limits, terms.expected, "expected", hypothesis)
    if terms.stop_at is not None:
        found += _thresholds(hypothesis.stop_limits, terms.stop_at, "stop", hypothesis)
    return found


def _thresholds(
    thresholds: tuple[float | None, float | None], expectation: Expectation, style: Style, hypothesis: HypothesisReport
) -> list[Threshold]:
    low, high = (None if value is None or math.isnan(value) else value for value in thresholds)  # NaN: no baseline yet
    if expectation.comparison == "between":
        ends = [(high, f"{style} at most"), (low, f"{style} at least")]
    else:
        ends = [(high if low is None else low, f"{style} {expectation.comparison}")]
    return [
        Threshold(value, f"{name} {quantity(value, hypothesis.unit)}", style)
        for value, name in ends
        if value is not None
    ]
