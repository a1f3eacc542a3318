"""The trials of a search: one run after another, each of the experiment with another value, until all is known.

Each is a run like any other: its own journal, safety nets, lease, verified revert, recovery and verdict.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from brownout_controller.cli.client.follow import Finished, Signals, follow
from brownout_controller.cli.client.run_client import ClientOptions, RunClient
from brownout_controller.cli.console.outcome import valued
from brownout_controller.cli.console.progress import Progress
from brownout_controller.cli.console.run_output import leave, report_of
from brownout_controller.engine.run_request import RunRequest
from brownout_controller.model.experiment import Experiment
from brownout_controller.model.fault_parameter import FaultParameter
from brownout_controller.model.journal import Run, Stop
from brownout_controller.model.journal_index import terms_of
from brownout_controller.model.margin_search import Answer, MarginSearch, SearchPlan
from brownout_controller.model.results import Result
from brownout_controller.model.secrets import Masker
from brownout_controller.report.margin.timeouts import OwnLimit, Timeout
from brownout_controller.report.run.summarise import finding as finding_of
from brownout_controller.report.sentences import sentence
from brownout_core.formatting import line
from brownout_core.verdict import Verdict, status_of

_ANSWERS: Final[dict[str, Answer]] = {"held": "held", "broke": "broke", "nothing": "unknown"}
_ENDING: Final = (Verdict.NOT_REVERTED, Verdict.REFUSED, Verdict.INTERNAL)
"""Verdicts after which nothing more is tried."""
_SMOOTH: Final = 0.8
"""The share of its limit, scaled down by the step between the two ends, that a value which grows with the fault reaches
before it breaks; one that leaps (an error, a timeout) is far below."""


class TrialRun(NamedTuple):
    """A trial and its run."""

    value: float
    answer: Answer
    finished: Finished


@dataclass(slots=True)
class SearchOutcome:
    """A search, with what it needs and what its runs came to."""

    parameter: FaultParameter
    experiment: Experiment
    request: RunRequest
    plan: SearchPlan
    timeout: Timeout | None
    masker: Masker = field(default_factory=Masker)
    search: MarginSearch = field(init=False)
    tried: list[TrialRun] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.search = MarginSearch(self.plan)

    @property
    def name(self) -> str:
        """Of the experiment, without secrets."""
        return line(self.masker.text(self.experiment.name))

    @property
    def edge(self) -> str:
        return line(self.masker.text(self.experiment.conditions.edge))

    @property
    def ended(self) -> Verdict | None:
        """The verdict after which nothing more may be tried."""
        if not self.tried:
            return None
        last = self.tried[-1].finished
        asked = any(isinstance(entry.record, Stop) and entry.record.cause == "asked" for entry in last.entries)
        verdict = last.judgement.verdict
        return verdict if verdict in _ENDING or asked else None

    @property
    def stuck(self) -> float | None:
        """The value that broke the system in a way from which it had not come back when the search ended."""
        if self.search.finding().unanswered is None:
            return None
        results = self.tried[-1].finished.judgement.results
        if not any(result.phase == "baseline" and result.outcome != "held" for result in results):
            return None
        known = [tried for tried in self.tried if tried.answer != "unknown"]
        return known[-1].value if known and known[-1].answer == "broke" else None

    def trial(self, value: float, answer: Answer) -> TrialRun | None:
        return next((tried for tried in self.tried if (tried.value, tried.answer) == (value, answer)), None)

    def request_for(self, value: float) -> RunRequest:
        return replace(self.request, text=self.parameter.text(self.parameter.fitting(value)))

    def take(self, value: float, finished: Finished) -> TrialRun:
        answer = _ANSWERS[finding_of(report_of(finished))] if finished.entries else "unknown"
        self.search.add(value, answer)
        self.tried.append(TrialRun(self.parameter.fitting(value), answer, finished))
        return self.tried[-1]

    @property
    def status(self) -> int:
        """The exit status, but for a signal."""
        if self.ended is not None:
            return self.ended.exit
        finding = self.search.finding()
        if not finding.complete or finding.kind == "unknown" or self.parameter.own in finding.unsteady:
            return Verdict.INCONCLUSIVE.exit
        return Verdict.REFUTED.exit if self.search.holds_at(self.parameter.own) is False else 0


async def search(
    outcome: SearchOutcome,
    client: RunClient,
    where: ClientOptions,
    signals: Signals,
    *,
    begins: Callable[[int, float], None],
    ended: Callable[[int, TrialRun], None],
) -> None:
    """Runs until the search is over, a signal came, or a verdict ends it; `begins` and `ended` are called for each run
    with its number. Raises BrownoutError for a run that cannot begin."""
    while (value := outcome.search.next()) is not None:
        number = len(outcome.tried) + 1
        begins(number, outcome.parameter.fitting(value))
        start = functools.partial(client.start, outcome.request_for(value))
        finished = await follow(client, start, signals, Progress(quiet=True), remote=where.controller is not None)
        leave(finished, where, quiet=True)
        if signals.came is not None and finished.judgement.exit == status_of(signals.came):
            # It has no answer, and is no try.
            outcome.tried.append(TrialRun(outcome.parameter.fitting(value), "unknown", finished))
            return
        ended(number, outcome.take(value, finished))
        if outcome.ended is not None or signals.came is not None:
            return


def limit_of(outcome: SearchOutcome) -> OwnLimit | None:
    """The hypothesis whose own limit on a time ends the margin; None if one broke in another way, or by a leap."""
    finding, fitting = outcome.search.finding(), outcome.parameter.fitting
    if finding.held is None or finding.broke is None:
        return None
    below, above = outcome.trial(fitting(finding.held), "held"), outcome.trial(fitting(finding.broke), "broke")
    if below is None or above is None or (run := _run_of(above)) is None:
        return None
    terms = {item.name: item for item in terms_of(run)}
    before = {result.name: result.worst for result in below.finished.judgement.results if result.phase == "during"}
    ratio = min(finding.held / finding.broke, finding.broke / finding.held)
    found = []
    for result in above.finished.judgement.results:
        if result.outcome != "broke":
            continue
        named, worst = terms[result.name], before.get(result.name)
        _, high = named.expected.limits()
        in_time = result.phase == "during" and named.unit == "s"
        if not in_time or high is None or worst is None or worst < high * ratio * _SMOOTH:
            return None
        formatted = valued(named)
        found.append(OwnLimit(named.name, named.expect, formatted(worst), formatted(result.worst)))
    return next(iter(found), None)


def _run_of(tried: TrialRun) -> Run | None:
    return next((entry.record for entry in tried.finished.entries if isinstance(entry.record, Run)), None)


def explain_trial(tried: TrialRun) -> str:
    """The hypothesis that broke, or else the one that came nearest to it; why there is no answer, if there is none."""
    judgement = tried.finished.judgement
    if tried.answer == "unknown":
        return sentence(judgement.reasons[-1]) if judgement.reasons else ""
    run = _run_of(tried)
    if run is None:
        return ""
    terms = {item.name: item for item in terms_of(run)}
    results = [result for result in judgement.results if result.name in terms and result.worst is not None]
    broken = [result for result in results if result.outcome == "broke"]

    def near(result: Result) -> float:
        """1 where the limit is reached."""
        low, high = terms[result.name].expected.limits()
        worst = result.worst or 0.0
        if high is not None and high > 0:
            return worst / high
        return low / worst if low is not None and worst > 0 else 0.0

    during = [result for result in results if result.phase == "during"] or results
    nearest = broken[0] if broken else max(during, key=near, default=None)
    if nearest is None:
        return sentence(judgement.reasons[0]) if judgement.reasons else ""
    named = terms[nearest.name]
    phase = "" if nearest.phase == "during" else f", {nearest.phase}"
    return line(f"{nearest.name}: {valued(named)(nearest.worst)} ({named.expect}{phase})")
