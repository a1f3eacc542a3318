"""A plan with what the hypotheses read now: what `--dry-run` shows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

from brownout_controller.backends.base import BackendError, Target
from brownout_controller.engine.planning import LOCAL_POWERS, Planned, Setup, plan
from brownout_controller.engine.sampling import Sampler
from brownout_controller.model.evaluate import evaluate
from brownout_controller.model.hypothesis import Hypothesis
from brownout_controller.model.journal import Refusal
from brownout_controller.model.probe import ProbeContext
from brownout_core.faults.spec import FaultSpec


class CurrentReading(NamedTuple):
    """What a hypothesis reads before anything is done; `why` where that is nothing, or does not show whether it holds.

    `holds` is None where that is not known yet, `later` that it exists during a run only.
    """

    hypothesis: str
    expect: str
    value: float | None
    why: str
    holds: bool | None = None
    when: tuple[str, ...] = ()
    later: bool = False
    unit: str = ""
    """The code of the unit of its value, see quantity.UNITS."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would do. Times are in seconds; `trouble` is why the targets could not be asked."""

    name: str
    edges: Sequence[str]
    targets: Sequence[Target]
    faults: Sequence[FaultSpec]
    duration: float
    lease: float
    readings: Sequence[CurrentReading]
    refused: Sequence[Refusal]
    trouble: str = ""
    baseline: float = 0.0
    recovery: float = 0.0
    traffic: str = ""


async def dry_run(setup: Setup, *, measure: bool) -> DryRun:
    """Touches nothing. What people wrote comes out as it does from a run: without secrets."""
    masked = setup.masker.text
    experiment, conditions, trouble = setup.experiment, setup.experiment.conditions, ""
    load = conditions.traffic
    try:
        planned = await plan(setup)
    except BackendError as error:
        planned, trouble = Planned([], [], []), masked(str(error))
    # A probe that may not use this machine must not do so here either.
    measure = measure and not any(refusal.net == LOCAL_POWERS for refusal in planned.refused)
    return DryRun(
        masked(experiment.name),
        [masked(edge) for edge in setup.edges],
        planned.chosen,
        experiment.faults,
        conditions.duration,
        cast(float, conditions.lease),
        await _readings(setup) if measure else [],
        [replace(refusal, reason=masked(refusal.reason), remedy=masked(refusal.remedy)) for refusal in planned.refused],
        trouble,
        conditions.baseline,
        conditions.recovery,
        "" if load is None else masked(f"{load.method} {load.url}, {load.rate:g} a second"),
    )


async def _readings(setup: Setup) -> list[CurrentReading]:
    """Beside each other, so that those that hang do not add up."""
    return list(await asyncio.gather(*(_reading(hypothesis, setup) for hypothesis in setup.experiment.hypotheses)))


async def _reading(hypothesis: Hypothesis, setup: Setup) -> CurrentReading:
    context = ProbeContext(prometheus=setup.environment.prometheus, allowed_commands=setup.allowed_commands)
    now, masked = await read_now(hypothesis, context), setup.masker.text
    return now._replace(hypothesis=masked(now.hypothesis), why=masked(now.why))


async def read_now(hypothesis: Hypothesis, context: ProbeContext) -> CurrentReading:
    """What a hypothesis reads, with whatever secrets are in it."""
    terms = hypothesis.terms
    if hypothesis.probe.only_in_runs:
        return CurrentReading(
            terms.name, terms.expect, None, "measured during a run only", None, terms.when, later=True
        )
    sampler = Sampler(hypothesis, context, _NoPhase(), lambda _: None, lambda *_: None)
    try:
        reading = await sampler.measure()
    finally:
        await sampler.close()
    found, why = evaluate(hypothesis.recorded, reading), reading.why
    if found.why == "no-baseline":
        why = why or "the baseline that it is held against is measured in a run"
    unit = hypothesis.recorded.unit or ""
    return CurrentReading(terms.name, terms.expect, reading.value, why, found.good, terms.when, unit=unit)


class _NoPhase:
    phase = None
    since = 0.0
