"""Live line, dry run, stop condition, judge and report decide on a measurement as the one rule does, whatever it is."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from io import StringIO
from typing import Any, ClassVar, NamedTuple

import pytest

from brownout_controller.cli.console.progress import Progress
from brownout_controller.engine.dry_run import read_now
from brownout_controller.engine.sampling import Sampler
from brownout_controller.model.accounting import counts
from brownout_controller.model.evaluate import Before, before, evaluate, stops
from brownout_controller.model.hypothesis import Hypothesis, RecordedTerms, Terms
from brownout_controller.model.journal import Entered, Entry, Record, Run, Sample
from brownout_controller.model.judge import judge
from brownout_controller.model.probe import Failure, NoAnswerError, Probe, ProbeContext, ProbeSpec, Reading, Waits
from brownout_controller.report.run.run_report import run_report
from brownout_core.experiment_terms import Phase


class Case(NamedTuple):
    """One cell of the table. `baseline` is what was read before the fault."""

    expect: str
    series: str
    no_data: Any
    baseline: Sequence[Reading]
    reading: Reading
    waits: Waits = ""


def several(*values: float) -> Reading:
    return Reading(None, "several", series=tuple((str(number), value) for number, value in enumerate(values)))


_BASELINES: Sequence[Sequence[Reading]] = ((), (Reading(0.0),), (Reading(4.0), Reading(6.0)))
_READINGS: Sequence[Reading] = (
    Reading(1.0), Reading(99.0), Reading(None, "away"), several(1.0), several(1.0, 2.0), several(1.0, 99.0),
    several(99.0, 98.0), several(1.0, math.nan), several(math.nan, math.nan),
    Reading(None, "refused", failure="refused"), Reading(None, "hangs", failure="timeout", waited=60.0),
    Reading(None, "hangs", failure="timeout", waited=0.01),
)  # fmt: skip
_WAITS: Sequence[Waits] = ("", "value", "bad")
_CASES = [
    Case(expect, series, no_data, baseline, reading, waits)
    for expect, series, no_data, baseline, reading, waits in itertools.product(
        ("< 10", "<= 2 * baseline"), ("one", "all", "any"), ("inconclusive", "fail", {"pass": "quiet"}), _BASELINES,
        _READINGS, _WAITS,
    )
]  # fmt: skip


def _terms(case: Case, **changes: Any) -> RecordedTerms:
    content = {"name": "h", "expect": case.expect, "series": case.series, "no_data": case.no_data, "unit": ""}
    return RecordedTerms.model_validate({**content, "waits": case.waits, **changes})


def _known(case: Case) -> Before:
    return before([(reading, None) for reading in case.baseline])


def _sample(phase: Phase, reading: Reading) -> Sample:
    value, why, events, series, failure, waited = reading
    return Sample("h", phase, value, why, events, series, False, failure, waited)


def _journal(case: Case) -> list[Entry]:
    """A run that has come as far as the one measurement under the fault."""
    terms = _terms(case, when=("baseline", "during")).model_dump(mode="json", by_alias=True)
    run = Run("r", "1", "2026-01-01T00:00:00+00:00", {}, [terms], {}, 7, "", 5.0, lasting={"observing": 5.0})
    told: list[tuple[float, Record]] = [(0.0, run), (0.0, Entered("baseline", "planned"))]
    told += [(0.1, _sample("baseline", reading)) for reading in case.baseline]
    told += [(1.0, Entered("injecting", "baseline")), (1.0, Entered("observing", "injecting"))]
    return [
        Entry(number, at, record) for number, (at, record) in enumerate([*told, (1.5, _sample("during", case.reading))])
    ]


def _by_the_judge(case: Case) -> bool | None:
    found = next(result for result in judge(_journal(case)).results if result.phase == "during").counts
    (good,) = [good for good in (True, False, None) if counts([good]) == found._replace(missing=0)]
    return good


def _by_the_report(case: Case) -> bool | None:
    (claim,) = run_report(_journal(case)).hypotheses
    return claim.points[-1].good


def _by_the_live_line(case: Case) -> bool | None:
    progress = Progress(StringIO(), terminal=False)
    for entry in _journal(case):
        progress(entry)
    return progress.claim("h").good


class Reads(ProbeSpec):
    """Reads, or raises, what the table says."""

    kind: ClassVar[str] = "reads"
    scalar: ClassVar[str] = "key"
    key: str = ""
    now: ClassVar[list[Reading]] = []
    how: ClassVar[list[Waits]] = [""]

    @property
    def asks_service(self) -> bool:
        return True

    @property
    def waits(self) -> Waits:
        return self.how[0]

    def open(self, context: ProbeContext) -> Probe:
        return _Reads()


class _Reads:
    async def measure(self, window: float) -> Reading:
        reading = Reads.now[0]
        failure: Failure = reading.failure
        if failure:
            raise NoAnswerError(failure, reading.why, reading.waited)
        return reading

    async def close(self) -> None:
        """Nothing to give back."""


def _hypothesis(case: Case, **changes: Any) -> Hypothesis:
    Reads.now[:], Reads.how[:] = [case.reading], [case.waits]
    content = {name: value for name, value in _terms(case, **changes) if name in Terms.model_fields}
    return Hypothesis(Terms(**content), Reads())


async def _by_the_dry_run(case: Case) -> bool | None:
    return (await read_now(_hypothesis(case), ProbeContext())).holds


class _Under:
    phase: Phase = "during"
    since = 0.0


async def _by_the_stop_condition(case: Case) -> bool | None:
    """Of `stop: true`: bad is what ends the run; what is good and what is unknown is told apart by nobody else."""
    halted: list[str] = []
    sampler = Sampler(
        _hypothesis(case, stop=True), ProbeContext(), _Under(), lambda _: None, lambda cause, *_: halted.append(cause)
    )
    for reading in case.baseline:
        sampler.put("baseline", reading, 0.0, settling=False)
    sampler.put("during", await sampler.measure(), 0.0, settling=False)
    return False if "condition" in halted else None


def _chunks(size: int) -> Sequence[Sequence[Case]]:
    return [_CASES[start : start + size] for start in range(0, len(_CASES), size)]


@pytest.mark.parametrize("cases", _chunks(108), ids=lambda cases: f"{cases[0].expect}, {cases[0].series}")
async def test_all_five_decide_alike(cases: Sequence[Case]) -> None:
    for case in cases:
        good = evaluate(_terms(case), case.reading, _known(case)).good
        assert _by_the_judge(case) is good, case
        assert _by_the_report(case) is good, case
        assert _by_the_live_line(case) is good, case
        assert (await _by_the_stop_condition(case) is False) is (good is False), case
        assert await _by_the_dry_run(case) is evaluate(_terms(case), case.reading).good, case


def test_the_table_has_each_of_the_three() -> None:
    found = [evaluate(_terms(case), case.reading, _known(case)).good for case in _CASES]
    assert min(found.count(good) for good in (True, False, None)) > 100
    relative = [case for case in _CASES if not case.baseline and "baseline" in case.expect and case.no_data != "fail"]
    assert {stops(_terms(case, stop=True), case.reading, _known(case)).good for case in relative} == {None}
